/* kafka.c - see kafka.h.
 *
 *   kafka_step()   fetch a batch ─► by lane, in order ─► chunks of records ─► pipeline
 *                  commit the watermark (part_watermark()) now and then
 *
 * A stalled stream (its store fails) holds the batch back: all partitions are paused, and polling
 * goes on, so that the group doesn't take the consumer for dead. */
#include "ingest/kafka_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void kafka_warn(struct kafka *k, const char *format, ...)
{
    struct err line;
    va_list args;
    va_start(args, format);
    vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    char raw[sizeof line.text];
    memcpy(raw, line.text, sizeof raw);
    err_set(&line, 0, "%s", raw); /* no control byte of a broker reaches a terminal */
    k->host.warn(k->host.context, line.text);
}

uint64_t kafka_replayed(const struct kafka *k)
{
    return k->replayed;
}

int kafka_fd(const struct kafka *k)
{
    return k->fds[0];
}

/* ---- rebalancing ---- */

/* What of a part is in flight gets stored, or DRAIN_MS pass. */
static void drain(struct kafka *k, struct part *p)
{
    int64_t until = clock_ns() + (int64_t)DRAIN_MS * 1000000;
    while (part_watermark(p) < p->consumed && clock_ns() < until)
        usleep(2000);
    if (part_watermark(p) < p->consumed)
        kafka_warn(k,
                   "kafka %s/%d: given away before its last records were stored; the next owner"
                   " reads them again",
                   p->topic, p->partition);
}

static void commit(struct kafka *k, bool wait)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->n_parts);
    for (size_t i = 0; i < k->n_parts; i++) {
        struct part *p = k->parts[i];
        int64_t mark = part_watermark(p);
        if (mark <= p->committed)
            continue;
        rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = mark;
        p->committed = mark;
    }
    if (list->cnt > 0)
        rd_kafka_commit(k->rk, list, !wait);
    rd_kafka_topic_partition_list_destroy(list);
    k->commit_ns = clock_ns();
}

static void drop_held(struct kafka *k, const struct part *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->n_held; i++) {
        rd_kafka_message_t *m = k->held[i];
        bool ours = !p || (m->rkt && m->partition == p->partition &&
                           strcmp(rd_kafka_topic_name(m->rkt), p->topic) == 0);
        if (ours)
            rd_kafka_message_destroy(m);
        else
            k->held[kept++] = m;
    }
    k->n_held = kept;
}

static void remove_part(struct kafka *k, struct part *p)
{
    while (p->lanes) { /* the pipeline is through: nothing of theirs is on its way */
        struct lane *lane = p->lanes;
        p->lanes = lane->next;
        source_close(&lane->source);
    }
    for (size_t i = 0; i < k->n_parts; i++)
        if (k->parts[i] == p)
            k->parts[i] = k->parts[--k->n_parts];
    part_free(p);
}

static void on_assigned(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
    struct err err;
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *tp = &list->elems[i];
        if (part_assign(k, tp, &err) == 0)
            continue;
        kafka_warn(k, "kafka: %s; it is asked again", err.text);
        tp->offset = RD_KAFKA_OFFSET_INVALID; /* comes back as an error that asks again */
    }
    rd_kafka_error_t *error = rd_kafka_incremental_assign(k->rk, list);
    if (error)
        kafka_warn(k, "kafka: taking over partitions: %s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

static void on_revoked(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(k->rk) != 0;
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_find(k, list->elems[i].topic, list->elems[i].partition);
        if (!p)
            continue;
        drop_held(k, p);
        if (!k->closing)
            drain(k, p);
    }
    if (!lost)
        commit(k, true);
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_find(k, list->elems[i].topic, list->elems[i].partition);
        if (!p)
            continue;
        if (!k->closing)
            part_revoke(k, p);
        remove_part(k, p);
    }
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(k->rk, list);
    rd_kafka_error_destroy(error);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *context)
{
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        on_assigned(context, list);
    else
        on_revoked(context, list);
}

/* librdkafka's own errors: one line when the brokers go, one when they are back. */
static void on_error(rd_kafka_t *rk, int code, const char *why, void *context)
{
    struct kafka *k = context;
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !k->down) {
        k->down = true;
        kafka_warn(k, "kafka: no broker of %s answers: waiting", k->config->brokers);
    } else if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN &&
               code != RD_KAFKA_RESP_ERR__TRANSPORT && code != RD_KAFKA_RESP_ERR__RESOLVE) {
        kafka_warn(k, "kafka: %s", why);
    }
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text; /* on_error() tells what matters */
}

