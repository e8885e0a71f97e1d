/* db.c - how we use SQLite: settings of a connection, statements, its errors as ours. */
#include "store/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
        return ERR_CORRUPT;
    default:
        return ERR_FAILED;
    }
}

int db_err(sqlite3 *db, struct err *err, const char *doing)
{
    int code = code_of(sqlite3_extended_errcode(db));
    if (code == ERR_FULL)
        return err_set(err, code, "%s: no space left on the disk: free some and go on", doing);
    int os = sqlite3_system_errno(db);
    if ((sqlite3_errcode(db) & 0xff) == SQLITE_IOERR && os != 0)
        return err_set(err, os == ENOSPC || os == EDQUOT ? ERR_FULL : code, "%s: %s (%s)", doing,
                       sqlite3_errmsg(db), strerror(os));
    return err_set(err, code, "%s: %s", doing, sqlite3_errmsg(db));
}

int db_exec(sqlite3 *db, const char *sql, struct err *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_err(db, err, "SQLite");
    return 0;
}

int db_pragma_int(sqlite3 *db, const char *sql, int64_t *out, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return db_err(db, err, sql);
    int rc = sqlite3_step(stmt) == SQLITE_ROW ? 0 : db_err(db, err, sql);
    if (rc == 0)
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc;
}

/* SQLite keeps the old mode, and answers with it, where it can't have the one asked for. */
int db_pragma_is(sqlite3 *db, const char *sql, const char *wanted, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return db_err(db, err, sql);
    int rc = sqlite3_step(stmt) == SQLITE_ROW ? 0 : db_err(db, err, sql);
    if (rc == 0 && !str_ieq(db_column(stmt, 0), str_of(wanted)))
        rc = err_set(err, ERR_FAILED, "%s: the file system refuses it (is it a network one?)", sql);
    sqlite3_finalize(stmt);
    return rc;
}

