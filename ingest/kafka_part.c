/* kafka_part.c - one partition: where to read it from, what is stored of it, and its gaps.
 *
 * Where reading starts, in this order: the group's offset in Kafka, or the end of another store's
 * claim behind it (kafka_claim.c); the highest watermark that a stream of the store knows; the
 * configuration's `start`. Before it goes on, the last record that was stored is fetched once more
 * and compared (its time and a checksum): offsets alone can't tell a topic that was deleted and made
 * anew from one that went on. */
#include "ingest/kafka_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { KEY_MAX = 512 };

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
    atomic_fetch_sub(((struct lane *)s)->open, 1);
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
    lane->open = &p->kafka->open_lanes;
    atomic_fetch_add(lane->open, 1);
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

int64_t part_commitable(const struct part *p)
{
    int64_t start = p->mine[p->n_mine - 1].from, mark = part_watermark(p);
    return mark > start ? mark : start; /* what is read before it is no more the group's business */
}

int64_t part_wanted(const struct part *p, int64_t offset)
{
    for (size_t i = 0; i < p->n_mine; i++)
        if (offset < p->mine[i].to)
            return offset >= p->mine[i].from ? offset : p->mine[i].from;
    return INT64_MAX;
}

bool part_settled(const struct part *p)
{
    bool read = p->n_mine == 0 || p->consumed >= p->mine[p->n_mine - 1].to ||
                (p->eof >= 0 && p->consumed >= p->eof);
    return read && part_watermark(p) >= p->consumed;
}

void part_detail(const struct lane *lane, struct buf *out)
{
    const struct part *p = lane->part;
    out->n = 0;
    buf_printf(out,
               "{\"kind\":\"kafka\",\"topic\":\"%s\",\"partition\":%d,\"last\":%" PRId64
               ",\"last_ms\":%" PRId64 ",\"crc\":%" PRIu32 ",\"mark\":%" PRId64
               ",\"read\":%" PRId64 ",\"end\":%" PRId64 ",\"rate\":%.1f,\"at_ms\":%" PRId64
               ",\"replayed\":%" PRIu64 ",\"gaps\":%" PRIu64,
               p->topic, p->partition, lane->last.offset, lane->last.time_ms, lane->last.crc,
               part_watermark(p), p->consumed, p->high > p->consumed ? p->high : p->consumed,
               p->rate, civil_now_us() / 1000, p->replayed, p->gaps);
    if (p->gaps)
        buf_printf(out, ",\"gap\":[%" PRId64 ",%" PRId64 "]", p->gap.from, p->gap.to);
}

/* ---- what the store knows ---- */

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

static void take_gaps(struct part *p, json_t *detail)
{
    uint64_t gaps = (uint64_t)detail_number(detail, "gaps", 0);
    json_t *last = json_object_get(detail, "gap");
    if (gaps <= p->gaps)
        return;
    p->gaps = gaps;
    p->gap = (struct range){json_integer_value(json_array_get(last, 0)),
                            json_integer_value(json_array_get(last, 1))};
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
    int64_t mark = detail_number(detail, "mark", -1);
    p->mark = mark > p->mark ? mark : p->mark;
    uint64_t replayed = (uint64_t)detail_number(detail, "replayed", 0);
    p->replayed = replayed > p->replayed ? replayed : p->replayed;
    take_gaps(p, detail);
    if (lane->last.offset > p->verify.offset)
        p->verify = lane->last;
    json_decref(detail);
}

static void base_of(const struct part *p, char out[KEY_MAX])
{
    snprintf(out, KEY_MAX, "kafka:%s/%s/%d", p->kafka->cluster, p->topic, p->partition);
}

static void set_key(struct part *p)
{
    char base[KEY_MAX], key[KEY_MAX + 16];
    base_of(p, base);
    if (p->incarnation > 1)
        snprintf(key, sizeof key, "%s@%d", base, p->incarnation);
    else
        snprintf(key, sizeof key, "%s", base);
    free(p->key);
    p->key = str_dup(str_of(key));
}

struct found {
    struct str stream;
    struct cursor cursor;
};

/* Those of the partition's newest incarnation become lanes. */
static void take_cursors(struct part *p, const char *base, const struct found *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int incarnation = incarnation_of(base, found[i].cursor.key);
        p->incarnation = incarnation > p->incarnation ? incarnation : p->incarnation;
    }
    set_key(p); /* lanes copy it */
    for (size_t i = 0; i < n; i++)
        if (incarnation_of(base, found[i].cursor.key) == p->incarnation)
            take_cursor(p, found[i].stream, &found[i].cursor);
}

