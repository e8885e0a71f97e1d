/* episode.h - when a series of counts ran above what it used to be. Pure.
 *
 * Detection is Poisson-FOCuS (focus.h) against a baseline that follows the series: the rate of the
 * hour before, at some distance, without the bins of earlier episodes. An episode ends when the
 * counts fall back, or is taken as the new usual after two hours. */
#ifndef QUERY_EPISODE_H
#define QUERY_EPISODE_H

#include <stdbool.h>
#include <stddef.h>

struct counts {
    const double *n; /* n[0..bins) */
    size_t bins;
    double bin_s;
    double threshold; /* log-likelihood ratio, over the dispersion, from which on a rise counts */
};

struct episode {
    size_t start, end; /* [start, end) in bins */
    bool fallen;       /* it ended by itself; else it goes on, or was the new usual from end on */
    double before;     /* usual count of a bin before it */
    double counted, expected;
    double evidence; /* the largest log-likelihood ratio over the dispersion */
};

/* Fills out[0..max) in order of time and returns how many there are; beyond max the last ones are
 * left out. */
size_t episodes_find(const struct counts *counts, struct episode *out, size_t max);

#endif
