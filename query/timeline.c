/* timeline.c - counts over time, in steps, one line for each value of a field. */
#include "query/internal.h"

#include <stdlib.h>

enum { STEPS_WANTED = 120, STEPS_MAX = 20000, LINES_DEFAULT = 50 };

struct line {
    size_t key;
    uint64_t total;
    uint64_t *counts;
};

struct timeline {
    const struct selection *sel;
    enum field by;
    int64_t from_us, until_us, step_us;
    size_t n_steps;
    struct keys keys;
    struct line *lines; /* by key */
    size_t cap;
    uint64_t total;
    const struct slice *slice; /* being walked */
};

static struct line *line_of(struct timeline *t, const struct event *event)
{
    char number[8];
    struct str value = field_value(t->by, event, t->slice->stream, number);
    struct buf key = {0};
    buf_char(&key, value.p ? '=' : '-');
    buf_str(&key, value);
    size_t known = t->keys.n, at = keys_add(&t->keys, buf_as_str(&key));
    buf_release(&key);
    if (at == known) {
        t->lines = xgrow(t->lines, at, &t->cap, sizeof *t->lines);
        t->lines[at] = (struct line){.key = at, .counts = xcalloc(t->n_steps, sizeof(uint64_t))};
    }
    return &t->lines[at];
}

static int on_seen(void *context, const struct seen *seen)
{
    struct timeline *t = context;
    struct line *line = line_of(t, seen->event);
    line->counts[(seen->at_us - t->from_us) / t->step_us] += seen->count;
    line->total += seen->count;
    t->total += seen->count;
    return 0;
}

/* The first step of a round length that needs no more than STEPS_WANTED of them. */
static int64_t round_step(int64_t span_us)
{
    static const int steps_s[] = {1,    5,    10,    30,    60,    120,   300,
                                  600,  900,  1800,  3600,  7200,  10800, 21600};
    for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++)
        if (span_us / (steps_s[i] * US_PER_S) < STEPS_WANTED)
            return steps_s[i] * US_PER_S;
    int64_t days = span_us / DAY_US / STEPS_WANTED + 1;
    return days * DAY_US;
}

static int set_steps(struct timeline *t, int64_t step_us, struct err *err)
{
    if (step_us != 0 && step_us % US_PER_S != 0)
        return err_set(err, ERR_USAGE, "a step is a whole number of seconds");
    int64_t since_us = t->from_us;
    t->step_us = step_us ? step_us : round_step(t->until_us - t->from_us);
    t->from_us = civil_floor(t->from_us, t->step_us);
    int64_t n = (t->until_us - t->from_us + t->step_us - 1) / t->step_us;
    if (n > STEPS_MAX)
        return err_set(err, ERR_USAGE,
                       "a step of %lld s over %lld s makes %lld points, more than %d; "
                       "give a longer --step or a shorter span",
                       (long long)(t->step_us / US_PER_S),
                       (long long)((t->until_us - since_us) / US_PER_S), (long long)n, STEPS_MAX);
    t->n_steps = (size_t)n;
    return 0;
}

static int count_slice(struct store *s, struct timeline *t, int64_t from_us, struct err *err)
{
    int64_t step_s = t->step_us / US_PER_S;
    struct count_span span = {from_us, t->until_us,
                              step_s % 3600 == 0 ? 3600 : step_s % 60 == 0 ? 60 : 1,
                              t->by == FIELD_peer};
    return slice_walk(s, t->slice, &span, on_seen, t, err);
}

static int by_total(const void *a, const void *b, void *keys)
{
    const struct line *x = a, *y = b;
    const struct str *text = keys;
    if (x->total != y->total)
        return x->total > y->total ? -1 : 1;
    return str_cmp(text[x->key], text[y->key]);
}

static json_t *line_json(const struct timeline *t, const struct line *line)
{
    json_t *row = json_object(), *counts = json_array();
    struct str key = t->keys.text[line->key];
    if (t->by != FIELD_NONE)
        json_object_set_new(row, field_name(t->by),
                            json_field(t->by, key.p[0] == '=' ? str_from(key, 1) : STR_NONE));
    for (size_t i = 0; i < t->n_steps; i++)
        json_array_append_new(counts, json_integer((json_int_t)line->counts[i]));
    json_object_set_new(row, "counts", counts);
    return row;
}

static json_t *timeline_json(struct timeline *t)
{
    size_t limit = t->sel->limit ? t->sel->limit : LINES_DEFAULT;
    size_t n = t->keys.n < limit ? t->keys.n : limit;
    json_t *answer = json_object(), *series = json_array();
    if (t->keys.n)
        qsort_r(t->lines, t->keys.n, sizeof *t->lines, by_total, t->keys.text);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(series, line_json(t, &t->lines[i]));
    json_object_set_new(answer, "step_s", json_integer(t->step_us / US_PER_S));
    json_object_set_new(answer, "from", json_time(t->total || t->n_steps ? t->from_us : TIME_NONE));
    json_object_set_new(answer, "series", series);
    json_object_set_new(answer, "total", json_integer((json_int_t)t->total));
    if (t->keys.n > n)
        json_object_set_new(answer, "left_out", json_integer((json_int_t)(t->keys.n - n)));
    return answer;
}

int query_timeline(struct store *s, const struct selection *sel, enum field by, int64_t step_us,
                   json_t **answer, bool *nothing, struct err *err)
{
    struct arena arena = {0};
    struct timeline t = {.sel = sel, .by = by, .step_us = step_us ? step_us : US_PER_S};
    struct slice *slices = NULL;
    size_t n = 0;
    int rc = slices_open(s, sel, &arena, &slices, &n, err);
    if (rc == 0 && slices_span(sel, slices, n, &t.from_us, &t.until_us)) {
        int64_t from_us = t.from_us;
        rc = set_steps(&t, step_us, err);
        for (size_t i = 0; rc == 0 && i < n; i++) {
            t.slice = &slices[i];
            rc = count_slice(s, &t, from_us, err);
        }
    }
    *nothing = t.total == 0;
    if (rc == 0)
        *answer = timeline_json(&t);
    for (size_t i = 0; i < t.keys.n; i++)
        free(t.lines[i].counts);
    free(t.lines);
    keys_release(&t.keys);
    arena_release(&arena);
    return rc;
}
