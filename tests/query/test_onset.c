/* test_onset.c - the moment that a rate rose, and how well it is known. */
#include "query/onset.h"

#include "base/civil.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { TIMES = 4096 };

struct window {
    int64_t at_us[TIMES];
    struct onset_window w;
    uint64_t state;
};

static double uniform(struct window *t)
{
    t->state = t->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(t->state >> 11) + 0.5) / 9007199254740992.0;
}

static int64_t us(double s)
{
    return (int64_t)(s * 1e6);
}

/* A Poisson process with `before` a second from 0 on and `after` from onset_s on, to until_s; it takes
 * ramp_s to get there. */
static void fill(struct window *t, double before, double after, double onset_s, double ramp_s)
{
    double most = before + after, until_s = onset_s + 300, at = 0;
    t->w = (struct onset_window){t->at_us, 0, 0, us(until_s), before};
    while ((at -= log(uniform(t)) / most) < until_s && t->w.n < TIMES) {
        double share = at < onset_s ? 0 : ramp_s > 0 ? (at - onset_s) / ramp_s : 1;
        double rate = before + after * (share < 1 ? share : 1);
        if (uniform(t) * most < rate)
            t->at_us[t->w.n++] = us(at);
    }
}

/* How often of 200 the interval holds the true onset. */
static int covered(double before, double after, double ramp_s)
{
    static struct window t;
    int n = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct onset o;
        t.state = seed * 7919;
        fill(&t, before, after, 600, ramp_s);
        cr_assert(onset_find(&t.w, &o));
        cr_assert(o.earliest_us <= o.at_us && o.at_us <= o.latest_us);
        n += o.earliest_us <= us(600) && us(600) <= o.latest_us;
    }
    return n;
}

Test(onset, the_interval_of_a_step_holds_it_nine_times_in_ten)
{
    cr_expect_geq(covered(1e-6, 1, 0), 180);
    cr_expect_geq(covered(0.05, 1, 0), 180);
    cr_expect_geq(covered(0.1, 0.5, 0), 180);
}

Test(onset, the_interval_of_a_ramp_holds_its_foot)
{
    cr_expect_geq(covered(1e-6, 1, 240), 180);
    cr_expect_geq(covered(0.02, 1, 240), 180);
}

Test(onset, a_step_is_known_to_about_one_gap_between_events)
{
    static struct window t = {.state = 3};
    struct onset o;
    fill(&t, 1e-6, 5, 600, 0);
    cr_assert(onset_find(&t.w, &o));
    cr_expect_not(o.slow);
    cr_expect_leq(o.latest_us - o.earliest_us, us(1.5));
}

Test(onset, many_events_before_and_after_make_it_more_exact)
{
    static struct window t = {.state = 9};
    struct onset o;
    fill(&t, 4, 40, 60, 0);
    cr_assert_eq(t.w.n, (size_t)TIMES);
    t.w.until_us = t.at_us[TIMES - 1] + 1;
    cr_assert(onset_find(&t.w, &o));
    cr_expect_lt(llabs(o.at_us - us(60)), us(0.5));
    cr_expect_lt(o.latest_us - o.earliest_us, us(2));
}

Test(onset, times_in_whole_seconds_are_up_to_a_second_too_early)
{
    static struct window t = {.state = 5};
    struct onset exact, cut;
    fill(&t, 1e-6, 5, 600.9, 0);
    cr_assert(onset_find(&t.w, &exact));
    for (size_t i = 0; i < t.w.n; i++)
        t.at_us[i] -= t.at_us[i] % US_PER_S;
    cr_assert(onset_find(&t.w, &cut));
    cr_expect_eq(exact.tick_us, 1);
    cr_expect_eq(cut.tick_us, US_PER_S);
    cr_expect_geq(cut.latest_us, us(600.9));
    cr_expect_leq(cut.earliest_us, us(600.9));
}

Test(onset, without_a_rise_there_is_no_onset)
{
    static struct window t;
    struct onset o;
    t.w = (struct onset_window){t.at_us, 0, 0, us(100), 0.1};
    cr_expect_not(onset_find(&t.w, &o), "no event");
    for (size_t i = 0; i < 5; i++)
        t.at_us[i] = us((double)i);
    t.w.n = 5;
    t.w.from_us = 0;
    t.w.until_us = us(1000);
    cr_expect(!onset_find(&t.w, &o) || o.at_us == 0, "it only falls");
}
