/* spike_answer.c - what spike.c found, as first-spike's answer (docs/json.md). */
#include "query/spike.h"

#include "base/escape.h"

#include <math.h>
#include <stdlib.h>

enum { HOSTS_MOST = 10, NEW_MOST = 20, NEW_EVENTS = 3, EXPLAIN_EVENTS = 200 };
static const int64_t AFTER_US = 10 * MINUTE_US; /* the rate after is that of this long */
static const int64_t DEPLOY_US = DAY_US;        /* a deploy is told when it was this near */
static const int64_t SILENT_US = 15 * MINUTE_US;

/* ---- counts of the series in a span ---- */

struct tally {
    uint64_t *n; /* by series id */
};

static int on_count(void *context, const struct series *series, int64_t at_us, int64_t width_us,
                    uint64_t count)
{
    struct tally *t = context;
    (void)at_us;
    (void)width_us;
    t->n[series->id] += count;
    return 0;
}

static int tally(struct spike *q, const struct slice *slice, int64_t from_us, int64_t until_us,
                 struct tally *out, struct err *err)
{
    struct count_span span = {from_us, until_us, 3600, false};
    out->n = arena_alloc(&q->arena, (slice->n_series + 1) * sizeof *out->n);
    memset(out->n, 0, (slice->n_series + 1) * sizeof *out->n);
    return slice_counts(q->store, slice, &span, on_count, out, err);
}

static bool of_track(const struct series *series, const struct track *track)
{
    return series && track_has(track, &series->event);
}

/* ---- rows by host ---- */

struct host_row {
    struct str host;
    const struct event *kind; /* its reason */
    struct str stream;
    uint64_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct host_row *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return str_cmp(x->host, y->host);
}

static struct host_row *host_row(struct host_row *rows, size_t *n, const struct event *event,
                                 bool by_reason)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eq(rows[i].host, event->host) && !rows[i].host.p == !event->host.p &&
            (!by_reason || rows[i].kind->reason == event->reason))
            return &rows[i];
    rows[*n] = (struct host_row){.host = event->host, .kind = event};
    return &rows[(*n)++];
}

static json_t *hosts_json(struct spike *q, const struct rise *r, const struct tally *t)
{
    const struct slice *slice = q->hops[r->hop].slice;
    struct host_row *rows = xcalloc(slice->n_series + 1, sizeof *rows);
    size_t n = 0;
    for (size_t i = 0; i < slice->n_series; i++)
        if (t->n[i] && of_track(slice->series[i], r->track))
            host_row(rows, &n, &slice->series[i]->event, false)->count += t->n[i];
    qsort(rows, n, sizeof *rows, by_count);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < HOSTS_MOST; i++)
        json_array_append_new(list,
                              json_pack("{s:o, s:I}", "host", json_field(FIELD_host, rows[i].host),
                                        "count", (json_int_t)rows[i].count));
    free(rows);
    return list;
}

/* ---- the first ---- */

/* The event that stands for the rise: of its most frequent series, with the peer seen most. */
struct typical {
    const struct event *kind;
    struct keys peers;
    size_t counts[EXPLAIN_EVENTS], n;
};

static int on_peer(void *context, int64_t id, const struct event *event)
{
    struct typical *t = context;
    (void)id;
    if (event->peer.p)
        t->counts[keys_add(&t->peers, event->peer)]++;
    return ++t->n == EXPLAIN_EVENTS;
}

static int explain_rise(struct spike *q, const struct rise *r, const struct tally *t, json_t *out,
                        struct err *err)
{
    const struct slice *slice = q->hops[r->hop].slice;
    bool *only = xcalloc(slice->n_series + 1, sizeof *only);
    size_t most = 0, peer = 0;
    for (size_t i = 0; i < slice->n_series; i++)
        if (of_track(slice->series[i], r->track) &&
            (!slice->series[most] || !of_track(slice->series[most], r->track) ||
             t->n[i] > t->n[most]))
            most = i;
    only[most] = true;
    struct typical typical = {.kind = &slice->series[most]->event};
    struct event_query query = slice_query(slice, r->onset.at_us, r->end_us);
    query.series = only;
    int rc = store_events(q->store, slice->stream, &query, on_peer, &typical, err);
    struct event event = *typical.kind;
    for (size_t i = 0; i < typical.peers.n; i++)
        peer = typical.counts[i] > typical.counts[peer] ? i : peer;
    event.peer = typical.peers.n ? typical.peers.text[peer] : STR_NONE;
    json_t *more = explain_event(&event, slice->stream);
    json_object_set_new(out, "rejected_by",
                        json_field(FIELD_rejected_by, str_of(side_name(event.rejected_by))));
    json_object_set_new(out, "alert",
                        event.alert == ALERT_NONE ? json_null() : json_integer(event.alert));
    json_object_update(out, more);
    json_decref(more);
    keys_release(&typical.peers);
    free(only);
    return rc;
}

