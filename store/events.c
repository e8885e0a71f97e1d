/* events.c - events back in the order of time or of arrival, a page at a time.
 *
 * There is no index on time. A block knows the times it spans; the walk reads the blocks that can
 * hold the next events, keeps the earliest of them (a page) and hands those out. Blocks overlap in
 * time where events came late or from several sources; more overlap costs more reading, never more
 * memory. No statement is open while the callback runs. */
#include "store/internal.h"

#include <stdlib.h>

enum { PAGE_MIN = 256, PAGE_MAX = 8192, SCAN_ROWS = 65536 };
static const int64_t STEP_US = 10 * US_PER_S;

struct found {
    int64_t time_us, id, series;
    struct str peer; /* as text, in the page's arena; or packed */
    unsigned char packed[PEER_PACKED];
    unsigned char packed_n;
};

struct walk {
    struct store *store;
    struct stream *st;
    const struct event_query *query;
    int64_t wanted_bits;
    struct extents blocks;     /* in the order of the walk, as far as they are known */
    size_t done;               /* blocks.list[0..done) are behind us */
    int64_t from_us, until_us; /* what the walk goes through */
    int64_t known_us; /* the blocks that start before it are known; newest first: that end later */
    int64_t step_us;  /* how much further the next look goes */
    struct event_key after;
    bool started;           /* after is set */
    struct found *page;     /* room for wanted + BLOCK_EVENTS, grown as blocks need */
    size_t n, cap, wanted;
    bool full;              /* page has what was wanted: nothing behind bound is needed */
    struct event_key bound;
    struct arena arena;
};

/* ---- blocks by time ---- */

static int64_t minus_span(int64_t us, int span)
{
    int64_t out;
    if (span >= 63 || __builtin_sub_overflow(us, INT64_C(1) << span, &out))
        return INT64_MIN;
    return out;
}

static int add_extents(struct stream *st, int span, const struct extent_range *in,
                       struct extents *to, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_blocks_in, err);
    if (!stmt)
        return err->code;
    int64_t least = minus_span(in->end_us, span);
    db_bind(stmt, "iiiii", (int64_t)span, least > in->start_us ? least : in->start_us,
            in->start_until_us, in->end_us, in->end_until_us);
    int rc;
    while ((rc = stream_step(st, stmt, err)) == 1) {
        to->list = xgrow(to->list, to->n, &to->cap, sizeof *to->list);
        to->list[to->n++] = (struct extent){
            sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
            sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3),
            sqlite3_column_int64(stmt, 4)};
    }
    return rc;
}

static int next_span(struct stream *st, int64_t *span, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_block_span_above, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "i", *span);
    int rc = stream_step(st, stmt, err);
    bool none = rc != 1 || sqlite3_column_type(stmt, 0) == SQLITE_NULL;
    *span = none ? INT64_MAX : sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return rc < 0 ? rc : 0;
}

/* Blocks are indexed by how long they last, in powers of two, and by their start: a block of span k
 * that reaches into a time starts less than 2^k before it. */
int extents_in(struct stream *st, const struct extent_range *in, struct extents *to,
               struct err *err)
{
    int64_t span = -1;
    int rc;
    while ((rc = next_span(st, &span, err)) == 0 && span <= 64)
        if ((rc = add_extents(st, (int)span, in, to, err)) != 0)
            break;
    return rc;
}

static int by_start(const void *va, const void *vb)
{
    const struct extent *a = va, *b = vb;
    return a->min_us < b->min_us ? -1 : a->min_us > b->min_us;
}

static int by_end_down(const void *va, const void *vb)
{
    const struct extent *a = va, *b = vb;
    return a->max_us > b->max_us ? -1 : a->max_us < b->max_us;
}

/* ---- a page ---- */

