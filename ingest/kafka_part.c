/* kafka_part.c - one partition: where to read it from, what is stored of it, and its gaps.
 *
 * Where reading starts, in this order: the group's offset in Kafka; the lowest cursor that a stream
 * has for the partition; the configuration's `start`. Before it goes on, the last record that was
 * stored is fetched once more and compared (its time and a checksum): offsets alone can't tell a
 * topic that was deleted and made anew from one that went on. */
#include "ingest/kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { VERIFY_BACK_MAX = 10000, KEY_MAX = 512 };

struct marker marker_of(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    uLong crc = crc32(0, Z_NULL, 0);
    if (m->payload)
        crc = crc32(crc, m->payload, (uInt)m->len);
    return (struct marker){m->offset, rd_kafka_message_timestamp(m, &type), (uint32_t)crc};
}

struct part *part_find(struct kafka *k, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < k->n_parts; i++)
        if (k->parts[i]->partition == partition && strcmp(k->parts[i]->topic, topic) == 0)
            return k->parts[i];
    return NULL;
}

/* ---- lanes ---- */

static int lane_next(struct source *s, struct chunk *chunk, enum hold hold, struct err *err)
{
    (void)s, (void)chunk, (void)hold, (void)err;
    return SOURCE_END; /* records come through kafka_step() */
}

static void lane_close(struct source *s)
{
    free(s->key);
    free(s);
}

static const struct source_ops lane_ops = {lane_next, lane_close};

static struct lane *lane_add(struct part *p, struct sink *sink, int64_t cursor)
{
    struct lane *lane = xcalloc(1, sizeof *lane);
    lane->source.ops = &lane_ops;
    lane->source.sink = sink;
    lane->source.key = str_dup(str_of(p->key));
    lane->source.stored = cursor;
    lane->part = p;
    lane->cursor = lane->given = cursor;
    lane->last.offset = -1;
    lane->next = p->lanes;
    p->lanes = lane;
    return lane;
}

struct lane *part_lane(struct part *p, struct str stream)
{
    struct kafka_host *host = &p->kafka->host;
    for (struct lane *lane = p->lanes; lane; lane = lane->next)
        if (str_eq(str_of(lane->source.sink->total.stream), stream))
            return lane;
    struct sink *sink = host->sink(host->context, stream, p->kafka->config->zone);
    return sink ? lane_add(p, sink, 0) : NULL;
}

int64_t part_watermark(const struct part *p)
{
    int64_t mark = p->consumed;
    for (const struct lane *lane = p->lanes; lane; lane = lane->next) {
        int64_t stored = atomic_load(&lane->source.stored);
        if (stored < lane->given && stored < mark)
            mark = stored;
    }
    return mark;
}

void part_detail(const struct lane *lane, struct buf *out)
{
    const struct part *p = lane->part;
    out->n = 0;
    buf_printf(out,
               "{\"kind\":\"kafka\",\"topic\":\"%s\",\"partition\":%d,\"last\":%" PRId64
               ",\"last_ms\":%" PRId64 ",\"crc\":%" PRIu32 ",\"end\":%" PRId64
               ",\"rate\":%.1f,\"gaps\":%" PRIu64,
               p->topic, p->partition, lane->last.offset, lane->last.time_ms, lane->last.crc,
               p->high, p->rate, p->gaps);
    if (p->gaps)
        buf_printf(out, ",\"gap\":[%" PRId64 ",%" PRId64 "]", p->gap_from, p->gap_to);
}

/* ---- where to start ---- */

