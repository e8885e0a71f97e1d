/* kafka.h - a Kafka consumer group as a source of `follow`: nothing lost, nothing twice.
 *
 * Each (partition, stream) is a source of the pipeline with a cursor of its own in the stream's
 * file. The group's offset in Kafka is a watermark behind them: it is committed only up to where
 * every stream has stored what came before, so that a restart reads again at most what each stream
 * then skips by its cursor. All calls are the reader's thread's. */
#ifndef INGEST_KAFKA_H
#define INGEST_KAFKA_H

#include "ingest/pipeline.h"

#define KAFKA_TROUBLE "kafka " /* how the sources of store_trouble() begin */
enum { KAFKA_STREAMS_MAX = 256 }; /* a hostile header or field can't make files without end */

struct kafka_pair {
    char *name, *value;
};
struct kafka_topic {
    char *topic, *stream; /* the topic's name as a glob */
};

/* One entry of `kafka:`; docs/config.md. */
struct kafka_config {
    char *brokers, *group;
    char **topics; /* names, or "^regex" */
    unsigned topics_count;
    struct kafka_topic *streams; /* topic → stream, the first that fits */
    unsigned streams_count;
    char *stream;        /* for records that nothing else gives a stream; else the topic's name */
    char *stream_header; /* a record header that names the stream, or NULL */
    char
        *stream_field; /* a field of a JSON record that does, nested names joined by '.', or NULL */
    char *start;       /* "beginning" (NULL), "end", or a time; where nothing is known yet */
    char *tz;
    struct kafka_pair *properties; /* librdkafka's own */
    unsigned properties_count;
    /* as meant */
    struct zone *zone;
    int64_t start_us; /* of a time */
};

/* What a consumer needs of the follower. */
struct kafka_host {
    const char *store_dir; /* read to find cursors */
    const char *store_id;
    struct pipeline *pipeline;
    /* The stream's sink, made at its first use; NULL when no more streams are allowed. */
    struct sink *(*sink)(void *context, struct str stream, const struct zone *zone);
    void (*warn)(void *context, const char *line);
    void *context;
    const volatile int *stop;
};

struct kafka;

/* Checks what can be checked without a broker: names, properties, regular expressions. *at is the
 * text of the configuration that is wrong. */
int kafka_check(const struct kafka_config *config, const char **at, struct err *err);
/* Joins the group. Borrows both. ERR_USAGE for a wrong setting; a broker that is down is no error:
 * it is told once and waited for. */
int kafka_open(const struct kafka_config *config, const struct kafka_host *host, struct kafka **out,
               struct err *err);
/* Readable when kafka_step() has something to do. */
int kafka_fd(const struct kafka *k);
/* Moves what has arrived into the pipeline, serves rebalances, commits. Gives the ms after which to
 * call again at the latest (0: at once), or a negative code. */
int kafka_step(struct kafka *k, struct err *err);
/* After the pipeline has stored everything: commits, leaves the group. NULL is fine. */
void kafka_close(struct kafka *k);

#endif