static double rate_after(const struct spike *q, const struct rise *r)
{
    int64_t until = r->end_us < r->onset.at_us + AFTER_US ? r->end_us : r->onset.at_us + AFTER_US;
    until = until < q->until_us ? until : q->until_us;
    double n = 0;
    for (size_t i = r->episode.start; i < q->bins; i++)
        if (q->from_us + (int64_t)i * q->bin_us < until)
            n += r->track->n[i];
    double seconds = (double)(until - r->onset.at_us) / (double)US_PER_S;
    return n / fmax(seconds, 1);
}

static double p_value(const struct spike *q, const struct rise *r)
{
    return fmin(1, exp(-r->episode.evidence) * (double)q->bins * (double)q->n_tracks);
}

static json_t *leg_json(enum leg leg)
{
    return leg == LEG_NONE ? json_null() : json_string(leg_name(leg));
}

static json_t *order_row(const struct spike *q, const struct rise *r, int64_t first_us)
{
    json_t *row = json_object();
    const struct onset *o = &r->onset;
    json_object_set_new(row, "stream", json_field(FIELD_stream, q->hops[r->hop].slice->stream));
    json_object_set_new(row, "class", json_string(class_name(reason_class(r->track->reason))));
    json_object_set_new(row, "reason", json_string(reason_name(r->track->reason)));
    json_object_set_new(row, "leg", leg_json(r->track->leg));
    json_object_set_new(row, "onset", json_time(o->at_us));
    json_object_set_new(row, "earliest", json_time(o->earliest_us));
    json_object_set_new(row, "latest", json_time(o->latest_us));
    json_object_set_new(row, "lag_s",
                        json_number((double)(o->at_us - first_us) / (double)US_PER_S, 9));
    json_object_set_new(row, "rate_before",
                        json_number(r->episode.before / (double)q->bin_us * (double)US_PER_S, 4));
    json_object_set_new(row, "rate_after", json_number(rate_after(q, r), 4));
    json_object_set_new(row, "p_value", json_number(p_value(q, r), 4));
    json_object_set_new(row, "slow", json_boolean(o->slow));
    json_object_set_new(row, "ended", r->episode.fallen ? json_time(r->end_us) : json_null());
    return row;
}

static int first_json(struct spike *q, const struct rise *const *order, size_t n, json_t **out,
                      struct err *err)
{
    const struct rise *r = order[0];
    const struct slice *slice = q->hops[r->hop].slice;
    json_t *first = order_row(q, r, r->onset.at_us), *ties = json_array();
    struct tally t = {0};
    uint64_t events = 0;
    *out = first;
    json_object_del(first, "lag_s");
    for (size_t i = 1; i < n; i++)
        if (order[i]->onset.earliest_us <= r->onset.latest_us)
            json_array_append_new(ties,
                                  json_field(FIELD_stream, q->hops[order[i]->hop].slice->stream));
    json_object_set_new(first, "tied_with", ties);
    if (tally(q, slice, r->onset.at_us, r->end_us, &t, err) != 0)
        return err->code;
    for (size_t i = 0; i < slice->n_series; i++)
        events += of_track(slice->series[i], r->track) ? t.n[i] : 0;
    json_object_set_new(first, "events", json_integer((json_int_t)events));
    json_object_set_new(first, "hosts", hosts_json(q, r, &t));
    return explain_rise(q, r, &t, first, err);
}

/* ---- since the deploy ---- */

/* What a stream shows after the deploy and didn't before, added to rows[*n]. */
static int new_of(struct spike *q, const struct hop *hop, int64_t at_us, json_t *list,
                  struct err *err)
{
    struct tally before = {0}, after = {0};
    const struct slice *slice = hop->slice;
    if (tally(q, slice, q->from_us, at_us, &before, err) != 0 ||
        tally(q, slice, at_us, q->until_us, &after, err) != 0)
        return err->code;
    struct host_row *rows = xcalloc(slice->n_series + 1, sizeof *rows);
    struct host_row *old = xcalloc(slice->n_series + 1, sizeof *old);
    size_t n = 0, n_old = 0;
    for (size_t i = 0; i < slice->n_series; i++) {
        if (before.n[i])
            host_row(old, &n_old, &slice->series[i]->event, true);
        if (after.n[i])
            host_row(rows, &n, &slice->series[i]->event, true)->count += after.n[i];
    }
    for (size_t i = 0; i < n; i++) {
        size_t known = n_old;
        host_row(old, &n_old, rows[i].kind, true);
        bool fresh = n_old > known;
        n_old = known;
        if (!fresh || rows[i].count < NEW_EVENTS)
            continue;
        enum reason reason = rows[i].kind->reason;
        json_array_append_new(list, json_pack("{s:o, s:s, s:s, s:o, s:I}", "stream",
                                              json_field(FIELD_stream, slice->stream), "class",
                                              class_name(reason_class(reason)), "reason",
                                              reason_name(reason), "host",
                                              json_field(FIELD_host, rows[i].host), "count",
                                              (json_int_t)rows[i].count));
    }
    free(rows);
    free(old);
    return 0;
}

