/* slice.c - what of one stream a selection is about, and how often it happened. */
#include "query/internal.h"

static int slice_open(struct store *s, const struct selection *sel, struct arena *arena,
                      struct slice *out, struct err *err)
{
    struct stream_status status = {0};
    if (store_status(s, out->stream, arena, &status, err) != 0)
        return err->code;
    out->first_us = status.first_us;
    out->last_us = status.last_us;
    out->lines_from_us = status.from_us;
    out->lines_until_us = status.until_us;
    out->stored = status.stored;
    if (status.damaged.p) {
        out->first_us = out->last_us = TIME_NONE;
        out->stored = 0;
        return 0;
    }
    struct series *all = NULL;
    size_t n = 0;
    if (store_series(s, out->stream, arena, &all, &n, err) != 0)
        return err->code;
    for (size_t i = 0; i < n; i++)
        if ((size_t)all[i].id >= out->n_series)
            out->n_series = (size_t)all[i].id + 1;
    out->series = arena_alloc(arena, (out->n_series + 1) * sizeof *out->series);
    out->wanted = arena_alloc(arena, out->n_series + 1);
    memset(out->series, 0, (out->n_series + 1) * sizeof *out->series);
    memset(out->wanted, 0, out->n_series + 1);
    for (size_t i = 0; i < n; i++) {
        if (!selection_series_matches(sel, &all[i].event))
            continue;
        out->series[all[i].id] = &all[i];
        out->wanted[all[i].id] = true;
        out->n_wanted++;
    }
    return 0;
}

/* A stream that was asked for by name and isn't there is a mistake, not an empty answer. */
static int check_streams(const struct selection *sel, const struct str *names, size_t n,
                         struct err *err)
{
    for (size_t i = 0; i < sel->n_values[FIELD_stream]; i++) {
        struct str want = sel->values[FIELD_stream][i];
        bool found = false;
        for (size_t j = 0; j < n; j++)
            found = found || str_ieq(want, names[j]);
        if (found)
            continue;
        struct buf known = {0};
        for (size_t j = 0; j < n && j < 12; j++)
            buf_printf(&known, "%s%.*s", j ? ", " : "", STR_ARG(names[j]));
        err_set(err, ERR_USAGE, "there is no stream \"%.*s\"; there is %.*s",
                STR_ARG(str_head(want, 80)),
                STR_ARG(known.n ? buf_as_str(&known) : STR("none yet: run tlstrail ingest")));
        buf_release(&known);
        return ERR_USAGE;
    }
    return 0;
}

int slices_open(struct store *s, const struct selection *sel, struct arena *arena,
                struct slice **out, size_t *n, struct err *err)
{
    struct str *names = NULL;
    size_t n_names = store_streams(s, arena, &names);
    *out = arena_alloc(arena, (n_names + 1) * sizeof **out);
    *n = 0;
    if (check_streams(sel, names, n_names, err) != 0)
        return err->code;
    for (size_t i = 0; i < n_names; i++) {
        if (!selection_field_matches(sel, FIELD_stream, names[i]))
            continue;
        struct slice *slice = &(*out)[*n];
        *slice = (struct slice){
            .stream = names[i],
            .sel = sel,
            .first_us = TIME_NONE,
            .last_us = TIME_NONE,
            .lines_from_us = TIME_NONE,
            .lines_until_us = TIME_NONE};
        if (slice_open(s, sel, arena, slice, err) != 0)
            return err_wrap(err, "stream %.*s", STR_ARG(names[i]));
        (*n)++;
    }
    return 0;
}

struct event_query slice_query(const struct slice *slice, int64_t from_us, int64_t until_us)
{
    return (struct event_query){.from_us = from_us,
                                .until_us = until_us,
                                .series = slice->wanted,
                                .n_series = slice->n_series};
}

