/* kafka.c - a consumer: its settings checked, opened and closed. See kafka.h. */
#include "ingest/kafka_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
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

int kafka_fd(const struct kafka *k)
{
    return k->fds[0];
}

/* What matters is told by kafka_trouble.c, but for this: that a partition was away for a moment (its
 * leader moved, or its topic was deleted) is in no error and no event, just in this debug line. It
 * may come back as another log. Called by librdkafka's threads, before they fetch from it again. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka *k = rd_kafka_opaque(rk);
    (void)level, (void)facility;
    if (k && strstr(text, "unavailable: fetch"))
        atomic_store(&k->doubtful, true);
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
    {"enable.auto.commit", "false"},    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},     {"partition.assignment.strategy", "cooperative-sticky"},
    {"enable.partition.eof", "true"},   {"allow.auto.create.topics", "false"},
    {"statistics.interval.ms", "1000"}, {"debug", "topic"}, /* for on_log() */
};
static const struct {
    const char *name, *value;
} usual[] = {
    {"client.id", "tlstrail"},
    {"queued.max.messages.kbytes", "24576"},
    {"fetch.max.bytes", "8388608"},
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

static int open_consumer(struct kafka *k, struct err *err)
{
    char why[256];
    const char *at;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_rebalance_cb(conf, group_rebalance);
    trouble_watch(k, conf);
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
    k->replies = rd_kafka_queue_new(k->rk);
    rd_kafka_queue_io_event_enable(k->replies, k->fds[1], "", 1);
    k->nudge = nudge_open(k->rk, err);
    return k->nudge ? 0 : err->code;
}

int kafka_open(const struct kafka_config *config, const struct kafka_host *host, struct kafka **out,
               struct err *err)
{
    struct kafka *k = xcalloc(1, sizeof *k);
    k->config = config;
    k->host = *host;
    k->fds[0] = k->fds[1] = -1;
    k->up_ns = clock_ns();
    pthread_mutex_init(&k->trouble.lock, NULL);
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

/* librdkafka before 2.3 ends the process (issue 4312, mended by pull request 4381) when a consumer is
 * destroyed that has joined its group and was assigned nothing yet. Such a one is closed and left
 * alone: the process is about to end. */
static bool destroyable(const struct kafka *k)
{
    return rd_kafka_version() >= 0x02030000 || !k->subscribed || k->assigned;
}

static void *leave(void *rk)
{
    rd_kafka_consumer_close(rk); /* calls group_rebalance() */
    return NULL;
}

/* Leaves the group, within CLOSE_MS: librdkafka may wait for ever for a rebalance that the others have
 * given up. False when it didn't end; the group then misses the member by itself. */
static bool left(struct kafka *k)
{
    pthread_t thread;
    struct timespec until;
    if (pthread_create(&thread, NULL, leave, k->rk) != 0)
        return false;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLOSE_MS / 1000;
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return true;
    pthread_detach(thread);
    return false;
}

/* False where librdkafka has to be left as it is: then k must stay too, for its callbacks. */
static bool close_consumer(struct kafka *k)
{
    nudge_close(k->nudge);
    group_leave(k);
    rd_kafka_queue_io_event_enable(k->queue, -1, NULL, 0);
    rd_kafka_queue_io_event_enable(k->replies, -1, NULL, 0);
    if (!left(k)) {
        kafka_warn(k, "kafka: the group %s doesn't answer: it will miss this member by itself",
                   k->config->group);
        return false;
    }
    rd_kafka_queue_destroy(k->replies);
    rd_kafka_queue_destroy(k->queue);
    if (!destroyable(k))
        return false;
    rd_kafka_destroy(k->rk);
    return true;
}

void kafka_close(struct kafka *k)
{
    if (!k)
        return;
    k->closing = true;
    drop_held(k, NULL);
    if (k->rk && !close_consumer(k))
        return; /* the process is about to end */
    while (k->n_parts)
        remove_part(k, k->parts[0]);
    for (int i = 0; i < 2; i++)
        if (k->fds[i] >= 0)
            close(k->fds[i]);
    free(k->parts);
    free(k->held);
    free(k->lanes);
    buf_release(&k->unpacked.bytes);
    free(k->unpacked.ends);
    free(k->cluster);
    pthread_mutex_destroy(&k->trouble.lock);
    free(k);
}
