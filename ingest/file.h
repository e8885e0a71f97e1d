/* file.h - files as sources: who a file is, how far it was read, and its lines from there on.
 *
 * A cursor's key is "file:PATH#N": the N-th content that was met under PATH. The content may move
 * on to another name or another file (rename, copytruncate, gzip); the key stays with it. Its
 * detail is what finds it again, as JSON:
 *   path, dev, ino, handle   the file that held it last; handle: a hash of name_to_handle_at()'s
 *   head_n, head             length and hash of its first bytes (up to 256)
 *   mark_n, mark             length and hash of the bytes before the cursor (up to 1 KiB)
 *   partial_n, partial, as   a last line without LF that was counted: length, hash, how
 *   done_size, done_mtime    of a packed file that was read to its end */
#ifndef INGEST_FILE_H
#define INGEST_FILE_H

#include "ingest/input.h"
#include "ingest/source.h"
#include "store/store.h"

#include <sys/stat.h>

enum { HEAD_BYTES = 256, MARK_BYTES = 1024, PAST_MARKS = 32 };

struct file_id {
    uint64_t dev, ino;
    uint64_t handle; /* 0 where the file system has none */
};
/* Inodes are reused at once (ext4); the handle holds a generation too. */
bool file_id_same(const struct file_id *a, const struct file_id *b);
void file_id_read(int fd, const struct stat *st, struct file_id *out);

struct mark {
    int64_t position; /* right behind the bytes */
    uint64_t hash;
    uint32_t n;
};
uint64_t bytes_hash(struct str s);

/* A content that was read, at least in part. */
struct known {
    char *key, *path;
    int64_t position;
    struct file_id id;
    struct mark head, mark;
    struct mark partial; /* of the unfinished line at position: n is its whole length */
    int64_t partial_n;
    enum counted partial_as;
    int64_t done_size, done_mtime; /* done_size < 0: not done */
    struct mark past[PAST_MARKS];  /* earlier marks of this run, as a ring */
    size_t n_past;
    int64_t bad_size, bad_mtime;   /* of a packed file that turned out damaged, in this run */
    bool open;     /* a struct file is reading it, from fd */
    int fd;
    bool unsaved;  /* something but the position has changed */
    bool fresh;    /* not in the store yet: its first chunk comes from 0, wherever it starts */
    /* file_set_resolve()'s */
    bool taken;    /* a file holds it now */
    signed char intact; /* whether the file that held it still does: -1 not looked at */
};
/* The part of the key between "file:" and "#N": the path under which the content was met first. */
struct str known_birth_path(const struct known *k);

/* A file that a glob gave. */
struct candidate {
    char *path;
    const char *name; /* what it is called where path only leads to it; or NULL. Borrowed */
    struct stat st;
    struct file_id id;
    enum input_kind kind;
    char head[HEAD_BYTES];
    size_t head_n;
    struct known *known;  /* what it goes on with */
    struct known *copy_of; /* it begins as another file, which was read, does or did */
    int64_t shared;        /* so many bytes are the same: all of the shorter one, where both are there */
    bool related;          /* and its name tells so too: app.log.1 of app.log */
    bool skip;             /* nothing can be read: it is no regular file, or was refused */
};

struct file_set {
    struct known **known;
    size_t n, cap;
};
/* All that was read into the stream before. */
int file_set_load(struct file_set *set, struct store *store, struct str stream, struct err *err);
void file_set_release(struct file_set *set);
/* A fresh content under path; it lives in the set. */
struct known *file_set_add(struct file_set *set, const char *path);
/* It was never stored: its number is free again. */
void file_set_drop(struct file_set *set, struct known *known);
/* Looks at each file: by identity, then by content, decides what it goes on with. Those with
 * neither known nor copy_of are new. */
void file_set_resolve(struct file_set *set, struct candidate *files, size_t n);

/* Decides on copies for one new file again: further ones may have been read since. */
void file_set_recheck(struct file_set *set, struct candidate *c);

/* Stats and opens path without ever waiting. 0, or a code with why it can't be read: a folder, a
 * FIFO, no permission... The caller releases *out in any case. */
int candidate_probe(const char *path, struct candidate *out, struct err *err);
void candidate_release(struct candidate *c);

struct file {
    struct source source; /* first: a source is cast to it */
    struct known *known;
    char *path;
    int fd;
    struct file_id id;
    struct input *input; /* packed files and standard input; NULL for a plain file */
    bool packed;
    bool once; /* standard input: nothing can follow its end, and it can't be found again */
    int64_t position;
    int64_t now_us; /* TIME_NONE: the file's modification time */
    char head[HEAD_BYTES], tail[MARK_BYTES]; /* the content's first bytes, those before position */
    size_t head_n, tail_n;
    char *carry; /* read from input, but not given yet */
    size_t carry_n;
    bool input_ended;
    int64_t scanned;     /* plain: no LF between position and here */
    struct err *damage;  /* given after what came before it */
    struct err damage_err;
    bool held;           /* whole lines wait for the end of their record */
};
/* Opens a candidate that was resolved, at its cursor; a packed one is unpacked up to there. The
 * caller owns *out. A positive return: its content is not what it was (SOURCE_CHANGED). */
int file_open(const struct candidate *c, struct known *known, struct file **out, struct err *err);
/* Standard input, borrowed: what is known is only how much came in before. */
struct file *file_open_stdin(struct known *known);
int file_next(struct source *s, struct chunk *chunk, enum hold hold, struct err *err);
void file_close(struct source *s);
/* It is about to be handed over for good: it lets go of what is known, which may be freed first. */
void file_part(struct file *f);
/* Whether the plain file behind fd still holds what was read of it. */
bool file_holds(int fd, const struct mark *head, const struct mark *mark);

#endif