/* The rows with the highest counts, at most NEW_MOST. */
static json_t *top_rows(json_t *rows)
{
    json_t *top = json_array();
    while (json_array_size(rows) && json_array_size(top) < NEW_MOST) {
        size_t best = 0, i = 0;
        json_int_t most = 0;
        json_t *row = NULL;
        json_array_foreach(rows, i, row)
        {
            json_int_t count = json_integer_value(json_object_get(row, "count"));
            if (count > most) {
                most = count;
                best = i;
            }
        }
        json_array_append(top, json_array_get(rows, best));
        json_array_remove(rows, best);
    }
    json_decref(rows);
    return top;
}

static int deploy_json(struct spike *q, const struct rise *r, json_t *answer, struct err *err)
{
    struct deploy *deploys = NULL;
    size_t n = store_deploys(q->store, &q->arena, &deploys), i = n;
    while (i > 0 && deploys[i - 1].at_us > r->onset.latest_us)
        i--;
    if (i == 0 || r->onset.at_us - deploys[i - 1].at_us > DEPLOY_US) {
        json_object_set_new(answer, "deploy", json_null());
        return 0;
    }
    const struct deploy *d = &deploys[i - 1];
    json_t *rows = json_array();
    double after = (double)(r->onset.at_us - d->at_us) / (double)US_PER_S;
    int rc = 0;
    for (size_t h = 0; rc == 0 && h < q->n_hops; h++)
        if (q->hops[h].slice->n_wanted)
            rc = new_of(q, &q->hops[h], d->at_us, rows, err);
    json_object_set_new(answer, "deploy",
                        json_pack("{s:o, s:o, s:o}", "name", escape_json(d->name), "at",
                                  json_time(d->at_us), "onset_after_s", json_number(after, 9)));
    json_object_set_new(answer, "new", top_rows(rows));
    return rc;
}

/* ---- what else there is to say ---- */

static void quiet(struct spike *q, json_t *list)
{
    for (size_t h = 0; h < q->n_hops; h++) {
        const struct hop *hop = &q->hops[h];
        char at[CIVIL_TEXT], why[160];
        double minutes = (double)(q->until_us - q->from_us) / (double)MINUTE_US;
        if (hop->first)
            continue;
        if (hop->slice->stored == 0)
            snprintf(why, sizeof why, "no failed handshake was ever read from it");
        else if (hop->slice->lines_until_us != TIME_NONE &&
                 hop->slice->lines_until_us < q->until_us - SILENT_US)
            snprintf(why, sizeof why, "silent: none of its lines is later than %s",
                     civil_format(hop->slice->lines_until_us, at));
        else if (hop->total == 0)
            snprintf(why, sizeof why, "no failed handshake in this span; the last one at %s",
                     civil_format(hop->slice->last_us, at));
        else if (hop->slice->last_us < q->until_us - SILENT_US)
            snprintf(why, sizeof why, "no failed handshake since %s",
                     civil_format(hop->slice->last_us, at));
        else if (minutes < 1)
            snprintf(why, sizeof why,
                     "its logs span less than a minute: there is nothing to compare");
        else
            snprintf(why, sizeof why, "as usual: %.0f in %.3g %s", hop->total,
                     minutes < 120 ? minutes : minutes / 60, minutes < 120 ? "minutes" : "hours");
        json_array_append_new(list,
                              json_pack("{s:o, s:s}", "stream",
                                        json_field(FIELD_stream, hop->slice->stream), "why", why));
    }
}

static bool told_burst(const struct spike *q, const struct rise *r)
{
    return r->burst && !r->in_incident && r->start_us >= q->since_us;
}

