/* catalog.c - catalog.db: which streams there are, deploys, settings.
 *
 * It is small and seldom written, so it keeps SQLite's rollback journal instead of a WAL: then any
 * process may mark a deploy while another one follows the logs, without the store's lock. */
#include "store/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

static const char schema[] =
    "CREATE TABLE streams(name TEXT PRIMARY KEY, created_us INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE deploys(id INTEGER PRIMARY KEY, name TEXT NOT NULL, at_us INTEGER NOT NULL)"
    " STRICT;"
    "CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;";

static const struct db_options options = {.id = CATALOG_ID, .write = true, .wal = false};

static int open_writable(struct store *s, const char *path, struct err *err)
{
    /* also for a reader: SQLite opens it read-only by itself where it may not write */
    return db_open(path, &options, &s->catalog, err);
}

int catalog_open(struct store *s, struct err *err)
{
    char *path = path_join(s->dir, "catalog.db", "");
    int rc = 0;
    bool there = access(path, F_OK) == 0;
    if (!there && s->mode == STORE_WRITE)
        rc = db_create(path, &options, schema, err);
    if (rc == 0 && (there || s->mode == STORE_WRITE))
        rc = open_writable(s, path, err);
    if (rc == ERR_CORRUPT && s->mode == STORE_WRITE) {
        char *to;
        struct err was = *err;
        rc = file_set_aside(path, &to, err);
        if (rc == 0) {
            store_warn(s, "%s is damaged (%s) and was set aside as %s: its deploys are there", path,
                       was.text, to);
            rc = db_create(path, &options, schema, err) == 0 ? open_writable(s, path, err)
                                                             : err->code;
        }
        free(to);
    } else if (rc == ERR_CORRUPT) {
        store_warn(s, "%s is damaged (%s): no deploys are known", path, err->text);
        rc = 0;
    }
    if (rc == ERR_NEWER)
        rc = err->code = ERR_FAILED;
    if (rc != 0)
        err_wrap(err, "%s", path);
    free(path);
    return rc;
}

/* One statement that answers nothing. */
static int run(struct store *s, const char *sql, struct str name, int64_t at_us, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    if (sqlite3_prepare_v2(s->catalog, sql, -1, &stmt, NULL) != SQLITE_OK)
        return db_err(s->catalog, err, "catalog.db");
    db_bind(stmt, "ti", name, at_us);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        rc = db_err(s->catalog, err, "catalog.db");
    sqlite3_finalize(stmt);
    return rc;
}

int catalog_add_stream(struct store *s, const char *name, struct err *err)
{
    return run(s, "INSERT OR IGNORE INTO streams(name, created_us) VALUES(?, ?)", str_of(name),
               civil_now_us(), err);
}

/* The first value that was ever put there stays. */
int store_id(struct store *s, char out[STORE_ID_LEN + 1], struct err *err)
{
    uint64_t random;
    sqlite3_stmt *stmt = NULL;
    if (!s->catalog)
        return err_set(err, ERR_FAILED, "%s has no catalog.db", s->dir);
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_errno(err, "random bytes");
    snprintf(out, STORE_ID_LEN + 1, "%016" PRIx64, random);
    if (run(s, "INSERT OR IGNORE INTO settings(key, value) VALUES('id', ?)", str_of(out), 0, err) != 0)
        return err->code;
    if (sqlite3_prepare_v2(s->catalog, "SELECT value FROM settings WHERE key = 'id'", -1, &stmt,
                           NULL) != SQLITE_OK)
        return db_err(s->catalog, err, "catalog.db");
    int rc = sqlite3_step(stmt) == SQLITE_ROW ? 0 : db_err(s->catalog, err, "catalog.db");
    struct str id = rc == 0 ? db_column(stmt, 0) : STR_NONE;
    if (rc == 0 && id.n != STORE_ID_LEN)
        rc = err_set(err, ERR_CORRUPT, "catalog.db: the store's id is damaged");
    if (rc == 0)
        memcpy(out, id.p, STORE_ID_LEN);
    sqlite3_finalize(stmt);
    return rc;
}

int store_deploy_add(struct store *s, struct str name, int64_t at_us, struct err *err)
{
    if (name.n == 0 || name.n > 256)
        return err_set(err, ERR_USAGE, "a deploy's name has 1 to 256 bytes");
    if (!s->catalog)
        return err_set(err, ERR_FAILED, "%s has no catalog.db: ingest something first", s->dir);
    return run(s, "INSERT INTO deploys(name, at_us) VALUES(?, ?)", name, at_us, err);
}

size_t store_deploys(struct store *s, struct arena *arena, struct deploy **out)
{
    *out = NULL;
    sqlite3_stmt *stmt = NULL;
    if (!s->catalog || sqlite3_prepare_v2(s->catalog,
                                          "SELECT name, at_us FROM deploys ORDER BY at_us, id", -1,
                                          &stmt, NULL) != SQLITE_OK)
        return 0;
    struct deploy *list = NULL;
    size_t n = 0, cap = 0;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        list = xgrow(list, n, &cap, sizeof *list);
        list[n++] = (struct deploy){arena_copy(arena, db_column(stmt, 0)),
                                    sqlite3_column_int64(stmt, 1)};
    }
    sqlite3_finalize(stmt);
    *out = arena_alloc(arena, n * sizeof *list);
    if (n)
        memcpy(*out, list, n * sizeof *list);
    free(list);
    return n;
}