/* ---- opening ---- */

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return 0;
    return err_set(err, ERR_USAGE, "property %s: %s", name, why);
}

/* What the promises rest on; a user's property can't undo it. */
static const struct {
    const char *name, *value;
} fixed[] = {
    {"enable.auto.commit", "false"},   {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},    {"partition.assignment.strategy", "cooperative-sticky"},
    {"enable.partition.eof", "false"}, {"allow.auto.create.topics", "false"},
};
static const struct {
    const char *name, *value;
} usual[] = {
    {"client.id", "tlstrail"},
    {"queued.max.messages.kbytes", "16384"},
    {"fetch.message.max.bytes", "4194304"},
    {"fetch.wait.max.ms", "50"},
    {"topic.metadata.refresh.interval.ms", "10000"},
    {"reconnect.backoff.max.ms", "2000"},
};

static int is_fixed(const char *name)
{
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(fixed[i].name, name) == 0)
            return 1;
    return 0;
}

static int configure(const struct kafka_config *config, rd_kafka_conf_t *conf, const char **at,
                     struct err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof usual / sizeof *usual; i++)
        rc = set(conf, usual[i].name, usual[i].value, err);
    for (unsigned i = 0; rc == 0 && i < config->properties_count; i++) {
        const struct kafka_pair *p = &config->properties[i];
        *at = p->name;
        rc = is_fixed(p->name)
                 ? err_set(err, ERR_USAGE, "property %s is tlstrail's own: leave it out", p->name)
                 : set(conf, p->name, p->value, err);
    }
    for (size_t i = 0; rc == 0 && i < sizeof fixed / sizeof *fixed; i++)
        rc = set(conf, fixed[i].name, fixed[i].value, err);
    if (rc == 0)
        rc = set(conf, "bootstrap.servers", *at = config->brokers, err);
    if (rc == 0)
        rc = set(conf, "group.id", *at = config->group, err);
    return rc;
}

static int check_topics(const struct kafka_config *config, const char **at, struct err *err)
{
    if (config->topics_count == 0)
        return err_set(err, ERR_USAGE, "no topics: add `topics: [NAME, \"^REGEX\"]`");
    for (unsigned i = 0; i < config->topics_count; i++) {
        regex_t regex;
        const char *topic = *at = config->topics[i];
        if (topic[0] == '\0')
            return err_set(err, ERR_USAGE, "a topic has no name");
        if (topic[0] != '^')
            continue;
        if (regcomp(&regex, topic, REG_EXTENDED | REG_NOSUB) != 0)
            return err_set(err, ERR_USAGE, "topic '%s' is no regular expression", topic);
        regfree(&regex);
    }
    return 0;
}

static int check_stream(const char *name, const char **at, struct err *err)
{
    if (!name || stream_name_valid(str_of(name)))
        return 0;
    *at = name;
    return err_set(err, ERR_USAGE, "stream '%s' is no name: use a-z, 0-9, '.', '_', '-'", name);
}

int kafka_check(const struct kafka_config *config, const char **at, struct err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    *at = config->brokers;
    int rc = check_topics(config, at, err);
    if (rc == 0)
        rc = configure(config, conf, at, err);
    rd_kafka_conf_destroy(conf);
    if (rc == 0)
        rc = check_stream(config->stream, at, err);
    for (unsigned i = 0; rc == 0 && i < config->streams_count; i++)
        rc = check_stream(config->streams[i].stream, at, err);
    return rc;
}

static int subscribe(struct kafka *k, struct err *err)
{
    const struct kafka_config *config = k->config;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)config->topics_count);
    for (unsigned i = 0; i < config->topics_count; i++)
        rd_kafka_topic_partition_list_add(list, config->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? err_set(err, ERR_USAGE, "kafka: subscribe: %s", rd_kafka_err2str(code)) : 0;
}

