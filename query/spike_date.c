/* spike_date.c - when a rise began, from the times of its events.
 *
 * The events around the start are read; each has its place in a block of a thousand, so a rare
 * failure costs what its stream costs. In a storm, counts a second stand for the times first: a
 * clock that cuts its times off to the second would log the same. Then only the events around the
 * seconds that are likely are read. */
#include "query/spike.h"

#include <math.h>
#include <stdlib.h>

enum { BEFORE_EVENTS = 100, AFTER_EVENTS = 250, BEFORE_BINS = 2 };
enum { READ_MOST = 10000, STAND_INS = 2000 };

/* The window that an onset is looked for in: enough before it to know the usual, enough after. */
static void window_of(const struct spike *q, const struct rise *r, struct onset_window *w)
{
    const struct episode *e = &r->episode;
    double bin_s = (double)q->bin_us / (double)US_PER_S, events = 0;
    double pre_s = fmin(1800, BEFORE_EVENTS / fmax(e->before / bin_s, 1e-9));
    int64_t pre_us = (int64_t)(pre_s * (double)US_PER_S);
    if (pre_us < BEFORE_BINS * q->bin_us)
        pre_us = BEFORE_BINS * q->bin_us;
    w->before = e->before / bin_s;
    w->from_us = r->start_us - pre_us > r->floor_us ? r->start_us - pre_us : r->floor_us;
    size_t bin = e->start;
    int64_t most = r->start_us + HOUR_US / 2;
    for (w->until_us = r->start_us; bin < e->end && events < AFTER_EVENTS && w->until_us < most;
         bin++) {
        events += r->track->n[bin];
        w->until_us += q->bin_us;
    }
}

struct times {
    int64_t *at_us;
    size_t n, cap;
};

static void times_add(struct times *t, int64_t time_us)
{
    t->at_us = xgrow(t->at_us, t->n, &t->cap, sizeof *t->at_us);
    t->at_us[t->n++] = time_us;
}

/* ---- the events' own times ---- */

static int on_time(void *context, int64_t series, int64_t time_us)
{
    (void)series;
    times_add(context, time_us);
    return 0;
}

struct peer_times {
    const struct selection *sel;
    struct times *out;
};

static int on_peer_time(void *context, int64_t id, const struct event *event)
{
    const struct peer_times *p = context;
    (void)id;
    if (selection_field_matches(p->sel, FIELD_peer, event->peer))
        times_add(p->out, event->time_us);
    return 0;
}

/* The onset from the events in the window; *found is false when there is none. */
static int date_by_events(struct spike *q, struct rise *r, struct onset_window *w, bool *found,
                          struct err *err)
{
    const struct slice *slice = q->hops[r->hop].slice;
    struct times times = {0};
    struct peer_times peers = {q->sel, &times};
    struct event_query query = slice_query(slice, w->from_us, w->until_us);
    query.series = rise_series(q, r);
    int rc = q->sel->n_values[FIELD_peer]
                 ? store_events(q->store, slice->stream, &query, on_peer_time, &peers, err)
                 : store_times(q->store, slice->stream, &query, on_time, &times, err);
    w->at_us = times.at_us;
    w->n = times.n;
    struct onset onset;
    *found = onset_find(w, &onset);
    if (*found)
        r->onset = onset;
    free(times.at_us);
    w->at_us = NULL;
    return rc;
}

/* ---- in a storm ---- */

/* A window's counts a second. */
struct seconds {
    const struct track *track;
    int64_t from_us;
    size_t n;
    uint64_t *counts; /* of the track */
    uint64_t *all;    /* of all that would have to be read */
};

static int on_second(void *context, const struct series *series, int64_t at_us, int64_t width_us,
                     uint64_t count)
{
    struct seconds *s = context;
    size_t i = (size_t)((at_us - s->from_us) / US_PER_S);
    (void)width_us;
    s->all[i] += count;
    if (track_has(s->track, &series->event))
        s->counts[i] += count;
    return 0;
}

