/* compare.c - what differs between two streams, or in one before and after a moment.
 * Counts by class and reason from the rollup, rates over each side's own time. */
#include "query/internal.h"
#include "query/stats.h"

#include <stdlib.h>

static const double ALPHA = 0.01; /* the false-discovery rate below which a difference counts */

struct side_counts {
    uint64_t counts[REASON_COUNT];
    uint64_t total;
    int64_t from_us, until_us;
};

static double seconds(const struct side_counts *side)
{
    return (double)(side->until_us - side->from_us) / (double)US_PER_S;
}

static int on_seen(void *context, const struct seen *seen)
{
    struct side_counts *side = context;
    side->counts[seen->event->reason] += seen->count;
    side->total += seen->count;
    return 0;
}

static int count_side(struct store *s, const struct slice *slice, struct side_counts *side,
                      struct err *err)
{
    struct count_span span = {side->from_us, side->until_us, 3600, false};
    return slice_walk(s, slice, &span, on_seen, side, err);
}

static const char *verdict(uint64_t a, uint64_t b, double q, bool more_a)
{
    if (b == 0)
        return "only_a";
    if (a == 0)
        return "only_b";
    return q >= ALPHA ? "same" : more_a ? "more_a" : "more_b";
}

static json_t *row_json(enum reason reason, const struct side_counts *a,
                        const struct side_counts *b, double q)
{
    uint64_t n_a = a->counts[reason], n_b = b->counts[reason];
    double rate_a = (double)n_a / seconds(a), rate_b = (double)n_b / seconds(b);
    double g2 = stats_g2((double)n_a, seconds(a), (double)n_b, seconds(b));
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "class",
                     class_name(reason_class(reason)), "reason", reason_name(reason), "a",
                     (json_int_t)n_a, "b", (json_int_t)n_b, "rate_a", json_number(rate_a, 6),
                     "rate_b", json_number(rate_b, 6), "g2", json_number(g2, 6), "p_value",
                     json_number(stats_chi2_p(g2), 6), "q_value", json_number(q, 6), "verdict",
                     verdict(n_a, n_b, q, rate_a > rate_b));
}

struct row {
    enum reason reason;
    double g2, q;
};

static int by_g2(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->g2 != y->g2)
        return x->g2 > y->g2 ? -1 : 1;
    return (int)x->reason - (int)y->reason;
}

static json_t *rows_json(const struct side_counts *a, const struct side_counts *b)
{
    struct row rows[REASON_COUNT];
    double p[REASON_COUNT];
    size_t n = 0;
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        if (a->counts[r] + b->counts[r] == 0)
            continue;
        rows[n].reason = (enum reason)r;
        rows[n].g2 = stats_g2((double)a->counts[r], seconds(a), (double)b->counts[r], seconds(b));
        p[n] = stats_chi2_p(rows[n].g2);
        n++;
    }
    stats_false_discovery(p, n);
    for (size_t i = 0; i < n; i++)
        rows[i].q = p[i];
    qsort(rows, n, sizeof *rows, by_g2);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, row_json(rows[i].reason, a, b, rows[i].q));
    return list;
}

static json_t *side_json(const struct side_counts *side, struct str stream)
{
    json_t *json = json_object();
    json_object_set_new(json, "stream", json_field(FIELD_stream, stream));
    json_object_set_new(json, "from", json_time(side->from_us));
    json_object_set_new(json, "until", json_time(side->until_us));
    json_object_set_new(json, "seconds", json_number(seconds(side), 9));
    json_object_set_new(json, "events", json_integer((json_int_t)side->total));
    return json;
}

static int find_slices(struct store *s, const struct selection *sel, const struct str names[2],
                       struct arena *arena, struct slice out[2], struct err *err)
{
    struct selection only = *sel; /* borrows all but the streams' names */
    struct slice *slices = NULL;
    size_t n = 0, wanted = names[1].p && !str_ieq(names[0], names[1]) ? 2 : 1;
    only.values[FIELD_stream] = (struct str *)names;
    only.n_values[FIELD_stream] = wanted;
    if (slices_open(s, &only, arena, &slices, &n, err) != 0)
        return err->code;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < n; j++)
            if (str_ieq(slices[j].stream, names[i].p ? names[i] : names[0])) {
                out[i] = slices[j];
                out[i].sel = sel; /* outlives `only` */
            }
    return 0;
}

/* The spans of both sides; an error where one would be empty. */
static int set_spans(const struct selection *sel, const struct slice slices[2], int64_t at_us,
                     struct side_counts sides[2], struct err *err)
{
    struct selection bounds = *sel;
    int64_t from_us, until_us;
    if (at_us != TIME_NONE && bounds.since_us == at_us)
        bounds.since_us = TIME_NONE; /* `--since T` says where to cut, not where to begin */
    if (!slices_span(&bounds, slices, 2, &from_us, &until_us))
        return err_set(err, ERR_USAGE, "there are no events to compare in that span");
    sides[0].from_us = sides[1].from_us = from_us;
    sides[0].until_us = sides[1].until_us = until_us;
    if (at_us == TIME_NONE)
        return 0;
    char text[CIVIL_TEXT];
    if (at_us <= from_us || at_us >= until_us)
        return err_set(err, ERR_USAGE, "nothing to compare: all events are %s %s",
                       at_us <= from_us ? "after" : "before", civil_format(at_us, text));
    sides[0].until_us = sides[1].from_us = at_us;
    return 0;
}

int query_compare(struct store *s, const struct selection *sel, struct str a, struct str b,
                  int64_t at_us, json_t **answer, bool *nothing, struct err *err)
{
    struct arena arena = {0};
    struct slice slices[2] = {{.stream = a}, {.stream = b}};
    struct side_counts sides[2] = {{.total = 0}, {.total = 0}};
    const struct str names[2] = {a, b};
    int64_t cut_us = b.p ? TIME_NONE : at_us;
    int rc = find_slices(s, sel, names, &arena, slices, err);
    if (rc == 0)
        rc = set_spans(sel, slices, cut_us, sides, err);
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = count_side(s, &slices[i], &sides[i], err);
    if (rc == 0) {
        json_t *json = json_object();
        json_object_set_new(json, "a", b.p ? json_field(FIELD_stream, a) : json_string("before"));
        json_object_set_new(json, "b", b.p ? json_field(FIELD_stream, b) : json_string("after"));
        json_object_set_new(json, "a_side", side_json(&sides[0], slices[0].stream));
        json_object_set_new(json, "b_side", side_json(&sides[1], slices[1].stream));
        json_object_set_new(json, "rows", rows_json(&sides[0], &sides[1]));
        *answer = json;
        *nothing = sides[0].total + sides[1].total == 0;
    }
    arena_release(&arena);
    return rc;
}
