/* pipeline.h - chunks on their way: one reader fills them, a worker a core classifies them, and
 * the calling thread stores them in the order in which they were filled. Memory is bounded by the
 * number of chunks: the reader waits while all are taken. */
#ifndef INGEST_PIPELINE_H
#define INGEST_PIPELINE_H

#include "ingest/ingest.h"
#include "ingest/source.h"

#include <pthread.h>
#include <stdatomic.h>

/* A stream of the store. The caller makes it and keeps it until the pipeline is closed. */
struct sink {
    const struct zone *zone;
    struct ingest_total total; /* what is stored; total.stream is its name */
    /* the pipeline's */
    struct source **pending; /* pending[0..n_pending): sources with something not stored yet */
    size_t n_pending, cap_pending;
    size_t pending_events;
    int64_t since_ns, retry_ns; /* of the oldest thing not stored; when to try again, or 0 */
    int failures;
    atomic_int stalled; /* its store failed: the reader gives it nothing more for now */
};

struct pipeline_options {
    struct store *store;
    const struct rules *rules;
    bool follow; /* small, quick batches; a failing store is tried again */
    const volatile int *stop;
    void (*warn)(void *context, const char *line);
    void (*stored)(void *context, uint64_t bytes); /* after each batch; bytes of it */
    void (*tick)(void *context); /* now and then, on the calling thread, with the store idle */
    void *context;
};

struct pipeline;
int pipeline_open(const struct pipeline_options *options, struct pipeline **out, struct err *err);
/* Ends the workers. Not while a reader still runs. */
void pipeline_close(struct pipeline *p);

/* The reader's thread. A chunk to fill: always the same one until it was given; waits for room.
 * NULL once the pipeline has failed. */
struct chunk *pipeline_take(struct pipeline *p);
/* Hands the taken chunk over. last: there is nothing in it, and the source is closed once all that
 * came before is stored. */
void pipeline_give(struct pipeline *p, struct source *s, bool last);
/* There will be no more. */
void pipeline_end(struct pipeline *p);

/* Stores what comes until the end. On an error (never for a failing store when following) the
 * reader is told by pipeline_take(), and nothing behind the failing batch is stored. */
int pipeline_run(struct pipeline *p, struct err *err);

/* Closes a source that was never handed over for good; after pipeline_close(). */
void source_close(struct source *s);

int64_t clock_ns(void); /* monotonic */

#endif
