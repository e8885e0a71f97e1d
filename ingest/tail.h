/* tail.h - the files of one stream while they are followed: which are there, which are open, what
 * is new in each. All on the reader's thread. */
#ifndef INGEST_TAIL_H
#define INGEST_TAIL_H

#include "ingest/config.h"
#include "ingest/file.h"
#include "ingest/paths.h"
#include "ingest/pipeline.h"
#include "ingest/watch.h"

struct followed {
    struct file *file;
    int watch;                /* number of the watch, or -1 */
    bool dirty;               /* there may be something to read */
    bool unborn;              /* no whole line yet: can't be told from another file */
    bool seen, gone;          /* by the last scan: a path of the globs leads to it; none does */
    int64_t held_ns;          /* since when an unfinished record is held back; 0: none is */
    int64_t held_to;          /* where the file ended then */
    int64_t changed_ns;       /* when something was last read */
    int64_t size, mtime_ns;   /* when it was last looked at */
};

/* A file that holds what another one, which is still there, was read for: it may be a copy whose
 * original is about to be truncated. */
struct waiting {
    struct file_id id;
    int64_t since_ns;
    int64_t covered; /* its first bytes that were read of the original: nothing is lost in them */
    bool seen;
};

struct tail {
    const struct follow_stream *config;
    struct sink sink;
    struct file_set set;
    struct followed *files;
    size_t n, cap;
    struct waiting *waiting;
    size_t n_waiting, cap_waiting;
    struct paths told; /* warnings that were given, to give each once */
    struct paths folders; /* of the last scan, to watch */
    bool from_end; /* until the first scan: files that are there count as read */
    bool look_again; /* the last scan left something open: scan again soon */
};

struct follow; /* follow.c */

int tail_open(struct tail *t, const struct follow_stream *config, struct store *store,
              struct err *err);
void tail_release(struct tail *t);
/* Looks at what the globs match, opens what is new, notes what is gone. */
void tail_scan(struct tail *t, struct watch *watch, struct folder_id own);
/* Marks those as dirty whose size or time has changed, or that a watch has told of (number >= 0). */
void tail_poll(struct tail *t);
void tail_changed(struct tail *t, int watch_number);

enum { TAIL_IDLE, TAIL_READ, TAIL_RESCAN, TAIL_FAILED };
/* Reads one chunk from each dirty file. ending: the process is about to stop. TAIL_FAILED: the
 * pipeline has ended. */
int tail_read(struct tail *t, struct pipeline *p, struct watch *watch, bool ending);
/* When something must be done though no file changes: INT64_MAX for never. */
int64_t tail_next_ns(const struct tail *t);

#endif
