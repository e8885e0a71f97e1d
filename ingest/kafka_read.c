/* kafka_read.c - records from the brokers into the pipeline.
 *
 *   kafka_step()   fetch ─► held[] ─► by lane, in order ─► chunks of records ─► pipeline
 *
 * What isn't claimed yet (kafka_claim.c) stays held. A stalled stream (its store fails) holds all
 * back: the partitions are paused, and polling goes on, so that the group doesn't take the consumer
 * for dead. */
#include "ingest/kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { POISON_MAX = 32 }; /* of a chunk: each keeps up to 64 KiB */
enum { HOLD_MS = 500, BEHIND = 1000, QUEUE_LOW = 40000 }; /* BEHIND, QUEUE_LOW: records */

/* In lanes[]: the record stays held. */
static struct lane unclaimed;

static struct part *part_of(struct kafka *k, const rd_kafka_message_t *m)
{
    return m->rkt ? part_find(k, rd_kafka_topic_name(m->rkt), m->partition) : NULL;
}

void drop_held(struct kafka *k, const struct part *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->n_held; i++) {
        if (!p || part_of(k, k->held[i]) == p)
            rd_kafka_message_destroy(k->held[i]);
        else
            k->held[kept++] = k->held[i];
    }
    k->n_held = kept;
}

/* False: librdkafka isn't fetching from the partition, so there is nothing to move. */
static bool seek(struct part *p, int64_t offset)
{
    struct kafka *k = p->kafka;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = offset;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(k->rk, list, QUERY_MS);
    rd_kafka_resp_err_t code = list->elems[0].err;
    bool fetching = error || code != RD_KAFKA_RESP_ERR__STATE;
    if (fetching && (error || code))
        kafka_warn(k, "kafka %s/%d: going to offset %" PRId64 ": %s", p->topic, p->partition, offset,
                   error ? rd_kafka_error_string(error) : rd_kafka_err2str(code));
    rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
    p->eof = -1;
    return fetching;
}

void seek_to(struct part *p, int64_t offset)
{
    if (!seek(p, offset))
        group_refetch(p, offset); /* it has ended since its position was found out of the log */
}

/* ---- fetching ---- */

void go_back_into_range(struct part *p)
{
    if (!p->located)
        return; /* it's asked again where to start */
    drop_held(p->kafka, p);
    int64_t offset = part_out_of_range(p);
    p->astray = offset < 0;
    p->retry_ns = clock_ns() + LOOK_AGAIN_NS;
    if (offset >= 0)
        seek_to(p, offset);
}

/* What stands in the queue in place of a record. */
static void take_error(struct kafka *k, const rd_kafka_message_t *m)
{
    struct part *p = part_of(k, m);
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (p)
            p->eof = m->offset;
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        if (p)
            go_back_into_range(p);
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        kafka_warn(k, "kafka: %s: no such topic yet: waiting for it", rd_kafka_message_errstr(m));
        break;
    default:
        kafka_warn(k, "kafka: %s", rd_kafka_message_errstr(m));
    }
}

/* Fetches each part's last record once more: part_accepts() compares it. */
static void doubt_all(struct kafka *k)
{
    for (size_t i = 0; i < k->n_parts; i++) {
        struct part *p = k->parts[i];
        if (!p->located || p->astray || !part_doubt(p))
            continue;
        drop_held(k, p);
        seek(p, p->verify.offset);
    }
}

/* Held records wait for their claim, which takes a moment. Pausing would make librdkafka drop all that
 * it has fetched ahead, so that is left for when no answer comes. */
static bool waits_for_claim(struct kafka *k)
{
    if (k->n_held < FETCH_RECORDS)
        k->full_ns = 0;
    else if (k->full_ns == 0)
        k->full_ns = clock_ns();
    return k->full_ns > 0 && clock_ns() - k->full_ns < HOLD_MS * INT64_C(1000000);
}

static void take_wakes(struct kafka *k)
{
    char woken[64];
    while (read(k->fds[0], woken, sizeof woken) > 0)
        ;
}

