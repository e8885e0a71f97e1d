/* store.h - the timeline on disk: one SQLite file a stream, and catalog.db for what is about all.
 *
 *   DIR/catalog.db            streams, deploys, settings
 *   DIR/streams/NAME.db       series, events, raw blocks, rollup, cursors, ledger, quarantine
 *   DIR/lock                  flock()ed by the one process that writes
 *
 * A series is everything about an event but its time, peer and raw line: (reason, leg, rejected_by,
 * alert, host, tls_version, cipher, format, library). The rollup counts events per series and per
 * second, minute and hour, so that any question but one about peers is answered from counts.
 * Times are microseconds since 1970 UTC. One thread at a time per handle; one writer process a
 * store; readers never block it. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "base/mem.h"
#include "parsers/event.h"

#include <jansson.h>

enum { STREAM_NAME_MAX = 64 };
struct store;

enum store_mode {
    STORE_READ,  /* opens an existing store; any number of processes */
    STORE_WRITE, /* creates what is missing and takes the lock; ERR_BUSY when another has it */
};

/* ^[a-z0-9][a-z0-9._-]{0,63}$ */
bool stream_name_valid(struct str name);

/* The caller owns *out. STORE_READ on a folder that isn't there: ERR_FAILED with what to run. A
 * stream file that is damaged is set aside by name (NAME.db.corrupt-TIME) when writing, and
 * skipped when reading; both are reported by store_warnings(). A newer schema is refused. */
int store_open(const char *dir, enum store_mode mode, struct store **out, struct err *err);
void store_close(struct store *s); /* NULL is fine; checkpoints and ends the lock */
const char *store_dir(const struct store *s); /* as it was opened */
/* What was wrong but didn't stop the work; one line each. Damage may also show later: a stream whose
 * file turns out damaged while it is read is left out from there on, so ask again at the end. */
size_t store_warnings(const struct store *s, const char *const **lines);

/* A random name, made once and kept in the catalog: tells this store from others that share a
 * source. For a writer. */
enum { STORE_ID_LEN = 16 };
int store_id(struct store *s, char out[STORE_ID_LEN + 1], struct err *err);

/* ---- writing ---- */

/* How far a source has been read into this stream. The key names the source for ever ("file:..." or
 * "kafka:CLUSTER/TOPIC/PARTITION"); the position only grows while the key stays; detail is the
 * source's own JSON (path, inode, marker hash), not read by the store. */
struct cursor {
    struct str key;
    int64_t position;
    struct str detail;
};

struct quarantined {
    int64_t position; /* where it starts in the source */
    struct str why;
    struct str raw; /* cut to RECORD_MAX */
};

/* What one commit of a stream holds: all of it or nothing is stored. */
struct batch {
    struct cursor from_to;      /* after the batch; from is where it begins */
    int64_t from;               /* must equal the stream's cursor for the key (0 for a new one) */
    const struct event *events; /* events[0..n_events), in source order */
    size_t n_events;
    const struct quarantined *quarantined;
    size_t n_quarantined;
    uint64_t lines, bytes, other; /* the ledger: lines == n_events + other + n_quarantined */
    int64_t lines_from_us, lines_until_us; /* of the times that its lines tell; 0: not known */
};

/* Appends batches[0..n) to the stream in one transaction, creating the stream at its first batch.
 * ERR_CORRUPT if a batch's from isn't the cursor (a bug of the source: nothing is written);
 * ERR_FULL on a full disk, and the store is as before the call. Borrows all. */
int store_append(struct store *s, struct str stream, const struct batch *batches, size_t n,
                 struct err *err);
/* The cursor of a source in a stream, in arena: 1, or 0 when there is none. A source that can't learn
 * its cursor must not start: it would give everything again. */
int store_cursor(struct store *s, struct str stream, struct str key, struct arena *arena,
                 struct cursor *out, struct err *err);
/* All cursors of a stream whose key starts with prefix, in *out[0..n), in arena. */
int store_cursors(struct store *s, struct str stream, struct str prefix, struct arena *arena,
                  struct cursor **out, size_t *n, struct err *err);
/* Replaces a cursor's key, position and detail without events (a file that was set back or whose
 * identity changed). Creates it when from_key is absent. */
int store_move_cursor(struct store *s, struct str stream, struct str from_key,
                      const struct cursor *to, struct err *err);

/* Marks and lists deploys (catalog). Both modes may mark one: it needs no lock, so that it works
 * while another process follows. */
