/* pipeline.c - see pipeline.h.
 *
 *   slots[]   a ring: filled at `head`, classified at `next`, stored from `tail`
 *
 * A slot is free again as soon as its result is with its source (struct pending), so few large
 * chunks are enough. Events are copied out of a chunk: they are few. */
#include "ingest/pipeline.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    WORKERS_MAX = 16,
    FOLLOW_EVENTS = 1000, FOLLOW_MS = 10, FOLLOW_QUIET_MS = 300,
    INGEST_EVENTS = 8192, INGEST_MS = 1000,
    PENDING_BYTES_MAX = 4 << 20,
    RETRY_MS_MIN = 250, RETRY_MS_MAX = 5000,
};

/* What a worker makes of a chunk. */
struct result {
    struct arena arena;
    struct event *events;
    size_t n_events, cap_events;
    struct quarantined *quarantined;
    size_t n_quarantined, cap_quarantined;
    struct chunk_count count;
    int64_t first_us, last_us; /* the times that the first and the last line tell */
    enum counted partial_as;
};

enum slot_state { SLOT_FREE, SLOT_FILLED, SLOT_DONE };
struct slot {
    enum slot_state state;
    struct chunk chunk;
    struct source *source;
    bool last;
    struct result result;
};

/* What isn't stored yet of a source: goes into one batch. */
struct pending {
    int64_t from, to;
    struct buf detail;
    struct arena *arenas;
    size_t n_arenas, cap_arenas;
    size_t bytes_held;
    struct event *events;
    size_t n_events, cap_events;
    struct quarantined *quarantined;
    size_t n_quarantined, cap_quarantined;
    uint64_t lines, bytes, other;
    int64_t lines_from_us, lines_until_us; /* of the times that lines tell; 0: not known */
    bool listed; /* in its sink's pending[] */
    bool filled; /* something but a closing was taken in: there is a batch */
    bool last;
};

struct pipeline {
    struct pipeline_options options;
    pthread_mutex_t mutex;
    pthread_cond_t changed_free, changed_filled, changed_done;
    struct slot *slots;
    size_t n_slots;
    uint64_t head, next, tail; /* counts: slot i is slots[i % n_slots] */
    bool ended, failed, closing;
    pthread_t workers[WORKERS_MAX];
    struct classifier *classifiers[WORKERS_MAX];
    size_t n_workers, n_started;
    struct sink **sinks; /* those that have something pending */
    size_t n_sinks, cap_sinks;
    size_t pending_bytes;
};

int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- workers ---- */

struct visiting {
    struct slot *slot;
    size_t whole; /* bytes of the chunk up to its last LF */
};

static struct str keep(struct result *r, struct str s)
{
    return s.p ? arena_copy(&r->arena, s) : s;
}

static void keep_event(struct result *r, const struct event *event)
{
    struct event e = *event;
    e.raw = keep(r, e.raw);
    e.host = keep(r, e.host);
    e.peer = keep(r, e.peer);
    e.tls_version = keep(r, e.tls_version);
    e.cipher = keep(r, e.cipher);
    e.format = keep(r, e.format);
    e.library = keep(r, e.library);
    r->events = xgrow(r->events, r->n_events, &r->cap_events, sizeof e);
    r->events[r->n_events++] = e;
}

static void keep_quarantined(struct result *r, int64_t position, const char *why, struct str raw)
{
    r->quarantined = xgrow(r->quarantined, r->n_quarantined, &r->cap_quarantined,
                           sizeof *r->quarantined);
    r->quarantined[r->n_quarantined++] =
        (struct quarantined){position, keep(r, str_of(why)), keep(r, str_head(raw, RECORD_MAX))};
}

/* Where in the source the record at an offset of the chunk is. */
static int64_t position_of(const struct chunk *chunk, size_t offset)
{
    const struct listed *l = &chunk->listed;
    if (l->n == 0)
        return chunk->to - (int64_t)chunk->size + (int64_t)offset;
    size_t i = 0;
    while (i + 1 < l->n && l->ends[i] <= offset)
        i++;
    return l->positions[i];
}

static void visit(void *context, const struct event *event, size_t offset, struct str record,
                  const char *why)
{
    struct visiting *v = context;
    struct slot *slot = v->slot;
    struct result *r = &slot->result;
    enum counted as = event ? COUNTED_EVENT : COUNTED_QUARANTINED;
    if (offset + record.n > v->whole)
        r->partial_as = as;
    if (offset == 0 && slot->chunk.again >= COUNTED_EVENT) {
        /* This line was an event, or quarantined, before its end was there. */
        if (as == COUNTED_EVENT)
            r->count.events--;
        else
            r->count.quarantined--;
        r->count.other++;
        return;
    }
    if (event) {
        keep_event(r, event);
        return;
    }
    keep_quarantined(r, position_of(&slot->chunk, offset), why, record);
}

