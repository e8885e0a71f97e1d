/* client.c - Kafka's other side for the tests and the bench: writes records, and reads them bare.
 *
 *   client BROKERS send                      frames from stdin: a line TOPIC PARTITION STREAM BYTES,
 *                                            then so many bytes; STREAM is the value of the header
 *                                            "stream" ("-": no header); BYTES -1: no value
 *   client BROKERS fill TOPIC N FAILING      N access-log lines over all partitions, 200 bytes each,
 *                                            every FAILING-th a failed handshake
 *   client BROKERS drain TOPIC N             reads N records from the beginning, throws them away and
 *                                            prints the seconds from the first to the last
 *   client BROKERS create|delete|cut|...     topics and groups: see admin.c
 *   client N mock                            librdkafka's mock cluster of N brokers: prints its address,
 *                                            then obeys stdin until its end: see mock_obey() */
#include "client.h"

#include <librdkafka/rdkafka_mock.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RECORD_BYTES = 200, FLUSH_MS = 120000, FRAME_MAX = 64 << 20 };

static int failed;

void die(const char *what, const char *why)
{
    fprintf(stderr, "client: %s: %s\n", what, why);
    exit(1);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *context)
{
    (void)rk, (void)context;
    if (m->err) {
        fprintf(stderr, "client: %s\n", rd_kafka_err2str(m->err));
        failed = 1;
    }
}

rd_kafka_t *open_client(rd_kafka_type_t type, const char *const *pairs)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    for (; pairs[0]; pairs += 2)
        if (rd_kafka_conf_set(conf, pairs[0], pairs[1], why, sizeof why) != RD_KAFKA_CONF_OK)
            die(pairs[0], why);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk)
        die("open", why);
    return rk;
}

static rd_kafka_t *producer(const char *brokers)
{
    const char *const pairs[] = {"bootstrap.servers", brokers, "linger.ms", "5",
                                 "enable.idempotence", "true", "log_level", "2", "message.max.bytes", "67108864",
                                 "queue.buffering.max.kbytes", "131072", NULL};
    return open_client(RD_KAFKA_PRODUCER, pairs);
}

