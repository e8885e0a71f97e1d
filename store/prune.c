/* prune.c - retention: deletes the oldest events, a few blocks a transaction, and gives the space
 * back. A block that straddles the bound is packed again with what stays. Events, raw lines, rollup
 * and ledger agree after every transaction, so that a prune may be broken off anywhere. */
#include "store/internal.h"

#include <stdlib.h>

enum { BLOCKS_A_COMMIT = 16, VACUUM_PAGES = 512 };

struct prune {
    struct store *store;
    struct stream *st;
    int64_t before_us;
    uint64_t deleted; /* and committed */
};

/* What of the block goes is taken off the counts; what stays is described by *stays. */
static int count_rows(struct prune *p, const struct extent *e, struct block *stays, uint64_t *gone,
                      struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(p->st, STMT_events_between, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "ii", e->first, e->last);
    int rc;
    while ((rc = stream_step(p->st, stmt, err)) == 1) {
        int64_t id = sqlite3_column_int64(stmt, 0), time_us = sqlite3_column_int64(stmt, 1);
        int64_t series = sqlite3_column_int64(stmt, 2);
        struct str raw = STR_NONE;
        if (time_us < p->before_us) {
            tally_add(&p->st->tally, floor_s(time_us), series, -1);
            ++*gone;
            continue;
        }
        int found = raw_find(p->store, p->st, id, &raw, err);
        if (found < 0) {
            sqlite3_reset(stmt);
            return found;
        }
        block_add(stays, id, time_us, series, raw);
    }
    return rc;
}

static int prune_block(struct prune *p, const struct extent *e, uint64_t *gone, struct err *err)
{
    struct block stays = {0};
    block_start(&stays, e->first);
    int rc = count_rows(p, e, &stays, gone, err);
    if (rc == 0)
        rc = stream_run(p->st, err, STMT_events_delete_before, "iii", e->first, e->last,
                        p->before_us);
    if (rc == 0 && stays.n > 0)
        rc = block_store(p->store, p->st, &stays, err);
    else if (rc == 0 && stream_run(p->st, err, STMT_raw_delete, "i", e->first) == 0)
        rc = stream_run(p->st, err, STMT_block_delete, "i", e->first);
    block_release(&stays);
    return rc;
}

/* One transaction over extents[0..n). */
static int prune_some(struct prune *p, const struct extent *extents, size_t n, struct err *err)
{
    struct stream *st = p->st;
    uint64_t gone = 0;
    stream_unload(st); /* the last block may be among them */
    if (stream_begin(st, err) != 0 || ledger_load(st, &st->ledger, err) != 0)
        return err->code;
    for (size_t i = 0; i < n; i++)
        if (prune_block(p, &extents[i], &gone, err) != 0)
            return err->code;
    st->ledger.pruned += (int64_t)gone;
    if (tally_store(st, &st->tally, err) != 0 || ledger_store(st, err) != 0 ||
        stream_commit(st, err) != 0)
        return err->code;
    stream_unload(st); /* unpacked blocks, too, are as they were before */
    p->deleted += gone;
    return 0;
}

static int prune_before(struct prune *p, struct err *err)
{
    const struct extent_range in = {INT64_MIN, p->before_us, INT64_MIN, INT64_MAX};
    struct extents all = {0};
    int rc = extents_in(p->st, &in, &all, err);
    for (size_t i = 0; i < all.n && rc == 0; i += BLOCKS_A_COMMIT)
        rc = prune_some(p, all.list + i, all.n - i < BLOCKS_A_COMMIT ? all.n - i : BLOCKS_A_COMMIT,
                        err);
    free(all.list);
    return rc;
}

/* ---- by size ---- */

static int used_bytes(struct prune *p, int64_t *out, struct err *err)
{
    int64_t pages = 0, unused = 0;
    if (db_pragma_int(p->st->db, "PRAGMA page_count", &pages, err) != 0 ||
        db_pragma_int(p->st->db, "PRAGMA freelist_count", &unused, err) != 0)
        return err->code;
    *out = (pages - unused) * PAGE_BYTES;
    return 0;
}

static int by_end(const void *va, const void *vb)
{
    const struct extent *a = va, *b = vb;
    return a->max_us < b->max_us ? -1 : a->max_us > b->max_us;
}

/* The time before which about as many blocks end as are too many; rather fewer, as it is repeated.
 * INT64_MIN when there are none. */
static int choose_bound(struct prune *p, double too_many, struct err *err)
{
    const struct extent_range in = {INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX};
    struct extents all = {0};
    p->before_us = INT64_MIN;
    int rc = extents_in(p->st, &in, &all, err);
    if (rc == 0 && all.n > 0) {
        qsort(all.list, all.n, sizeof *all.list, by_end);
        size_t last = (size_t)((double)all.n * too_many * 0.9);
        p->before_us = all.list[last < all.n ? last : all.n - 1].max_us + 1;
    }
    free(all.list);
    return rc;
}

static int prune_to_size(struct prune *p, int64_t max_bytes, struct err *err)
{
    int64_t used = 0;
    while (used_bytes(p, &used, err) == 0) {
        if (used <= max_bytes)
            return 0;
        if (choose_bound(p, (double)(used - max_bytes) / (double)used, err) != 0)
            break;
        if (p->before_us == INT64_MIN)
            return 0; /* it has no events any more: it doesn't get smaller */
        if (prune_before(p, err) != 0)
            break;
    }
    return err->code;
}

/* ---- giving it back ---- */

/* Moves pages from the file's end into the free ones and cuts it off, a bounded part at a time. */
static int vacuum(struct prune *p, struct err *err)
{
    int64_t unused = 0, before;
    if (db_pragma_int(p->st->db, "PRAGMA freelist_count", &unused, err) != 0)
        return err->code;
    do {
        before = unused;
        char sql[64];
        sqlite3_snprintf(sizeof sql, sql, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
        if (before > 0 && (db_exec(p->st->db, sql, err) != 0 ||
                           db_pragma_int(p->st->db, "PRAGMA freelist_count", &unused, err) != 0))
            return err->code;
    } while (unused < before);
    return 0;
}

/* The WAL goes into the file and is emptied, if no reader is in the way: never waits for one, as
 * the other writers would wait with it. */
static void empty_wal(struct stream *st)
{
    sqlite3_busy_timeout(st->db, 0);
    sqlite3_wal_checkpoint_v2(st->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(st->db, WRITER_WAIT_MS);
}

static int prune(struct prune *p, int64_t before_us, int64_t max_bytes, struct err *err)
{
    p->before_us = before_us;
    if (before_us != 0 && prune_before(p, err) != 0)
        return err->code;
    if (max_bytes > 0 && prune_to_size(p, max_bytes, err) != 0)
        return err->code;
    if (p->deleted > 0 && stream_run(p->st, err, STMT_series_delete_unused, "") != 0)
        return err->code;
    stream_unload(p->st); /* it may remember series that are gone */
    if (vacuum(p, err) != 0)
        return err->code;
    empty_wal(p->st);
    return 0;
}

int store_prune(struct store *s, struct str stream, int64_t before_us, int64_t max_bytes,
                uint64_t *deleted, struct err *err)
{
    struct prune p = {.store = s};
    *deleted = 0;
    if (store_writer(s, stream, false, &p.st, err) != 0)
        return err->code;
    if (!p.st)
        return err_set(err, ERR_FAILED, "there is no stream %.*s", STR_ARG(str_head(stream, 80)));
    int rc = prune(&p, before_us, max_bytes, err) != 0 ? store_failed(s, p.st, err) : 0;
    *deleted = p.deleted;
    return rc;
}
