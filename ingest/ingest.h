/* ingest.h - from sources into the store: files to their end, or followed for ever.
 *
 * A source gives chunks of whole lines with their position; the pipeline classifies them on every
 * core and commits them in order, each with its cursor, in one transaction (store/store.h). */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "parsers/classifier.h"
#include "store/store.h"

struct ingest_total { /* since the start of this run, per stream */
    char stream[STREAM_NAME_MAX + 1];
    uint64_t lines, events, quarantined, bytes;
};

struct ingest_options {
    const struct rules *rules;
    const struct zone *zone; /* NULL: UTC */
    int64_t now_us;          /* TIME_NONE: a file's own modification time, and the clock for stdin */
    /* Called now and then with what is done of what is known (0: unknown); NULL: never. */
    void (*progress)(void *context, uint64_t bytes_done, uint64_t bytes_total, uint64_t events);
    void *progress_context;
    /* Lent one line for each file that is left out, and why; NULL: to stderr. */
    void (*warn)(void *context, const char *line);
    void *warn_context;
};

/* Reads every file that matches a glob (or "-": standard input; .gz and .zst by their first bytes)
 * to its end. Only what is new since the last time; a rotated or compressed copy of what was read
 * is not read again. Stops cleanly, with what is committed, once *stop is set. A file that can't
 * be read, or only in part, doesn't keep the others from being read: then the first of the errors
 * is returned at the end, the others are warnings. What a glob happens to match but is no file
 * (a folder, a FIFO) is a warning; named as such, or when nothing is left, it's an error.
 * *total is filled in any case. */
int ingest_files(struct store *store, struct str stream, const char *pattern,
                 const struct ingest_options *options, const volatile int *stop,
                 struct ingest_total *total, struct err *err);

/* The configuration of `follow`: see docs/config.md. The caller owns *out. ERR_USAGE names the line
 * of the file and what to do. */
struct follow_config;
int follow_config_load(const char *path, struct follow_config **out, struct err *err);
void follow_config_close(struct follow_config *config);
const char *follow_config_store(const struct follow_config *config); /* NULL: not set there */
const char *follow_config_rules(const struct follow_config *config); /* NULL: not set there */

/* Follows all sources of the configuration until *stop is set. *totals (one a stream) is the
 * caller's to free(). */
int follow_run(struct store *store, const struct follow_config *config, const struct rules *rules,
               const volatile int *stop, struct ingest_total **totals, size_t *n, struct err *err);

#endif