static size_t fetch(struct kafka *k)
{
    size_t room = FETCH_RECORDS > k->n_held + FETCH_LEAST ? FETCH_RECORDS - k->n_held : FETCH_LEAST;
    if (k->n_held + room > k->cap_held) {
        k->cap_held = k->n_held + room;
        k->held = xrealloc(k->held, k->cap_held * sizeof(rd_kafka_message_t *));
        k->lanes = xrealloc(k->lanes, k->cap_held * sizeof(struct lane *));
    }
    rd_kafka_message_t **got = xcalloc(room, sizeof(rd_kafka_message_t *));
    ssize_t n = rd_kafka_consume_batch_queue(k->queue, 0, got, room);
    size_t taken = 0;
    for (ssize_t i = 0; i < n; i++) {
        if (!got[i]->err) {
            k->held[k->n_held++] = got[i];
            taken++;
            continue;
        }
        take_error(k, got[i]);
        rd_kafka_message_destroy(got[i]);
    }
    free(got);
    return taken;
}

/* ---- handing over ---- */

static void measure(struct part *p)
{
    int64_t now = clock_ns();
    if (now - p->rate_ns < INT64_C(1000000000))
        return;
    p->rate = (double)p->records * 1e9 / (double)(now - p->rate_ns);
    p->records = 0;
    p->rate_ns = now;
}

/* Hands a chunk of the lane over; its cursor is then behind the last record in it. */
static void give(struct lane *lane, struct chunk *chunk, const rd_kafka_message_t *last)
{
    struct part *p = lane->part;
    lane->last = marker_of(last);
    chunk->from = lane->given;
    chunk->to = last->offset + 1;
    lane->given = chunk->to;
    lane->cursor = chunk->to;
    part_detail(lane, &chunk->detail);
    pipeline_give(p->kafka->host.pipeline, &lane->source, false);
}

static int64_t time_of(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(m, &type);
    return ms > 0 ? ms * 1000 : civil_now_us();
}

/* Why the record is none, or NULL; k->unpacked holds what is in it where that is several. */
static const char *open_record(struct kafka *k, const rd_kafka_message_t *m, size_t *bytes)
{
    const char *poison = kafka_poison(m);
    k->unpacked.n = 0;
    *bytes = poison ? 0 : m->len;
    if (poison || !otlp_unpack(str_make(m->payload, m->len), &k->unpacked))
        return poison;
    *bytes = k->unpacked.bytes.n;
    return *bytes > CHUNK_BYTES ? "an OpenTelemetry record of more than 1 MiB" : NULL;
}

static void add(struct kafka *k, struct chunk *chunk, const rd_kafka_message_t *m)
{
    struct str record = str_make(m->payload, m->len);
    size_t from = 0;
    for (size_t i = 0; i < k->unpacked.n; i++) {
        size_t to = k->unpacked.ends[i];
        chunk_record(chunk, str_make(k->unpacked.bytes.p + from, to - from), m->offset, time_of(m));
        from = to;
    }
    while (record.n && record.p[record.n - 1] == '\n')
        record.n--;
    if (k->unpacked.n == 0)
        chunk_record(chunk, record, m->offset, time_of(m));
}

/* The held records of one lane, in order, as chunks; lanes[i] is cleared for those taken. */
static int hand_over(struct kafka *k, size_t first, struct err *err)
{
    struct lane *lane = k->lanes[first];
    const rd_kafka_message_t *last = NULL;
    struct chunk *chunk = pipeline_take(k->host.pipeline);
    if (!chunk)
        return err_set(err, ERR_FAILED, "the pipeline has failed");
    for (size_t i = first; i < k->n_held; i++) {
        const rd_kafka_message_t *m = k->held[i];
        if (k->lanes[i] != lane)
            continue;
        k->lanes[i] = NULL;
        if (m->offset < lane->cursor) {
            lane->part->replayed++;
            continue;
        }
        size_t bytes;
        const char *poison = open_record(k, m, &bytes);
        if (last && (bytes > CHUNK_BYTES - chunk->bytes.n || chunk->listed.n_poison >= POISON_MAX)) {
            give(lane, chunk, last);
            if (!(chunk = pipeline_take(k->host.pipeline)))
                return err_set(err, ERR_FAILED, "the pipeline has failed");
        }
        if (poison)
            chunk_poison(chunk, str_make(m->payload, m->len), m->offset, poison);
        else
            add(k, chunk, m);
        last = m;
    }
    if (last)
        give(lane, chunk, last);
    return 0;
}