/* The bursts of r's hop that overlap it, as one: their kinds, what they count, until when. */
static void join_bursts(const struct spike *q, size_t i, bool *told, struct buf *kinds,
                        struct rise *whole)
{
    *whole = q->rises[i];
    for (size_t k = i; k < q->n; k++) {
        const struct rise *r = &q->rises[k];
        if (told[k] || !told_burst(q, r) || r->hop != whole->hop || r->start_us > whole->end_us)
            continue;
        told[k] = true;
        whole->end_us = r->end_us > whole->end_us ? r->end_us : whole->end_us;
        whole->excess += k > i ? r->excess : 0;
        buf_printf(kinds, "%s%s/%s", k > i ? ", " : "", class_name(reason_class(r->track->reason)),
                   reason_name(r->track->reason));
    }
}

static void note_bursts(const struct spike *q, json_t *notes)
{
    bool *told = xcalloc(q->n + 1, sizeof *told);
    for (size_t i = 0; i < q->n; i++) {
        char from[CIVIL_TEXT], until[CIVIL_TEXT];
        struct buf kinds = {0};
        struct rise whole;
        if (told[i] || !told_burst(q, &q->rises[i]))
            continue;
        join_bursts(q, i, told, &kinds, &whole);
        json_note(notes, "%.*s: a burst of %.0f that ended by itself, %s to %s%s%.*s (%.*s)",
                  STR_ARG(q->hops[whole.hop].slice->stream), whole.excess,
                  civil_format(whole.start_us, from), civil_format(whole.end_us, until),
                  whole.client.p ? ", nearly all from " : "", STR_ARG(whole.client),
                  STR_ARG(buf_as_str(&kinds)));
        buf_release(&kinds);
    }
    free(told);
}

static void note_before_since(const struct spike *q, json_t *notes)
{
    for (size_t i = 0; i < q->n; i++) {
        const struct rise *r = &q->rises[i];
        char at[CIVIL_TEXT];
        if (!r->burst && r->start_us < q->since_us && r->end_us > q->since_us)
            json_note(
                notes,
                "%.*s: %s/%s was failing more than usual before --since already, from about %s",
                STR_ARG(q->hops[r->hop].slice->stream), class_name(reason_class(r->track->reason)),
                reason_name(r->track->reason), civil_format(r->start_us, at));
    }
}

static void note_hops(struct spike *q, json_t *notes)
{
    for (size_t h = 0; h < q->n_hops; h++) {
        const struct slice *slice = q->hops[h].slice;
        struct str blind = doctor_blind(q->store, slice, &q->arena);
        uint64_t read = 0;
        for (size_t i = 0; i < slice->n_series; i++)
            read += slice->series && slice->series[i] && slice->series[i]->event.time_is_read;
        if (blind.p)
            json_note(notes, "%.*s: %.*s", STR_ARG(slice->stream), STR_ARG(blind));
        if (read)
            json_note(notes, "%.*s: some lines have no time: they count at the moment of reading",
                      STR_ARG(slice->stream));
    }
}

static int by_onset(const void *a, const void *b)
{
    const struct rise *const *x = a, *const *y = b;
    return ((*x)->onset.at_us > (*y)->onset.at_us) - ((*x)->onset.at_us < (*y)->onset.at_us);
}

static size_t order_of(const struct spike *q, const struct rise **order)
{
    size_t n = 0;
    for (size_t h = 0; h < q->n_hops; h++)
        if (q->hops[h].first)
            order[n++] = q->hops[h].first;
    qsort(order, n, sizeof *order, by_onset);
    return n;
}

int spike_answer(struct spike *q, json_t **answer, bool *nothing, struct err *err)
{
    const struct rise **order = xcalloc(q->n_hops + 1, sizeof *order);
    size_t n = order_of(q, order);
    json_t *out = json_object(), *rows = json_array(), *quiet_rows = json_array(),
           *notes = json_array(), *first = json_null();
    int rc = n ? first_json(q, order, n, &first, err) : 0;
    json_object_set_new(out, "first", first);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(rows, order_row(q, order[i], order[0]->onset.at_us));
    json_object_set_new(out, "order", rows);
    quiet(q, quiet_rows);
    json_object_set_new(out, "quiet", quiet_rows);
    if (rc == 0 && n)
        rc = deploy_json(q, order[0], out, err);
    note_bursts(q, notes);
    note_before_since(q, notes);
    note_hops(q, notes);
    if (q->older)
        json_note(notes, "only the last 7 days were looked at; --since goes further back");
    json_object_set_new(out, "notes", notes);
    *nothing = n == 0;
    *answer = rc == 0 ? out : NULL;
    if (rc != 0)
        json_decref(out);
    free(order);
    return rc;
}
