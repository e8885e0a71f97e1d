/* append.c - batches into a stream: events, rollup, cursor and ledger in one transaction.
 *
 * Whatever fails, the transaction is taken back and the connection closed with all that was
 * remembered about the file, so that memory never knows of what the disk doesn't. */
#include "store/internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SMALL_BLOCK = 32 * 1024, SMALL_APPEND = 16 * 1024 };

/* ---- the last block, which goes on growing ---- */

static int block_load(struct store *s, struct stream *st, struct err *err)
{
    block_start(&st->block, st->ledger.next_id);
    sqlite3_stmt *stmt = stream_stmt(st, STMT_raw_around, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "i", INT64_MAX);
    int rc = stream_step(st, stmt, err);
    if (rc != 1)
        return rc;
    struct unpacked u = {0};
    bool sound = block_unpack(db_column(stmt, 1), sqlite3_column_int64(stmt, 0), s->zstd_out, &u);
    sqlite3_reset(stmt);
    if (sound && u.bytes.n < SMALL_BLOCK && u.n > 0 && u.n < BLOCK_EVENTS) {
        block_start(&st->block, u.first);
        for (size_t i = 0; i < u.n; i++)
            block_add(&st->block, u.lines[i].id, 0, 0,
                      str_make(u.bytes.p + u.lines[i].at, u.lines[i].n));
    }
    unpacked_release(&u);
    if (!sound) {
        st->damaged = true;
        return err_set(err, ERR_CORRUPT, "its last block of raw lines can't be unpacked");
    }
    if (st->block.n == 0)
        return 0;
    stmt = stream_stmt(st, STMT_block_last, err);
    if (!stmt || (rc = stream_step(st, stmt, err)) < 0)
        return err->code;
    if (rc == 1 && sqlite3_column_int64(stmt, 0) == st->block.first) {
        st->block.min_us = sqlite3_column_int64(stmt, 2);
        st->block.max_us = sqlite3_column_int64(stmt, 3);
        st->block.bits = sqlite3_column_int64(stmt, 4);
    } else {
        block_start(&st->block, st->ledger.next_id);
    }
    sqlite3_reset(stmt);
    return 0;
}

int block_store(struct store *s, struct stream *st, struct block *b, struct err *err)
{
    struct buf packed = {0};
    block_pack(b, s->zstd_in, &packed);
    int rc = stream_run(st, err, STMT_raw_put, "ib", b->first, buf_as_str(&packed));
    buf_release(&packed);
    if (rc != 0)
        return rc;
    return stream_run(st, err, STMT_block_put, "iiiiii", b->first, b->last, (int64_t)block_span(b),
                      b->min_us, b->max_us, b->bits);
}

static bool block_full(const struct block *b, size_t limit)
{
    return b->n >= BLOCK_EVENTS || b->lines.n >= limit;
}

/* ---- events ---- */

static int pending_store(struct stream *st, struct err *err)
{
    if (st->pending.n == 0)
        return 0;
    int rc = stream_run(st, err, STMT_events_add, "");
    st->pending.n = 0;
    return rc;
}

/* No log is from before the year 0 or after 9999, and sums of times must not overflow. */
static int64_t sane_time(int64_t us)
{
    const int64_t least = INT64_C(-62167219200) * US_PER_S, most = INT64_C(253402300799) * US_PER_S;
    return us < least ? least : us > most ? most : us;
}

static int add_event(struct store *s, struct stream *st, const struct event *e, struct err *err)
{
    int64_t series, id = st->ledger.next_id, time_us = sane_time(e->time_us);
    if (dict_find(st, e, &series, err) != 0)
        return err->code;
    struct pending_row *row = &st->pending.rows[st->pending.n++];
    row->id = id;
    row->time_us = time_us;
    row->series = series;
    row->peer = e->peer;
    row->packed_n = (unsigned char)peer_pack(e->peer, row->packed);
    struct str raw = str_head(e->raw, RECORD_MAX);
    block_add(&st->block, id, time_us, series, raw);
    tally_add(&st->tally, floor_s(time_us), series, 1);
    st->ledger.next_id++;
    if (st->pending.n == PENDING_ROWS && pending_store(st, err) != 0)
        return err->code;
    if (!block_full(&st->block, BLOCK_BYTES))
        return 0;
    if (block_store(s, st, &st->block, err) != 0)
        return err->code;
    block_start(&st->block, st->ledger.next_id);
    return 0;
}

