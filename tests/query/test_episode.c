/* test_episode.c - rises in counts, and what is none. */
#include "query/episode.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { BINS = 720 }; /* of 10 s: two hours */

struct series {
    double n[BINS];
    uint64_t state;
};

static double uniform(struct series *s)
{
    s->state = s->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(s->state >> 11) / 9007199254740992.0;
}

/* Adds Poisson counts of a mean a bin. */
static void add(struct series *s, size_t from, size_t to, double mean)
{
    for (size_t i = from; i < to; i++) {
        double p = exp(-mean), product = uniform(s);
        for (; product > p; product *= uniform(s))
            s->n[i]++;
    }
}

static size_t find(const struct series *s, struct episode *out, size_t max)
{
    struct counts counts = {s->n, BINS, 10, 20};
    return episodes_find(&counts, out, max);
}

static struct episode only(const struct series *s)
{
    struct episode e[4];
    size_t n = find(s, e, 4);
    cr_assert_eq(n, 1, "%zu episodes", n);
    return e[0];
}

Test(episode, a_step_out_of_nothing_begins_where_it_begins)
{
    struct series s = {.state = 1};
    add(&s, 500, BINS, 3);
    struct episode e = only(&s);
    cr_expect(e.start >= 500 && e.start <= 501, "%zu", e.start);
    cr_expect_not(e.fallen);
    cr_expect_eq(e.end, (size_t)BINS);
    cr_expect_lt(e.before, 0.01);
}

Test(episode, the_same_failures_all_day_are_no_episode)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct series s = {.state = seed * 977};
        struct episode e[4];
        add(&s, 0, BINS, 0.02 * (double)(seed * seed));
        cr_expect_eq(find(&s, e, 4), 0, "seed %d: from %zu", (int)seed, e[0].start);
    }
}

Test(episode, the_course_of_the_day_is_no_episode)
{
    struct series s = {.state = 5};
    struct episode e[4];
    for (size_t i = 0; i < BINS; i++)
        add(&s, i, i + 1, 2 + (double)i / BINS); /* half as much again in two hours */
    cr_expect_eq(find(&s, e, 4), 0);
}

Test(episode, a_burst_has_an_end)
{
    struct series s = {.state = 7};
    add(&s, 0, BINS, 0.3);
    add(&s, 300, 309, 8);
    struct episode e = only(&s);
    cr_expect(e.start >= 299 && e.start <= 301, "%zu", e.start);
    cr_expect(e.fallen);
    cr_expect(e.end >= 308 && e.end <= 310, "%zu", e.end);
}

Test(episode, a_burst_does_not_hide_the_step_after_it)
{
    struct series s = {.state = 9};
    struct episode e[4];
    add(&s, 0, BINS, 0.3);
    add(&s, 200, 209, 8);
    add(&s, 600, BINS, 3);
    cr_assert_eq(find(&s, e, 4), 2);
    cr_expect(e[0].fallen);
    cr_expect_not(e[1].fallen);
    cr_expect(e[1].start >= 599 && e[1].start <= 602, "%zu", e[1].start);
    cr_expect_float_eq(e[1].before, 0.3, 0.15);
}

Test(episode, a_ramp_begins_at_its_foot)
{
    struct series s = {.state = 11};
    for (size_t i = 400; i < BINS; i++)
        add(&s, i, i + 1, 10 * (double)(i - 400) / 60 < 10 ? 10 * (double)(i - 400) / 60 : 10);
    struct episode e = only(&s);
    cr_expect(e.start >= 400 && e.start <= 404, "%zu", e.start);
}

Test(episode, a_little_more_an_hour_before_is_not_where_the_incident_began)
{
    struct series s = {.state = 13};
    add(&s, 200, BINS, 0.2);
    add(&s, 560, BINS, 15);
    struct episode e[4];
    size_t n = find(&s, e, 4);
    cr_assert_geq(n, 1);
    cr_expect(e[n - 1].start >= 559 && e[n - 1].start <= 561, "%zu", e[n - 1].start);
}

Test(episode, what_lasts_for_hours_is_the_new_usual)
{
    static struct series s = {.state = 17};
    struct counts minutes = {s.n, BINS, 60, 20}; /* twelve hours */
    struct episode e[4];
    add(&s, 100, BINS, 5);
    add(&s, 500, BINS, 60);
    cr_assert_eq(episodes_find(&minutes, e, 4), 2);
    cr_expect_eq(e[0].end - e[0].start, 120);
    cr_expect_not(e[0].fallen);
    cr_expect(e[1].start >= 499 && e[1].start <= 501, "%zu", e[1].start);
    cr_expect_float_eq(e[1].before, 5, 1);
}

Test(episode, no_bin_and_one_bin_are_nothing)
{
    struct episode e[1];
    double one = 9;
    cr_expect_eq(episodes_find(&(struct counts){NULL, 0, 10, 20}, e, 1), 0);
    cr_expect_eq(episodes_find(&(struct counts){&one, 1, 10, 20}, e, 1), 0);
}
