/* onset.c - see onset.h. */
#include "query/onset.h"

#include "base/civil.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* An exponential gap is longer than this many times its mean once in twenty. */
static const double ONSET_DROP = 3;
static const double SLOW_EVIDENCE = 2; /* steps are more usual than ramps */
enum { STARTS = 40, DURATIONS = 10, EVENTS_MOST = 400 };
static const double RAMP_LEAST_S = 20;
static const double powers[] = {1, 2};
enum { POWERS = sizeof powers / sizeof *powers };

static double seconds(int64_t us)
{
    return (double)us / (double)US_PER_S;
}

/* ---- a step ---- */

static double term(double n, double s)
{
    return n > 0 && s > 0 ? n * log(n / s) : 0;
}

/* The likelihood of a step at at_us, with k events before it; -INFINITY when it goes down. */
static double step_likelihood(const struct onset_window *w, size_t k, int64_t at_us)
{
    double a = seconds(at_us - w->from_us), b = seconds(w->until_us - at_us);
    double n = (double)(w->n - k);
    if (b <= 0 || (a > 0 && (double)k / a >= n / b))
        return -INFINITY;
    return term((double)k, a) + term(n, b);
}

/* The earliest start between event k - 1 and event k that is likely enough: within a gap, the
 * likelihood rises towards its end. */
static int64_t earliest_in_gap(const struct onset_window *w, size_t k, double least)
{
    int64_t low = k ? w->at_us[k - 1] : w->from_us, high = w->at_us[k];
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        *(step_likelihood(w, k, middle) >= least ? &high : &low) = middle;
    }
    return high;
}

static double find_step(const struct onset_window *w, struct onset *out)
{
    double best = -INFINITY;
    for (size_t k = 0; k < w->n; k++) {
        double l = step_likelihood(w, k, w->at_us[k]);
        if (l > best) {
            best = l;
            out->at_us = w->at_us[k];
        }
    }
    bool first = true;
    for (size_t k = 0; k < w->n && best > -INFINITY; k++) {
        if (step_likelihood(w, k, w->at_us[k]) < best - ONSET_DROP)
            continue;
        if (first)
            out->earliest_us = earliest_in_gap(w, k, best - ONSET_DROP);
        out->latest_us = w->at_us[k];
        first = false;
    }
    return best;
}

/* ---- a ramp ---- */

struct ramp {
    double duration_s, power;
};

/* The likelihood of a ramp that begins at at_us, its height being the one that explains the number
 * of events. Without a duration it is a step. */
static double ramp_likelihood(const struct onset_window *w, int64_t at_us, struct ramp ramp)
{
    double length = seconds(w->until_us - at_us), d = ramp.duration_s, p = ramp.power;
    double area = length < d ? length * pow(length / d, p) / (p + 1) : length - d + d / (p + 1);
    size_t k = 0;
    while (k < w->n && w->at_us[k] < at_us)
        k++;
    double before = w->before;
    double height = ((double)(w->n - k) - before * length) / area;
    if (height <= 0)
        return -INFINITY;
    double l = (double)k * log(before) - before * seconds(w->until_us - w->from_us) - height * area;
    double product = 1; /* of a few rates: a logarithm costs more than all else */
    for (size_t i = k; i < w->n; i++) {
        double x = seconds(w->at_us[i] - at_us) / d;
        double shape = x >= 1 || d <= 0 ? 1 : p > 1 ? x * x : x;
        product *= before + height * shape;
        if (i % 8 == 0) {
            l += log(product);
            product = 1;
        }
    }
    return l + log(product);
}

/* The best over all durations and powers. */
static double ramps_likelihood(const struct onset_window *w, int64_t at_us)
{
    double best = -INFINITY, most = seconds(w->until_us - at_us);
    double factor = pow(most / RAMP_LEAST_S, 1.0 / (DURATIONS - 1));
    for (int p = 0; p < POWERS; p++) {
        double d = RAMP_LEAST_S;
        for (int i = 0; i < DURATIONS; i++, d *= factor)
            best = fmax(best, ramp_likelihood(w, at_us, (struct ramp){d, powers[p]}));
    }
    return best;
}

