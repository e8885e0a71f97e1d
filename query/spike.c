/* spike.c - which stream broke first, and when.
 *
 *   counts a track (stream, reason, leg) ─► episodes (episode.h) ─► rises
 *   rises that go on, near each other in time ─► the incident: the weightiest such group
 *   the incident's rises ─► onsets on the events' own times (spike_date.c) ─► each stream's first
 *
 * A rise that ended by itself within minutes, or came from one client, is a scanner's or a probe's:
 * it is told, but doesn't begin an incident, unless streams rose together and nothing else did. */
#include "query/spike.h"

#include <math.h>
#include <stdlib.h>

enum { EPISODES_MOST = 64, PEER_EVENTS = 500 };
static const int64_t LOOK_BACK_US = 7 * DAY_US;      /* without --since */
static const int64_t HISTORY_US = 6 * HOUR_US;       /* before --since, to know what is usual */
static const int64_t BURST_US = 10 * MINUTE_US;      /* what ends sooner is a burst */
static const int64_t NEIGHBOURS_US = 15 * MINUTE_US; /* rises of one incident follow in this time */
static const int64_t TOGETHER_US = 2 * MINUTE_US;    /* bursts of one incident, in this */
static const int64_t LASTING_US = 5 * MINUTE_US;     /* one stream's burst that lasts is no scan */
static const int64_t APART_US = 5 * MINUTE_US;       /* a weak rise so long before is no part of it */
static const double WEAK = 0.05;                     /* of the others' strongest */
static const double OVER = 0.5; /* what is over weighs this much beside what goes on */
static const double FALSE_ALARM = 1e-5;
static const double SHARE_LEAST = 0.1; /* of a stream's largest rise: smaller ones don't date it */
static const double ONE_PEER = 0.8;

static size_t track_number(const struct event *e)
{
    return (size_t)e->reason * LEG_COUNT + (size_t)e->leg;
}

/* ---- counts ---- */

struct gathering {
    struct spike *q;
    struct hop *hop;
};

static int on_seen(void *context, const struct seen *seen)
{
    struct gathering *g = context;
    struct spike *q = g->q;
    const struct event *event = seen->event;
    struct track **track = &g->hop->tracks[track_number(event)];
    if (seen->at_us < q->from_us || seen->at_us >= q->until_us)
        return 0;
    if (!*track) {
        *track = arena_alloc(&q->arena, sizeof **track);
        **track = (struct track){.reason = event->reason,
                                 .leg = event->leg,
                                 .n = arena_alloc(&q->arena, q->bins * sizeof *(*track)->n)};
        memset((*track)->n, 0, q->bins * sizeof *(*track)->n);
        q->n_tracks++;
    }
    (*track)->n[(seen->at_us - q->from_us) / q->bin_us] += (double)seen->count;
    g->hop->total += (double)seen->count;
    return 0;
}

static int gather(struct spike *q, struct err *err)
{
    struct count_span span = {q->from_us, q->until_us, q->level_s, false};
    for (size_t i = 0; i < q->n_hops; i++) {
        struct gathering g = {q, &q->hops[i]};
        if (slice_walk(q->store, q->hops[i].slice, &span, on_seen, &g, err) != 0)
            return err->code;
    }
    return 0;
}

/* ---- one client ---- */

const bool *rise_series(struct spike *q, const struct rise *r)
{
    const struct slice *slice = q->hops[r->hop].slice;
    bool *of_it = arena_alloc(&q->arena, slice->n_series + 1);
    for (size_t i = 0; i < slice->n_series; i++)
        of_it[i] = slice->series[i] && track_has(r->track, &slice->series[i]->event);
    return of_it;
}

struct peers {
    struct keys keys;
    size_t counts[PEER_EVENTS], n;
};

static int on_peer(void *context, int64_t id, const struct event *event)
{
    struct peers *p = context;
    (void)id;
    p->counts[keys_add(&p->keys, peer_address(event->peer))]++;
    return ++p->n == PEER_EVENTS;
}

/* Sets the peer that nearly all of what the rise has more than usual comes from, if one does. */
static int find_client(struct spike *q, struct rise *rise, struct err *err)
{
    const struct slice *slice = q->hops[rise->hop].slice;
    struct peers p = {0};
    struct event_query query = slice_query(slice, rise->start_us, rise->end_us);
    query.series = rise_series(q, rise);
    int rc = store_events(q->store, slice->stream, &query, on_peer, &p, err);
    double more = (double)p.n * rise->excess / fmax(rise->episode.counted, 1);
    for (size_t i = 0; i < p.keys.n; i++)
        if (p.keys.text[i].n && (double)p.counts[i] >= ONE_PEER * more)
            rise->client = arena_copy(&q->arena, p.keys.text[i]);
    keys_release(&p.keys);
    return rc;
}

/* ---- rises ---- */

