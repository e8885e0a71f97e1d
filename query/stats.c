/* stats.c - see stats.h. */
#include "query/stats.h"

#include <math.h>
#include <stdlib.h>

static double term(double observed, double expected)
{
    return observed > 0 ? observed * log(observed / expected) : 0;
}

double stats_g2(double a, double exposure_a, double b, double exposure_b)
{
    double rate = (a + b) / (exposure_a + exposure_b);
    if (!(rate > 0) || !(exposure_a > 0) || !(exposure_b > 0))
        return 0;
    double g2 = 2 * (term(a, rate * exposure_a) + term(b, rate * exposure_b));
    return g2 > 0 ? g2 : 0;
}

double stats_chi2_p(double g2)
{
    return g2 <= 0 ? 1 : erfc(sqrt(g2 / 2));
}

static int by_value(const void *a, const void *b)
{
    const double *const *x = a, *const *y = b;
    return (**x > **y) - (**x < **y);
}

void stats_false_discovery(double *p, size_t n)
{
    double **order = malloc((n ? n : 1) * sizeof *order);
    if (!order)
        abort();
    for (size_t i = 0; i < n; i++)
        order[i] = &p[i];
    qsort(order, n, sizeof *order, by_value);
    double least = 1;
    for (size_t i = n; i-- > 0;) {
        double q = *order[i] * (double)n / (double)(i + 1);
        least = q < least ? q : least;
        *order[i] = least;
    }
    free(order);
}

double stats_log_binomial_tail(double k, double n, double q)
{
    if (k <= n * q || k <= 0)
        return k <= 0 ? 0 : log(0.5); /* not in the upper tail: nothing to show */
    if (q <= 0 || k > n)
        return -INFINITY;
    if (q >= 1)
        return 0;
    double first = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(q) +
                   (n - k) * log1p(-q);
    double sum = 1, ratio = 1, odds = q / (1 - q);
    for (double i = k; i < n && ratio > 1e-12 * sum; i++) {
        ratio *= (n - i) / (i + 1) * odds;
        sum += ratio;
    }
    double p = first + log(sum);
    return p < 0 ? p : 0;
}

static int by_double(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* For Poisson counts (x - y)^2 / (x + y) has mean 1 and, for large counts, the distribution of
 * chi-squared with one degree of freedom, of which the lower nine tenths have mean 0.623. */
double stats_dispersion(const double *counts, const double *exposure, size_t n)
{
    enum { PAIRS_LEAST = 20 };
    const double sum_least = 8, kept = 0.9, kept_mean = 0.623;
    double *ratio = malloc((n ? n : 1) * sizeof *ratio);
    if (!ratio)
        abort();
    size_t pairs = 0;
    double x = 0, y = 0;
    /* Neighbouring bins are joined until both together hold enough to be far from "0 or 1". */
    for (size_t i = 0, half = 1, filled = 0; i < n; i++) {
        if (exposure[i] < 0.5)
            continue;
        *(filled < half ? &x : &y) += counts[i];
        if (++filled < 2 * half)
            continue;
        if (x + y >= sum_least)
            ratio[pairs++] = (x - y) * (x - y) / (x + y);
        else if (half < 64)
            half *= 2;
        x = y = 0;
        filled = 0;
    }
    double sum = 0;
    size_t used = (size_t)(kept * (double)pairs);
    qsort(ratio, pairs, sizeof *ratio, by_double);
    for (size_t i = 0; i < used; i++)
        sum += ratio[i];
    free(ratio);
    double phi = pairs < PAIRS_LEAST ? 1 : sum / (double)used / kept_mean;
    return phi > 1 ? phi : 1;
}