struct profile {
    int64_t at_us[STARTS];
    double likelihood[STARTS];
    double best;
    int64_t best_us;
};

static void profile(const struct onset_window *w, int64_t from_us, int64_t until_us,
                    struct profile *out)
{
    out->best = -INFINITY;
    for (int i = 0; i < STARTS; i++) {
        out->at_us[i] = from_us + (until_us - from_us) * i / (STARTS - 1);
        out->likelihood[i] = ramps_likelihood(w, out->at_us[i]);
        if (out->likelihood[i] > out->best) {
            out->best = out->likelihood[i];
            out->best_us = out->at_us[i];
        }
    }
}

/* Takes into the interval where a ramp may have begun, and into the onset where that is likelier than
 * the step. First over the whole window, then around what is likely. */
static void find_ramp(const struct onset_window *w, struct onset *out)
{
    struct profile p;
    double as_step = -INFINITY;
    for (size_t k = 0; k < w->n; k++)
        as_step = fmax(as_step, ramp_likelihood(w, w->at_us[k], (struct ramp){0, 1}));
    int64_t from = w->from_us, until = out->latest_us;
    double least = 0, best = 0;
    for (int round = 0; round < 2; round++) {
        profile(w, from, until, &p);
        best = p.best - SLOW_EVIDENCE;
        least = fmax(best, as_step) - ONSET_DROP + SLOW_EVIDENCE;
        if (p.best < least)
            return;
        int low = 0, high = STARTS - 1;
        while (p.likelihood[low] < least)
            low++;
        while (p.likelihood[high] < least)
            high--;
        from = p.at_us[low > 0 ? low - 1 : 0];
        until = p.at_us[high < STARTS - 1 ? high + 1 : STARTS - 1];
    }
    bool step_too = as_step >= least - SLOW_EVIDENCE;
    out->earliest_us = step_too && out->earliest_us < from ? out->earliest_us : from;
    out->latest_us = step_too ? out->latest_us : until;
    out->slow = best > as_step;
    if (out->slow)
        out->at_us = p.best_us;
}

/* The largest of these that all times are multiples of. */
static int64_t tick_of(const struct onset_window *w)
{
    static const int64_t ticks[] = {60 * US_PER_S, US_PER_S, US_PER_S / 10, US_PER_S / 100,
                                    US_PER_S / 1000};
    enum { TICKS = sizeof ticks / sizeof *ticks, EVENTS_TELLING = 5 };
    for (size_t i = 0; i < TICKS && w->n >= EVENTS_TELLING; i++) {
        size_t k = 0;
        while (k < w->n && w->at_us[k] % ticks[i] == 0)
            k++;
        if (k == w->n)
            return ticks[i];
    }
    return 1;
}

/* Every so manieth event, so that a ramp is looked for among EVENTS_MOST at most; the shape stays. */
static void thin(const struct onset_window *window, int64_t kept[EVENTS_MOST],
                 struct onset_window *out)
{
    size_t every = (window->n + EVENTS_MOST - 1) / EVENTS_MOST;
    *out = *window;
    out->at_us = kept;
    out->n = 0;
    out->before /= (double)every;
    for (size_t i = every - 1; i < window->n; i += every)
        kept[out->n++] = window->at_us[i];
}

bool onset_find(const struct onset_window *window, struct onset *out)
{
    int64_t kept[EVENTS_MOST];
    struct onset_window thinned;
    *out = (struct onset){.tick_us = tick_of(window)};
    if (find_step(window, out) == -INFINITY)
        return false;
    if (window->before > 0) {
        thin(window, kept, &thinned);
        find_ramp(&thinned, out);
    }
    if (out->tick_us >
        1) /* a clock that cuts digits off tells the time by up to a tick too early */
        out->latest_us += out->tick_us - 1;
    return true;
}
