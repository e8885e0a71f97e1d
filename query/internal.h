/* internal.h - what the questions share: the slice of a stream they are about, and its counts. */
#ifndef QUERY_INTERNAL_H
#define QUERY_INTERNAL_H

#include "query/query.h"

/* ---- selection.c ---- */
bool field_optional(enum field f); /* an event may have no value for it: selected by "none" */
/* Without port and brackets. */
struct str peer_address(struct str peer);
/* All fields but stream and peer, which no series has. */
bool selection_series_matches(const struct selection *sel, const struct event *event);

/* ---- slice.c: what of one stream a selection is about ---- */
struct slice {
    struct str stream;
    const struct selection *sel; /* of which it is */
    const struct series **series; /* by id; NULL where it isn't selected */
    bool *wanted;                 /* the same, as store_events() takes it */
    size_t n_series;              /* length of both */
    size_t n_wanted;
    int64_t first_us, last_us; /* of the stream's stored events; TIME_NONE without any */
    int64_t lines_from_us, lines_until_us; /* of all its lines; TIME_NONE where not known */
    uint64_t stored;
};
/* One slice for each selected stream, sorted by name, in arena. A stream that can't be read (its
 * file is damaged) has no series and is reported by store_warnings(). */
int slices_open(struct store *s, const struct selection *sel, struct arena *arena,
                struct slice **out, size_t *n, struct err *err);
/* The span of the question: the selection's, else that of the slices' events (until is after the
 * last). False when there is no event at all. */
bool slices_span(const struct selection *sel, const struct slice *slices, size_t n,
                 int64_t *from_us, int64_t *until_us);

/* Counts of the slice in [from_us, until_us), in order of time within a level: whole buckets of at
 * most level_s seconds, the edges from finer ones, those below a second from the events' times.
 * width_us is 0 for a single event. */
typedef int count_visit(void *context, const struct series *series, int64_t at_us, int64_t width_us,
                        uint64_t count);
struct count_span {
    int64_t from_us, until_us;
    int level_s; /* 1, 60 or 3600 */
    bool peers;  /* slice_walk(): peers are asked for, whom no series knows */
};
int slice_counts(struct store *s, const struct slice *slice, const struct count_span *span,
                 count_visit *visit, void *context, struct err *err);
/* The same whatever is selected: where it's about peers, each event is read and counts 1. */
struct seen {
    const struct event *event;   /* with its peer only where that matters */
    const struct series *series; /* NULL: it is about peers */
    int64_t at_us, width_us;
    uint64_t count;
};
typedef int walk_visit(void *context, const struct seen *seen);
int slice_walk(struct store *s, const struct slice *slice, const struct count_span *span,
               walk_visit *visit, void *context, struct err *err);
/* The slice's events in [from_us, until_us), as store_events() takes it. */
struct event_query slice_query(const struct slice *slice, int64_t from_us, int64_t until_us);
int level_below(int level_s); /* 3600, 60, 1, and 0: single events */

/* ---- doctor.c ---- */
/* Why failures of the slice's stream before its first known one may be missing from its logs:
 * "nginx hides client-leg handshake failures below `error_log ... info`"; in arena, without the
 * stream's name, one line. Absent when nothing speaks for it. */
struct str doctor_blind(struct store *s, const struct slice *slice, struct arena *arena);
/* The steadiest of what fails all day in it, as one line in arena: "192.0.2.4 fails with
 * transport/closed every 10 s, all along". Absent without any. */
struct str doctor_floor(struct store *s, const struct slice *slice, struct arena *arena);

/* ---- floor.c ---- */
struct floor {
    struct str peer; /* without its port */
    enum reason reason;
    enum leg leg;
    size_t count;
    double per_hour;
    int64_t every_us; /* 0: at no regular pace */
};
/* What fails all along in the slice's last day, most first, in arena. */
int floors_find(struct store *s, const struct slice *slice, struct arena *arena, struct floor **out,
                size_t *n, struct err *err);
void floor_text(const struct floor *f, struct buf *out); /* one line, without the stream's name */

/* ---- target.c: what commands connect to; every text is safe in a shell ---- */
enum { TARGET_NAME = 253, TARGET_TEXT = TARGET_NAME + 16 };
struct target {
    char connect[TARGET_TEXT]; /* address:port of the TLS server, or HOST:port */
    char address[TARGET_TEXT]; /* the same without its port and brackets */
    char host[TARGET_TEXT];    /* the name asked for, or HOST */
    char client[TARGET_TEXT];  /* the client's address, "" where it isn't known */
    size_t host_n;
    int port;
    bool host_is_address, address_is_known;
};
void target_of(const struct event *event, int default_port, struct target *out);
void target_sni(const struct target *t, struct buf *out);    /* openssl's option */
void target_curl(const struct target *t, struct buf *out);   /* the whole command */
void target_filter(const struct target *t, struct buf *out); /* of tcpdump */

/* ---- keys.c: text to a small number ---- */
struct keys {
    struct str *text; /* text[0..n), in arena */
    size_t n, cap;
    uint32_t *slots; /* index + 1; 0 is free */
    size_t n_slots;
    struct arena arena;
};
size_t keys_add(struct keys *keys, struct str text); /* the number of text, new or not */
void keys_release(struct keys *keys);

/* ---- json.c ---- */
json_t *json_time(int64_t time_us); /* null for TIME_NONE */
json_t *json_field(enum field f, struct str value);
/* A number with at most `digits` significant digits, so that answers read well. */
json_t *json_number(double value, int digits);
void json_note(json_t *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