/* ---- quarantine: the newest, up to a bound of bytes ---- */

static int64_t quarantine_size(struct str source, const struct quarantined *q)
{
    return (int64_t)(source.n + q->why.n + str_head(q->raw, RECORD_MAX).n);
}

static int quarantine_trim(struct stream *st, struct err *err)
{
    while (st->ledger.quarantine_bytes > QUARANTINE_BYTES) {
        sqlite3_stmt *stmt = stream_stmt(st, STMT_quarantine_oldest, err);
        if (!stmt)
            return err->code;
        int rc = stream_step(st, stmt, err);
        if (rc != 1)
            return rc;
        int64_t id = sqlite3_column_int64(stmt, 0);
        st->ledger.quarantine_bytes -= sqlite3_column_int64(stmt, 1);
        sqlite3_reset(stmt);
        if (stream_run(st, err, STMT_quarantine_delete, "i", id) != 0)
            return err->code;
    }
    return 0;
}

static struct str or_empty(struct str s)
{
    return s.p ? s : STR("");
}

static int add_quarantined(struct stream *st, const struct batch *b, struct err *err)
{
    struct str source = b->from_to.key;
    size_t i = b->n_quarantined;
    int64_t bytes = 0;
    while (i > 0 && bytes < QUARANTINE_BYTES) /* older ones would go at once */
        bytes += quarantine_size(source, &b->quarantined[--i]);
    for (; i < b->n_quarantined; i++) {
        const struct quarantined *q = &b->quarantined[i];
        if (stream_run(st, err, STMT_quarantine_add, "bibb", or_empty(source), q->position,
                       or_empty(q->why), or_empty(str_head(q->raw, RECORD_MAX))) != 0)
            return err->code;
        st->ledger.quarantine_bytes += quarantine_size(source, q);
    }
    return quarantine_trim(st, err);
}

/* ---- batches ---- */

static int check_batch(struct stream *st, const struct batch *b, struct err *err)
{
    if (b->lines != b->n_events + b->other + b->n_quarantined)
        return err_set(err, ERR_CORRUPT, "a batch whose ledger doesn't close: a bug of the source");
    sqlite3_stmt *stmt = stream_stmt(st, STMT_cursor_get, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "b", or_empty(b->from_to.key));
    int rc = stream_step(st, stmt, err);
    int64_t at = rc == 1 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    if (rc < 0)
        return rc;
    if (b->from != at || b->from_to.position < b->from)
        return err_set(err, ERR_CORRUPT,
                       "%.*s was read to %" PRId64 ", and the batch goes from %" PRId64
                       " to %" PRId64 ": nothing is stored",
                       STR_ARG(str_head(b->from_to.key, 200)), at, b->from, b->from_to.position);
    return 0;
}

static int add_batch(struct store *s, struct stream *st, const struct batch *b, struct err *err)
{
    if (check_batch(st, b, err) != 0)
        return err->code;
    for (size_t i = 0; i < b->n_events; i++)
        if (add_event(s, st, &b->events[i], err) != 0)
            return err->code;
    if (add_quarantined(st, b, err) != 0)
        return err->code;
    struct ledger *l = &st->ledger;
    l->lines += (int64_t)b->lines;
    l->events += (int64_t)b->n_events;
    l->other += (int64_t)b->other;
    l->quarantined += (int64_t)b->n_quarantined;
    l->bytes += (int64_t)b->bytes;
    if (b->lines_from_us && (l->from_us == TIME_NONE || b->lines_from_us < l->from_us))
        l->from_us = b->lines_from_us;
    if (b->lines_until_us > l->until_us && b->lines_until_us)
        l->until_us = b->lines_until_us;
    return stream_run(st, err, STMT_cursor_put, "bib", or_empty(b->from_to.key),
                      b->from_to.position, b->from_to.detail);
}

/* What a writer remembers of the file; read within the transaction. */
static int load(struct store *s, struct stream *st, struct err *err)
{
    if (st->loaded)
        return 0;
    if (ledger_load(st, &st->ledger, err) != 0 || block_load(s, st, err) != 0)
        return err->code;
    st->pending.rows = xcalloc(PENDING_ROWS, sizeof *st->pending.rows);
    st->loaded = true;
    return 0;
}

