/* source.h - what gives chunks of whole lines, each with its place: a file, standard input, and
 * later a partition of Kafka. The reader fills chunks, the pipeline does the rest (pipeline.h).
 *
 *   reader thread        source_next() fills a chunk ──┐
 *   worker threads       classify it                   │ pipeline.c
 *   committing thread    stores it with its cursor  ◄──┘ */
#ifndef INGEST_SOURCE_H
#define INGEST_SOURCE_H

#include "base/err.h"
#include "base/mem.h"
#include "parsers/event.h"

enum { CHUNK_BYTES = 1 << 20 };

/* How a line without a LF was counted when it was read before its end was there. */
enum counted { COUNTED_NOT, COUNTED_OTHER, COUNTED_EVENT, COUNTED_QUARANTINED };
const char *counted_name(enum counted c); /* "" for COUNTED_NOT */
enum counted counted_find(struct str name);

/* Records whose ends the source knows, and those that can't be log lines (Kafka). */
struct poison {
    int64_t position;
    const char *why; /* static */
    char *raw;       /* owned; cut to RECORD_MAX */
    size_t raw_n;
};
struct listed {
    uint32_t *ends;
    int64_t *now_us, *positions;
    size_t n, cap;
    struct poison *poison;
    size_t n_poison, cap_poison;
};

struct chunk {
    char *room; /* room[0..CHUNK_BYTES): where bytes lie; the pipeline owns it */
    struct str bytes;
    int64_t from, to;    /* the cursor before and after */
    uint64_t size;       /* bytes of the source that are new: more than bytes.n where a line is cut */
    int64_t now_us;      /* what times without a year are read by */
    enum counted again;  /* the first line was counted so in an earlier run: it counts no more */
    size_t partial;      /* bytes behind the last LF; `to` is before them */
    struct listed listed; /* listed.n + listed.n_poison > 0: bytes are these records, not lines */
    struct buf detail;   /* the cursor's detail at `to`: a JSON object without its closing brace */
};

enum source_state {
    SOURCE_CHUNK,   /* the chunk is filled */
    SOURCE_WAIT,    /* nothing now */
    SOURCE_END,     /* nothing ever again */
    SOURCE_CHANGED, /* what was read is not there any more: truncated or written anew */
};

/* How much of an end that may go on is kept for later. */
enum hold {
    HOLD_RECORD, /* a record that further lines may join, and a line without LF */
    HOLD_LINE,   /* a line without LF */
    HOLD_NOTHING,
};

/* Makes a taken chunk empty, whatever it held. */
void chunk_clear(struct chunk *chunk);
void chunk_release(struct chunk *chunk);
/* Adds a record to a chunk of records; false when it has no room left. */
bool chunk_record(struct chunk *chunk, struct str record, int64_t position, int64_t now_us);
void chunk_poison(struct chunk *chunk, struct str record, int64_t position, const char *why);

struct source;
struct source_ops {
    /* A source_state, or a negative code. The reader's thread. */
    int (*next)(struct source *s, struct chunk *chunk, enum hold hold, struct err *err);
    void (*close)(struct source *s);
};

/* The part of a source that the pipeline knows; a file's or a partition's own part is around it. */
struct source {
    const struct source_ops *ops;
    struct sink *sink; /* the stream that it goes to: pipeline.h */
    char *key;         /* the cursor's */
    struct pending *pending; /* the committing thread's: what is not stored yet, or NULL */
    _Atomic int64_t stored;  /* the cursor that the store has, raised after each commit */
};

#endif
