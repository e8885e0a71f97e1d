/* status.c - what a stream holds: its series, its ledger, its extent, its quarantine. */
#include "store/internal.h"

#include <stdlib.h>

int store_series(struct store *s, struct str stream, struct arena *arena, struct series **out,
                 size_t *n, struct err *err)
{
    struct stream *st;
    *out = NULL;
    *n = 0;
    if (store_reader(s, stream, &st, err) != 0)
        return err->code;
    if (!st)
        return 0;
    sqlite3_stmt *stmt = stream_stmt(st, STMT_series_above, err);
    if (!stmt)
        return store_failed(s, st, err);
    db_bind(stmt, "i", INT64_C(0));
    struct series *list = NULL;
    size_t cap = 0;
    int rc;
    while ((rc = stream_step(st, stmt, err)) == 1) {
        list = xgrow(list, *n, &cap, sizeof *list);
        series_row(stmt, arena, &list[(*n)++]);
    }
    *out = arena_keep(arena, list, *n * sizeof *list);
    return rc < 0 ? store_failed(s, st, err) : 0;
}

int extent_read(struct stream *st, int64_t *first_us, int64_t *last_us, struct err *err)
{
    *first_us = *last_us = TIME_NONE;
    sqlite3_stmt *stmt = stream_stmt(st, STMT_blocks_extent, err);
    if (!stmt)
        return err->code;
    int rc = stream_step(st, stmt, err);
    if (rc == 1 && sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
        *first_us = sqlite3_column_int64(stmt, 0);
        *last_us = sqlite3_column_int64(stmt, 1);
    }
    sqlite3_reset(stmt);
    return rc < 0 ? rc : 0;
}

int store_extent(struct store *s, struct str stream, int64_t *first_us, int64_t *last_us,
                 struct err *err)
{
    struct stream *st;
    *first_us = *last_us = TIME_NONE;
    if (store_reader(s, stream, &st, err) != 0)
        return err->code;
    if (st && extent_read(st, first_us, last_us, err) != 0)
        return store_failed(s, st, err);
    return 0;
}

int store_last_id(struct store *s, struct str stream, int64_t *id, struct err *err)
{
    struct stream *st;
    struct ledger ledger;
    *id = 0;
    if (store_reader(s, stream, &st, err) != 0)
        return err->code;
    if (!st)
        return 0;
    if (ledger_load(st, &ledger, err) != 0)
        return store_failed(s, st, err);
    *id = ledger.next_id - 1;
    return 0;
}

static int read_status(struct stream *st, struct arena *arena, struct stream_status *out,
                       struct err *err)
{
    struct ledger l;
    if (ledger_load(st, &l, err) != 0 ||
        extent_read(st, &out->first_us, &out->last_us, err) != 0 ||
        cursors_read(st, STR_NONE, arena, &out->cursors, &out->n_cursors, err) != 0)
        return err->code;
    out->lines = (uint64_t)l.lines;
    out->events = (uint64_t)l.events;
    out->other = (uint64_t)l.other;
    out->quarantined = (uint64_t)l.quarantined;
    out->bytes = (uint64_t)l.bytes;
    out->pruned = (uint64_t)l.pruned;
    out->stored = (uint64_t)(l.events - l.pruned);
    out->last_line_us = l.last_line_us;
    out->from_us = l.from_us;
    out->until_us = l.until_us;
    return 0;
}

int store_status(struct store *s, struct str stream, struct arena *arena, struct stream_status *out,
                 struct err *err)
{
    struct stream *st;
    *out = (struct stream_status){.name = arena_copy(arena, stream),
                                  .first_us = TIME_NONE,
                                  .last_us = TIME_NONE,
                                  .last_line_us = TIME_NONE,
                                  .from_us = TIME_NONE,
                                  .until_us = TIME_NONE};
    if (store_reader(s, stream, &st, err) != 0)
        return err->code;
    if (st && read_status(st, arena, out, err) != 0 && store_failed(s, st, err) != 0)
        return err->code;
    st = store_known(s, stream);
    if (!st)
        return err_set(err, ERR_FAILED, "there is no stream %.*s", STR_ARG(str_head(stream, 80)));
    out->file_bytes = file_bytes(st->path);
    out->damaged = arena_copy(arena, str_of(st->why));
    return 0;
}

/* One row at a time, copied: no statement is open while the callback runs. */
static int next_quarantined(struct stream *st, int64_t *id, struct arena *arena,
                            struct quarantined *q, struct str *source, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_quarantine_after, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "i", *id);
    int rc = stream_step(st, stmt, err);
    if (rc == 1) {
        *id = sqlite3_column_int64(stmt, 0);
        *source = arena_copy(arena, db_column(stmt, 1));
        *q = (struct quarantined){.position = sqlite3_column_int64(stmt, 2),
                                  .why = arena_copy(arena, db_column(stmt, 3)),
                                  .raw = arena_copy(arena, db_column(stmt, 4))};
    }
    sqlite3_reset(stmt);
    return rc;
}

int store_quarantine(struct store *s, struct str stream, quarantine_visit *visit, void *context,
                     struct err *err)
{
    struct stream *st;
    if (store_reader(s, stream, &st, err) != 0)
        return err->code;
    if (!st)
        return 0;
    struct arena arena = {0};
    struct quarantined q;
    struct str source;
    int64_t id = 0;
    int rc;
    st->walks++;
    while ((rc = next_quarantined(st, &id, &arena, &q, &source, err)) == 1 &&
           visit(context, &q, source) == 0)
        arena_reset(&arena);
    st->walks--;
    arena_release(&arena);
    return rc < 0 ? store_failed(s, st, err) : 0;
}
