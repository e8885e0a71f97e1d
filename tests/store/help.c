/* help.c - see help.h. */
#include "help.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char made[16][128]; /* this process's folders, to be removed at its end */
static int n_made;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void remove_all(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void remove_made(void)
{
    while (n_made > 0)
        remove_all(made[--n_made]);
}

const char *test_dir(void)
{
    static char path[136];
    const char *tmp = getenv("TMPDIR");
    if (!tmp)
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* nobody cuts the power here */
    cr_assert_lt(n_made, 16);
    if (n_made == 0)
        atexit(remove_made);
    snprintf(made[n_made], sizeof made[0], "%.80s/tlstrail-store-XXXXXX", tmp);
    cr_assert(mkdtemp(made[n_made]));
    snprintf(path, sizeof path, "%s/store", made[n_made++]);
    return path;
}

struct store *open_store(const char *dir, enum store_mode mode)
{
    struct store *s = NULL;
    struct err err = {0};
    cr_assert_eq(store_open(dir, mode, &s, &err), 0, "%s", err.text);
    return s;
}

int64_t at_s(double seconds)
{
    return T0_S * US_PER_S + (int64_t)(seconds * 1e6);
}

struct event numbered(int number, int64_t time_us, enum reason reason)
{
    static char lines[4096][96], hosts[64][32];
    static int next;
    char *line = lines[next++ % 4096];
    char *host = hosts[number % 64];
    int n = snprintf(line, sizeof lines[0], "n=%d SSL_do_handshake() failed, client: 10.0.%d.%d",
                     number, number / 256 % 256, number % 256);
    snprintf(host, sizeof hosts[0], "h%d.example.net", number % 64 % 7);
    return (struct event){.time_us = time_us,
                          .reason = reason,
                          .leg = LEG_downstream,
                          .rejected_by = number % 2 ? SIDE_peer : SIDE_local,
                          .alert = number % 3 ? 48 : ALERT_NONE,
                          .host = str_of(host),
                          .peer = STR("203.0.113.9:50000"),
                          .format = STR("nginx_error"),
                          .library = STR("openssl"),
                          .raw = str_make(line, (size_t)n)};
}

struct batch batch_of(const struct event *events, size_t n, const char *key, int64_t from)
{
    return (struct batch){.from_to = {.key = str_of(key), .position = from + (int64_t)n},
                          .from = from,
                          .events = events,
                          .n_events = n,
                          .lines = n,
                          .bytes = n * 80};
}

void append(struct store *s, const char *stream, const struct event *events, size_t n,
            const char *key, int64_t from)
{
    struct err err = {0};
    struct batch b = batch_of(events, n, key, from);
    cr_assert_eq(store_append(s, str_of(stream), &b, 1, &err), 0, "%s", err.text);
}

int see_event(void *context, int64_t id, const struct event *event)
{
    struct seen *seen = context;
    seen->list = xgrow(seen->list, seen->n, &seen->cap, sizeof *seen->list);
    struct event e = *event;
    e.host = arena_copy(&seen->arena, e.host);
    e.peer = arena_copy(&seen->arena, e.peer);
    e.tls_version = arena_copy(&seen->arena, e.tls_version);
    e.cipher = arena_copy(&seen->arena, e.cipher);
    e.format = arena_copy(&seen->arena, e.format);
    e.library = arena_copy(&seen->arena, e.library);
    e.raw = arena_copy(&seen->arena, e.raw);
    seen->list[seen->n++] = (struct seen_event){id, e};
    return seen->n == seen->stop_at;
}

void see_all(struct store *s, const char *stream, const struct event_query *query,
             struct seen *out)
{
    struct err err = {0};
    cr_assert_eq(store_events(s, str_of(stream), query, see_event, out, &err), 0, "%s", err.text);
}

void seen_release(struct seen *seen)
{
    free(seen->list);
    arena_release(&seen->arena);
    *seen = (struct seen){0};
}

static int add_count(void *context, int64_t series, int64_t bucket_us, uint64_t count)
{
    (void)series, (void)bucket_us;
    *(uint64_t *)context += count;
    return 0;
}

uint64_t count_rollup(struct store *s, const char *stream, int level_s)
{
    struct err err = {0};
    uint64_t sum = 0;
    cr_assert_eq(store_rollup(s, str_of(stream), level_s, INT64_MIN, INT64_MAX, add_count, &sum,
                              &err),
                 0, "%s", err.text);
    return sum;
}

struct stream_status status_of(struct store *s, const char *stream, struct arena *arena)
{
    struct stream_status status;
    struct err err = {0};
    cr_assert_eq(store_status(s, str_of(stream), arena, &status, &err), 0, "%s", err.text);
    return status;
}

struct bucket {
    int64_t at_s, series;
    uint64_t n;
};
struct buckets {
    struct bucket *list;
    size_t n, cap;
};

static int take_bucket(void *context, int64_t series, int64_t bucket_us, uint64_t count)
{
    struct buckets *all = context;
    all->list = xgrow(all->list, all->n, &all->cap, sizeof *all->list);
    all->list[all->n++] = (struct bucket){bucket_us / US_PER_S, series, count};
    return 0;
}

static int take_time(void *context, int64_t series, int64_t time_us)
{
    return take_bucket(context, series, time_us, 1);
}

static int by_bucket(const void *va, const void *vb)
{
    const struct bucket *a = va, *b = vb;
    if (a->at_s != b->at_s)
        return a->at_s < b->at_s ? -1 : 1;
    return a->series < b->series ? -1 : a->series > b->series;
}

/* Counts the events themselves into buckets of a level; times of tests are never before 1970. */
static void count_times(struct buckets *times, int64_t level_s)
{
    for (size_t i = 0; i < times->n; i++)
        times->list[i].at_s -= times->list[i].at_s % level_s;
    qsort(times->list, times->n, sizeof *times->list, by_bucket);
    size_t n = 0;
    for (size_t i = 0; i < times->n; i++) {
        if (n > 0 && by_bucket(&times->list[n - 1], &times->list[i]) == 0)
            times->list[n - 1].n += times->list[i].n;
        else
            times->list[n++] = times->list[i];
    }
    times->n = n;
}

static void check_rollup(struct store *s, const char *stream, int level_s, struct buckets *times)
{
    struct err err = {0};
    struct buckets rollup = {0};
    cr_assert_eq(store_rollup(s, str_of(stream), level_s, INT64_MIN, INT64_MAX, take_bucket,
                              &rollup, &err),
                 0, "%s", err.text);
    count_times(times, level_s);
    cr_assert_eq(rollup.n, times->n, "level %d: %zu buckets, but %zu by the events", level_s,
                 rollup.n, times->n);
    for (size_t i = 0; i < times->n; i++)
        cr_assert(by_bucket(&rollup.list[i], &times->list[i]) == 0 &&
                      rollup.list[i].n == times->list[i].n,
                  "level %d, bucket %zu", level_s, i);
    free(rollup.list);
}

void check_stream(struct store *s, const char *stream)
{
    struct arena arena = {0};
    struct err err = {0};
    struct stream_status status = status_of(s, stream, &arena);
    cr_assert_eq(status.lines, status.events + status.other + status.quarantined);
    struct seen by_time = {0}, by_id = {0};
    see_all(s, stream, &(struct event_query){EVERYTHING, .want_raw = true}, &by_time);
    see_all(s, stream, &(struct event_query){EVERYTHING, .by_id = true, .want_raw = true}, &by_id);
    cr_assert_eq(by_time.n, status.stored, "%zu by time, %zu stored", by_time.n,
                 (size_t)status.stored);
    cr_assert_eq(by_id.n, status.stored);
    cr_assert_eq(status.stored + status.pruned, status.events);
    for (size_t i = 1; i < by_id.n; i++) {
        cr_assert_gt(by_id.list[i].id, by_id.list[i - 1].id);
        const struct seen_event *a = &by_time.list[i - 1], *b = &by_time.list[i];
        cr_assert(a->event.time_us < b->event.time_us ||
                  (a->event.time_us == b->event.time_us && a->id < b->id));
    }
    struct buckets times = {0};
    cr_assert_eq(store_times(s, str_of(stream), &(struct event_query){EVERYTHING}, take_time,
                             &times, &err), 0);
    check_rollup(s, stream, 1, &times);
    check_rollup(s, stream, 60, &times);
    check_rollup(s, stream, 3600, &times);
    if (status.stored) {
        cr_assert_eq(status.first_us, by_time.list[0].event.time_us);
        cr_assert_eq(status.last_us, by_time.list[by_time.n - 1].event.time_us);
    }
    free(times.list);
    seen_release(&by_time);
    seen_release(&by_id);
    arena_release(&arena);
}