static int open_consumer(struct kafka *k, struct err *err)
{
    char why[256];
    const char *at;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (configure(k->config, conf, &at, err) != 0) {
        rd_kafka_conf_destroy(conf);
        return err->code;
    }
    k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!k->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_USAGE, "kafka: %s", why);
    }
    rd_kafka_poll_set_consumer(k->rk);
    k->queue = rd_kafka_queue_get_consumer(k->rk);
    rd_kafka_queue_io_event_enable(k->queue, k->fds[1], "", 1);
    return subscribe(k, err);
}

int kafka_open(const struct kafka_config *config, const struct kafka_host *host, struct kafka **out,
               struct err *err)
{
    struct kafka *k = xcalloc(1, sizeof *k);
    k->config = config;
    k->host = *host;
    k->held = xcalloc(FETCH_RECORDS, sizeof *k->held);
    k->fds[0] = k->fds[1] = -1;
    if (pipe2(k->fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        kafka_close(k);
        return err_errno(err, "kafka: a pipe");
    }
    if (open_consumer(k, err) != 0) {
        kafka_close(k);
        return err->code;
    }
    *out = k;
    return 0;
}

void kafka_close(struct kafka *k)
{
    if (!k)
        return;
    k->closing = true;
    drop_held(k, NULL);
    if (k->rk) {
        commit(k, true);
        rd_kafka_queue_io_event_enable(k->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(k->queue);
        rd_kafka_consumer_close(k->rk);
        rd_kafka_destroy(k->rk);
    }
    while (k->n_parts)
        remove_part(k, k->parts[0]);
    for (int i = 0; i < 2; i++)
        if (k->fds[i] >= 0)
            close(k->fds[i]);
    free(k->parts);
    free(k->held);
    free(k->cluster);
    free(k);
}

/* ---- reading ---- */

static void seek_to(struct kafka *k, struct part *p, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = offset;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(k->rk, list, QUERY_MS);
    if (error)
        kafka_warn(k, "kafka %s/%d: %s", p->topic, p->partition, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
}

/* An error that stands in the queue in place of a record. */
static void take_error(struct kafka *k, const rd_kafka_message_t *m)
{
    struct part *p = m->rkt ? part_find(k, rd_kafka_topic_name(m->rkt), m->partition) : NULL;
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        if (p) {
            int64_t offset = part_out_of_range(p);
            if (offset >= 0)
                seek_to(k, p, offset);
        }
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

static void measure(struct part *p, uint64_t records)
{
    int64_t now = clock_ns();
    p->records += records;
    if (now - p->rate_ns < INT64_C(1000000000))
        return;
    p->rate = (double)p->records * 1e9 / (double)(now - p->rate_ns);
    p->records = 0;
    p->rate_ns = now;
}

/* Hands a chunk of the lane over; its cursor is then behind the last record in it. */
static void give(struct kafka *k, struct lane *lane, struct chunk *chunk,
                 const rd_kafka_message_t *last)
{
    int64_t low, high;
    struct part *p = lane->part;
    if (rd_kafka_get_watermark_offsets(k->rk, p->topic, p->partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high > p->high)
        p->high = high;
    lane->last = marker_of(last);
    chunk->from = lane->given;
    chunk->to = last->offset + 1;
    lane->given = chunk->to;
    lane->cursor = chunk->to;
    part_detail(lane, &chunk->detail);
    pipeline_give(k->host.pipeline, &lane->source, false);
}

static int64_t time_of(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(m, &type);
    return ms > 0 ? ms * 1000 : civil_now_us();
}

static void add(struct chunk *chunk, const rd_kafka_message_t *m, const char *poison)
{
    struct str record = str_make(m->payload, m->len);
    while (!poison && record.n && record.p[record.n - 1] == '\n')
        record.n--;
    if (poison)
        chunk_poison(chunk, record, m->offset, poison);
    else
        chunk_record(chunk, record, m->offset, time_of(m));
}

/* The held records of one lane, in order, as chunks; lanes[i] is cleared for those taken. */
static int hand_over(struct kafka *k, struct lane **lanes, size_t first, struct err *err)
{
    struct lane *lane = lanes[first];
    const rd_kafka_message_t *last = NULL;
    struct chunk *chunk = pipeline_take(k->host.pipeline);
    if (!chunk)
        return err_set(err, ERR_FAILED, "the pipeline has failed");
    for (size_t i = first; i < k->n_held; i++) {
        const rd_kafka_message_t *m = k->held[i];
        if (lanes[i] != lane)
            continue;
        lanes[i] = NULL;
        if (m->offset < lane->cursor) {
            k->replayed++;
            continue;
        }
        const char *poison = kafka_poison(m);
        if (last && !poison && m->len > CHUNK_BYTES - chunk->bytes.n) {
            give(k, lane, chunk, last);
            if (!(chunk = pipeline_take(k->host.pipeline)))
                return err_set(err, ERR_FAILED, "the pipeline has failed");
        }
        add(chunk, m, poison);
        last = m;
    }
    if (last)
        give(k, lane, chunk, last);
    return 0;
}

/* The part and lane of each held record, or NULL where it is to be left out. -1: a stream of the
 * batch is stalled, and all of it has to wait. */
static int sort_out(struct kafka *k, struct lane **lanes)
{
    struct arena arena = {0};
    int stalled = 0;
    for (size_t i = 0; i < k->n_held; i++) {
        rd_kafka_message_t *m = k->held[i];
        struct part *p = part_find(k, rd_kafka_topic_name(m->rkt), m->partition);
        lanes[i] = NULL;
        if (!p || m->offset < 0)
            continue;
        if (p->verify.offset >= 0 && !part_accepts(p, m)) {
            int64_t offset = part_start_anew(p);
            drop_held(k, p);
            seek_to(k, p, offset);
            stalled = -1;
            break;
        }
        struct str stream = kafka_route(k->config, p->topic, m, &arena);
        lanes[i] = part_lane(p, stream);
        if (lanes[i] && lanes[i]->source.sink->stalled)
            stalled = -1;
    }
    arena_release(&arena);
    return stalled;
}

static void pause_all(struct kafka *k, bool pause)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->n_parts);
    for (size_t i = 0; i < k->n_parts; i++) {
        if (k->parts[i]->paused == pause)
            continue;
        k->parts[i]->paused = pause;
        rd_kafka_topic_partition_list_add(list, k->parts[i]->topic, k->parts[i]->partition);
    }
    if (list->cnt > 0 && pause)
        rd_kafka_pause_partitions(k->rk, list);
    else if (list->cnt > 0)
        rd_kafka_resume_partitions(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Everything held goes to the pipeline, lane by lane. */
static int hand_over_all(struct kafka *k, struct err *err)
{
    struct lane **lanes = xcalloc(FETCH_RECORDS, sizeof *lanes);
    int rc = 0;
    if (sort_out(k, lanes) < 0) {
        pause_all(k, k->n_held > 0);
        free(lanes);
        return 0;
    }
    pause_all(k, false);
    for (size_t i = 0; i < k->n_held; i++) {
        rd_kafka_message_t *m = k->held[i];
        struct part *p = part_find(k, rd_kafka_topic_name(m->rkt), m->partition);
        if (p && m->offset >= p->consumed) {
            p->consumed = m->offset + 1;
            measure(p, 1);
        }
    }
    for (size_t i = 0; rc == 0 && i < k->n_held; i++)
        if (lanes[i])
            rc = hand_over(k, lanes, i, err);
    drop_held(k, NULL);
    free(lanes);
    return rc;
}

static void fetch(struct kafka *k)
{
    char woken[64];
    while (read(k->fds[0], woken, sizeof woken) > 0)
        ;
    size_t room = FETCH_RECORDS - k->n_held;
    if (room == 0)
        return;
    ssize_t n = rd_kafka_consume_batch_queue(k->queue, 0, k->held + k->n_held, room);
    for (ssize_t i = 0; i < n; i++) {
        rd_kafka_message_t *m = k->held[k->n_held];
        if (m->err) {
            take_error(k, m);
            rd_kafka_message_destroy(m);
            memmove(k->held + k->n_held, k->held + k->n_held + 1,
                    (size_t)(n - i - 1) * sizeof *k->held);
        } else {
            k->down = false;
            k->n_held++;
        }
    }
}

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
    size_t had = k->n_held;
    fetch(k);
    size_t got = k->n_held - (had < k->n_held ? had : k->n_held);
    if (k->n_held > 0 && hand_over_all(k, err) != 0)
        return err->code;
    if (clock_ns() - k->commit_ns > (int64_t)COMMIT_MS * 1000000)
        commit(k, false);
    tell_progress(k);
    return got > 0 && k->n_held == 0;
}
