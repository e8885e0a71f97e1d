/* test_prune.c - retention deletes the oldest, gives the space back and keeps all counts true. */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>

static void append_many(struct store *s, int n, double step_s, int64_t from)
{
    struct event *events = xcalloc((size_t)n, sizeof *events);
    for (int i = 0; i < n; i += 1000) {
        int count = n - i < 1000 ? n - i : 1000;
        for (int k = 0; k < count; k++)
            events[k] = numbered(i + k, at_s((i + k) * step_s), REASON_reset);
        append(s, "edge", events, (size_t)count, "file:a", from + i);
    }
    free(events);
}

static uint64_t prune(struct store *s, int64_t before_us, int64_t max_bytes)
{
    struct err err = {0};
    uint64_t deleted = 0;
    cr_assert_eq(store_prune(s, STR("edge"), before_us, max_bytes, &deleted, &err), 0, "%s",
                 err.text);
    return deleted;
}

Test(store, pruning_by_age_deletes_exactly_what_is_older)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    append_many(s, 10000, 0.01, 0);
    cr_expect_eq(prune(s, at_s(0), 0), 0);
    check_stream(s, "edge");
    cr_expect_eq(prune(s, at_s(43.21), 0), 4321);
    check_stream(s, "edge");
    struct arena arena = {0};
    struct stream_status st = status_of(s, "edge", &arena);
    cr_expect_eq(st.events, 10000, "the ledger keeps counting what was read");
    cr_expect_eq(st.pruned, 4321);
    cr_expect_eq(st.stored, 10000 - 4321);
    cr_expect_eq(st.first_us, at_s(43.21));
    cr_expect_eq(prune(s, at_s(1000), 0), 10000 - 4321);
    st = status_of(s, "edge", &arena);
    cr_expect_eq(st.stored, 0);
    cr_expect_eq(st.first_us, TIME_NONE);
    struct series *series;
    size_t n;
    struct err err;
    cr_assert_eq(store_series(s, STR("edge"), &arena, &series, &n, &err), 0);
    cr_expect_eq(n, 0, "series that no event has any more go");
    append_many(s, 100, 0.01, 10000);
    check_stream(s, "edge");
    struct seen seen = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING}, &seen);
    cr_expect_eq(seen.list[0].id, 10001, "ids are never used twice");
    seen_release(&seen);
    arena_release(&arena);
    store_close(s);
}

Test(store, pruning_by_size_makes_the_file_as_small_and_keeps_the_newest)
{
    const char *dir = test_dir();
    struct store *s = open_store(dir, STORE_WRITE);
    append_many(s, 60000, 0.01, 0);
    struct arena arena = {0};
    struct stream_status st = status_of(s, "edge", &arena);
    const int64_t bound = 1 << 20;
    cr_assert_gt(st.file_bytes, 2 * bound, "else this tests nothing");
    uint64_t deleted = prune(s, 0, bound);
    st = status_of(s, "edge", &arena);
    cr_expect_leq(st.file_bytes, bound);
    cr_expect_eq(st.pruned, deleted);
    cr_expect_gt(st.stored, 5000, "not more than needed: %d left", (int)st.stored);
    cr_expect_eq(st.last_us, at_s(599.99));
    check_stream(s, "edge");
    cr_expect_eq(prune(s, 0, bound), 0, "it is small enough now");
    store_close(s);
    s = open_store(dir, STORE_WRITE);
    check_stream(s, "edge");
    prune(s, 0, 1);
    cr_expect_eq(status_of(s, "edge", &arena).stored, 0);
    arena_release(&arena);
    store_close(s);
}

Test(store, pruning_a_stream_that_is_not_there_says_so)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct err err = {0};
    uint64_t deleted;
    cr_expect_eq(store_prune(s, STR("none"), at_s(1), 0, &deleted, &err), ERR_FAILED);
    cr_expect(strstr(err.text, "none"));
    store_close(s);
}

/* Random batches, late events, prunes and reopenings, against the plainest model of it. */
struct model {
    int64_t times[40000];
    int numbers[40000];
    size_t n, all;
};

static void model_prune(struct model *m, int64_t before_us)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->times[i] >= before_us) {
            m->times[n] = m->times[i];
            m->numbers[n++] = m->numbers[i];
        }
    m->n = n;
}

static void check_model(struct store *s, const struct model *m)
{
    struct seen seen = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING, .by_id = true, .want_raw = true}, &seen);
    cr_assert_eq(seen.n, m->n, "%zu stored, %zu in the model", seen.n, m->n);
    for (size_t i = 0; i < m->n; i++) {
        cr_assert_eq(seen.list[i].id, m->numbers[i] + 1);
        cr_assert_eq(seen.list[i].event.time_us, m->times[i]);
        char want[32];
        int n = snprintf(want, sizeof want, "n=%d ", m->numbers[i]);
        cr_assert(str_starts(seen.list[i].event.raw, str_make(want, (size_t)n)));
    }
    seen_release(&seen);
}

static void model_append(struct store *s, struct model *m, int64_t now_us)
{
    static struct event events[3000];
    size_t n = (size_t)rand() % (rand() % 10 == 0 ? 3000 : 40) + 1;
    for (size_t i = 0; i < n; i++) {
        int number = (int)(m->all + i);
        int64_t late = rand() % 5 ? rand() % US_PER_S : rand() % (2000 * US_PER_S);
        enum reason reason = (enum reason)(1 + rand() % (REASON_COUNT - 1));
        events[i] = numbered(number, now_us - late, reason);
        m->times[m->n + i] = now_us - late;
        m->numbers[m->n + i] = number;
    }
    append(s, "edge", events, n, "file:a", (int64_t)m->all);
    m->n += n;
    m->all += n;
}

Test(store, whatever_is_appended_and_pruned_the_rollup_counts_the_events)
{
    static struct model m;
    const char *dir = test_dir();
    struct store *s = open_store(dir, STORE_WRITE);
    srand(11);
    for (int step = 0; step < 120 && m.n < 30000; step++) {
        int64_t now_us = at_s(step * 60);
        model_append(s, &m, now_us);
        if (rand() % 6 == 0) {
            int64_t before_us = now_us - rand() % (3000 * US_PER_S);
            prune(s, before_us, 0);
            model_prune(&m, before_us);
            check_stream(s, "edge");
        }
        if (rand() % 15 == 0) {
            store_close(s);
            s = open_store(dir, STORE_WRITE);
        }
    }
    check_model(s, &m);
    check_stream(s, "edge");
    cr_assert_gt(m.all, m.n, "something was pruned");
    store_close(s);
}