/* Nothing in a file may run code or be believed: a stream's file may come from anywhere. */
static int db_harden(sqlite3 *db, const struct db_options *options, struct err *err)
{
    static const int off[] = {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER,
                              SQLITE_DBCONFIG_ENABLE_VIEW, SQLITE_DBCONFIG_DQS_DML,
                              SQLITE_DBCONFIG_DQS_DDL, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        sqlite3_db_config(db, off[i], 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* One connection a file checkpoints, the writer's: SQLite before 3.51.3 can lose a commit when
     * two reset the WAL at once (sqlite.org/wal.html, "the WAL-reset bug"). */
    if (!options->write)
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 4 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 64 * 1024);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_busy_timeout(db, options->write ? WRITER_WAIT_MS : READER_WAIT_MS);
    return db_exec(db,
                   "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                   "PRAGMA secure_delete = OFF; PRAGMA cache_size = -1024;",
                   err);
}

/* Whose file it is, and of which version: before anything else is asked of it. */
static int db_identify(sqlite3 *db, const struct db_options *options, struct err *err)
{
    int64_t id = 0, version = 0;
    if (db_pragma_int(db, "PRAGMA application_id", &id, err) != 0 ||
        db_pragma_int(db, "PRAGMA user_version", &version, err) != 0)
        return err->code;
    if (id != options->id)
        return err_set(err, ERR_CORRUPT, "not a file of tlstrail (application_id %" PRId64 ")", id);
    if (version > SCHEMA_VERSION)
        return err_set(err, ERR_NEWER,
                       "written by a newer tlstrail (schema %" PRId64 ", this one knows %d):"
                       " use that one; nothing was changed",
                       version, SCHEMA_VERSION);
    if (version != SCHEMA_VERSION)
        return err_set(err, ERR_CORRUPT, "schema %" PRId64 " was never written", version);
    return 0;
}

static int db_journal(sqlite3 *db, const struct db_options *options, struct err *err)
{
    if (!options->write)
        return options->wal ? db_pragma_is(db, "PRAGMA journal_mode", "wal", err) : 0;
    if (!options->wal)
        return db_exec(db, "PRAGMA synchronous = FULL", err);
    if (db_pragma_is(db, "PRAGMA journal_mode = WAL", "wal", err) != 0)
        return err->code;
    return db_exec(db,
                   "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"
                   "PRAGMA wal_autocheckpoint = 2000;",
                   err);
}

int db_open(const char *path, const struct db_options *options, sqlite3 **out, struct err *err)
{
    sqlite3 *db = NULL;
    int flags = (options->write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK ? 0 : db_err(db, err, "open");
    if (rc != 0 || (rc = db_harden(db, options, err)) != 0 ||
        (rc = db_identify(db, options, err)) != 0 || (rc = db_journal(db, options, err)) != 0) {
        sqlite3_close(db);
        return rc;
    }
    *out = db;
    return 0;
}

static int write_schema(sqlite3 *db, const struct db_options *options, const char *schema,
                        struct err *err)
{
    char head[256];
    snprintf(head, sizeof head,
             "PRAGMA page_size = %d; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL;"
             "BEGIN; PRAGMA application_id = %d; PRAGMA user_version = %d;",
             PAGE_BYTES, options->id, SCHEMA_VERSION);
    if (db_exec(db, head, err) != 0 || db_exec(db, schema, err) != 0 ||
        db_exec(db, "COMMIT", err) != 0)
        return err->code;
    return options->wal ? db_pragma_is(db, "PRAGMA journal_mode = WAL", "wal", err) : 0;
}

static void unlink_parts(const char *path)
{
    static const char *const parts[] = {"", "-journal", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct buf name = {0};
        buf_printf(&name, "%s%s", path, parts[i]);
        unlink(name.p);
        buf_release(&name);
    }
}

int db_create(const char *path, const struct db_options *options, const char *schema,
              struct err *err)
{
    struct buf aside = {0};
    buf_printf(&aside, "%s.new", path);
    unlink_parts(aside.p); /* what a crash left */
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(aside.p, &db, flags, NULL) == SQLITE_OK
                 ? write_schema(db, options, schema, err)
                 : db_err(db, err, "create");
    if (sqlite3_close(db) != SQLITE_OK && rc == 0)
        rc = err_set(err, ERR_FAILED, "close %s", aside.p);
    if (rc == 0 && access(aside.p, F_OK) == 0) {
        struct buf wal = {0}; /* the close has put the WAL into the file, or the file isn't whole */
        buf_printf(&wal, "%s-wal", aside.p);
        if (access(wal.p, F_OK) == 0)
            rc = err_set(err, ERR_FAILED, "create %s: it could not be written whole", path);
        buf_release(&wal);
    }
    if (rc == 0 && rename(aside.p, path) != 0)
        rc = err_errno(err, "rename %s", aside.p);
    if (rc == 0)
        rc = dir_sync_of(path, err);
    if (rc != 0)
        unlink_parts(aside.p);
    buf_release(&aside);
    return rc;
}

static void bind_all(sqlite3_stmt *stmt, const char *types, va_list args)
{
    for (int i = 1; *types; types++, i++) {
        if (*types == 'i') {
            sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
            continue;
        }
        struct str s = va_arg(args, struct str);
        if (!s.p)
            sqlite3_bind_null(stmt, i);
        else if (*types == 't')
            sqlite3_bind_text64(stmt, i, s.p, s.n, SQLITE_STATIC, SQLITE_UTF8);
        else
            sqlite3_bind_blob64(stmt, i, s.p, s.n, SQLITE_STATIC);
    }
}

void db_bind(sqlite3_stmt *stmt, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    bind_all(stmt, types, args);
    va_end(args);
}

struct str db_column(sqlite3_stmt *stmt, int column)
{
    int type = sqlite3_column_type(stmt, column);
    if (type == SQLITE_NULL)
        return STR_NONE;
    const void *p = type == SQLITE_BLOB ? sqlite3_column_blob(stmt, column)
                                        : (const void *)sqlite3_column_text(stmt, column);
    size_t n = (size_t)sqlite3_column_bytes(stmt, column);
    return (struct str){p ? p : "", p ? n : 0};
}

static const char *const texts[] = {
#define STMT(name, sql) sql,
#include "store/statements.def"
#undef STMT
};

sqlite3_stmt *stream_stmt(struct stream *st, enum stmt_id id, struct err *err)
{
    sqlite3_stmt **slot = &st->stmts[id];
    if (!*slot && sqlite3_prepare_v3(st->db, texts[id], -1, SQLITE_PREPARE_PERSISTENT, slot,
                                     NULL) != SQLITE_OK) {
        /* our own statements fit our own schema: where they don't, it isn't ours any more */
        db_err(st->db, err, "prepare");
        if ((sqlite3_errcode(st->db) & 0xff) == SQLITE_ERROR)
            err->code = ERR_CORRUPT;
        st->damaged |= err->code == ERR_CORRUPT;
        return NULL;
    }
    return *slot;
}

int stream_step(struct stream *st, sqlite3_stmt *stmt, struct err *err)
{
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE) {
        sqlite3_reset(stmt);
        return 0;
    }
    db_err(st->db, err, "SQLite");
    sqlite3_reset(stmt);
    st->damaged |= err->code == ERR_CORRUPT;
    return err->code;
}

int stream_run(struct stream *st, struct err *err, enum stmt_id id, const char *types, ...)
{
    sqlite3_stmt *stmt = stream_stmt(st, id, err);
    if (!stmt)
        return err->code;
    va_list args;
    va_start(args, types);
    bind_all(stmt, types, args);
    va_end(args);
    int rc = stream_step(st, stmt, err);
    if (rc == 1)
        sqlite3_reset(stmt);
    return rc < 0 ? rc : 0;
}