/* The cursors that streams have for the partition. */
static int find_cursors(struct part *p, const char *base, struct err *err)
{
    struct arena arena = {0};
    struct store *store = NULL;
    struct str *streams = NULL;
    struct found *found = NULL;
    size_t n = 0, cap = 0;
    int rc = store_open(p->kafka->host.store_dir, STORE_READ, &store, err);
    size_t n_streams = rc == 0 ? store_streams(store, &arena, &streams) : 0;
    for (size_t i = 0; rc == 0 && i < n_streams; i++) {
        struct cursor *cursors;
        size_t more = 0;
        rc = store_cursors(store, streams[i], str_of(base), &arena, &cursors, &more, err);
        for (size_t c = 0; c < more; c++) {
            found = xgrow(found, n, &cap, sizeof *found);
            found[n++] = (struct found){streams[i], cursors[c]};
        }
    }
    if (rc == 0)
        take_cursors(p, base, found, n);
    free(found);
    store_close(store);
    arena_release(&arena);
    return rc;
}

/* ---- what the brokers know ---- */

static int ask_ends(struct part *p, int64_t *low, struct err *err)
{
    rd_kafka_resp_err_t e = rd_kafka_query_watermark_offsets(p->kafka->rk, p->topic, p->partition,
                                                             low, &p->high, QUERY_MS);
    return e ? err_set(err, ERR_FAILED, "%s/%d: where it begins and ends: %s", p->topic, p->partition,
                       rd_kafka_err2str(e))
             : 0;
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
    if (rd_kafka_offsets_for_times(p->kafka->rk, list, QUERY_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        !tp->err)
        offset = tp->offset >= 0 ? tp->offset : p->high;
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}

/* The group's offset (-1: none) and what stands beside it. *ours: it is of this program. */
static int ask_group(struct part *p, int64_t *offset, bool *ours, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *tp =
        rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
    rd_kafka_resp_err_t e = rd_kafka_committed(p->kafka->rk, list, QUERY_MS);
    e = e ? e : tp->err;
    if (!e) {
        *offset = tp->offset >= 0 ? tp->offset : -1;
        *ours = claims_read(str_make(tp->metadata, tp->metadata_size), *offset, &p->claims);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return e ? err_set(err, ERR_FAILED, "%s/%d: the group's offset: %s", p->topic, p->partition,
                       rd_kafka_err2str(e))
             : 0;
}

/* ---- where to start ---- */

static void tell_gap(struct part *p, int64_t from, int64_t to, const char *why)
{
    p->gaps++;
    p->gap = (struct range){from, to};
    kafka_warn(p->kafka, "kafka %s/%d: gap: offsets %" PRId64 " to %" PRId64 " are %s", p->topic,
               p->partition, from, to - 1, why);
    for (struct lane *lane = p->lanes; lane; lane = lane->next) { /* so that `status` shows it */
        struct chunk *chunk = pipeline_take(p->kafka->host.pipeline);
        if (!chunk)
            return;
        chunk->from = chunk->to = lane->given;
        part_detail(lane, &chunk->detail);
        pipeline_give(p->kafka->host.pipeline, &lane->source, false);
    }
}

/* All from there on is this store's. */
static void read_from(struct part *p, int64_t start)
{
    p->mine[p->n_mine++] = (struct range){start, INT64_MAX};
    memcpy(p->claims.owner.id, p->kafka->host.store_id, sizeof p->claims.owner.id);
    if (p->claims.owner.range.to < start)
        p->claims.owner.range.to = start;
    p->located = true;
}

/* The topic isn't the one that was read: what is newer than the last record read is new. */
static int64_t start_anew(struct part *p, int64_t low)
{
    int64_t last_ms = p->verify.time_ms, was = p->verify.offset + 1;
    int64_t start = last_ms >= 0 ? offset_at(p, last_ms + 1) : low;
    if (start < 0)
        return -1;
    part_revoke(p->kafka, p);
    p->incarnation++;
    set_key(p);
    p->verify.offset = p->committed = p->eof = p->mark = -1;
    p->consumed = start < low ? low : start;
    p->claims = (struct claims){0};
    p->n_mine = 0;
    read_from(p, p->consumed);
    tell_gap(p, p->consumed, was > p->consumed ? was : p->consumed + 1,
             "of another log than was read before (topic made anew, or its log cut); reading what is"
             " newer than the last record read");
    return p->consumed;
}

static int64_t first_start(struct part *p, int64_t low)
{
    const struct kafka_config *config = p->kafka->config;
    if (p->mark >= 0)
        return p->mark; /* the group's offset has expired, or was deleted */
    if (!config->start || strcmp(config->start, "beginning") == 0)
        return low;
    return strcmp(config->start, "end") == 0 ? p->high : offset_at(p, config->start_us / 1000);
}

/* The group's offset, and what other stores have claimed behind it. */
static int64_t take_over(struct part *p, int64_t offset)
{
    struct claims *c = &p->claims;
    int64_t start = offset;
    if (strcmp(c->owner.id, p->kafka->host.store_id) != 0) {
        if (c->owner.range.to > offset) {
            claims_leave(c, &c->owner);
            start = c->owner.range.to;
            kafka_warn(p->kafka,
                       "kafka %s/%d: offsets %" PRId64 " to %" PRId64 " are for the store %s, which has"
                       " claimed them: start its process again if it isn't running",
                       p->topic, p->partition, offset, start - 1, c->owner.id);
        }
        c->owner.range.to = start;
    }
    for (size_t i = 0; i < c->n_left; i++)
        if (strcmp(c->left[i].id, p->kafka->host.store_id) == 0)
            p->mine[p->n_mine++] = c->left[i].range;
    return start;
}

/* Fetching begins at what is to be read, or at the record before it that tells the log. */
static void begin(struct part *p, int64_t low)
{
    int64_t start = p->mine[0].from > low ? p->mine[0].from : low;
    bool near = p->verify.offset >= low && start > p->verify.offset &&
                start - p->verify.offset <= SEEK_MIN;
    p->consumed = near ? p->verify.offset : start;
    if (p->verify.offset < p->consumed)
        p->verify.offset = -1;
}

static int find_place(struct part *p, struct err *err)
{
    char base[KEY_MAX];
    if (p->key)
        return 0; /* asked again */
    base_of(p, base);
    return find_cursors(p, base, err);
}

int part_locate(struct part *p, struct err *err)
{
    int64_t low = 0, offset = -1;
    bool ours = false;
    p->n_mine = 0;
    if (find_place(p, err) != 0 || ask_ends(p, &low, err) != 0 || ask_group(p, &offset, &ours, err) != 0)
        return err->code;
    p->committed = offset;
    if (p->verify.offset >= p->high || offset > p->high)
        return start_anew(p, low) < 0 ? err_set(err, ERR_FAILED, "no answer") : 0;
    int64_t start = offset < 0 ? first_start(p, low) : ours ? take_over(p, offset) : offset;
    if (start < 0)
        return err_set(err, ERR_FAILED, "%s/%d: the broker doesn't tell its offsets", p->topic,
                       p->partition);
    if (offset >= 0 && !ours && p->mark >= 0 && offset > p->mark)
        tell_gap(p, p->mark, offset, "left out: somebody has moved the group on");
    if (start < low) {
        tell_gap(p, start, low, "gone: the broker deleted them before they were read");
        start = low;
    }
    claims_drop(&p->claims, NULL, low);
    read_from(p, start);
    begin(p, low);
    return 0;
}

int part_settle(struct part *p, const struct claims *claims, struct err *err)
{
    int64_t low = 0;
    const char *id = p->kafka->host.store_id;
    p->n_mine = 0;
    if (find_place(p, err) != 0 || ask_ends(p, &low, err) != 0)
        return err->code;
    for (size_t i = 0; i < claims->n_left; i++)
        if (strcmp(claims->left[i].id, id) == 0)
            p->mine[p->n_mine++] = claims->left[i].range;
    if (strcmp(claims->owner.id, id) == 0 && claims->owner.range.to > claims->owner.range.from)
        p->mine[p->n_mine++] = claims->owner.range;
    p->claims = (struct claims){0};
    if (p->n_mine == 0 || p->mine[p->n_mine - 1].to > p->high || p->verify.offset >= p->high) {
        p->n_mine = 0; /* another log: part_locate() tells it */
        p->consumed = p->high;
    } else {
        if (p->mine[0].from < low && p->mark < low)
            tell_gap(p, p->mine[0].from, low, "gone: the broker deleted them before they were read");
        begin(p, low);
    }
    p->located = true;
    return 0;
}

struct part *part_new(struct kafka *k, const char *topic, int32_t partition)
{
    struct part *p = xcalloc(1, sizeof *p);
    p->kafka = k;
    p->topic = str_dup(str_of(topic));
    p->partition = partition;
    p->incarnation = 1;
    p->verify.offset = p->committed = p->mark = p->eof = p->seek = -1;
    p->rate_ns = clock_ns();
    k->parts = xgrow(k->parts, k->n_parts, &k->cap_parts, sizeof(struct part *));
    k->parts[k->n_parts++] = p;
    return p;
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

bool part_doubt(struct part *p)
{
    for (struct lane *lane = p->lanes; lane; lane = lane->next)
        if (lane->last.offset > p->verify.offset)
            p->verify = lane->last;
    return p->verify.offset >= 0;
}

int64_t part_out_of_range(struct part *p)
{
    int64_t low = 0;
    struct err err;
    if (ask_ends(p, &low, &err) != 0)
        return -1;
    if (p->consumed > p->high) {
        part_doubt(p);
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
    struct err err;
    return ask_ends(p, &low, &err) == 0 ? start_anew(p, low) : -1;
}

void part_free(struct part *p)
{
    if (!p)
        return;
    free(p->topic);
    free(p->key);
    free(p);
}
