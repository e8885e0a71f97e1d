/* focus.h - Poisson-FOCuS: over counts that come one bin at a time, and the counts expected in
 * them, the strongest rise that ends now, over every start and every size at once.
 *
 * K. Ward, G. Dilillo, I. Eckley, P. Fearnhead: Poisson-FOCuS, arXiv 2208.01494. For a rise by the
 * factor m that began at bin s the log-likelihood ratio is X ln(m) - B (m - 1), where X and B are
 * counted and expected since s. Only starts on the lower convex hull of the walk (B, X) can be the
 * best for any m > 1, and those are few (about the logarithm of the bins). */
#ifndef QUERY_FOCUS_H
#define QUERY_FOCUS_H

#include <stddef.h>

struct focus_start {
    double expected, counted; /* the walk's place when the start was now */
    size_t bin;
};

/* Zero is a valid, empty one. */
struct focus {
    struct focus_start *starts; /* starts[0..n): the hull */
    size_t n, cap;
    struct focus_start now;
};

/* Adds a bin (expected > 0) and returns the largest log-likelihood ratio, 0 when nothing rose.
 * *start is then the bin in which that rise began, counted from the first one added. */
double focus_add(struct focus *f, double counted, double expected, size_t *start);
void focus_reset(struct focus *f); /* as if no bin had come; keeps its memory */
void focus_release(struct focus *f);

#endif