static int by_time(const void *va, const void *vb)
{
    const struct found *a = va, *b = vb;
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int by_time_down(const void *a, const void *b)
{
    return by_time(b, a);
}

/* Whether (time, id) comes behind key in the order of the walk. */
static bool is_behind(const struct walk *w, int64_t time_us, int64_t id, struct event_key key)
{
    bool down = w->query->newest_first;
    if (!w->query->by_id && time_us != key.time_us)
        return down ? time_us < key.time_us : time_us > key.time_us;
    return down ? id < key.id : id > key.id;
}

static bool is_wanted(const struct walk *w, int64_t time_us, int64_t id, int64_t series)
{
    const struct event_query *q = w->query;
    if (time_us < q->from_us || time_us >= q->until_us || id <= q->after_id)
        return false;
    if (q->series && (series < 0 || (uint64_t)series >= q->n_series || !q->series[series]))
        return false;
    if (w->started && !is_behind(w, time_us, id, w->after))
        return false;
    return !w->full || !is_behind(w, time_us, id, w->bound);
}

static void take_row(struct walk *w, sqlite3_stmt *row, int64_t id, int64_t time_us, int64_t series)
{
    w->page = xgrow(w->page, w->n, &w->cap, sizeof *w->page);
    struct found *f = &w->page[w->n++];
    *f = (struct found){.time_us = time_us, .id = id, .series = series};
    int type = sqlite3_column_type(row, 3);
    if (type == SQLITE_NULL)
        return;
    struct str peer = db_column(row, 3);
    if (type == SQLITE_BLOB && peer.n <= PEER_PACKED) {
        memcpy(f->packed, peer.p, peer.n);
        f->packed_n = (unsigned char)peer.n;
    } else {
        f->peer = arena_copy(&w->arena, peer);
    }
}

/* Keeps the first `wanted` of the page; from then on what comes behind them isn't taken. */
static void cut_page(struct walk *w)
{
    if (w->n < w->wanted)
        return;
    qsort(w->page, w->n, sizeof *w->page, w->query->newest_first ? by_time_down : by_time);
    w->n = w->wanted;
    w->full = true;
    w->bound = (struct event_key){w->page[w->n - 1].time_us, w->page[w->n - 1].id};
}

/* Reads the rows of a block, all of them: they are a thousand at most. */
static int scan_block(struct walk *w, const struct extent *e, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(w->st, STMT_events_between, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "ii", e->first, e->last);
    int rc;
    while ((rc = stream_step(w->st, stmt, err)) == 1) {
        int64_t id = sqlite3_column_int64(stmt, 0), time_us = sqlite3_column_int64(stmt, 1);
        int64_t series = sqlite3_column_int64(stmt, 2);
        if (is_wanted(w, time_us, id, series))
            take_row(w, stmt, id, time_us, series);
    }
    cut_page(w);
    return rc;
}

static bool is_past(const struct walk *w, const struct extent *e)
{
    if (!w->started)
        return false;
    return w->query->newest_first ? e->min_us > w->after.time_us : e->max_us < w->after.time_us;
}

static bool is_beyond(const struct walk *w, const struct extent *e)
{
    if (!w->full)
        return false;
    return w->query->newest_first ? e->max_us < w->bound.time_us : e->min_us > w->bound.time_us;
}

/* Whether blocks that aren't known yet can hold something of the page. */
static bool is_unknown(const struct walk *w)
{
    if (w->query->newest_first)
        return w->known_us > w->from_us && !(w->full && w->bound.time_us >= w->known_us);
    return w->known_us < w->until_us && !(w->full && w->bound.time_us < w->known_us);
}

/* Looks for blocks a step further, each time twice as far: a walk that is ended early has not gone
 * through all of a large store's. */
static int more_blocks(struct walk *w, struct err *err)
{
    struct extent_range in = {INT64_MIN, w->until_us, w->from_us, INT64_MAX};
    bool first = w->step_us == STEP_US;
    size_t n = w->blocks.n;
    if (w->query->newest_first) {
        in.end_until_us = first ? INT64_MAX : w->known_us;
        if (w->known_us - w->from_us > w->step_us)
            in.end_us = w->known_us - w->step_us;
        w->known_us = in.end_us;
    } else {
        in.start_us = first ? INT64_MIN : w->known_us;
        if (w->until_us - w->known_us > w->step_us)
            in.start_until_us = w->known_us + w->step_us;
        w->known_us = in.start_until_us;
    }
    w->step_us *= 2;
    int rc = extents_in(w->st, &in, &w->blocks, err);
    if (w->blocks.n > n)
        qsort(w->blocks.list + n, w->blocks.n - n, sizeof *w->blocks.list,
              w->query->newest_first ? by_end_down : by_start);
    return rc;
}

static int page_by_time(struct walk *w, struct err *err)
{
    int rc = 0;
    while (w->done < w->blocks.n && is_past(w, &w->blocks.list[w->done]))
        w->done++;
    for (size_t i = w->done; rc == 0; i++) {
        while (rc == 0 && i == w->blocks.n && is_unknown(w))
            rc = more_blocks(w, err);
        if (rc != 0 || i == w->blocks.n || is_beyond(w, &w->blocks.list[i]))
            break;
        if (!is_past(w, &w->blocks.list[i]) && (w->blocks.list[i].bits & w->wanted_bits) != 0)
            rc = scan_block(w, &w->blocks.list[i], err);
    }
    if (w->n) /* the page is NULL while nothing was found */
        qsort(w->page, w->n, sizeof *w->page, w->query->newest_first ? by_time_down : by_time);
    return rc;
}

/* *more: the end was not reached. The walk goes on behind the last row read, wanted or not. */
static int page_by_id(struct walk *w, bool *more, struct err *err)
{
    bool down = w->query->newest_first;
    sqlite3_stmt *stmt =
        stream_stmt(w->st, down ? STMT_events_between_down : STMT_events_between, err);
    if (!stmt)
        return err->code;
    int64_t low = w->query->after_id + 1, high = INT64_MAX;
    if (w->started && down)
        high = w->after.id - 1;
    else if (w->started && w->after.id >= low)
        low = w->after.id + 1;
    db_bind(stmt, "ii", low, high);
    int rc = 0;
    size_t rows = 0;
    *more = true;
    while (w->n < w->wanted && rows++ < SCAN_ROWS) {
        if ((rc = stream_step(w->st, stmt, err)) != 1) {
            *more = false;
            break;
        }
        int64_t id = sqlite3_column_int64(stmt, 0), time_us = sqlite3_column_int64(stmt, 1);
        int64_t series = sqlite3_column_int64(stmt, 2);
        if (is_wanted(w, time_us, id, series))
            take_row(w, stmt, id, time_us, series);
        w->after = (struct event_key){time_us, id};
        w->started = true;
    }
    sqlite3_reset(stmt);
    return rc < 0 ? rc : 0;
}

/* ---- from a row to an event ---- */

/* Reads the series that came since. */
static int load_series(struct stream *st, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_series_above, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "i", st->n_series ? st->series[st->n_series - 1].id : INT64_C(0));
    int rc;
    while ((rc = stream_step(st, stmt, err)) == 1) {
        st->series = xgrow(st->series, st->n_series, &st->cap_series, sizeof *st->series);
        series_row(stmt, &st->series_arena, &st->series[st->n_series++]);
    }
    return rc;
}

