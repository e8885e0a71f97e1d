/* kafka_internal.h - what the kafka_*.c files share. */
#ifndef INGEST_KAFKA_INTERNAL_H
#define INGEST_KAFKA_INTERNAL_H

#include "ingest/kafka.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#define LOOK_AGAIN_NS INT64_C(1000000000) /* between questions that no broker answers */
enum {
    QUERY_MS = 10000, /* for one question to a broker */
    FETCH_RECORDS = 16384,
    FETCH_LEAST = 64, /* polled for even when nothing more can be taken */
    DRAIN_MS = 20000, /* for what a revoked partition has in flight */
    CLOSE_MS = 20000, /* for leaving the group */
    COMMIT_MS = 500,
    DOWN_MS = 3000, /* without a broker, before that is told */
    CLAIM_APART_MS = 20,  /* between claims while records trickle in */
    CLAIM_AHEAD = 100000, /* records that are claimed at once where so many are there */
    CLAIMS_MAX = 48,      /* of a partition; their text stays below Kafka's 4096 bytes */
    SEEK_MIN = 10000,     /* fewer records of others are read and skipped */
};

/* The last record of a stream from a partition: tells whether the partition is still the same. */
struct marker {
    int64_t offset, time_ms;
    uint32_t crc;
};

/* Record i is bytes[ends[i - 1]..ends[i]). */
struct unpacked_record {
    struct buf bytes;
    size_t *ends;
    size_t n, cap;
};

/* Offsets from <= o < to. */
struct range {
    int64_t from, to;
};

/* kafka_claim.c: which store has, or will have, which records: the text beside the group's offset.
 * A store hands a record to its pipeline only once the group knows its claim to it. */
struct claim {
    char id[STORE_ID_LEN + 1];
    struct range range;
};
struct claims {
    struct claim owner;            /* the last owner's: from the group's offset */
    struct claim left[CLAIMS_MAX]; /* what owners before it claimed, and may not have stored */
    size_t n_left;
};
/* False when the text isn't of ours: then no claim is known. */
bool claims_read(struct str text, int64_t offset, struct claims *out);
char *claims_text(const struct claims *claims); /* the caller's to free() */
void claims_leave(struct claims *claims, const struct claim *claim);
/* Drops what the store has claimed before, or (id NULL) what lies below an offset. */
void claims_drop(struct claims *claims, const char *id, int64_t below);

/* A stream's part of a partition; the pipeline's source. */
struct lane {
    struct source source;
    struct part *part;
    atomic_int *open; /* the consumer's count */
    int64_t cursor;   /* the stream has every record of its own below it */
    int64_t given;    /* handed to the pipeline up to here */
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
    bool located;       /* false: where to start isn't known yet */
    int64_t retry_ns;   /* when to ask again, for where to start or (astray) to go on */
    struct range mine[CLAIMS_MAX + 1]; /* what this store is to read, in order */
    size_t n_mine;
    struct claims claims; /* the owner's is ours */
    int64_t claiming;     /* sent, not answered */
    int64_t consumed;     /* the next offset to hand over */
    int64_t needed;       /* held records end here, but aren't claimed yet */
    int64_t seek;         /* where to go on after a hole, or -1 */
    int64_t committed;
    int64_t mark;         /* the highest watermark that a stream knows of */
    int64_t high;         /* the log's end, as last told */
    int64_t eof;          /* nothing was behind it */
    struct marker verify; /* offset < 0: nothing to compare */
    uint64_t gaps;
    struct range gap;     /* the last one */
    uint64_t replayed;    /* fetched again, and skipped as the streams had them */
    uint64_t records;     /* handed over since rate_ns */
    int64_t rate_ns;
    double rate;
    bool paused;
    bool astray; /* out of its log, and no broker has told yet where that goes on */
};

/* kafka_trouble.c: what was told of a broker, and what wasn't yet. */
enum { TROUBLE_NAME = 256, TROUBLES = 8 };
struct told {
    char broker[TROUBLE_NAME]; /* HOST:PORT */
    char words[ERR_TEXT];
    int64_t ns; /* 0: free */
};
struct kafka_trouble {
    struct told told[TROUBLES];
    char reason[ERR_TEXT]; /* of the last error that may mend by itself */
    int64_t lasting_ns;    /* when one came that won't */
    pthread_mutex_t lock;  /* of what librdkafka's threads set: */
    char judged[TROUBLE_NAME];
    int code; /* OpenSSL's of that broker's certificate */
};

/* A consumer first finishes what its store has claimed in an earlier life, then joins the group. */
enum kafka_state { KAFKA_LOOKS, KAFKA_SETTLES, KAFKA_FOLLOWS, KAFKA_LEAVES };