/* Kafka's records: their ends are known, and some can't be log lines. */
static void classify_listed(struct classifier *c, struct slot *slot)
{
    struct listed *l = &slot->chunk.listed;
    struct result *r = &slot->result;
    struct visiting v = {slot, slot->chunk.bytes.n};
    struct record_list list = {l->ends, l->now_us, l->n};
    classifier_records(c, slot->chunk.bytes, &list, slot->source->sink->zone, visit, &v, &r->count);
    for (size_t i = 0; i < l->n_poison; i++) {
        struct str raw = str_make(l->poison[i].raw, l->poison[i].raw_n);
        keep_quarantined(r, l->poison[i].position, l->poison[i].why, raw);
    }
    r->count.lines += l->n_poison;
    r->count.quarantined += l->n_poison;
}

/* What the chunk's logs reach over: its first line and its last one tell. */
static void reach(struct classifier *c, struct str bytes, const struct reading *reading,
                  struct result *r)
{
    const char *lf = bytes.n ? memchr(bytes.p, '\n', bytes.n) : NULL;
    struct str first = lf ? str_head(bytes, (size_t)(lf - bytes.p)) : bytes;
    struct str rest = str_head(bytes, bytes.n && bytes.p[bytes.n - 1] == '\n' ? bytes.n - 1 : bytes.n);
    lf = rest.n ? memrchr(rest.p, '\n', rest.n) : NULL;
    struct str last = lf ? str_from(rest, (size_t)(lf - rest.p) + 1) : rest;
    r->first_us = classifier_time(c, first, reading);
    r->last_us = last.p == first.p ? r->first_us : classifier_time(c, last, reading);
}

static void classify(struct classifier *c, struct slot *slot)
{
    struct chunk *chunk = &slot->chunk;
    struct result *r = &slot->result;
    struct reading reading = {.now_us = chunk->now_us, .zone = slot->source->sink->zone};
    r->n_events = r->n_quarantined = 0;
    r->partial_as = COUNTED_OTHER;
    r->first_us = r->last_us = TIME_NONE;
    r->count = (struct chunk_count){0};
    if (chunk->listed.n + chunk->listed.n_poison > 0) {
        classify_listed(c, slot);
        return;
    }
    if (chunk->bytes.n == 0 || slot->last)
        return;
    struct visiting v = {slot, chunk->bytes.n - chunk->partial};
    struct chunk_count count = {0};
    reach(c, chunk->bytes, &reading, r);
    classifier_chunk(c, chunk->bytes, &reading, visit, &v, &count);
    r->count.lines += count.lines;
    r->count.events += count.events;
    r->count.other += count.other;
    r->count.quarantined += count.quarantined;
    if (chunk->again != COUNTED_NOT) { /* the line was counted as what it was then */
        r->count.lines--;
        r->count.other--; /* may go below 0: an `other` of then is an event now */
        if (chunk->again != COUNTED_OTHER && r->partial_as == COUNTED_OTHER && chunk->partial > 0)
            r->partial_as = chunk->again;
    }
}

static void *work(void *context)
{
    struct pipeline *p = ((void **)context)[0];
    struct classifier *c = ((void **)context)[1];
    free(context);
    pthread_mutex_lock(&p->mutex);
    while (!p->closing) {
        if (p->next == p->head) {
            pthread_cond_wait(&p->changed_filled, &p->mutex);
            continue;
        }
        struct slot *slot = &p->slots[p->next++ % p->n_slots];
        pthread_mutex_unlock(&p->mutex);
        classify(c, slot);
        pthread_mutex_lock(&p->mutex);
        slot->state = SLOT_DONE;
        pthread_cond_signal(&p->changed_done);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* ---- opening, closing ---- */

static size_t cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (size_t)n;
}

int pipeline_open(const struct pipeline_options *options, struct pipeline **out, struct err *err)
{
    struct pipeline *p = xcalloc(1, sizeof *p);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->changed_free, NULL);
    pthread_cond_init(&p->changed_filled, NULL);
    pthread_cond_init(&p->changed_done, &attr);
    pthread_condattr_destroy(&attr);
    p->options = *options;
    p->n_workers = cores();
    p->n_slots = p->n_workers + 3;
    p->slots = xcalloc(p->n_slots, sizeof *p->slots);
    int r = 0;
    for (size_t i = 0; i < p->n_workers && r == 0; i++) {
        r = classifier_open(options->rules, &p->classifiers[i], err);
        if (r != 0)
            break;
        void **context = xcalloc(2, sizeof *context);
        context[0] = p;
        context[1] = p->classifiers[i];
        int e = pthread_create(&p->workers[i], NULL, work, context);
        if (e != 0) {
            free(context);
            errno = e;
            r = err_errno(err, "start a thread");
            break;
        }
        p->n_started++;
    }
    if (r != 0) {
        pipeline_close(p);
        return r;
    }
    *out = p;
    return 0;
}