static void finish(rd_kafka_t *rk)
{
    if (rd_kafka_flush(rk, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR || failed)
        die("send", "not everything was delivered");
    rd_kafka_destroy(rk);
}

/* ---- send ---- */

struct frame {
    char topic[256], stream[256];
    int32_t partition;
    long bytes;
};

static rd_kafka_resp_err_t send_frame(rd_kafka_t *rk, const struct frame *f, void *value)
{
    size_t n = f->bytes > 0 ? (size_t)f->bytes : 0;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    if (strcmp(f->stream, "-") != 0)
        rd_kafka_header_add(headers, "stream", -1, f->stream, -1);
    rd_kafka_resp_err_t e =
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(f->topic), RD_KAFKA_V_PARTITION(f->partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(value, n),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (e != RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers);
    return e;
}

static int run_send(const char *brokers)
{
    rd_kafka_t *rk = producer(brokers);
    struct frame f;
    char line[1024];
    void *value = malloc(FRAME_MAX);
    while (value && fgets(line, sizeof line, stdin)) {
        int n = sscanf(line, "%255s %" SCNd32 " %255s %ld", f.topic, &f.partition, f.stream, &f.bytes);
        if (n != 4 || f.bytes > FRAME_MAX)
            die("frame", line);
        if (f.bytes > 0 && fread(value, 1, (size_t)f.bytes, stdin) != (size_t)f.bytes)
            die("frame", "cut short");
        rd_kafka_resp_err_t e;
        while ((e = send_frame(rk, &f, f.bytes < 0 ? NULL : value)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            rd_kafka_poll(rk, 100);
        if (e)
            die("send", rd_kafka_err2str(e));
        rd_kafka_poll(rk, 0);
    }
    free(value);
    finish(rk);
    return 0;
}

/* ---- fill ---- */

static size_t a_line(char *out, long i, bool failing)
{
    int n;
    if (failing)
        n = snprintf(out, RECORD_BYTES + 1,
                     "2026/04/18 04:%02ld:%02ld [error] 29#29: *%ld SSL_do_handshake() failed (SSL:"
                     " error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48) while"
                     " SSL handshaking, client: 192.0.2.%ld,",
                     i / 60 % 60, i % 60, i, i % 250);
    else
        n = snprintf(out, RECORD_BYTES + 1,
                     "192.0.2.%ld - - [18/Apr/2026:04:%02ld:%02ld +0000] \"GET /shop/item/%ld HTTP/2.0\""
                     " 200 %ld \"https://shop.example.com/\" \"Mozilla/5.0 (X11; Linux x86_64)\" rt=0.%03ld",
                     i % 250, i / 60 % 60, i % 60, i, i % 9000, i % 1000);
    if (n < RECORD_BYTES)
        memset(out + n, 'x', (size_t)(RECORD_BYTES - n));
    return RECORD_BYTES;
}

static int run_fill(const char *brokers, const char *topic, long records, long failing)
{
    rd_kafka_t *rk = producer(brokers);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    char line[RECORD_BYTES + 1];
    for (long i = 0; i < records; i++) {
        size_t n = a_line(line, i, failing > 0 && i % failing == 0);
        while (rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, line, n, NULL, 0,
                                NULL) != 0)
            rd_kafka_poll(rk, 50);
        if (i % 1000 == 0)
            rd_kafka_poll(rk, 0);
    }
    rd_kafka_topic_destroy(rkt);
    finish(rk);
    return 0;
}

/* ---- drain ---- */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_drain(const char *brokers, const char *topic, long records)
{
    const char *const pairs[] = {"bootstrap.servers", brokers, "group.id", "bare",
                                 "auto.offset.reset", "earliest", "enable.auto.commit", "false",
                                 "enable.auto.offset.store", "false",
                                 /* a queue that never fills: its fetchers would rest for a second */
                                 "queued.min.messages", "1000000",
                                 "queued.max.messages.kbytes", "262144", NULL};
    rd_kafka_t *rk = open_client(RD_KAFKA_CONSUMER, pairs);
    rd_kafka_message_t *batch[4096];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    double first = 0;
    for (long got = 0; got < records;) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 100, batch, 4096);
        if (n > 0 && first == 0)
            first = now_s();
        for (ssize_t i = 0; i < n; i++) {
            got += batch[i]->err == 0;
            rd_kafka_message_destroy(batch[i]);
        }
    }
    printf("%.3f\n", now_s() - first);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return 0;
}

/* ---- mock ---- */

static void fail(rd_kafka_mock_cluster_t *mock, int api, int error, int times)
{
    while (times-- > 0)
        rd_kafka_mock_push_request_errors(mock, (int16_t)api, 1, (rd_kafka_resp_err_t)error);
}

/* "topic NAME PARTITIONS", "leader TOPIC PARTITION BROKER", "coordinator GROUP BROKER",
 * "rtt BROKER MS", "down BROKER", "up BROKER", "fail API ERROR TIMES", "delay BROKER API MS" (of one
 * request), "delayed BROKER API" (has it come?); false: no, or no such word. */
static bool mock_obey(rd_kafka_mock_cluster_t *mock, const char *line)
{
    char name[256];
    int a, b, c;
    if (sscanf(line, "topic %255s %d", name, &a) == 2)
        return rd_kafka_mock_topic_create(mock, name, a, 1) == 0;
    if (sscanf(line, "leader %255s %d %d", name, &a, &b) == 3)
        return rd_kafka_mock_partition_set_leader(mock, name, a, b) == 0;
    if (sscanf(line, "coordinator %255s %d", name, &a) == 2)
        return rd_kafka_mock_coordinator_set(mock, "group", name, a) == 0;
    if (sscanf(line, "rtt %d %d", &a, &b) == 2)
        return rd_kafka_mock_broker_set_rtt(mock, a, b) == 0;
    if (sscanf(line, "down %d", &a) == 1)
        return rd_kafka_mock_broker_set_down(mock, a) == 0;
    if (sscanf(line, "up %d", &a) == 1)
        return rd_kafka_mock_broker_set_up(mock, a) == 0;
    if (sscanf(line, "delay %d %d %d", &a, &b, &c) == 3)
        return rd_kafka_mock_broker_push_request_error_rtts(mock, a, (int16_t)b, 1, 0, c) == 0;
    size_t left = 1;
    if (sscanf(line, "delayed %d %d", &a, &b) == 2)
        return rd_kafka_mock_broker_error_stack_cnt(mock, a, (int16_t)b, &left) == 0 && left == 0;
    if (sscanf(line, "fail %d %d %d", &a, &b, &c) != 3)
        return false;
    fail(mock, a, b, c);
    return true;
}

static int run_mock(const char *brokers)
{
    const char *const pairs[] = {"log_level", "2", NULL};
    rd_kafka_t *rk = open_client(RD_KAFKA_PRODUCER, pairs);
    rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(rk, atoi(brokers));
    char line[1024];
    if (!mock)
        die("mock", "no cluster");
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(mock));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        puts(mock_obey(mock, line) ? "ok" : "no");
        fflush(stdout);
    }
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[2], "mock") == 0)
        return run_mock(argv[1]);
    if (argc == 3 && strcmp(argv[2], "send") == 0)
        return run_send(argv[1]);
    if (argc == 6 && strcmp(argv[2], "fill") == 0)
        return run_fill(argv[1], argv[3], atol(argv[4]), atol(argv[5]));
    if (argc == 5 && strcmp(argv[2], "drain") == 0)
        return run_drain(argv[1], argv[3], atol(argv[4]));
    if (argc >= 4 && run_admin(argv[1], argc - 2, argv + 2) == 0)
        return 0;
    fputs("usage: client BROKERS send | fill TOPIC N FAILING | drain TOPIC N | mock | create ...\n", stderr);
    return 2;
}