struct kafka {
    const struct kafka_config *config;
    struct kafka_host host;
    rd_kafka_t *rk;
    struct nudge *nudge;
    rd_kafka_queue_t *queue, *replies; /* records and rebalances; answers to commits */
    char *cluster; /* NULL until a broker told it */
    int fds[2];    /* a pipe that librdkafka writes to when a queue fills */
    struct part **parts;
    size_t n_parts, cap_parts;
    rd_kafka_message_t **held; /* held[0..n_held): fetched, not handed over yet */
    struct lane **lanes;       /* lanes[i] is held[i]'s */
    size_t n_held, cap_held;
    struct unpacked_record unpacked; /* scratch */
    atomic_int open_lanes;
    atomic_bool doubtful; /* a partition was away: is it the log that was read? */
    enum kafka_state state;
    int64_t state_ns, commit_ns, told_ns, nudge_ns;
    int64_t up_ns;   /* a broker was connected */
    int64_t full_ns; /* since when as much is held as may be; 0: it isn't */
    size_t nudged; /* the next part to ask about */
    struct kafka_trouble trouble;
    bool committing, commit_failed, closing, down;
    bool subscribed, assigned; /* ever */
};

/* kafka_part.c */
struct part *part_find(struct kafka *k, const char *topic, int32_t partition);
struct part *part_new(struct kafka *k, const char *topic, int32_t partition);
/* Where to read it from; asks the brokers. Sets consumed. */
int part_locate(struct part *p, struct err *err);
/* The same for nothing but the ranges that this store has claimed before. */
int part_settle(struct part *p, const struct claims *claims, struct err *err);
/* Stops a part: its lanes are closed by the pipeline once they are stored. */
void part_revoke(struct kafka *k, struct part *p);
void part_free(struct part *p); /* its lanes are gone */
/* The record's lane. NULL when there is none. */
struct lane *part_lane(struct part *p, struct str stream);
/* Every record below it that is ours is stored, whatever its stream. */
int64_t part_watermark(const struct part *p);
/* Where the group's offset may be. */
int64_t part_commitable(const struct part *p);
/* The offset itself when this store is to read it; else the next one that it is, or INT64_MAX. */
int64_t part_wanted(const struct part *p, int64_t offset);
/* A partition that is only settled: it is read as far as is to be. */
bool part_settled(const struct part *p);
/* False: the record isn't the one that was read at that offset, so the log is another. */
bool part_accepts(struct part *p, const rd_kafka_message_t *m);
/* The position doesn't exist (any more): tells a gap and gives the one to go on at, or -1. */
int64_t part_out_of_range(struct part *p);
/* Sets verify to the last record read. False: none was. */
bool part_doubt(struct part *p);
/* After part_accepts() said no: the offset to go on at, or -1. */
int64_t part_start_anew(struct part *p);
void part_detail(const struct lane *lane, struct buf *out);
struct marker marker_of(const rd_kafka_message_t *m);

/* kafka_group.c: rebalances, claims and commits. */
void group_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                     rd_kafka_topic_partition_list_t *list, void *context);
/* Sends claims and watermarks when they are due, and moves the state on. Gives the ms after which it
 * is to be called again. */
int group_step(struct kafka *k);
/* Takes the part's partition off and on again, to be read from the offset. */
void group_refetch(struct part *p, int64_t offset);
/* The last commit: waits for its answer. */
void group_leave(struct kafka *k);
/* Frees a part and the lanes that it still has: only once the pipeline is through with them. */
void remove_part(struct kafka *k, struct part *p);

/* Sets the callbacks by which it learns of errors. */
void trouble_watch(struct kafka *k, rd_kafka_conf_t *conf);

/* kafka_nudge.c: questions whose answers nobody needs; see there. Borrows rk until its end. */
struct nudge *nudge_open(rd_kafka_t *rk, struct err *err);
/* False while an answer is awaited, and a little longer. */
bool nudge_ready(struct nudge *n);
/* Returns at once. */
void nudge_leader(struct nudge *n, const char *topic, int32_t partition);
void nudge_close(struct nudge *n); /* NULL is fine; waits for the answer, half a second at most */

/* kafka_route.c: the stream of a record; in arena, and always a valid name. */
struct str kafka_route(const struct kafka_config *config, const char *topic,
                       const rd_kafka_message_t *m, struct arena *arena);
/* Why a record can't be a log line, or NULL. */
const char *kafka_poison(const rd_kafka_message_t *m);

/* kafka_otlp.c: the log records in a record of OpenTelemetry's JSON, each as an object of its own with
 * its resource's attributes, which are left out once there are OTLP_BYTES_MAX: they could make a
 * megabyte a terabyte. False when it is none. */
enum { OTLP_BYTES_MAX = 8 * 1024 * 1024 };
bool otlp_unpack(struct str record, struct unpacked_record *out);

/* kafka.c */
void kafka_warn(struct kafka *k, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* kafka_read.c: lets go of what is held of a part (NULL: of all). */
void drop_held(struct kafka *k, const struct part *p);
void seek_to(struct part *p, int64_t offset);
/* To where its log goes on, once librdkafka has found its position to be out of the log; asked again
 * when no broker answers. */
void go_back_into_range(struct part *p);

#endif