static const struct series *find_series(const struct stream *st, int64_t id)
{
    size_t low = 0, high = st->n_series;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (st->series[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < st->n_series && st->series[low].id == id ? &st->series[low] : NULL;
}

/* 1: *out is filled; 0: the event is gone since (pruned). */
static int fill_event(struct walk *w, const struct found *f, char text[PEER_TEXT],
                      struct event *out, struct err *err)
{
    const struct series *series = find_series(w->st, f->series);
    if (!series && load_series(w->st, err) != 0)
        return err->code;
    if (!series)
        series = find_series(w->st, f->series);
    *out = series ? series->event : (struct event){.alert = ALERT_NONE};
    out->time_us = f->time_us;
    out->peer = f->packed_n ? peer_unpack(f->packed, f->packed_n, text) : f->peer;
    return w->query->want_raw ? raw_find(w->store, w->st, f->id, &out->raw, err) : 1;
}

/* ---- the walk ---- */

typedef int found_visit(void *context, struct walk *w, const struct found *f, struct err *err);

static int walk_start(struct walk *w, struct err *err)
{
    const struct event_query *q = w->query;
    w->started = q->after.id > 0;
    w->after = q->after;
    w->wanted = PAGE_MIN;
    w->wanted_bits = q->series ? 0 : -1;
    for (size_t i = 0; q->series && i < q->n_series; i++)
        if (q->series[i])
            w->wanted_bits = (int64_t)((uint64_t)w->wanted_bits | UINT64_C(1) << (i % 64));
    if (q->by_id)
        return 0;
    int64_t first_us, last_us;
    if (extent_read(w->st, &first_us, &last_us, err) != 0)
        return err->code;
    if (first_us == TIME_NONE)
        return 0;
    w->from_us = q->from_us > first_us ? q->from_us : first_us;
    w->until_us = q->until_us <= last_us ? q->until_us : last_us + 1;
    if (w->started && !q->newest_first && q->after.time_us > w->from_us)
        w->from_us = q->after.time_us;
    if (w->started && q->newest_first && q->after.time_us + 1 < w->until_us)
        w->until_us = q->after.time_us + 1;
    w->known_us = q->newest_first ? w->until_us : w->from_us;
    w->step_us = STEP_US;
    return 0;
}

/* 1: the visitor stopped it. */
static int walk_pages(struct walk *w, found_visit *visit, void *context, struct err *err)
{
    bool more = true;
    while (more) {
        w->n = 0;
        w->full = false;
        arena_reset(&w->arena);
        int rc = w->query->by_id ? page_by_id(w, &more, err) : page_by_time(w, err);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < w->n && rc == 0; i++)
            rc = visit(context, w, &w->page[i], err);
        if (rc != 0)
            return rc;
        if (!w->query->by_id && (more = w->full)) {
            w->after = w->bound;
            w->started = true;
        }
        w->wanted = w->wanted < PAGE_MAX ? w->wanted * 2 : PAGE_MAX;
    }
    return 0;
}

static int walk(struct store *s, struct str stream, const struct event_query *query,
                found_visit *visit, void *context, struct err *err)
{
    struct walk w = {.store = s, .query = query};
    if (store_reader(s, stream, &w.st, err) != 0)
        return err->code;
    if (!w.st)
        return 0;
    w.st->walks++;
    int rc = walk_start(&w, err);
    if (rc == 0)
        rc = walk_pages(&w, visit, context, err);
    w.st->walks--;
    free(w.blocks.list);
    free(w.page);
    arena_release(&w.arena);
    return rc < 0 ? store_failed(s, w.st, err) : 0;
}

struct event_visitor {
    event_visit *visit;
    void *context;
};

static int visit_event(void *context, struct walk *w, const struct found *f, struct err *err)
{
    const struct event_visitor *v = context;
    char text[PEER_TEXT];
    struct event event;
    int rc = fill_event(w, f, text, &event, err);
    if (rc != 1)
        return rc;
    return v->visit(v->context, f->id, &event) != 0;
}

int store_events(struct store *s, struct str stream, const struct event_query *query,
                 event_visit *visit, void *context, struct err *err)
{
    struct event_visitor v = {visit, context};
    return walk(s, stream, query, visit_event, &v, err);
}

struct time_visitor {
    time_visit *visit;
    void *context;
};

static int visit_time(void *context, struct walk *w, const struct found *f, struct err *err)
{
    (void)w, (void)err;
    const struct time_visitor *v = context;
    return v->visit(v->context, f->series, f->time_us) != 0;
}

int store_times(struct store *s, struct str stream, const struct event_query *query,
                time_visit *visit, void *context, struct err *err)
{
    struct time_visitor v = {visit, context};
    return walk(s, stream, query, visit_time, &v, err);
}
