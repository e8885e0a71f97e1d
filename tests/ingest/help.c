/* help.c - see help.h. */
#include "help.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

static char folder[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_scratch(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch(void)
{
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "/tmp/tlstrail-ingest-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
        atexit(remove_scratch);
    }
    return folder;
}

const char *scratch_path(const char *name)
{
    static char paths[16][256];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", scratch(), name);
    return path;
}

/* By stdio, whose calls faulty.c doesn't stand between. */
static void put(const char *path, const char *mode, struct str bytes)
{
    FILE *file = fopen(path, mode);
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(bytes.p, 1, bytes.n, file), bytes.n);
    cr_assert_eq(fclose(file), 0);
}

const char *write_file(const char *name, struct str bytes)
{
    const char *path = scratch_path(name);
    put(path, "we", bytes);
    return path;
}

void append_file(const char *path, struct str bytes)
{
    put(path, "ae", bytes);
}

void numbered_lines(struct buf *out, int from, int to)
{
    for (int n = from; n < to; n++)
        buf_printf(out,
                   "Apr 18 04:12:25 lb-1 haproxy[2211]: 203.0.113.9:53112"
                   " [18/Apr/2026:04:12:25.127] fe_https/1: Connection closed during SSL handshake"
                   " n=%06d;\n",
                   n);
}

void pack_gzip(struct str bytes, struct buf *out)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)bytes.p, .avail_in = (unsigned)bytes.n};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t most = deflateBound(&z, bytes.n);
    buf_reserve(out, most);
    z.next_out = (unsigned char *)out->p + out->n;
    z.avail_out = (unsigned)most;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->n += most - z.avail_out;
    deflateEnd(&z);
}

void pack_zstd(struct str bytes, struct buf *out)
{
    size_t most = ZSTD_compressBound(bytes.n);
    buf_reserve(out, most);
    size_t n = ZSTD_compress(out->p + out->n, most, bytes.p, bytes.n, 3);
    cr_assert_not(ZSTD_isError(n));
    out->n += n;
}

const struct rules *all_rules(void)
{
    static struct rules *rules;
    struct err err;
    if (!rules)
        cr_assert_eq(rules_load(NULL, &rules, &err), 0, "%s", err.text);
    return rules;
}

static int note(void *context, int64_t id, const struct event *event)
{
    unsigned char *times = context;
    (void)id;
    struct str number = str_after(event->raw, STR(" n="));
    int64_t n = str_number(number, NUMBERS_MAX - 1);
    cr_assert(n >= 0, "%.*s", STR_ARG(event->raw));
    times[n]++;
    return 0;
}

void check_numbers(const char *path, int n, const char *hint)
{
    static unsigned char times[NUMBERS_MAX];
    struct store *store;
    struct err err;
    struct arena arena = {0};
    struct stream_status status;
    memset(times, 0, sizeof times);
    cr_assert_eq(store_open(path, STORE_READ, &store, &err), 0, "%s: %s", hint, err.text);
    struct event_query all = {.from_us = INT64_MIN, .until_us = INT64_MAX, .want_raw = true};
    cr_assert_eq(store_events(store, STR("lb"), &all, note, times, &err), 0, "%s", err.text);
    for (int i = 0; i < NUMBERS_MAX; i++)
        cr_assert_eq(times[i], i < n, "%s: line %d is there %d times", hint, i, times[i]);
    cr_assert_eq(store_status(store, STR("lb"), &arena, &status, &err), 0, "%s", err.text);
    cr_assert_eq(status.lines, status.events + status.other + status.quarantined, "%s", hint);
    cr_assert_eq((int64_t)status.events, n, "%s", hint);
    arena_release(&arena);
    store_close(store);
}

int64_t events_stored(const char *path)
{
    struct store *store;
    struct err err;
    struct arena arena = {0};
    struct stream_status status = {0};
    if (store_open(path, STORE_READ, &store, &err) != 0)
        return 0;
    int r = store_status(store, STR("lb"), &arena, &status, &err);
    int64_t n = r == 0 ? (int64_t)status.events : 0;
    arena_release(&arena);
    store_close(store);
    return n;
}