/* The log is another one than was read before. */
static void start_again(struct kafka *k, struct part *p)
{
    int64_t offset = part_start_anew(p);
    drop_held(k, p);
    if (offset >= 0)
        seek_to(p, offset);
    else
        p->located = false;
}

/* The lane of a record; NULL where it is to be left out. */
static struct lane *lane_of(struct kafka *k, struct part *p, const rd_kafka_message_t *m,
                            struct arena *arena)
{
    int64_t wanted = part_wanted(p, m->offset);
    if (wanted != m->offset) {
        if (wanted != INT64_MAX && wanted - m->offset > SEEK_MIN)
            p->seek = wanted;
        return NULL;
    }
    if (m->offset >= p->mine[p->n_mine - 1].from && m->offset >= p->claims.owner.range.to &&
        k->state != KAFKA_SETTLES) {
        p->needed = m->offset + 1;
        return &unclaimed;
    }
    return part_lane(p, kafka_route(k->config, p->topic, m, arena));
}

/* Fills lanes[]. -1: nothing can be handed over now. */
static int sort_out(struct kafka *k, struct arena *arena)
{
    int result = 0;
    for (size_t i = 0; i < k->n_parts; i++)
        k->parts[i]->needed = 0;
    struct part *p = NULL;
    for (size_t i = 0; i < k->n_held; i++) {
        const rd_kafka_message_t *m = k->held[i], *before = i ? k->held[i - 1] : NULL;
        if (!before || before->rkt != m->rkt || before->partition != m->partition)
            p = part_of(k, m);
        k->lanes[i] = NULL;
        if (!p || !p->located || m->offset < 0)
            continue;
        if (p->verify.offset >= 0 && !part_accepts(p, m)) {
            start_again(k, p);
            return -1;
        }
        k->lanes[i] = lane_of(k, p, m, arena);
        if (k->lanes[i] && k->lanes[i] != &unclaimed && k->lanes[i]->source.sink->stalled)
            result = -1;
    }
    return result;
}

static void pause_all(struct kafka *k, bool pause)
{
    rd_kafka_topic_partition_list_t *lists[] = {rd_kafka_topic_partition_list_new(8),
                                                rd_kafka_topic_partition_list_new(8)};
    for (size_t i = 0; i < k->n_parts; i++) {
        struct part *p = k->parts[i];
        bool over = k->state == KAFKA_SETTLES && part_wanted(p, p->consumed) == INT64_MAX;
        if (p->paused == (pause || over))
            continue;
        p->paused = pause || over;
        rd_kafka_topic_partition_list_add(lists[p->paused], p->topic, p->partition);
    }
    if (lists[0]->cnt > 0)
        rd_kafka_resume_partitions(k->rk, lists[0]);
    if (lists[1]->cnt > 0)
        rd_kafka_pause_partitions(k->rk, lists[1]);
    rd_kafka_topic_partition_list_destroy(lists[0]);
    rd_kafka_topic_partition_list_destroy(lists[1]);
}

/* How far each part is once what isn't held back has gone. */
static void advance(struct kafka *k)
{
    struct part *p = NULL;
    for (size_t i = 0; i < k->n_held; i++) {
        const rd_kafka_message_t *m = k->held[i], *before = i ? k->held[i - 1] : NULL;
        if (!before || before->rkt != m->rkt || before->partition != m->partition)
            p = part_of(k, m);
        if (!p || k->lanes[i] == &unclaimed || m->offset < p->consumed)
            continue;
        p->consumed = m->offset + 1;
        p->records++;
    }
    for (size_t i = 0; i < k->n_parts; i++) {
        int64_t low, high;
        p = k->parts[i];
        measure(p);
        if (rd_kafka_get_watermark_offsets(k->rk, p->topic, p->partition, &low, &high) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            high > p->high)
            p->high = high;
    }
}

