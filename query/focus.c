/* focus.c - see focus.h. */
#include "query/focus.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* Whether the walk from a to b is steeper than (or as steep as) from b to c. */
static int steeper(const struct focus_start *a, const struct focus_start *b,
                   const struct focus_start *c)
{
    return (b->counted - a->counted) * (c->expected - b->expected) >=
           (c->counted - b->counted) * (b->expected - a->expected);
}

/* now becomes a start. One that lies above the line between its neighbours is never the best; the
 * first is never the best once the walk from it to the second rises by less than expected. */
static void push(struct focus *f)
{
    while (f->n > 1 && steeper(&f->starts[f->n - 2], &f->starts[f->n - 1], &f->now))
        f->n--;
    if (f->n == 1 && f->now.counted - f->starts[0].counted <=
                         f->now.expected - f->starts[0].expected)
        f->n = 0;
    f->starts = xgrow(f->starts, f->n, &f->cap, sizeof *f->starts);
    f->starts[f->n++] = f->now;
}

static double likelihood(double counted, double expected)
{
    return counted > expected ? counted * log(counted / expected) - (counted - expected) : 0;
}

double focus_add(struct focus *f, double counted, double expected, size_t *start)
{
    push(f);
    f->now.counted += counted;
    f->now.expected += expected;
    f->now.bin++;
    double best = 0;
    *start = f->now.bin;
    for (size_t i = 0; i < f->n; i++) {
        double l = likelihood(f->now.counted - f->starts[i].counted,
                              f->now.expected - f->starts[i].expected);
        if (l > best) {
            best = l;
            *start = f->starts[i].bin;
        }
    }
    return best;
}

void focus_reset(struct focus *f)
{
    f->n = 0;
    f->now = (struct focus_start){0};
}

void focus_release(struct focus *f)
{
    free(f->starts);
    *f = (struct focus){0};
}
