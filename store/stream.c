/* stream.c - one stream's file: its schema, its connection, its ledger. */
#include "store/internal.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char schema[] =
    /* a series is found by the hash of all its fields; ids are never used twice */
    "CREATE TABLE series(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, flags INTEGER NOT NULL,"
    " reason TEXT, leg TEXT, rejected_by TEXT, alert INTEGER, host TEXT, tls_version TEXT,"
    " cipher TEXT, format TEXT, library TEXT) STRICT;"
    "CREATE INDEX series_by_hash ON series(hash);"
    /* id: the order of arrival; peer: packed address or text. No index on time: blocks tell where
     * to look, at a thousandth of the cost */
    "CREATE TABLE events(id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL,"
    " series INTEGER NOT NULL, peer ANY) STRICT;"
    /* runs of ids: the times they span, bit (series % 64) of each series in them */
    "CREATE TABLE blocks(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, span INTEGER NOT NULL,"
    " min_us INTEGER NOT NULL, max_us INTEGER NOT NULL, bits INTEGER NOT NULL) STRICT;"
    "CREATE INDEX blocks_by_time ON blocks(span, min_us);"
    "CREATE TABLE raw(first INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;"
    "CREATE TABLE rollup(level INTEGER, at_s INTEGER, series INTEGER, n INTEGER NOT NULL,"
    " PRIMARY KEY(level, at_s, series)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE cursors(key BLOB PRIMARY KEY, position INTEGER NOT NULL, detail BLOB)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE quarantine(id INTEGER PRIMARY KEY, source BLOB NOT NULL,"
    " position INTEGER NOT NULL, why BLOB NOT NULL, raw BLOB NOT NULL) STRICT;"
    "CREATE TABLE ledger(one INTEGER PRIMARY KEY CHECK(one = 1), lines INTEGER NOT NULL,"
    " events INTEGER NOT NULL, other INTEGER NOT NULL, quarantined INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, pruned INTEGER NOT NULL, last_line_us INTEGER,"
    /* the times that lines tell, failures or not: what the stream's logs reach over */
    " from_us INTEGER, until_us INTEGER,"
    " next_id INTEGER NOT NULL, next_series INTEGER NOT NULL, quarantine_bytes INTEGER NOT NULL,"
    " seed INTEGER NOT NULL) STRICT;"
    "INSERT INTO ledger VALUES(1, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, 1, 1, 0, random());";

int stream_create(const char *path, struct err *err)
{
    const struct db_options options = {.id = APPLICATION_ID, .write = true, .wal = true};
    return db_create(path, &options, schema, err);
}

int ledger_load(struct stream *st, struct ledger *out, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_ledger_get, err);
    if (!stmt)
        return err->code;
    int rc = stream_step(st, stmt, err);
    if (rc == 1) {
        int64_t v[13];
        for (int i = 0; i < 13; i++)
            v[i] = sqlite3_column_type(stmt, i) == SQLITE_NULL ? TIME_NONE
                                                               : sqlite3_column_int64(stmt, i);
        *out = (struct ledger){v[0], v[1], v[2], v[3], v[4],  v[5], v[6],
                               v[7], v[8], v[9], v[10], v[11], v[12]};
        sqlite3_reset(stmt);
        if (v[1] >= 0 && v[2] >= 0 && v[3] >= 0 && v[9] > 0 && v[10] > 0 &&
            v[0] == v[1] + v[2] + v[3])
            return 0;
    }
    if (rc < 0)
        return rc;
    st->damaged = true;
    return err_set(err, ERR_CORRUPT, "its ledger doesn't add up");
}

int ledger_store(struct stream *st, struct err *err)
{
    const struct ledger *l = &st->ledger;
    return stream_run(st, err, STMT_ledger_put, "iiiiiiiiiiii", l->lines, l->events, l->other,
                      l->quarantined, l->bytes, l->pruned, l->last_line_us, l->from_us,
                      l->until_us, l->next_id, l->next_series, l->quarantine_bytes);
}

int stream_connect(struct stream *st, struct err *err)
{
    const struct db_options options = {.id = APPLICATION_ID, .write = st->write, .wal = true};
    struct ledger ledger;
    struct stat file;
    if (stat(st->path, &file) == 0) {
        st->inode = (uint64_t)file.st_ino;
        st->device = (uint64_t)file.st_dev;
    }
    int rc = db_open(st->path, &options, &st->db, err);
    st->damaged |= rc == ERR_CORRUPT;
    if (rc == 0 && pending_register(st->db, &st->pending) != SQLITE_OK)
        rc = db_err(st->db, err, "register");
    if (rc == 0)
        rc = ledger_load(st, &ledger, err); /* reads the schema: damage there shows now */
    if (rc != 0)
        stream_disconnect(st);
    return rc;
}

void stream_unload(struct stream *st)
{
    st->loaded = false;
    dict_release(&st->dict);
    block_release(&st->block);
    tally_release(&st->tally);
    free(st->pending.rows);
    st->pending = (struct pending){0};
    for (size_t i = 0; st->unpacked && i < UNPACKED; i++)
        unpacked_release(&st->unpacked[i]);
    free(st->unpacked);
    st->unpacked = st->unpacked_last = NULL;
    free(st->series);
    st->series = NULL;
    st->n_series = st->cap_series = 0;
    arena_release(&st->series_arena);
}

void stream_disconnect(struct stream *st)
{
    for (int i = 0; i < STMT_COUNT; i++) {
        sqlite3_finalize(st->stmts[i]);
        st->stmts[i] = NULL;
    }
    sqlite3_close(st->db);
    st->db = NULL;
    stream_unload(st);
}

void stream_free(struct stream *st)
{
    stream_disconnect(st);
    free(st->path);
    free(st->why);
    free(st);
}

int stream_begin(struct stream *st, struct err *err)
{
    return stream_run(st, err, STMT_begin, "");
}

int stream_commit(struct stream *st, struct err *err)
{
    return stream_run(st, err, STMT_commit, "");
}
