/* help.h - what the store's tests share: a folder of one's own, numbered events, checks. */
#ifndef TESTS_STORE_HELP_H
#define TESTS_STORE_HELP_H

#include "store/store.h"

#include <criterion/criterion.h>
#include <sqlite3.h>

/* A folder that isn't there yet, in a new one of this test's that goes when the test ends. */
const char *test_dir(void);
void remove_all(const char *path);
struct store *open_store(const char *dir, enum store_mode mode);

/* T0 + seconds. */
enum { T0_S = 1700000000 };
int64_t at_s(double seconds);
/* An event whose raw line is "n=NUMBER ..." in static memory that lives for 4096 calls. */
struct event numbered(int number, int64_t time_us, enum reason reason);
/* One batch of events from a cursor on that grows by a line an event. */
struct batch batch_of(const struct event *events, size_t n, const char *key, int64_t from);
/* Appends and expects it to work. */
void append(struct store *s, const char *stream, const struct event *events, size_t n,
            const char *key, int64_t from);

/* What a walk gives, copied. */
struct seen {
    struct arena arena;
    struct seen_event {
        int64_t id;
        struct event event;
    } *list;
    size_t n, cap, stop_at; /* stop_at: 0 never */
};
int see_event(void *context, int64_t id, const struct event *event);
void see_all(struct store *s, const char *stream, const struct event_query *query,
             struct seen *out);
void seen_release(struct seen *seen);

/* Ledger, rollup of every level, events and raw lines agree. */
void check_stream(struct store *s, const char *stream);
uint64_t count_rollup(struct store *s, const char *stream, int level_s);
struct stream_status status_of(struct store *s, const char *stream, struct arena *arena);
#define EVERYTHING .from_us = INT64_MIN, .until_us = INT64_MAX

#endif
