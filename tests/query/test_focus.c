/* test_focus.c - Poisson-FOCuS against every start tried by hand. */
#include "query/focus.h"

#include "random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { BINS = 160 };

struct best {
    double likelihood;
    size_t start;
};

/* The largest log-likelihood ratio of a rise that began in some bin and goes on. */
static struct best brute_force(const double *counted, const double *expected, size_t n)
{
    struct best best = {0, n};
    double x = 0, b = 0;
    for (size_t s = n; s-- > 0;) {
        x += counted[s];
        b += expected[s];
        double l = x > b ? x * log(x / b) - (x - b) : 0;
        if (l > best.likelihood)
            best = (struct best){l, s};
    }
    return best;
}

static double likelihood_from(const double *counted, const double *expected, size_t start, size_t n)
{
    double x = 0, b = 0;
    for (size_t s = start; s < n; s++) {
        x += counted[s];
        b += expected[s];
    }
    return x > b ? x * log(x / b) - (x - b) : 0;
}

/* A quiet baseline, and a rise from some bin on in every other series. */
static void make_series(int seed, double *counted, double *expected)
{
    srand((unsigned)seed);
    double base = seed % 3 == 0 ? 0.02 : 0.5 + 4 * random_unit();
    size_t from = seed % 2 ? BINS : (size_t)rand() % BINS;
    for (size_t i = 0; i < BINS; i++) {
        expected[i] = base * (0.5 + random_unit());
        counted[i] = random_count(expected[i] * (i >= from ? 1.2 + 3 * random_unit() : 1));
    }
}

Test(focus, its_maximum_is_that_of_every_start_tried)
{
    double counted[BINS], expected[BINS];
    struct focus f = {0};
    for (int seed = 0; seed < 300; seed++) {
        make_series(seed, counted, expected);
        for (size_t n = 1; n <= BINS; n++) {
            size_t start = 0;
            double got = focus_add(&f, counted[n - 1], expected[n - 1], &start);
            struct best want = brute_force(counted, expected, n);
            cr_assert_float_eq(got, want.likelihood, 1e-9 * (1 + want.likelihood),
                               "series %d, bin %zu: %g, not %g", seed, n, got, want.likelihood);
            cr_assert_float_eq(likelihood_from(counted, expected, start, n), want.likelihood,
                               1e-9 * (1 + want.likelihood), "series %d, bin %zu: not %zu", seed, n,
                               start);
        }
        focus_reset(&f);
    }
    focus_release(&f);
}

Test(focus, nothing_that_falls_is_a_rise)
{
    struct focus f = {0};
    size_t start = 0;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(focus_add(&f, 0, 1, &start), 0);
    cr_assert_gt(focus_add(&f, 9, 1, &start), 0);
    cr_assert_eq(start, 100, "the rise began in the bin just added");
    focus_release(&f);
}

Test(focus, it_keeps_few_starts)
{
    struct focus f = {0};
    size_t start = 0;
    srand(1);
    for (int i = 0; i < 100000; i++) {
        focus_add(&f, random_count(3), 3, &start);
        cr_assert_lt(f.n, 100);
    }
    focus_release(&f);
}
