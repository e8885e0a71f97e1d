/* kafka_internal.h - what the kafka_*.c files share. */
#ifndef INGEST_KAFKA_INTERNAL_H
#define INGEST_KAFKA_INTERNAL_H

#include "ingest/kafka.h"

#include <librdkafka/rdkafka.h>
#include <regex.h>

enum {
    QUERY_MS = 10000, /* for one question to a broker */
    FETCH_RECORDS = 4096,
    DRAIN_MS = 20000, /* for what a revoked partition has in flight */
    COMMIT_MS = 500,
};

/* The last record of a stream from a partition: tells whether the partition is still the same. */
struct marker {
    int64_t offset, time_ms;
    uint32_t crc;
};

/* A stream's part of a partition; the pipeline's source. */
struct lane {
    struct source source;
    struct part *part;
    int64_t cursor; /* the stream has every record of its own below it */
    int64_t given;  /* handed to the pipeline up to here */
    struct marker last;
    struct lane *next;
};

struct part {
    struct kafka *kafka;
    char *topic;
    int32_t partition;
    int incarnation;    /* 1 more each time that the topic was made anew under its name */
    char *key;          /* kafka:CLUSTER/TOPIC/PARTITION[@INCARNATION] */
    struct lane *lanes; /* one a stream seen so far */
    int64_t consumed;   /* the next offset to hand over */
    int64_t committed;
    int64_t high;         /* the log's end, as last told */
    struct marker verify; /* offset < 0: nothing to compare */
    uint64_t gaps;
    int64_t gap_from, gap_to; /* the last one */
    uint64_t records;         /* handed over since rate_ns */
    int64_t rate_ns;
    double rate;
    bool paused;
};

struct kafka {
    const struct kafka_config *config;
    struct kafka_host host;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    char *cluster; /* NULL until a broker told it */
    int fds[2];    /* a pipe that librdkafka writes to when the queue fills */
    struct part **parts;
    size_t n_parts, cap_parts;
    rd_kafka_message_t **held; /* held[0..n_held): fetched, not handed over yet */
    size_t n_held;
    int64_t commit_ns, told_ns;
    uint64_t replayed;
    bool closing, down;
};

/* kafka_part.c */
struct part *part_find(struct kafka *k, const char *topic, int32_t partition);
/* Where to read a newly assigned partition from; makes its part. */
int part_assign(struct kafka *k, rd_kafka_topic_partition_t *tp, struct err *err);
/* Stops a part: its lanes are closed by the pipeline once they are stored. */
void part_revoke(struct kafka *k, struct part *p);
void part_free(struct part *p); /* its lanes are gone */
struct lane *part_lane(struct part *p, struct str stream);
/* Every record below it is stored, whatever its stream. */
int64_t part_watermark(const struct part *p);
/* False: the record isn't the one that was read at that offset, so the log is another. */
bool part_accepts(struct part *p, const rd_kafka_message_t *m);
/* The position doesn't exist (any more): tells a gap and gives the one to go on at. */
int64_t part_out_of_range(struct part *p);
/* After part_accepts() said no: the offset to go on at. */
int64_t part_start_anew(struct part *p);
void part_detail(const struct lane *lane, struct buf *out);
struct marker marker_of(const rd_kafka_message_t *m);

/* kafka_route.c: the stream of a record; in arena, and always a valid name. */
struct str kafka_route(const struct kafka_config *config, const char *topic,
                       const rd_kafka_message_t *m, struct arena *arena);
/* Why a record can't be a log line, or NULL. */
const char *kafka_poison(const rd_kafka_message_t *m);

void kafka_warn(struct kafka *k, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