static int append(struct store *s, struct stream *st, const struct batch *batches, size_t n,
                  struct err *err)
{
    if (stream_begin(st, err) != 0 || load(s, st, err) != 0)
        return err->code;
    int64_t first_id = st->ledger.next_id;
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (add_batch(s, st, &batches[i], err) != 0)
            return err->code;
        bytes += batches[i].bytes;
    }
    /* A follower commits a few events at a time: it rewrites a small last block, not a large one. */
    bool close_block = block_full(&st->block, bytes < SMALL_APPEND ? SMALL_BLOCK : BLOCK_BYTES);
    bool grown = st->ledger.next_id > first_id && st->block.n > 0;
    if (grown && block_store(s, st, &st->block, err) != 0)
        return err->code;
    if (close_block)
        block_start(&st->block, st->ledger.next_id);
    st->ledger.last_line_us = civil_now_us();
    if (pending_store(st, err) != 0 || tally_store(st, &st->tally, err) != 0 ||
        ledger_store(st, err) != 0)
        return err->code;
    return stream_commit(st, err);
}

int store_append(struct store *s, struct str stream, const struct batch *batches, size_t n,
                 struct err *err)
{
    struct stream *st;
    if (store_writer(s, stream, true, &st, err) != 0)
        return err->code;
    if (append(s, st, batches, n, err) != 0)
        return store_failed(s, st, err);
    return 0;
}

/* ---- cursors ---- */

static void read_cursor(sqlite3_stmt *row, int column, struct arena *arena, struct cursor *out)
{
    out->position = sqlite3_column_int64(row, column);
    out->detail = arena_copy(arena, db_column(row, column + 1));
}

int store_cursor(struct store *s, struct str stream, struct str key, struct arena *arena,
                 struct cursor *out, struct err *err)
{
    struct stream *st;
    if (store_reader(s, stream, &st, err) != 0)
        return err->code;
    if (!st)
        return 0;
    sqlite3_stmt *stmt = stream_stmt(st, STMT_cursor_get, err);
    if (!stmt)
        return store_failed(s, st, err);
    db_bind(stmt, "b", or_empty(key));
    int rc = stream_step(st, stmt, err);
    if (rc == 1) {
        out->key = arena_copy(arena, key);
        read_cursor(stmt, 0, arena, out);
    }
    sqlite3_reset(stmt);
    return rc < 0 ? store_failed(s, st, err) : rc;
}

int cursors_read(struct stream *st, struct str prefix, struct arena *arena, struct cursor **out,
                 size_t *n, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_cursor_list, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "b", or_empty(prefix));
    struct cursor *list = NULL;
    size_t cap = 0;
    int rc;
    *n = 0;
    while ((rc = stream_step(st, stmt, err)) == 1 && str_starts(db_column(stmt, 0), prefix)) {
        list = xgrow(list, *n, &cap, sizeof *list);
        list[*n].key = arena_copy(arena, db_column(stmt, 0));
        read_cursor(stmt, 1, arena, &list[(*n)++]);
    }
    sqlite3_reset(stmt);
    *out = arena_keep(arena, list, *n * sizeof *list);
    return rc < 0 ? rc : 0;
}

int store_cursors(struct store *s, struct str stream, struct str prefix, struct arena *arena,
                  struct cursor **out, size_t *n, struct err *err)
{
    struct stream *st;
    *out = NULL;
    *n = 0;
    if (store_reader(s, stream, &st, err) != 0)
        return err->code;
    if (st && cursors_read(st, prefix, arena, out, n, err) != 0)
        return store_failed(s, st, err);
    return 0;
}

static int move_cursor(struct stream *st, struct str from_key, const struct cursor *to,
                       struct err *err)
{
    if (stream_begin(st, err) != 0 ||
        (from_key.p && stream_run(st, err, STMT_cursor_delete, "b", from_key) != 0) ||
        stream_run(st, err, STMT_cursor_put, "bib", or_empty(to->key), to->position, to->detail) != 0)
        return err->code;
    return stream_commit(st, err);
}

int store_move_cursor(struct store *s, struct str stream, struct str from_key,
                      const struct cursor *to, struct err *err)
{
    struct stream *st;
    if (store_writer(s, stream, true, &st, err) != 0)
        return err->code;
    if (move_cursor(st, from_key, to, err) != 0)
        return store_failed(s, st, err);
    return 0;
}
