/* stats.h - the few statistics that answers rest on. Pure; natural logarithms throughout. */
#ifndef QUERY_STATS_H
#define QUERY_STATS_H

#include <stddef.h>

/* Dunning's log-likelihood ratio for two Poisson counts over exposures (seconds) that may differ:
 * 2 * sum(observed * ln(observed / expected)) under one common rate. (T. Dunning, Accurate methods
 * for the statistics of surprise and coincidence, Computational Linguistics 19, 1993.) */
double stats_g2(double a, double exposure_a, double b, double exposure_b);
/* The chance of at least g2 from a chi-squared variable with one degree of freedom. */
double stats_chi2_p(double g2);
/* Benjamini and Hochberg's correction: p[0..n) to the false-discovery rate at which each would
 * just be taken, in place, in the same order. */
void stats_false_discovery(double *p, size_t n);
/* ln of the chance of k or more successes of n with probability q each. */
double stats_log_binomial_tail(double k, double n, double q);
/* How much counts vary beyond Poisson's variance (1: not at all), from neighbours' differences,
 * so that neither a drift nor a few bursts raise it. Skips bins with exposure[i] < 0.5. */
double stats_dispersion(const double *counts, const double *exposure, size_t n);

#endif