static int64_t detail_number(json_t *detail, const char *key, int64_t otherwise)
{
    json_t *value = json_object_get(detail, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* "…/7@2" is the second incarnation of partition 7; "…/7" the first. 0: another partition's. */
static int incarnation_of(const char *base, struct str key)
{
    struct str rest = str_from(key, strlen(base));
    if (rest.n == 0)
        return 1;
    return rest.p[0] == '@' ? (int)str_number(str_from(rest, 1), INT32_MAX) : 0;
}

static void take_cursor(struct part *p, struct str stream, const struct cursor *cursor)
{
    struct kafka_host *host = &p->kafka->host;
    struct sink *sink = host->sink(host->context, stream, p->kafka->config->zone);
    if (!sink)
        return;
    struct lane *lane = lane_add(p, sink, cursor->position);
    json_t *detail = json_loadb(cursor->detail.p, cursor->detail.n, 0, NULL);
    lane->last =
        (struct marker){detail_number(detail, "last", -1), detail_number(detail, "last_ms", -1),
                        (uint32_t)detail_number(detail, "crc", 0)};
    uint64_t gaps = (uint64_t)detail_number(detail, "gaps", 0);
    if (gaps > p->gaps)
        p->gaps = gaps;
    if (lane->last.offset > p->verify.offset)
        p->verify = lane->last;
    json_decref(detail);
}

/* The cursors that streams have for the partition's newest incarnation. */
static void find_cursors(struct part *p, const char *base)
{
    struct arena arena = {0};
    struct err err;
    struct store *store;
    if (store_open(p->kafka->host.store_dir, STORE_READ, &store, &err) != 0)
        return; /* nothing stored yet */
    struct str *streams;
    size_t n = store_streams(store, &arena, &streams);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            struct cursor *cursors;
            size_t found = store_cursors(store, streams[i], str_of(base), &arena, &cursors);
            for (size_t c = 0; c < found; c++) {
                int incarnation = incarnation_of(base, cursors[c].key);
                if (pass == 0 && incarnation > p->incarnation)
                    p->incarnation = incarnation;
                if (pass == 1 && incarnation == p->incarnation)
                    take_cursor(p, streams[i], &cursors[c]);
            }
        }
    }
    store_close(store);
    arena_release(&arena);
}

static void set_key(struct part *p, const char *base)
{
    char key[KEY_MAX];
    if (p->incarnation > 1)
        snprintf(key, sizeof key, "%s@%d", base, p->incarnation);
    else
        snprintf(key, sizeof key, "%s", base);
    free(p->key);
    p->key = str_dup(str_of(key));
}

/* The offset of the first record at or after a time; the log's end when there is none; -1 when the
 * broker doesn't answer. */