static void result_release(struct result *r)
{
    arena_release(&r->arena);
    free(r->events);
    free(r->quarantined);
}

static void pending_clear(struct pending *b)
{
    for (size_t i = 0; i < b->n_arenas; i++)
        arena_release(&b->arenas[i]);
    b->n_arenas = b->n_events = b->n_quarantined = b->bytes_held = 0;
    b->lines = b->bytes = b->other = 0;
    b->lines_from_us = b->lines_until_us = 0;
    b->detail.n = 0;
    b->listed = b->filled = false;
}

static void pending_free(struct pending *b)
{
    pending_clear(b);
    buf_release(&b->detail);
    free(b->arenas);
    free(b->events);
    free(b->quarantined);
    free(b);
}

void source_close(struct source *s)
{
    if (s->pending)
        pending_free(s->pending);
    s->pending = NULL;
    s->ops->close(s);
}

/* Drops what isn't stored; sources that were handed over for good are closed. */
static void drop_pending(struct sink *sink)
{
    for (size_t i = 0; i < sink->n_pending; i++) {
        struct source *s = sink->pending[i];
        bool last = s->pending->last;
        pending_free(s->pending);
        s->pending = NULL;
        if (last)
            s->ops->close(s);
    }
    free(sink->pending);
    sink->pending = NULL;
    sink->n_pending = sink->cap_pending = sink->pending_events = 0;
}

void pipeline_close(struct pipeline *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    p->closing = true;
    pthread_cond_broadcast(&p->changed_filled);
    pthread_mutex_unlock(&p->mutex);
    for (size_t i = 0; i < p->n_started; i++)
        pthread_join(p->workers[i], NULL);
    for (size_t i = 0; i < p->n_sinks; i++)
        drop_pending(p->sinks[i]);
    for (; p->tail < p->head; p->tail++) {
        struct slot *slot = &p->slots[p->tail % p->n_slots];
        if (slot->last)
            source_close(slot->source);
    }
    for (size_t i = 0; i < WORKERS_MAX; i++)
        classifier_close(p->classifiers[i]);
    for (size_t i = 0; i < p->n_slots; i++) {
        result_release(&p->slots[i].result);
        chunk_release(&p->slots[i].chunk);
    }
    free(p->slots);
    free(p->sinks);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->changed_free);
    pthread_cond_destroy(&p->changed_filled);
    pthread_cond_destroy(&p->changed_done);
    free(p);
}

/* ---- the reader's side ---- */

struct chunk *pipeline_take(struct pipeline *p)
{
    pthread_mutex_lock(&p->mutex);
    while (p->head - p->tail == p->n_slots && !p->failed)
        pthread_cond_wait(&p->changed_free, &p->mutex);
    bool failed = p->failed;
    pthread_mutex_unlock(&p->mutex);
    if (failed)
        return NULL;
    struct slot *slot = &p->slots[p->head % p->n_slots];
    if (!slot->chunk.room)
        slot->chunk.room = xrealloc(NULL, CHUNK_BYTES);
    chunk_clear(&slot->chunk);
    return &slot->chunk;
}

void pipeline_give(struct pipeline *p, struct source *s, bool last)
{
    struct slot *slot = &p->slots[p->head % p->n_slots];
    slot->source = s;
    slot->last = last;
    pthread_mutex_lock(&p->mutex);
    slot->state = SLOT_FILLED;
    p->head++;
    pthread_cond_signal(&p->changed_filled);
    pthread_mutex_unlock(&p->mutex);
}

void pipeline_end(struct pipeline *p)
{
    pthread_mutex_lock(&p->mutex);
    p->ended = true;
    pthread_cond_signal(&p->changed_done);
    pthread_mutex_unlock(&p->mutex);
}

/* ---- the storing side ---- */