struct deploy {
    struct str name;
    int64_t at_us;
};
int store_deploy_add(struct store *s, struct str name, int64_t at_us, struct err *err);
/* Oldest first, in arena. */
size_t store_deploys(struct store *s, struct arena *arena, struct deploy **out);

/* What a source waits for, one line, for `status` to tell; absent: nothing (any more), for all sources
 * that begin so. Both modes may: it needs no lock. */
int store_trouble(struct store *s, struct str source, struct str line, struct err *err);
struct trouble {
    struct str source, line;
    int64_t since_us;
};
/* By source, in arena. */
size_t store_troubles(struct store *s, struct arena *arena, struct trouble **out);

/* Deletes events (and their rollup) older than before_us, or the oldest until the stream's file is
 * at most max_bytes; 0 for no such bound. *deleted counts events. The ledger keeps counting what
 * was read; status shows pruned beside it. */
int store_prune(struct store *s, struct str stream, int64_t before_us, int64_t max_bytes,
                uint64_t *deleted, struct err *err);

/* ---- reading ---- */

/* Names of all streams, sorted, in arena. */
size_t store_streams(struct store *s, struct arena *arena, struct str **out);

struct series {
    int64_t id;
    struct event event; /* without time, peer and raw */
};
/* All series of a stream, in arena. */
int store_series(struct store *s, struct str stream, struct arena *arena, struct series **out,
                 size_t *n, struct err *err);

/* Rollup rows of one level (1, 60 or 3600 s) with from_us <= bucket start < until_us, by time.
 * bucket_us is where the bucket starts. The callback's return value other than 0 stops. */
typedef int rollup_visit(void *context, int64_t series, int64_t bucket_us, uint64_t count);
int store_rollup(struct store *s, struct str stream, int level_s, int64_t from_us, int64_t until_us,
                 rollup_visit *visit, void *context, struct err *err);

/* Where a reader of events goes on: the last event seen. Zero (ids start at 1) is "none yet". */
struct event_key {
    int64_t time_us;
    int64_t id;
};
struct event_query {
    int64_t from_us, until_us; /* from <= time < until; INT64_MIN/MAX for no bound */
    const bool *series;        /* series[id] wanted, for ids below n_series; NULL: all */
    size_t n_series;
    bool by_id;                /* in the order of arrival (tail -f), not of time */
    bool newest_first;
    int64_t after_id;          /* only ids above it */
    struct event_key after;    /* only what comes behind it in the chosen order (by_id: its id) */
    bool want_raw;             /* decompress the raw line too */
};
/* Each event with its id (ascending per stream in order of arrival, never reused). *event is lent
 * for the call, which may take as long as it likes: no transaction is open then, and none is ever
 * for more than 250 ms. Events that arrive during the walk may be left out. The callback's return
 * value other than 0 stops. */
typedef int event_visit(void *context, int64_t id, const struct event *event);
int store_events(struct store *s, struct str stream, const struct event_query *query,
                 event_visit *visit, void *context, struct err *err);
/* Only times and series: much cheaper than events. */
typedef int time_visit(void *context, int64_t series, int64_t time_us);
int store_times(struct store *s, struct str stream, const struct event_query *query,
                time_visit *visit, void *context, struct err *err);

/* The times of the first and the last event stored; TIME_NONE without any. */
int store_extent(struct store *s, struct str stream, int64_t *first_us, int64_t *last_us,
                 struct err *err);
/* The highest id given so far, 0 for none: where `tail -f` starts. */
int store_last_id(struct store *s, struct str stream, int64_t *id, struct err *err);

struct stream_status {
    struct str name;
    uint64_t lines, events, other, quarantined, bytes; /* lines == events + other + quarantined */
    uint64_t pruned;                                   /* events deleted by retention */
    uint64_t stored;                                   /* events there now */
    int64_t first_us, last_us;                         /* of the events; TIME_NONE without any */
    int64_t last_line_us;                              /* when the last line was read */
    int64_t from_us, until_us;                         /* of the times that lines tell */
    int64_t file_bytes;                                /* database and WAL */
    struct cursor *cursors;
    size_t n_cursors;
    struct str damaged; /* why the file can't be read, or absent */
};
/* In arena. */
int store_status(struct store *s, struct str stream, struct arena *arena, struct stream_status *out,
                 struct err *err);
/* Quarantined records, oldest first. */
typedef int quarantine_visit(void *context, const struct quarantined *q, struct str source);
int store_quarantine(struct store *s, struct str stream, quarantine_visit *visit, void *context,
                     struct err *err);

#endif
