/* catalog.c - catalog.db: which streams there are, deploys, settings, what sources wait for.
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

/* NULL when it can't be, or there is no catalog. */
static sqlite3_stmt *prepare(struct store *s, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (s->catalog)
        sqlite3_prepare_v2(s->catalog, sql, -1, &stmt, NULL);
    return stmt;
}

/* Runs a statement that answers nothing, to its end. */
static int finish(struct store *s, sqlite3_stmt *stmt, struct err *err)
{
    int rc = 0;
    if (!s->catalog)
        return err_set(err, ERR_FAILED, "%s has no catalog.db: ingest something first", s->dir);
    if (!stmt || sqlite3_step(stmt) != SQLITE_DONE)
        rc = db_err(s->catalog, err, "catalog.db");
    sqlite3_finalize(stmt);
    return rc;
}

int catalog_add_stream(struct store *s, const char *name, struct err *err)
{
    sqlite3_stmt *stmt =
        prepare(s, "INSERT OR IGNORE INTO streams(name, created_us) VALUES(?, ?)");
    db_bind(stmt, "ti", str_of(name), civil_now_us());
    return finish(s, stmt, err);
}

/* The first value that was ever put there stays. */
int store_id(struct store *s, char out[STORE_ID_LEN + 1], struct err *err)
{
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_errno(err, "random bytes");
    snprintf(out, STORE_ID_LEN + 1, "%016" PRIx64, random);
    sqlite3_stmt *stmt = prepare(s, "INSERT OR IGNORE INTO settings(key, value) VALUES('id', ?)");
    db_bind(stmt, "t", str_of(out));
    if (finish(s, stmt, err) != 0)
        return err->code;
    stmt = prepare(s, "SELECT value FROM settings WHERE key = 'id'");
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
    sqlite3_stmt *stmt = prepare(s, "INSERT INTO deploys(name, at_us) VALUES(?, ?)");
    db_bind(stmt, "ti", name, at_us);
    return finish(s, stmt, err);
}

size_t store_deploys(struct store *s, struct arena *arena, struct deploy **out)
{
    sqlite3_stmt *stmt = prepare(s, "SELECT name, at_us FROM deploys ORDER BY at_us, id");
    struct deploy *list = NULL;
    size_t n = 0, cap = 0;
    while (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
        list = xgrow(list, n, &cap, sizeof *list);
        list[n++] = (struct deploy){arena_copy(arena, db_column(stmt, 0)),
                                    sqlite3_column_int64(stmt, 1)};
    }
    sqlite3_finalize(stmt);
    *out = arena_keep(arena, list, n * sizeof *list);
    return n;
}

/* ---- troubles: settings "trouble SOURCE", "SINCE_US LINE" ---- */

#define TROUBLE "trouble "

int store_trouble(struct store *s, struct str source, struct str line, struct err *err)
{
    struct buf key = {0}, value = {0};
    buf_printf(&key, TROUBLE "%.*s", STR_ARG(source));
    buf_printf(&value, "%" PRId64 " %.*s", civil_now_us(), STR_ARG(line));
    sqlite3_stmt *stmt =
        prepare(s, line.p ? "INSERT OR REPLACE INTO settings(key, value) VALUES(?, ?)"
                          : "DELETE FROM settings WHERE substr(key, 1, length(?1)) = ?1");
    db_bind(stmt, line.p ? "tt" : "t", buf_as_str(&key), buf_as_str(&value));
    int rc = finish(s, stmt, err);
    buf_release(&key);
    buf_release(&value);
    return rc;
}

size_t store_troubles(struct store *s, struct arena *arena, struct trouble **out)
{
    struct trouble *list = NULL;
    size_t n = 0, cap = 0;
    sqlite3_stmt *stmt = prepare(s, "SELECT key, value FROM settings WHERE key >= '" TROUBLE
                                    "' AND key < 'trouble!' ORDER BY key");
    while (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
        struct str value = db_column(stmt, 1);
        list = xgrow(list, n, &cap, sizeof *list);
        list[n++] = (struct trouble){
            .source = arena_copy(arena, str_from(db_column(stmt, 0), sizeof TROUBLE - 1)),
            .line = arena_copy(arena, str_after(value, STR(" "))),
            .since_us = str_number(value, INT64_MAX)};
    }
    sqlite3_finalize(stmt);
    *out = arena_keep(arena, list, n * sizeof *list);
    return n;
}