static int by_start(const void *a, const void *b)
{
    const struct rise *x = a, *y = b;
    return (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

/* The first bin that the hop's logs reach over: before it, nothing is no zero. */
static size_t first_bin(const struct spike *q, const struct hop *hop)
{
    int64_t from = hop->slice->lines_from_us;
    if (from == TIME_NONE || from > hop->slice->first_us)
        from = hop->slice->first_us;
    size_t bin = from > q->from_us ? (size_t)((from - q->from_us) / q->bin_us) : 0;
    return bin < q->bins ? bin : q->bins;
}

static void add_rises(struct spike *q, size_t hop, const struct track *track)
{
    struct episode found[EPISODES_MOST];
    size_t first = first_bin(q, &q->hops[hop]);
    struct counts counts = {track->n + first, q->bins - first, (double)q->bin_us / (double)US_PER_S,
                            log((double)q->bins * (double)q->n_tracks / FALSE_ALARM)};
    size_t n = episodes_find(&counts, found, EPISODES_MOST);
    int64_t floor_us = q->from_us + (int64_t)first * q->bin_us;
    for (size_t i = 0; i < n; i++) {
        struct episode *e = &found[i];
        e->start += first;
        e->end += first;
        q->rises = xgrow(q->rises, q->n, &q->cap, sizeof *q->rises);
        q->rises[q->n++] = (struct rise){
            .hop = hop,
            .track = track,
            .episode = *e,
            .start_us = q->from_us + (int64_t)e->start * q->bin_us,
            .end_us = q->from_us + (int64_t)e->end * q->bin_us,
            .floor_us = floor_us,
            .excess = e->counted - e->expected,
            .burst = e->fallen && (int64_t)(e->end - e->start) * q->bin_us < BURST_US,
        };
        floor_us = q->rises[q->n - 1].end_us;
    }
}

static int find_rises(struct spike *q, struct err *err)
{
    for (size_t h = 0; h < q->n_hops; h++)
        for (size_t t = 0; t < TRACKS; t++)
            if (q->hops[h].tracks[t])
                add_rises(q, h, q->hops[h].tracks[t]);
    qsort(q->rises, q->n, sizeof *q->rises, by_start);
    for (size_t i = 0; i < q->n; i++) {
        struct rise *r = &q->rises[i];
        if (!r->episode.fallen || r->track->leg == LEG_upstream)
            continue;
        if (find_client(q, r, err) != 0)
            return err->code;
        r->burst = r->burst || r->client.p;
    }
    return 0;
}

/* ---- the incident ---- */

enum rise_kind {
    RISE_lasting, /* goes on, or did for long */
    RISE_burst,
    RISE_client, /* ended by itself and came from one client */
};

static enum rise_kind kind_of(const struct rise *r)
{
    return !r->burst ? RISE_lasting : r->client.p ? RISE_client : RISE_burst;
}

/* Rises [from..to) of a kind, each within gap of the one before. */
struct group {
    size_t from, to;
    double weight;
    size_t hops;
};

/* What each hop's strongest rise weighs; one that goes on counts double. */
static void weigh(const struct spike *q, struct group *g, enum rise_kind kind)
{
    double *best = xcalloc(q->n_hops, sizeof *best);
    for (size_t i = g->from; i < g->to; i++) {
        const struct rise *r = &q->rises[i];
        double weight = log1p(r->episode.evidence) * (r->episode.fallen ? 1 : 2);
        if (kind_of(r) == kind && r->start_us >= q->since_us)
            best[r->hop] = fmax(best[r->hop], weight);
    }
    for (size_t h = 0; h < q->n_hops; h++) {
        g->weight += best[h];
        g->hops += best[h] > 0;
    }
    free(best);
}

static struct group heaviest(const struct spike *q, enum rise_kind kind)
{
    struct group best = {.weight = 0};
    int64_t gap = kind == RISE_burst ? TOGETHER_US : NEIGHBOURS_US;
    for (size_t i = 0; i < q->n;) {
        struct group g = {.from = i};
        int64_t last = q->rises[i].start_us;
        for (; i < q->n && q->rises[i].start_us - last <= gap; i++)
            if (kind_of(&q->rises[i]) == kind)
                last = q->rises[i].start_us;
        g.to = i;
        weigh(q, &g, kind);
        if (g.weight > best.weight)
            best = g;
    }
    return best;
}

/* Whether a group of bursts can be an incident that is over: streams broke together, or one did for a
 * while. */
static bool plausible(const struct spike *q, const struct group *g)
{
    bool lasting = g->hops > 1;
    for (size_t i = g->from; i < g->to; i++)
        lasting = lasting || (kind_of(&q->rises[i]) == RISE_burst &&
                              q->rises[i].end_us - q->rises[i].start_us >= LASTING_US);
    return lasting;
}

/* What fails a little more since some minutes before the others do, in one stream only, is none of
 * theirs. */
static void drop_precursor(struct spike *q, const struct group *g)
{
    const struct rise *first = NULL, *second = NULL;
    double most = 0;
    for (size_t i = g->from; i < g->to; i++) {
        const struct rise *r = &q->rises[i];
        if (!r->in_incident)
            continue;
        if (!first)
            first = r;
        else if (!second)
            second = r;
        if (r != first)
            most = fmax(most, r->excess / (double)(r->end_us - r->start_us));
    }
    if (second && second->start_us - first->start_us > APART_US &&
        first->excess / (double)(first->end_us - first->start_us) < WEAK * most)
        q->rises[first - q->rises].in_incident = false;
}

static void choose(struct spike *q)
{
    struct group g = heaviest(q, RISE_lasting), over = heaviest(q, RISE_burst);
    enum rise_kind kind = RISE_lasting;
    if (over.weight * OVER > g.weight && plausible(q, &over)) {
        kind = RISE_burst;
        g = over;
    }
    bool begun = false; /* a burst after the beginning may be a hop that gave up soon */
    for (size_t i = g.from; g.weight > 0 && i < g.to; i++) {
        struct rise *r = &q->rises[i];
        r->in_incident = r->start_us >= q->since_us &&
                         (kind_of(r) == kind || (begun && kind_of(r) == RISE_burst));
        begun = begun || r->in_incident;
    }
    drop_precursor(q, &g);
}

/* ---- each hop's first ---- */

/* The hop's first rise, or its largest where the two may have begun together. */
static const struct rise *first_of(const struct spike *q, size_t hop)
{
    const struct rise *first = NULL, *largest = NULL;
    for (size_t i = 0; i < q->n; i++) {
        const struct rise *r = &q->rises[i];
        if (!r->dated || r->hop != hop)
            continue;
        if (!first || r->onset.at_us < first->onset.at_us)
            first = r;
        if (!largest || r->excess > largest->excess)
            largest = r;
    }
    return first && largest->onset.earliest_us <= first->onset.latest_us ? largest : first;
}

static int date_hops(struct spike *q, struct err *err)
{
    double *largest = xcalloc(q->n_hops, sizeof *largest);
    int rc = 0;
    for (size_t i = 0; i < q->n; i++)
        if (q->rises[i].in_incident)
            largest[q->rises[i].hop] = fmax(largest[q->rises[i].hop], q->rises[i].excess);
    for (size_t i = 0; rc == 0 && i < q->n; i++) {
        struct rise *r = &q->rises[i];
        if (r->in_incident && r->excess >= SHARE_LEAST * largest[r->hop])
            rc = spike_date(q, r, err);
    }
    for (size_t h = 0; h < q->n_hops; h++)
        q->hops[h].first = first_of(q, h);
    free(largest);
    return rc;
}

/* ---- the question ---- */

/* How far back to look, and in bins of which width. */
static bool set_span(struct spike *q)
{
    enum { FINE_EVENTS = 1000000 };
    int64_t first, last;
    uint64_t stored = 0;
    struct selection all = *q->sel;
    all.since_us = TIME_NONE;
    for (size_t i = 0; i < q->n_hops; i++)
        stored += q->slices[i].stored;
    if (!slices_span(&all, q->slices, q->n_hops, &first, &last))
        return false;
    for (size_t i = 0; i < q->n_hops; i++) {
        const struct slice *s = &q->slices[i];
        if (s->lines_from_us != TIME_NONE && s->lines_from_us < first)
            first = s->lines_from_us;
        if (q->sel->until_us == TIME_NONE && s->lines_until_us >= last)
            last = s->lines_until_us + 1;
    }
    q->until_us = last;
    q->since_us = q->sel->since_us != TIME_NONE ? q->sel->since_us : last - LOOK_BACK_US;
    q->from_us = q->since_us - HISTORY_US > first ? q->since_us - HISTORY_US : first;
    q->older = q->sel->since_us == TIME_NONE && first < q->since_us;
    int64_t span = q->until_us - q->from_us;
    if (span <= 0)
        return false;
    q->level_s = span > 30 * DAY_US ? 3600 : span > 6 * HOUR_US || stored > FINE_EVENTS ? 60 : 1;
    q->bin_us = q->level_s == 1 ? 10 * US_PER_S : q->level_s * US_PER_S;
    q->from_us = civil_floor(q->from_us, q->bin_us);
    q->bins = (size_t)((q->until_us - q->from_us + q->bin_us - 1) / q->bin_us);
    return true;
}

static int open_hops(struct spike *q, struct err *err)
{
    if (slices_open(q->store, q->sel, &q->arena, &q->slices, &q->n_hops, err) != 0)
        return err->code;
    q->hops = xcalloc(q->n_hops, sizeof *q->hops);
    for (size_t i = 0; i < q->n_hops; i++) {
        q->hops[i].slice = &q->slices[i];
        q->hops[i].tracks = arena_alloc(&q->arena, TRACKS * sizeof *q->hops[i].tracks);
        memset(q->hops[i].tracks, 0, TRACKS * sizeof *q->hops[i].tracks);
    }
    return 0;
}

int query_first_spike(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                      struct err *err)
{
    struct spike q = {.store = s, .sel = sel};
    int rc = open_hops(&q, err);
    if (rc == 0 && set_span(&q)) {
        rc = gather(&q, err);
        if (rc == 0)
            rc = find_rises(&q, err);
        if (rc == 0) {
            choose(&q);
            rc = date_hops(&q, err);
        }
    }
    if (rc == 0)
        rc = spike_answer(&q, answer, nothing, err);
    free(q.rises);
    free(q.hops);
    arena_release(&q.arena);
    return rc;
}