static void sink_note(struct pipeline *p, struct sink *sink, struct source *s)
{
    if (sink->n_pending == 0) {
        sink->since_ns = clock_ns();
        p->sinks = xgrow(p->sinks, p->n_sinks, &p->cap_sinks, sizeof(struct sink *));
        p->sinks[p->n_sinks++] = sink;
    }
    sink->pending = xgrow(sink->pending, sink->n_pending, &sink->cap_pending, sizeof s);
    sink->pending[sink->n_pending++] = s;
}

static size_t held_bytes(const struct result *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_events; i++)
        n += r->events[i].raw.n + sizeof r->events[i];
    return n;
}

/* The detail as the store gets it: with how a line without LF was counted, and the brace. */
static void close_detail(struct pending *b, const struct slot *slot)
{
    b->detail.n = 0;
    buf_str(&b->detail, buf_as_str(&slot->chunk.detail));
    if (slot->chunk.partial > 0)
        buf_printf(&b->detail, ",\"as\":\"%s\"", counted_name(slot->result.partial_as));
    buf_char(&b->detail, '}');
}

static void reached(struct pending *b, int64_t time_us)
{
    if (time_us == TIME_NONE)
        return;
    if (b->lines_from_us == 0 || time_us < b->lines_from_us)
        b->lines_from_us = time_us;
    if (time_us > b->lines_until_us)
        b->lines_until_us = time_us;
}

/* Moves a slot's result over to what is pending of its source. */
static void absorb(struct pipeline *p, struct slot *slot)
{
    struct source *s = slot->source;
    struct result *r = &slot->result;
    struct chunk *c = &slot->chunk;
    if (!s->pending)
        s->pending = xcalloc(1, sizeof *s->pending);
    struct pending *b = s->pending;
    if (!b->listed)
        sink_note(p, s->sink, s);
    b->listed = true;
    b->last = b->last || slot->last;
    if (slot->last)
        return;
    if (!b->filled)
        b->from = c->from;
    b->filled = true;
    b->to = c->to;
    b->lines += r->count.lines;
    b->other += r->count.other;
    b->bytes += c->size;
    reached(b, r->first_us);
    reached(b, r->last_us);
    for (size_t i = 0; i < r->n_events; i++) {
        b->events = xgrow(b->events, b->n_events, &b->cap_events, sizeof *b->events);
        b->events[b->n_events++] = r->events[i];
    }
    for (size_t i = 0; i < r->n_quarantined; i++) {
        b->quarantined = xgrow(b->quarantined, b->n_quarantined, &b->cap_quarantined,
                               sizeof *b->quarantined);
        b->quarantined[b->n_quarantined++] = r->quarantined[i];
    }
    size_t held = held_bytes(r);
    b->bytes_held += held;
    p->pending_bytes += held;
    s->sink->pending_events += r->n_events + r->n_quarantined;
    if (r->n_events + r->n_quarantined > 0) {
        b->arenas = xgrow(b->arenas, b->n_arenas, &b->cap_arenas, sizeof r->arena);
        b->arenas[b->n_arenas++] = r->arena;
        r->arena = (struct arena){0};
    }
    close_detail(b, slot);
}

static int sink_append(struct pipeline *p, struct sink *sink, struct err *err)
{
    struct batch *batches = xcalloc(sink->n_pending, sizeof *batches);
    size_t n = 0;
    for (size_t i = 0; i < sink->n_pending; i++) {
        struct source *s = sink->pending[i];
        struct pending *b = s->pending;
        if (!b->filled)
            continue;
        batches[n++] = (struct batch){
            .from_to = {str_of(s->key), b->to, buf_as_str(&b->detail)},
            .from = b->from,
            .events = b->events,
            .n_events = b->n_events,
            .quarantined = b->quarantined,
            .n_quarantined = b->n_quarantined,
            .lines = b->lines,
            .bytes = b->bytes,
            .other = b->other,
            .lines_from_us = b->lines_from_us,
            .lines_until_us = b->lines_until_us,
        };
    }
    int r = n == 0 ? 0
                   : store_append(p->options.store, str_of(sink->total.stream), batches, n, err);
    free(batches);
    return r;
}

/* What was pending is stored: counts it and lets it go. */
static void sink_stored(struct pipeline *p, struct sink *sink)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < sink->n_pending; i++) {
        struct source *s = sink->pending[i];
        struct pending *b = s->pending;
        sink->total.lines += b->lines;
        sink->total.events += b->n_events;
        sink->total.quarantined += b->n_quarantined;
        sink->total.bytes += b->bytes;
        bytes += b->bytes;
        p->pending_bytes -= b->bytes_held;
        bool last = b->last;
        atomic_store(&s->stored, b->to);
        pending_clear(b);
        if (last)
            source_close(s);
    }
    sink->n_pending = sink->pending_events = 0;
    sink->retry_ns = 0;
    sink->failures = 0;
    sink->stalled = 0;
    if (p->options.stored)
        p->options.stored(p->options.context, bytes);
}

