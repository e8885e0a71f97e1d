/* config.h - the configuration of `follow`, read and checked: docs/config.md says what it means. */
#ifndef INGEST_CONFIG_H
#define INGEST_CONFIG_H

#include "ingest/ingest.h"
#include "ingest/kafka.h"

struct follow_stream {
    /* as written; NULL where left out */
    char *name, *tz, *start, *keep, *keep_bytes_text;
    char **files;
    unsigned files_count;
    /* as meant */
    struct zone *zone;
    bool from_end;      /* start: end */
    int64_t keep_us;    /* 0: for ever */
    int64_t keep_bytes; /* 0: no bound */
};

struct follow_config {
    char *store, *rules;
    int poll_ms; /* 0: left out */
    struct follow_stream *streams;
    unsigned streams_count;
    struct kafka_config *kafka;
    unsigned kafka_count;
};

enum { POLL_MS_MIN = 10, POLL_MS_MAX = 60000 };

#endif