/* Lets go of what was handed over or left out. */
static void keep_unclaimed(struct kafka *k, struct lane *const *was)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->n_held; i++) {
        if (was[i] == &unclaimed)
            k->held[kept++] = k->held[i];
        else
            rd_kafka_message_destroy(k->held[i]);
    }
    k->n_held = kept;
}

/* Everything held that may go goes to the pipeline, lane by lane. */
static int hand_over_all(struct kafka *k, struct err *err)
{
    struct arena arena = {0};
    int rc = sort_out(k, &arena);
    arena_release(&arena);
    if (rc < 0) {
        pause_all(k, k->n_held > 0);
        return 0;
    }
    advance(k);
    for (size_t i = 0; rc == 0 && i < k->n_held; i++)
        if (k->lanes[i] && k->lanes[i] != &unclaimed)
            rc = hand_over(k, i, err);
    keep_unclaimed(k, k->lanes);
    pause_all(k, k->n_held >= FETCH_RECORDS && !waits_for_claim(k));
    return rc;
}

static bool holds(struct kafka *k, const struct part *p)
{
    for (size_t i = 0; i < k->n_held; i++)
        if (part_of(k, k->held[i]) == p)
            return true;
    return false;
}

/* Over what isn't this store's, and up to the log's end where no record stands. */
static void skip(struct kafka *k)
{
    for (size_t i = 0; i < k->n_parts; i++) {
        struct part *p = k->parts[i];
        if (p->seek > p->consumed) {
            drop_held(k, p);
            p->consumed = p->seek;
            seek_to(p, p->seek);
        }
        p->seek = -1;
        if (p->eof > p->consumed && !holds(k, p))
            p->consumed = p->eof;
    }
}

/* Some part that has more to fetch than the queue holds. */
static void keep_fetching(struct kafka *k)
{
    if (k->down || rd_kafka_queue_length(k->queue) > QUEUE_LOW || !nudge_ready(k->nudge))
        return;
    for (size_t i = 0; i < k->n_parts; i++) {
        struct part *p = k->parts[(k->nudged + i) % k->n_parts];
        if (!p->located || p->paused || p->consumed + BEHIND > p->high)
            continue;
        nudge_leader(k->nudge, p->topic, p->partition);
        k->nudged = (k->nudged + i + 1) % k->n_parts;
        return;
    }
}

/* ---- progress ---- */

/* One line a second while far behind, on a terminal. */
static void tell_progress(struct kafka *k)
{
    int64_t now = clock_ns(), behind = 0;
    double rate = 0;
    if (now - k->told_ns < INT64_C(1000000000) || !isatty(2))
        return;
    for (size_t i = 0; i < k->n_parts; i++) {
        behind += k->parts[i]->high > k->parts[i]->consumed
                      ? k->parts[i]->high - k->parts[i]->consumed
                      : 0;
        rate += k->parts[i]->rate;
    }
    bool told = k->told_ns > 0;
    if (behind > 10000) {
        fprintf(stderr, "\rkafka: %" PRId64 " records behind, %.0f/s, %.0f s left \x1b[K", behind,
                rate, rate > 0 ? (double)behind / rate : 0);
        k->told_ns = now;
    } else if (told) {
        fprintf(stderr, "\rkafka: caught up\x1b[K\n");
        k->told_ns = 0;
    }
}

int kafka_step(struct kafka *k, struct err *err)
{
    take_wakes(k);
    size_t got = waits_for_claim(k) ? 0 : fetch(k);
    if (atomic_exchange(&k->doubtful, false))
        doubt_all(k);
    if (k->n_held > 0 && hand_over_all(k, err) != 0)
        return err->code;
    skip(k);
    keep_fetching(k);
    int wait_ms = group_step(k);
    tell_progress(k);
    return got > 0 ? 0 : wait_ms; /* the queue tells only when it was empty before */
}
