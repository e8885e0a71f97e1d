/* test_events.c - events back in the order of time, whatever order they came in. */
#include "help.h"

#include <stdlib.h>

/* Events 1..n whose times are shuffled within a window: 0 is in order. */
static void append_shuffled(struct store *s, int n, int window_s, int64_t from)
{
    struct event *events = xcalloc((size_t)n, sizeof *events);
    for (int i = 0; i < n; i++) {
        double late = window_s ? rand() % (window_s * 1000) / 1000.0 : 0;
        events[i] = numbered(i, at_s(i * 0.01 + late), i % 50 ? REASON_reset : REASON_expired);
    }
    for (int i = 0; i < n; i += 1000)
        append(s, "edge", events + i, (size_t)(n - i < 1000 ? n - i : 1000), "file:a", from + i);
    free(events);
}

/* Newest first is the same walk backwards. */
static void check_backwards(struct store *s)
{
    struct seen up = {0}, down = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING}, &up);
    see_all(s, "edge", &(struct event_query){EVERYTHING, .newest_first = true}, &down);
    cr_assert_eq(up.n, down.n);
    for (size_t i = 0; i < up.n; i++)
        cr_assert_eq(up.list[i].id, down.list[down.n - 1 - i].id);
    seen_release(&up);
    seen_release(&down);
}

Test(store, late_events_come_back_in_time_order)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    srand(1);
    append_shuffled(s, 12000, 5, 0);
    append_shuffled(s, 12000, 1000, 12000); /* every block over all the time */
    append_shuffled(s, 3000, 0, 24000);
    check_stream(s, "edge");
    store_close(s);
}

Test(store, a_walk_finds_what_lies_years_apart)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    srand(5);
    for (int batch = 0; batch < 20; batch++) {
        struct event events[200];
        for (int i = 0; i < 200; i++) {
            double years_s = rand() % 40 * 366.0 * 86400, near_s = rand() % 100000 / 1000.0;
            events[i] = numbered(i, at_s(years_s + near_s), REASON_reset);
        }
        append(s, "edge", events, 200, "file:b", batch * 200);
        if (batch % 5 == 0)
            append_shuffled(s, 2000, 0, batch / 5 * 2000);
    }
    check_stream(s, "edge");
    check_backwards(s);
    store_close(s);
}

Test(store, a_walk_can_be_cut_anywhere_and_goes_on_behind_its_last_event)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    srand(2);
    append_shuffled(s, 5000, 20, 0);
    for (int order = 0; order < 4; order++) {
        struct event_query q = {EVERYTHING, .newest_first = order & 1, .by_id = order & 2};
        struct seen all = {0}, parts = {0};
        see_all(s, "edge", &q, &all);
        cr_assert_eq(all.n, 5000);
        while (parts.n < all.n) {
            parts.stop_at = parts.n + 1 + (size_t)rand() % 700;
            size_t was = parts.n;
            see_all(s, "edge", &q, &parts);
            cr_assert_gt(parts.n, was);
            q.after = (struct event_key){parts.list[parts.n - 1].event.time_us,
                                         parts.list[parts.n - 1].id};
        }
        cr_assert_eq(parts.n, all.n);
        for (size_t i = 0; i < all.n; i++)
            cr_assert_eq(parts.list[i].id, all.list[i].id, "order %d, at %zu", order, i);
        seen_release(&all);
        seen_release(&parts);
    }
    store_close(s);
}

Test(store, newest_first_is_the_same_walk_backwards)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    srand(3);
    append_shuffled(s, 6000, 30, 0);
    check_backwards(s);
    store_close(s);
}

Test(store, a_span_of_time_is_half_open_and_series_filter)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    srand(4);
    append_shuffled(s, 8000, 10, 0);
    struct seen all = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING}, &all);
    struct arena arena = {0};
    struct series *series;
    size_t n;
    struct err err;
    cr_assert_eq(store_series(s, STR("edge"), &arena, &series, &n, &err), 0);
    bool *wanted = arena_alloc(&arena, n + 1);
    memset(wanted, 0, n + 1);
    for (size_t i = 0; i < n; i++)
        wanted[series[i].id] = series[i].event.reason == REASON_expired;
    int64_t from = all.list[1000].event.time_us, until = all.list[7000].event.time_us;
    struct event_query q = {
        .from_us = from, .until_us = until, .series = wanted, .n_series = n + 1};
    struct seen some = {0};
    see_all(s, "edge", &q, &some);
    size_t at = 0;
    for (size_t i = 0; i < all.n; i++) {
        const struct seen_event *e = &all.list[i];
        if (e->event.time_us < from || e->event.time_us >= until ||
            e->event.reason != REASON_expired)
            continue;
        cr_assert_lt(at, some.n);
        cr_assert_eq(some.list[at++].id, e->id);
    }
    cr_assert_eq(at, some.n);
    cr_assert_gt(at, 10);
    seen_release(&some);
    seen_release(&all);
    arena_release(&arena);
    store_close(s);
}

Test(store, times_at_the_ends_of_the_scale_are_kept)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    const int64_t times[] = {0, -1, -US_PER_S, 1, INT64_C(4102444800000000), -86400 * US_PER_S,
                             INT64_C(-62167219200000000), INT64_C(253402300799000000)};
    struct event events[8];
    for (int i = 0; i < 8; i++)
        events[i] = numbered(i, times[i], REASON_reset);
    append(s, "edge", events, 8, "file:a", 0);
    struct seen seen = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING, .want_raw = true}, &seen);
    cr_assert_eq(seen.n, 8);
    const int order[] = {6, 5, 2, 1, 0, 3, 4, 7};
    for (int i = 0; i < 8; i++)
        cr_expect_eq(seen.list[i].event.time_us, times[order[i]]);
    cr_expect_eq(count_rollup(s, "edge", 1), 8);
    seen_release(&seen);
    see_all(s, "edge", &(struct event_query){.from_us = -1, .until_us = 1}, &seen);
    cr_expect_eq(seen.n, 2);
    seen_release(&seen);
    store_close(s);
}

struct rolled {
    int64_t last_us;
    uint64_t sum;
};

static int roll(void *context, int64_t series, int64_t bucket_us, uint64_t count)
{
    struct rolled *r = context;
    (void)series;
    cr_assert_geq(bucket_us, r->last_us, "by time");
    r->last_us = bucket_us;
    r->sum += count;
    return 0;
}

Test(store, the_rollup_gives_the_buckets_that_start_within_the_span)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct event events[600];
    for (int i = 0; i < 600; i++)
        events[i] = numbered(i, at_s(i), REASON_reset);
    append(s, "edge", events, 600, "file:a", 0);
    struct err err;
    struct rolled r = {.last_us = INT64_MIN};
    cr_expect_eq(store_rollup(s, STR("edge"), 1, at_s(10), at_s(20), roll, &r, &err), 0);
    cr_expect_eq(r.sum, 10);
    r = (struct rolled){.last_us = INT64_MIN};
    cr_expect_eq(store_rollup(s, STR("edge"), 1, at_s(10) + 1, at_s(20) + 1, roll, &r, &err), 0);
    cr_expect_eq(r.sum, 10);
    r = (struct rolled){.last_us = INT64_MIN};
    int64_t minute = at_s(0) / (60 * US_PER_S) * 60 * US_PER_S + 60 * US_PER_S;
    cr_expect_eq(
        store_rollup(s, STR("edge"), 60, minute, minute + 120 * US_PER_S, roll, &r, &err), 0);
    cr_expect_eq(r.sum, 120);
    store_close(s);
}
