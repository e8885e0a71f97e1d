/* spike.h - what query/spike.c found, for query/spike_answer.c to tell. Private to query/. */
#ifndef QUERY_SPIKE_H
#define QUERY_SPIKE_H

#include "query/episode.h"
#include "query/internal.h"
#include "query/onset.h"

enum { TRACKS = REASON_COUNT * LEG_COUNT };

/* A series of counts: the failures of one stream for one reason on one leg. */
struct track {
    enum reason reason;
    enum leg leg;
    double *n; /* n[0..bins) */
};

static inline bool track_has(const struct track *track, const struct event *event)
{
    return event->reason == track->reason && event->leg == track->leg;
}

/* A track that ran above what it used to be. */
struct rise {
    size_t hop;
    const struct track *track;
    struct episode episode;
    int64_t start_us, end_us, floor_us; /* floor_us: it can't have begun before */
    double excess;                      /* events more than usual */
    bool burst;        /* it ended by itself, soon or from one client: a scanner, a probe */
    struct str client; /* that peer's address; else absent */
    bool in_incident, dated;
    struct onset onset;
};

struct hop {
    struct slice *slice;
    struct track **tracks;    /* by track_number(); NULL: no such failure */
    const struct rise *first; /* the rise that dates it; NULL: it didn't break */
    double total;
};

struct spike {
    struct store *store;
    const struct selection *sel;
    struct arena arena;
    struct slice *slices;
    struct hop *hops; /* hops[0..n_hops), a stream each */
    size_t n_hops, n_tracks;
    int64_t from_us, until_us; /* what is looked at: with the history before --since */
    int64_t since_us;          /* where an answer may begin */
    int64_t bin_us;
    int level_s;
    size_t bins;
    struct rise *rises; /* rises[0..n) in order of time */
    size_t n, cap;
    bool older; /* the store goes further back than what is looked at */
};

/* The series of the rise's track, as store_events() takes them; in q's arena. */
const bool *rise_series(struct spike *q, const struct rise *r);
/* Sets the rise's onset, in spike_date.c. */
int spike_date(struct spike *q, struct rise *r, struct err *err);
/* first-spike's answer; *nothing when no hop broke. */
int spike_answer(struct spike *q, json_t **answer, bool *nothing, struct err *err);

#endif
