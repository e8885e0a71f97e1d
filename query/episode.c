/* episode.c - see episode.h. */
#include "query/episode.h"

#include "base/mem.h"
#include "query/focus.h"
#include "query/stats.h"

#include <math.h>
#include <stdlib.h>

static const double WINDOW_S = 3600;  /* the baseline is the rate of this long */
static const double LAG_S = 300;      /* ... this long ago, so that a rise isn't its own baseline */
static const double PRIOR_S = 900;    /* weight of the whole history beside the window's, at most */
static const double DOUBT = 1.5;      /* standard deviations by which the history may be too low */
static const double BURN_IN_S = 120;  /* nothing is judged before there is this much history */
static const double SETTLED_S = 7200; /* an episode this long is the new usual */
static const double FALL_S = 1800;    /* a fall is looked for in at most this long */
static const double FALL_EVIDENCE = 8;
static const double RATIO_LEAST = 1.5; /* smaller rises are the day's course */
static const double EXCESS_LEAST = 7;  /* events more than usual */
static const double FOOT_EVIDENCE = 6; /* what comes right before a rise belongs to it */
static const double FOOT_SHARE = 0.1;  /* ... unless it is far smaller than the rise */

struct walk {
    const struct counts *counts;
    struct focus focus;
    double dispersion;
    double *n, *s;  /* sums of counts and of seconds over bins [0..i) that are no episode's */
    size_t history; /* bins before it are forgotten: a new usual began here */
    size_t judged;  /* bins before it belong to an episode, or are too early to judge */
};

static size_t bins_of(const struct walk *w, double seconds)
{
    return (size_t)(seconds / w->counts->bin_s + 0.5);
}

/* The usual count of bin i. A gamma prior from the whole history steadies the window's rate, and
 * doubt adds to it what the history, being short or clumped, may have missed. */
static double baseline(const struct walk *w, size_t i, double doubt)
{
    size_t lag = bins_of(w, LAG_S), window = bins_of(w, WINDOW_S), past = i - w->history;
    size_t to = i - (lag < past / 2 ? lag : past / 2);
    size_t from = to > w->history + window ? to - window : w->history;
    double all_n = w->n[to] - w->n[w->history], all_s = w->s[to] - w->s[w->history];
    double prior_s = fmin(all_s, PRIOR_S), usual = (all_n + 0.5) / fmax(all_s, w->counts->bin_s);
    double n = w->n[to] - w->n[from] + usual * prior_s;
    double s = fmax(w->s[to] - w->s[from] + prior_s, w->counts->bin_s);
    return (n + doubt * sqrt(w->dispersion * n)) / s * w->counts->bin_s;
}

/* History grows by bin i, or stands still where the bin is an episode's. */
static void learn(struct walk *w, size_t i, bool usual)
{
    w->n[i + 1] = w->n[i] + (usual ? w->counts->n[i] : 0);
    w->s[i + 1] = w->s[i] + (usual ? w->counts->bin_s : 0);
}

static double sum(const struct walk *w, size_t from, size_t to)
{
    double n = 0;
    for (size_t i = from; i < to; i++)
        n += w->counts->n[i];
    return n;
}

/* The log-likelihood ratio of counted against expected. */
static double ratio_evidence(double counted, double expected)
{
    return (counted > 0 ? counted * log(counted / expected) : 0) - counted + expected;
}

/* The rise that ends with bin i, when it is one: by how much, how often and how surely. */
static bool rises(struct walk *w, size_t i, struct episode *out)
{
    size_t start = 0, first = w->judged;
    double evidence =
        focus_add(&w->focus, w->counts->n[i], baseline(w, i, DOUBT), &start) / w->dispersion;
    if (evidence < w->counts->threshold)
        return false;
    start += first;
    double before = baseline(w, start, 0), n = (double)(i + 1 - start);
    double counted = sum(w, start, i + 1), expected = before * n;
    *out = (struct episode){.start = start, .before = before, .evidence = evidence};
    return counted >= expected + EXCESS_LEAST && counted >= expected * RATIO_LEAST;
}

/* Whether the episode is over at bin i: the last bins hold far less than its rate so far. */
static bool falls(const struct walk *w, const struct episode *e, size_t i, size_t *end)
{
    size_t most = bins_of(w, FALL_S);
    double best = FALL_EVIDENCE, last = 0;
    bool fallen = false;
    for (size_t k = 1; k <= most && i + 1 - k > e->start; k++) {
        size_t from = i + 1 - k;
        last += w->counts->n[from];
        double bins = (double)(from - e->start), level = (e->counted - last) / bins;
        if (last > (e->before + 0.2 * (level - e->before)) * (double)k)
            continue;
        double evidence = ratio_evidence(last, level * (double)k) / w->dispersion;
        if (evidence > best) {
            best = evidence;
            fallen = true;
            *end = from;
        }
    }
    return fallen;
}

