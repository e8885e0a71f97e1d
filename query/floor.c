/* floor.c - what fails all day: health checkers, scanners and the like, by peer.
 *
 * A peer's failures of one reason are a floor where they last through the whole window and come
 * either at a regular pace (most intervals close to their median: a checker's timer) or in nearly
 * every part of the window. They are shown as such and never taken out of any count. */
#include "query/internal.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WINDOW_HOURS = 24,
    EVENTS_MAX = 300000, /* the newest that are looked at */
    COUNT_MIN = 12,
    PARTS = 24, /* of the window, of which all but PARTS_EMPTY have a failure */
    PARTS_EMPTY = 2,
};

/* The failures of one reason, leg and peer, newest first. */
struct track {
    enum reason reason;
    enum leg leg;
    struct str peer; /* in keys */
    int64_t *times_us;
    size_t n, cap;
};

struct tracks {
    struct keys keys; /* "reason leg peer" */
    struct track *items;
    size_t cap, events;
    int64_t from_us, until_us; /* of what was really looked at */
};

static int on_event(void *context, int64_t id, const struct event *event)
{
    struct tracks *t = context;
    struct str peer = peer_address(event->peer);
    (void)id;
    t->from_us = event->time_us;
    if (++t->events > EVENTS_MAX)
        return 1;
    if (!peer.n)
        return 0;
    struct buf key = {0};
    buf_printf(&key, "%d %d ", (int)event->reason, (int)event->leg);
    size_t head = key.n;
    buf_str(&key, peer);
    size_t known = t->keys.n, at = keys_add(&t->keys, buf_as_str(&key));
    buf_release(&key);
    if (at == known) {
        t->items = xgrow(t->items, at, &t->cap, sizeof *t->items);
        t->items[at] = (struct track){.reason = event->reason,
                                      .leg = event->leg,
                                      .peer = str_from(t->keys.text[at], head)};
    }
    struct track *track = &t->items[at];
    track->times_us = xgrow(track->times_us, track->n, &track->cap, sizeof *track->times_us);
    track->times_us[track->n++] = event->time_us;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The interval that four in five keep to within half of it, or 0. */
static int64_t regular_us(const struct track *track)
{
    size_t n = track->n - 1, close = 0;
    int64_t *steps = xcalloc(n, sizeof *steps);
    for (size_t i = 0; i < n; i++)
        steps[i] = track->times_us[i] - track->times_us[i + 1];
    qsort(steps, n, sizeof *steps, by_number);
    int64_t median = steps[n / 2];
    for (size_t i = 0; i < n; i++)
        close += steps[i] >= median / 2 && steps[i] <= median + median / 2;
    free(steps);
    return median >= US_PER_S && close * 5 >= n * 4 ? median : 0;
}

/* Failures an hour, where the window has them all along; else 0. A burst doesn't raise it. */
static double steady_per_hour(const struct track *track, int64_t from_us, int64_t until_us)
{
    int64_t parts[PARTS] = {0}, width = (until_us - from_us) / PARTS + 1;
    int empty = 0;
    for (size_t i = 0; i < track->n; i++)
        parts[(track->times_us[i] - from_us) / width]++;
    for (int i = 0; i < PARTS; i++)
        empty += parts[i] == 0;
    qsort(parts, PARTS, sizeof *parts, by_number);
    return empty <= PARTS_EMPTY ? (double)parts[PARTS / 2] * (double)HOUR_US / (double)width : 0;
}

static bool is_floor(const struct track *track, int64_t from_us, int64_t until_us,
                     struct floor *out)
{
    if (track->n < COUNT_MIN || until_us - from_us < HOUR_US)
        return false;
    *out = (struct floor){.peer = track->peer,
                          .reason = track->reason,
                          .leg = track->leg,
                          .count = track->n,
                          .per_hour = steady_per_hour(track, from_us, until_us)};
    if (out->per_hour <= 0)
        return false;
    out->every_us = regular_us(track);
    if (out->every_us)
        out->per_hour = (double)HOUR_US / (double)out->every_us;
    return true;
}

static int by_count(const void *a, const void *b)
{
    const struct floor *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
                                : str_cmp(x->peer, y->peer);
}

int floors_find(struct store *s, const struct slice *slice, struct arena *arena, struct floor **out,
                size_t *n, struct err *err)
{
    struct tracks t = {.from_us = slice->last_us};
    *n = 0;
    *out = NULL;
    if (slice->last_us == TIME_NONE)
        return 0;
    int64_t window = WINDOW_HOURS * HOUR_US, last = slice->last_us;
    struct event_query query = slice_query(slice, last - window, last + 1);
    query.newest_first = true;
    int rc = store_events(s, slice->stream, &query, on_event, &t, err);
    *out = arena_alloc(arena, (t.keys.n + 1) * sizeof **out);
    for (size_t i = 0; rc == 0 && i < t.keys.n; i++) {
        if (is_floor(&t.items[i], t.from_us, last, &(*out)[*n])) {
            (*out)[*n].peer = arena_copy(arena, (*out)[*n].peer);
            (*n)++;
        }
    }
    qsort(*out, *n, sizeof **out, by_count);
    for (size_t i = 0; i < t.keys.n; i++)
        free(t.items[i].times_us);
    free(t.items);
    keys_release(&t.keys);
    return rc;
}

void floor_text(const struct floor *f, struct buf *out)
{
    buf_printf(out, "%.*s fails with %s/%s ", STR_ARG(f->peer),
               class_name(reason_class(f->reason)), reason_name(f->reason));
    if (f->every_us)
        buf_printf(out, "every %.3g s", (double)f->every_us / (double)US_PER_S);
    else
        buf_printf(out, "about %.2g times an hour", f->per_hour);
    buf_str(out, STR(", all along"));
}