static void warn(struct pipeline *p, const char *line)
{
    if (p->options.warn)
        p->options.warn(p->options.context, line);
    else
        fprintf(stderr, "tlstrail: %s\n", line);
}

/* The store has failed while following: nothing is dropped, it's tried again. */
static void sink_failed(struct pipeline *p, struct sink *sink, const struct err *err)
{
    int64_t ms = RETRY_MS_MIN;
    for (int i = 0; i < sink->failures && ms < RETRY_MS_MAX; i++)
        ms *= 2;
    if (sink->failures++ == 0) {
        char line[sizeof err->text + 160];
        snprintf(line, sizeof line, "%s: %s: waiting, nothing is lost; it goes on by itself once"
                 " that is mended", sink->total.stream, err->text);
        warn(p, line);
    }
    sink->stalled = 1;
    sink->retry_ns = clock_ns() + (ms < RETRY_MS_MAX ? ms : RETRY_MS_MAX) * 1000000;
}

/* When the sink's pending things should be stored at the latest. */
static int64_t sink_due(const struct pipeline *p, const struct sink *sink)
{
    if (sink->retry_ns)
        return sink->retry_ns;
    size_t many = p->options.follow ? FOLLOW_EVENTS : INGEST_EVENTS;
    if (sink->pending_events >= many || p->pending_bytes > PENDING_BYTES_MAX)
        return 0;
    int64_t ms = !p->options.follow ? INGEST_MS : sink->pending_events > 0 ? FOLLOW_MS : FOLLOW_QUIET_MS;
    return sink->since_ns + ms * 1000000;
}

/* Stores what is due. *next_ns: when the next thing will be. */
static int store_due(struct pipeline *p, bool all, int64_t *next_ns, struct err *err)
{
    *next_ns = INT64_MAX;
    for (size_t i = 0; i < p->n_sinks;) {
        struct sink *sink = p->sinks[i];
        int64_t due = sink_due(p, sink);
        if (!all && due > clock_ns()) {
            *next_ns = due < *next_ns ? due : *next_ns;
            i++;
            continue;
        }
        int r = sink_append(p, sink, err);
        if (r == 0) {
            sink_stored(p, sink);
            p->sinks[i] = p->sinks[--p->n_sinks];
            continue;
        }
        err_wrap(err, "stream %s", sink->total.stream);
        if (!p->options.follow || all)
            return r;
        sink_failed(p, sink, err);
        *next_ns = sink->retry_ns < *next_ns ? sink->retry_ns : *next_ns;
        i++;
    }
    return 0;
}

static void wait_done(struct pipeline *p, int64_t until_ns)
{
    int64_t latest = clock_ns() + INT64_C(200000000);
    if (until_ns > latest)
        until_ns = latest;
    struct timespec t = {until_ns / 1000000000, until_ns % 1000000000};
    pthread_cond_timedwait(&p->changed_done, &p->mutex, &t);
}

static void fail(struct pipeline *p)
{
    pthread_mutex_lock(&p->mutex);
    p->failed = true;
    pthread_cond_broadcast(&p->changed_free);
    pthread_mutex_unlock(&p->mutex);
}

int pipeline_run(struct pipeline *p, struct err *err)
{
    int64_t next_ns = INT64_MAX;
    for (;;) {
        pthread_mutex_lock(&p->mutex);
        struct slot *slot = &p->slots[p->tail % p->n_slots];
        bool have = p->tail < p->head && slot->state == SLOT_DONE;
        if (!have && !(p->ended && p->tail == p->head))
            wait_done(p, next_ns);
        have = p->tail < p->head && slot->state == SLOT_DONE;
        bool over = p->ended && p->tail == p->head;
        pthread_mutex_unlock(&p->mutex);
        if (have) {
            absorb(p, slot);
            pthread_mutex_lock(&p->mutex);
            slot->state = SLOT_FREE;
            p->tail++;
            pthread_cond_signal(&p->changed_free);
            pthread_mutex_unlock(&p->mutex);
        }
        int r = store_due(p, over, &next_ns, err);
        if (r != 0) {
            fail(p);
            return r;
        }
        if (over)
            return 0;
        if (p->options.tick && !have)
            p->options.tick(p->options.context);
    }
}