bool slices_span(const struct selection *sel, const struct slice *slices, size_t n,
                 int64_t *from_us, int64_t *until_us)
{
    int64_t first = INT64_MAX, last = TIME_NONE;
    for (size_t i = 0; i < n; i++) {
        if (slices[i].first_us == TIME_NONE)
            continue;
        first = slices[i].first_us < first ? slices[i].first_us : first;
        last = slices[i].last_us > last ? slices[i].last_us : last;
    }
    *from_us = sel->since_us != TIME_NONE ? sel->since_us : first;
    *until_us = sel->until_us != TIME_NONE ? sel->until_us : last + 1;
    return last != TIME_NONE && *from_us < *until_us;
}

struct counting {
    const struct slice *slice;
    count_visit *visit;
    void *context;
    int64_t width_us;
    bool stopped;
};

static int on_row(void *context, int64_t series, int64_t bucket_us, uint64_t count)
{
    struct counting *c = context;
    if (series < 0 || (size_t)series >= c->slice->n_series || !c->slice->series[series])
        return 0;
    c->stopped = c->visit(c->context, c->slice->series[series], bucket_us, c->width_us, count) != 0;
    return c->stopped;
}

static int on_time(void *context, int64_t series, int64_t time_us)
{
    return on_row(context, series, time_us, 1);
}

int level_below(int level_s)
{
    return level_s == 3600 ? 60 : level_s == 60 ? 1 : 0;
}

static int counts(struct store *s, struct counting *c, const struct count_span *span,
                  struct err *err)
{
    int64_t from = span->from_us, until = span->until_us, width = span->level_s * US_PER_S;
    if (from >= until || c->stopped)
        return 0;
    if (span->level_s == 0) {
        struct event_query query = slice_query(c->slice, from, until);
        c->width_us = 0;
        return store_times(s, c->slice->stream, &query, on_time, c, err);
    }
    /* Without a bound there is nothing to cut: whole buckets reach that far. */
    int64_t a = from < INT64_MIN + width ? from : civil_floor(from + width - 1, width);
    int64_t b = until == INT64_MAX ? until : civil_floor(until, width);
    int below = level_below(span->level_s);
    if (a >= b)
        return counts(s, c, &(struct count_span){from, until, below, false}, err);
    if (counts(s, c, &(struct count_span){from, a, below, false}, err) != 0)
        return err->code;
    c->width_us = width;
    if (!c->stopped &&
        store_rollup(s, c->slice->stream, span->level_s, a, b, on_row, c, err) != 0)
        return err->code;
    return counts(s, c, &(struct count_span){b, until, below, false}, err);
}

int slice_counts(struct store *s, const struct slice *slice, const struct count_span *span,
                 count_visit *visit, void *context, struct err *err)
{
    struct counting c = {.slice = slice, .visit = visit, .context = context};
    if (slice->n_wanted == 0)
        return 0;
    if (counts(s, &c, span, err) != 0)
        return err_wrap(err, "stream %.*s", STR_ARG(slice->stream));
    return 0;
}

/* ---- the same, where peers matter too ---- */

struct walking {
    const struct selection *sel;
    walk_visit *visit;
    void *context;
};

static int on_series(void *context, const struct series *series, int64_t at_us, int64_t width_us,
                     uint64_t count)
{
    const struct walking *w = context;
    return w->visit(w->context,
                    &(struct seen){&series->event, series, at_us, width_us, count});
}

static int on_event(void *context, int64_t id, const struct event *event)
{
    const struct walking *w = context;
    (void)id;
    if (!selection_field_matches(w->sel, FIELD_peer, event->peer))
        return 0;
    return w->visit(w->context, &(struct seen){event, NULL, event->time_us, 0, 1});
}

int slice_walk(struct store *s, const struct slice *slice, const struct count_span *span,
               walk_visit *visit, void *context, struct err *err)
{
    struct walking w = {slice->sel, visit, context};
    struct event_query query = slice_query(slice, span->from_us, span->until_us);
    if (slice->n_wanted == 0)
        return 0;
    if (!span->peers && slice->sel->n_values[FIELD_peer] == 0)
        return slice_counts(s, slice, span, on_series, &w, err);
    return store_events(s, slice->stream, &query, on_event, &w, err);
}