/* Goes on from the alarm at bin `alarm` to the episode's end; returns the next bin to judge. */
static size_t follow(struct walk *w, struct episode *e, size_t alarm)
{
    size_t bins = w->counts->bins, settled = e->start + bins_of(w, SETTLED_S), i = alarm;
    e->counted = sum(w, e->start, alarm);
    e->end = bins;
    for (; i < bins; i++) {
        e->counted += w->counts->n[i];
        double expected = e->before * (double)(i + 1 - e->start);
        double evidence = e->counted > expected ? ratio_evidence(e->counted, expected) : 0;
        e->evidence = fmax(e->evidence, evidence / w->dispersion);
        if (falls(w, e, i, &e->end)) {
            e->fallen = true;
            break;
        }
        if (i + 1 >= settled)
            break;
    }
    size_t next = i < bins ? i + 1 : bins;
    for (size_t j = e->start; j < next; j++)
        learn(w, j, e->fallen && j >= e->end);
    if (!e->fallen && next < bins) { /* settled: from now on this is usual */
        e->end = next;
        w->history = e->start;
        for (size_t j = e->start; j < next; j++)
            learn(w, j, true);
    }
    return next;
}

/* What rose a little, right before bin `to`, belongs to the rise: a ramp's foot. */
static size_t foot_before(const struct walk *w, size_t from, size_t to, double before)
{
    size_t foot = to;
    double n = 0, best = FOOT_EVIDENCE;
    for (size_t i = to; i-- > from && to - i <= bins_of(w, FALL_S);) {
        n += w->counts->n[i];
        double expected = before * (double)(to - i);
        double evidence = n > expected ? ratio_evidence(n, expected) / w->dispersion : 0;
        if (evidence > best) {
            best = evidence;
            foot = i;
        }
    }
    return foot;
}

/* Where the episode's rate changes most, when what is before is only a small part of what follows:
 * then that was a rise of its own, and the episode begins here. */
static bool step_inside(const struct walk *w, struct episode *e, size_t until)
{
    double best = w->counts->threshold, n = 0, all = sum(w, e->start, until);
    size_t step = 0;
    for (size_t i = e->start + 1; i < until; i++) {
        n += w->counts->n[i - 1];
        double a = (double)(i - e->start), b = (double)(until - i);
        double evidence = stats_g2(n, a, all - n, b) / 2 / w->dispersion;
        if (evidence > best && (n / a - e->before) < FOOT_SHARE * ((all - n) / b - e->before)) {
            best = evidence;
            step = i;
        }
    }
    if (step == 0 || (double)(step - e->start) * w->counts->bin_s < LAG_S)
        return false;
    e->before = fmax(e->before, sum(w, e->start, step) / (double)(step - e->start));
    e->start = step;
    return true;
}

static void date(const struct walk *w, struct episode *e, size_t judged)
{
    size_t hour = bins_of(w, WINDOW_S);
    e->start = foot_before(w, judged, e->start, e->before);
    while (step_inside(w, e, e->end < e->start + hour ? e->end : e->start + hour))
        ;
    e->counted = sum(w, e->start, e->end);
    e->expected = e->before * (double)(e->end - e->start);
}

static double dispersion_of(const struct counts *counts)
{
    double *exposure = xcalloc(counts->bins, sizeof *exposure);
    for (size_t i = 0; i < counts->bins; i++)
        exposure[i] = 1;
    double d = stats_dispersion(counts->n, exposure, counts->bins);
    free(exposure);
    return d;
}

size_t episodes_find(const struct counts *counts, struct episode *out, size_t max)
{
    struct walk w = {.counts = counts,
                     .dispersion = dispersion_of(counts),
                     .n = xcalloc(counts->bins + 1, sizeof *w.n),
                     .s = xcalloc(counts->bins + 1, sizeof *w.s)};
    struct episode e;
    size_t found = 0, burn_in = bins_of(&w, BURN_IN_S) + 1;
    for (size_t i = 0; i < counts->bins;) {
        if (i < burn_in)
            w.judged = i + 1;
        if (i < burn_in || !rises(&w, i, &e)) {
            learn(&w, i, true);
            i++;
            continue;
        }
        size_t judged = w.judged;
        i = w.judged = follow(&w, &e, i);
        focus_reset(&w.focus);
        date(&w, &e, judged);
        if (found < max)
            out[found++] = e;
    }
    focus_release(&w.focus);
    free(w.n);
    free(w.s);
    return found;
}
