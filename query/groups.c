/* groups.c - counts by any fields, with the first and the last time of each group.
 *
 * Every field but the peer belongs to the series, so groups are made of series and counted from
 * the rollup, hours first. When a group began and ended is then looked up downwards: of its first
 * hour the first minute, of that minute the first second, of that second the first event. */
#include "query/internal.h"

#include <stdlib.h>

enum { GROUPS_DEFAULT = 1000 };

/* A moment that is known to lie in [at, at + width], width 0: exactly, in one of these streams. */
struct moment {
    int64_t at_us, width_us;
    uint64_t slices; /* bit (slice % 64) */
};

/* The first or the last time of a group, while it is being looked up. */
struct bound {
    struct moment now, finer; /* one level down; finer.at_us TIME_NONE: not seen yet */
};

struct group {
    size_t key;
    uint64_t count;
    struct bound first, last;
};

struct grouping {
    struct store *store;
    const struct selection *sel;
    const enum field *by;
    size_t n_by;
    struct slice *slices;
    size_t n_slices;
    uint32_t **group_of; /* group_of[slice][series] */
    struct keys keys;
    struct group *groups; /* by key; [0..keys.n) */
    size_t cap;
    uint64_t total;
    int64_t from_us, until_us;

    size_t slice; /* being walked */
    struct moment *bucket;
    uint32_t *kept; /* place of a key's group after sorting, or UINT32_MAX */
};

/* The key of a group: each value as a byte that says whether there is one, its text and a NUL (no
 * field's text has one: the store keeps text). */
static size_t group_add(struct grouping *g, const struct event *event)
{
    struct buf key = {0};
    for (size_t i = 0; i < g->n_by; i++) {
        char number[8];
        struct str v = field_value(g->by[i], event, g->slices[g->slice].stream, number);
        buf_printf(&key, "%c%zu:", v.p ? '=' : '-', v.n);
        buf_str(&key, v);
    }
    size_t known = g->keys.n, at = keys_add(&g->keys, buf_as_str(&key));
    buf_release(&key);
    if (at == known) {
        g->groups = xgrow(g->groups, at, &g->cap, sizeof *g->groups);
        g->groups[at] = (struct group){.key = at,
                                       .first.now.at_us = TIME_NONE,
                                       .last.now.at_us = TIME_NONE};
    }
    return at;
}

/* The i-th value of a key, in the order of group_add(). */
static struct str key_value(struct str key, size_t i)
{
    for (;; i--) {
        bool there = key.p[0] == '=';
        size_t n = (size_t)str_number(str_from(key, 1), INT64_MAX);
        key = str_after(key, STR(":"));
        if (i == 0)
            return there ? str_head(key, n) : STR_NONE;
        key = str_from(key, n);
    }
}

/* Takes what was seen where it is nearer to the end that is looked for. All streams are cut into the
 * same buckets, so what begins at the same time is the same. */
static void moment_take(struct moment *at, const struct moment *seen, bool first)
{
    bool none = at->at_us == TIME_NONE;
    if (!none && at->at_us == seen->at_us)
        at->slices |= seen->slices;
    else if (none || first == (seen->at_us < at->at_us))
        *at = *seen;
}

static void group_count(struct grouping *g, size_t group, const struct moment *at, uint64_t count)
{
    moment_take(&g->groups[group].first.now, at, true);
    moment_take(&g->groups[group].last.now, at, false);
    g->groups[group].count += count;
    g->total += count;
}

/* The bit of the stream being walked; of several streams where there are more than bits. */
static uint64_t slice_bit(const struct grouping *g)
{
    return UINT64_C(1) << (g->slice % 64);
}

static int on_seen(void *context, const struct seen *seen)
{
    struct grouping *g = context;
    uint32_t own = 0, *of = seen->series ? &g->group_of[g->slice][seen->series->id] : &own;
    if (*of == 0)
        *of = (uint32_t)group_add(g, seen->event) + 1;
    group_count(g, *of - 1, &(struct moment){seen->at_us, seen->width_us, slice_bit(g)},
                seen->count);
    return 0;
}

static int count_all(struct grouping *g, struct err *err)
{
    struct count_span span = {g->from_us, g->until_us, 3600, false};
    for (size_t i = 0; i < g->n_by; i++)
        span.peers = span.peers || g->by[i] == FIELD_peer;
    for (g->slice = 0; g->slice < g->n_slices; g->slice++)
        if (slice_walk(g->store, &g->slices[g->slice], &span, on_seen, g, err) != 0)
            return err->code;
    return 0;
}

static void look_up(struct bound *bound, const struct moment *bucket, const struct moment *seen,
                    bool first)
{
    if (bound->now.at_us == bucket->at_us && bound->now.width_us == bucket->width_us)
        moment_take(&bound->finer, seen, first);
}

static int on_finer(void *context, const struct series *series, int64_t at_us, int64_t width_us,
                    uint64_t count)
{
    struct grouping *g = context;
    (void)count;
    uint32_t of = g->group_of[g->slice][series->id];
    if (of == 0 || g->kept[of - 1] == UINT32_MAX)
        return 0;
    struct group *group = &g->groups[g->kept[of - 1]];
    struct moment seen = {at_us, width_us, slice_bit(g)};
    look_up(&group->first, g->bucket, &seen, true);
    look_up(&group->last, g->bucket, &seen, false);
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (x->width_us > y->width_us) - (x->width_us < y->width_us);
}