static int64_t offset_at(struct part *p, int64_t time_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *tp =
        rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
    tp->offset = time_ms;
    int64_t offset = -1;
    if (rd_kafka_offsets_for_times(p->kafka->rk, list, QUERY_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        offset = tp->offset >= 0 ? tp->offset : p->high;
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}

static int64_t committed_offset(struct part *p)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *tp =
        rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
    int64_t offset = -1;
    if (rd_kafka_committed(p->kafka->rk, list, QUERY_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        offset = tp->offset;
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}

static void tell_gap(struct part *p, int64_t from, int64_t to, const char *why)
{
    p->gaps++;
    p->gap_from = from;
    p->gap_to = to;
    kafka_warn(p->kafka, "kafka %s/%d: gap: offsets %" PRId64 " to %" PRId64 " are %s", p->topic,
               p->partition, from, to - 1, why);
}

/* The topic isn't the one that was read: what is newer than the last record read is new. */
static int64_t start_anew(struct part *p, int64_t low)
{
    int64_t last_ms = p->verify.time_ms, was = p->verify.offset + 1;
    int64_t start = last_ms >= 0 ? offset_at(p, last_ms + 1) : low;
    char base[KEY_MAX];
    snprintf(base, sizeof base, "kafka:%s/%s/%d", p->kafka->cluster, p->topic, p->partition);
    part_revoke(p->kafka, p);
    p->incarnation++;
    set_key(p, base);
    p->verify.offset = -1;
    p->committed = -1;
    p->consumed = start < low ? low : start;
    tell_gap(
        p, p->consumed, was > p->consumed ? was : p->consumed,
        "of another log than was read before (topic made anew, or its log cut); reading what is"
        " newer than the last record read");
    return p->consumed;
}

static int64_t first_start(struct part *p, int64_t low)
{
    const struct kafka_config *config = p->kafka->config;
    int64_t lowest = -1;
    for (struct lane *lane = p->lanes; lane; lane = lane->next)
        if (lowest < 0 || lane->cursor < lowest)
            lowest = lane->cursor;
    if (lowest >= 0)
        return lowest;
    if (!config->start || strcmp(config->start, "beginning") == 0)
        return low;
    return strcmp(config->start, "end") == 0 ? p->high : offset_at(p, config->start_us / 1000);
}

/* The committed offset is the group's; the cursors are ours. What is below both is stored. */
static int64_t start_offset(struct part *p)
{
    int64_t low = 0;
    if (rd_kafka_query_watermark_offsets(p->kafka->rk, p->topic, p->partition, &low, &p->high,
                                         QUERY_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return RD_KAFKA_OFFSET_INVALID;
    int64_t start = committed_offset(p);
    p->committed = start;
    if (p->verify.offset >= p->high || start > p->high)
        return start_anew(p, low);
    if (start < 0)
        start = first_start(p, low);
    if (start >= 0 && start < low) {
        tell_gap(p, start, low, "gone: the broker deleted them before they were read");
        start = low;
    }
    bool near = p->verify.offset >= low && start > p->verify.offset &&
                start - p->verify.offset <= VERIFY_BACK_MAX;
    if (near)
        return p->verify.offset; /* fetched once more, compared, and skipped by the cursors */
    if (p->verify.offset < start)
        p->verify.offset = -1;
    return start;
}

int part_assign(struct kafka *k, rd_kafka_topic_partition_t *tp, struct err *err)
{
    char base[KEY_MAX];
    if (!k->cluster) {
        char *id = rd_kafka_clusterid(k->rk, QUERY_MS);
        if (!id)
            return err_set(err, ERR_FAILED, "no broker told the cluster's id");
        k->cluster = str_dup(str_of(id));
        rd_kafka_mem_free(k->rk, id);
    }
    struct part *p = xcalloc(1, sizeof *p);
    p->kafka = k;
    p->topic = str_dup(str_of(tp->topic));
    p->partition = tp->partition;
    p->incarnation = 1;
    p->verify.offset = -1;
    p->committed = -1;
    p->rate_ns = clock_ns();
    snprintf(base, sizeof base, "kafka:%s/%s/%d", k->cluster, p->topic, p->partition);
    k->parts = xgrow(k->parts, k->n_parts, &k->cap_parts, sizeof(struct part *));
    k->parts[k->n_parts++] = p;
    find_cursors(p, base);
    set_key(p, base);
    p->consumed = start_offset(p);
    if (p->consumed < 0)
        return err_set(err, ERR_FAILED, "%s/%d: the broker doesn't tell its offsets", p->topic,
                       p->partition);
    tp->offset = p->consumed;
    return 0;
}

/* Hands every lane back to the pipeline, which closes it once what it was given is stored. */
void part_revoke(struct kafka *k, struct part *p)
{
    while (p->lanes) {
        struct lane *lane = p->lanes;
        p->lanes = lane->next;
        struct chunk *chunk = pipeline_take(k->host.pipeline);
        if (!chunk)
            return; /* the pipeline has failed: its closing frees nothing of ours */
        chunk->from = chunk->to = lane->given;
        part_detail(lane, &chunk->detail);
        pipeline_give(k->host.pipeline, &lane->source, true);
    }
}

/* ---- while reading ---- */

bool part_accepts(struct part *p, const rd_kafka_message_t *m)
{
    struct marker verify = p->verify;
    p->verify.offset = -1;
    if (verify.offset < 0 || m->offset > verify.offset)
        return true; /* the record itself is gone (retention, compaction): nothing to compare */
    struct marker now = marker_of(m);
    if (now.offset < verify.offset) {
        p->verify = verify;
        return true;
    }
    if (now.time_ms == verify.time_ms && now.crc == verify.crc)
        return true;
    p->verify = verify;
    return false;
}

int64_t part_out_of_range(struct part *p)
{
    int64_t low = 0;
    if (rd_kafka_query_watermark_offsets(p->kafka->rk, p->topic, p->partition, &low, &p->high,
                                         QUERY_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    if (p->consumed > p->high) {
        for (struct lane *lane = p->lanes; lane; lane = lane->next)
            if (lane->last.offset > p->verify.offset)
                p->verify = lane->last;
        return start_anew(p, low);
    }
    if (p->consumed < low) {
        tell_gap(p, p->consumed, low, "gone: the broker deleted them before they were read");
        p->consumed = low;
    }
    return p->consumed;
}

int64_t part_start_anew(struct part *p)
{
    int64_t low = 0;
    if (rd_kafka_query_watermark_offsets(p->kafka->rk, p->topic, p->partition, &low, &p->high,
                                         QUERY_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return start_anew(p, low);
}

void part_free(struct part *p)
{
    if (!p)
        return;
    free(p->topic);
    free(p->key);
    free(p);
}
