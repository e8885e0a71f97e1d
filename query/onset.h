/* onset.h - the moment at which a rate rose, from the times of the events around it. Pure.
 *
 * A step's likelihood is that of two rates, and of a ramp that of a rise as a power of time up to a
 * plateau; the interval holds every start whose likelihood, over all shapes, is within ONSET_DROP of
 * the best one's. */
#ifndef QUERY_ONSET_H
#define QUERY_ONSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct onset_window {
    const int64_t *at_us; /* at_us[0..n), ascending, all in [from_us, until_us) */
    size_t n;
    int64_t from_us, until_us;
    double before; /* usual events a second */
};

struct onset {
    int64_t at_us, earliest_us, latest_us;
    bool slow;       /* a ramp explains the times much better than a step */
    int64_t tick_us; /* the times are multiples of this: latest_us allows for it */
};

/* False when there is no event in the window, or the rate doesn't rise in it. */
bool onset_find(const struct onset_window *window, struct onset *out);

#endif
