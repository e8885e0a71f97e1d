/* test_stats.c - the statistics against values known from elsewhere. */
#include "query/stats.h"

#include "random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static void expect_near(double got, double want)
{
    cr_expect_float_eq(got, want, 1e-6 * (1 + fabs(want)), "%.9g, not %.9g", got, want);
}

Test(stats, g2_is_dunnings)
{
    expect_near(stats_g2(10, 1, 10, 1), 0);
    expect_near(stats_g2(20, 2, 10, 1), 0);
    expect_near(stats_g2(30, 1, 10, 1), 2 * (30 * log(1.5) + 10 * log(0.5)));
    expect_near(stats_g2(0, 1, 8, 1), 2 * 8 * log(2));
    expect_near(stats_g2(5, 10, 5, 1), 10 * (log(5 / (100. / 11)) + log(5 / (10. / 11))));
}

Test(stats, g2_of_nothing_is_nothing)
{
    expect_near(stats_g2(0, 1, 0, 1), 0);
    expect_near(stats_g2(3, 0, 3, 1), 0);
    expect_near(stats_g2(3, 1, 3, 0), 0);
}

/* Quantiles of chi-squared with one degree of freedom. */
Test(stats, chi2_has_its_quantiles)
{
    expect_near(stats_chi2_p(0), 1);
    expect_near(stats_chi2_p(-1), 1);
    cr_expect_float_eq(stats_chi2_p(3.841459), 0.05, 1e-6);
    cr_expect_float_eq(stats_chi2_p(6.634897), 0.01, 1e-6);
    cr_expect_float_eq(stats_chi2_p(10.827566), 0.001, 1e-7);
    cr_expect_gt(stats_chi2_p(1000), 0, "far out it is small, not zero");
}

/* The example of Benjamini and Hochberg's own paper (1995): four of fifteen are taken at 0.05. */
Test(stats, false_discovery_takes_what_its_makers_did)
{
    double p[] = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                  0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
    enum { N = sizeof p / sizeof *p };
    stats_false_discovery(p, N);
    int taken = 0;
    for (int i = 0; i < N; i++) {
        taken += p[i] <= 0.05;
        cr_expect(p[i] <= 1 && (i == 0 || p[i] >= p[i - 1]), "in the order of p");
    }
    cr_expect_eq(taken, 4);
    expect_near(p[3], 0.0095 * 15 / 4);
}

Test(stats, false_discovery_keeps_the_order_it_was_given)
{
    double p[] = {0.5, 0.01, 0.02};
    stats_false_discovery(p, 3);
    expect_near(p[0], 0.5);
    expect_near(p[1], 0.03);
    expect_near(p[2], 0.03);
    stats_false_discovery(NULL, 0);
}

static double choose(int n, int k)
{
    double c = 1;
    for (int i = 1; i <= k; i++)
        c *= (double)(n - k + i) / i;
    return c;
}

Test(stats, the_binomial_tail_is_the_sum_of_its_terms)
{
    for (int n = 1; n <= 30; n++)
        for (int k = 0; k <= n; k++) {
            double q = 0.07, sum = 0;
            for (int i = k; i <= n; i++)
                sum += choose(n, i) * pow(q, i) * pow(1 - q, n - i);
            if (k > n * q)
                expect_near(stats_log_binomial_tail(k, n, q), log(sum));
        }
    cr_expect_lt(stats_log_binomial_tail(1000, 1e6, 1e-5), -2000);
    cr_expect_eq(stats_log_binomial_tail(0, 5, 0.5), 0);
    cr_expect_eq(stats_log_binomial_tail(3, 5, 0), -INFINITY);
}

Test(stats, dispersion_is_one_for_poisson_and_grows_with_clumps)
{
    enum { N = 4000 };
    double counts[N], clumped[N], exposure[N];
    srand(3);
    for (int i = 0; i < N; i++) {
        exposure[i] = 1;
        counts[i] = random_count(12);
        clumped[i] = 5 * random_count(2.4);
    }
    cr_expect_float_eq(stats_dispersion(counts, exposure, N), 1, 0.15);
    cr_expect_float_eq(stats_dispersion(clumped, exposure, N), 5, 1);
}

Test(stats, neither_a_drift_nor_a_burst_raises_dispersion)
{
    enum { N = 4000 };
    double counts[N], exposure[N];
    srand(4);
    for (int i = 0; i < N; i++) {
        exposure[i] = 1;
        counts[i] = random_count(8 + 0.004 * i) + (i > 2000 && i < 2020 ? 500 : 0);
    }
    cr_expect_float_eq(stats_dispersion(counts, exposure, N), 1, 0.15);
}

Test(stats, too_little_to_tell_is_taken_for_poisson)
{
    double counts[] = {1, 90, 1, 90}, exposure[] = {1, 1, 1, 1}, none[] = {0, 0, 0, 0};
    cr_expect_eq(stats_dispersion(counts, exposure, 4), 1);
    cr_expect_eq(stats_dispersion(counts, none, 4), 1);
    cr_expect_eq(stats_dispersion(NULL, NULL, 0), 1);
}