static int seconds_read(struct spike *q, const struct rise *r, const struct onset_window *w,
                        struct seconds *out, struct err *err)
{
    struct count_span span = {civil_floor(w->from_us, US_PER_S), w->until_us, 1, false};
    *out = (struct seconds){.track = r->track, .from_us = span.from_us};
    out->n = (size_t)((span.until_us - span.from_us + US_PER_S - 1) / US_PER_S);
    out->counts = arena_alloc(&q->arena, out->n * sizeof *out->counts);
    out->all = arena_alloc(&q->arena, out->n * sizeof *out->all);
    memset(out->counts, 0, out->n * sizeof *out->counts);
    memset(out->all, 0, out->n * sizeof *out->all);
    return slice_counts(q->store, q->hops[r->hop].slice, &span, on_second, out, err);
}

/* The onset to the second: every so manieth event, at its second's start. */
static bool date_by_seconds(const struct seconds *s, const struct onset_window *w,
                            struct onset *out)
{
    struct times times = {0};
    struct onset_window thinned = *w;
    uint64_t total = 0, seen = 0;
    for (size_t i = 0; i < s->n; i++)
        total += s->counts[i];
    uint64_t every = total / STAND_INS + 1;
    for (size_t i = 0; i < s->n; i++) {
        for (uint64_t k = seen / every; k < (seen + s->counts[i]) / every; k++)
            times_add(&times, s->from_us + (int64_t)i * US_PER_S);
        seen += s->counts[i];
    }
    thinned.from_us = s->from_us;
    thinned.before /= (double)every;
    thinned.at_us = times.at_us;
    thinned.n = times.n;
    bool found = onset_find(&thinned, out);
    free(times.at_us);
    return found;
}

/* Narrows the window to what is likely to hold the onset, and enough before and after it. Returns how
 * many events would have to be read. */
static uint64_t narrow(const struct seconds *s, const struct onset *o, struct onset_window *w)
{
    size_t from = (size_t)((o->earliest_us - s->from_us) / US_PER_S);
    size_t until = (size_t)((o->latest_us - s->from_us) / US_PER_S) + 1;
    uint64_t before = 0, after = 0, all = 0;
    while (from > 0 && before < BEFORE_EVENTS)
        before += s->counts[--from];
    while (until < s->n && after < AFTER_EVENTS)
        after += s->counts[until++];
    for (size_t i = from; i < until && i < s->n; i++)
        all += s->all[i];
    int64_t from_us = s->from_us + (int64_t)from * US_PER_S;
    int64_t until_us = s->from_us + (int64_t)until * US_PER_S;
    w->from_us = from_us > w->from_us ? from_us : w->from_us;
    w->until_us = until_us < w->until_us ? until_us : w->until_us;
    return all;
}

static int date_storm(struct spike *q, struct rise *r, struct onset_window *w, bool *found,
                      struct err *err)
{
    struct seconds s;
    bool finer;
    if (seconds_read(q, r, w, &s, err) != 0)
        return err->code;
    *found = date_by_seconds(&s, w, &r->onset);
    if (!*found || r->onset.slow || narrow(&s, &r->onset, w) > READ_MOST)
        return 0;
    return date_by_events(q, r, w, &finer, err);
}

/* ---- either ---- */

/* How many events the stream has in the window. */
static double events_in(const struct spike *q, size_t hop, const struct onset_window *w)
{
    size_t from = (size_t)((w->from_us - q->from_us) / q->bin_us);
    size_t until = (size_t)((w->until_us - q->from_us + q->bin_us - 1) / q->bin_us);
    double n = 0;
    for (size_t t = 0; t < TRACKS; t++)
        for (size_t i = from; q->hops[hop].tracks[t] && i < until && i < q->bins; i++)
            n += q->hops[hop].tracks[t]->n[i];
    return n;
}

int spike_date(struct spike *q, struct rise *r, struct err *err)
{
    struct onset_window w = {0};
    bool found = false;
    window_of(q, r, &w);
    bool storm = !q->sel->n_values[FIELD_peer] && events_in(q, r->hop, &w) > READ_MOST;
    int rc = storm ? date_storm(q, r, &w, &found, err) : date_by_events(q, r, &w, &found, err);
    r->dated = rc == 0;
    if (!found) /* too little to refine: the bin is all that is known */
        r->onset = (struct onset){.at_us = r->start_us,
                                  .earliest_us = r->start_us - q->bin_us,
                                  .latest_us = r->start_us + q->bin_us,
                                  .tick_us = 1};
    return rc;
}