/* All distinct buckets that some kept group's first or last time is in; 0 when all are exact. */
static size_t open_buckets(struct grouping *g, size_t n, struct moment *buckets)
{
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        struct bound *both[] = {&g->groups[i].first, &g->groups[i].last};
        for (int k = 0; k < 2; k++) {
            both[k]->finer.at_us = TIME_NONE;
            if (both[k]->now.width_us)
                buckets[open++] = both[k]->now;
        }
    }
    qsort(buckets, open, sizeof *buckets, by_time);
    size_t distinct = 0;
    for (size_t i = 0; i < open; i++) {
        if (distinct > 0 && by_time(&buckets[distinct - 1], &buckets[i]) == 0)
            buckets[distinct - 1].slices |= buckets[i].slices;
        else
            buckets[distinct++] = buckets[i];
    }
    return distinct;
}

static void step_down(struct bound *bound)
{
    if (bound->finer.at_us != TIME_NONE)
        bound->now = bound->finer;
    else
        bound->now.width_us = 0; /* it has gone since */
}

/* Reads the bucket one level down, in the streams that have something in it. */
static int read_bucket(struct grouping *g, struct moment *bucket, struct err *err)
{
    int64_t until = bucket->at_us + bucket->width_us;
    struct count_span span = {bucket->at_us > g->from_us ? bucket->at_us : g->from_us,
                              until < g->until_us ? until : g->until_us,
                              level_below((int)(bucket->width_us / US_PER_S)), false};
    int rc = 0;
    g->bucket = bucket;
    for (g->slice = 0; rc == 0 && g->slice < g->n_slices; g->slice++)
        if (bucket->slices & slice_bit(g))
            rc = slice_counts(g->store, &g->slices[g->slice], &span, on_finer, g, err);
    return rc;
}

/* Level by level: a minute of a storm has far more events than seconds. */
static int exact_times(struct grouping *g, size_t n, struct err *err)
{
    struct moment *buckets = xcalloc(2 * n, sizeof *buckets);
    size_t open;
    int rc = 0;
    while (rc == 0 && (open = open_buckets(g, n, buckets)) > 0) {
        for (size_t b = 0; rc == 0 && b < open; b++)
            rc = read_bucket(g, &buckets[b], err);
        for (size_t i = 0; i < n; i++) {
            step_down(&g->groups[i].first);
            step_down(&g->groups[i].last);
        }
    }
    free(buckets);
    return rc;
}

static int by_count(const void *a, const void *b, void *keys)
{
    const struct group *x = a, *y = b;
    const struct str *text = keys;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return str_cmp(text[x->key], text[y->key]);
}

static json_t *groups_json(const struct grouping *g, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct group *group = &g->groups[i];
        json_t *row = json_object();
        for (size_t k = 0; k < g->n_by; k++)
            json_object_set_new(row, field_name(g->by[k]),
                                json_field(g->by[k], key_value(g->keys.text[group->key], k)));
        json_object_set_new(row, "count", json_integer((json_int_t)group->count));
        json_object_set_new(row, "first", json_time(group->first.now.at_us));
        json_object_set_new(row, "last", json_time(group->last.now.at_us));
        json_array_append_new(list, row);
    }
    json_t *answer = json_object();
    json_object_set_new(answer, "groups", list);
    json_object_set_new(answer, "total", json_integer((json_int_t)g->total));
    if (g->keys.n > n)
        json_object_set_new(answer, "left_out", json_integer((json_int_t)(g->keys.n - n)));
    return answer;
}

static int answer_groups(struct grouping *g, json_t **answer, struct err *err)
{
    if (count_all(g, err) != 0)
        return err->code;
    size_t limit = g->sel->limit ? g->sel->limit : GROUPS_DEFAULT;
    size_t n = g->keys.n < limit ? g->keys.n : limit;
    if (g->keys.n)
        qsort_r(g->groups, g->keys.n, sizeof *g->groups, by_count, g->keys.text);
    g->kept = xcalloc(g->keys.n, sizeof *g->kept);
    memset(g->kept, 0xff, g->keys.n * sizeof *g->kept);
    for (size_t i = 0; i < n; i++)
        g->kept[g->groups[i].key] = (uint32_t)i;
    if (exact_times(g, n, err) != 0)
        return err->code;
    *answer = groups_json(g, n);
    return 0;
}

int query_groups(struct store *s, const struct selection *sel, const enum field *by, size_t n_by,
                 json_t **answer, bool *nothing, struct err *err)
{
    struct arena arena = {0};
    struct grouping g = {.store = s,
                         .sel = sel,
                         .by = by,
                         .n_by = n_by,
                         .from_us = sel->since_us == TIME_NONE ? INT64_MIN : sel->since_us,
                         .until_us = sel->until_us == TIME_NONE ? INT64_MAX : sel->until_us};
    int rc = slices_open(s, sel, &arena, &g.slices, &g.n_slices, err);
    if (rc == 0) {
        g.group_of = xcalloc(g.n_slices, sizeof *g.group_of);
        for (size_t i = 0; i < g.n_slices; i++)
            g.group_of[i] = xcalloc(g.slices[i].n_series, sizeof **g.group_of);
        rc = answer_groups(&g, answer, err);
        *nothing = g.total == 0;
        for (size_t i = 0; i < g.n_slices; i++)
            free(g.group_of[i]);
    }
    free(g.group_of);
    free(g.groups);
    free(g.kept);
    keys_release(&g.keys);
    arena_release(&arena);
    return rc;
}
