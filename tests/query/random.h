/* random.h - random numbers that are the same in every run, for what the tests of this folder draw. */
#ifndef TESTS_QUERY_RANDOM_H
#define TESTS_QUERY_RANDOM_H

#include <math.h>
#include <stdlib.h>

static inline double random_unit(void)
{
    return (double)rand() / ((double)RAND_MAX + 1);
}

/* Poisson by multiplying uniforms: rates here are small. */
static inline double random_count(double rate)
{
    double p = random_unit(), limit = exp(-rate);
    int n = 0;
    for (; p > limit; n++)
        p *= random_unit();
    return n;
}

#endif
