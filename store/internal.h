/* internal.h - what the files of store/ share. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "parsers/classifier.h" /* RECORD_MAX */
#include "store/store.h"

#include <sqlite3.h>

enum {
    APPLICATION_ID = 0x746c7374,  /* "tlst": a stream's file */
    CATALOG_ID = 0x746c7363,      /* "tlsc": catalog.db */
    SCHEMA_VERSION = 1,           /* of both, in user_version */
    PAGE_BYTES = 8192,            /* 36 % more rows/s than 4096 here */
    BLOCK_EVENTS = 1024,          /* events of a block, at most */
    BLOCK_BYTES = 128 * 1024,     /* a block is closed once it holds as many bytes of raw lines */
    BLOCK_BYTES_MAX = 512 * 1024, /* no sound block unpacks to more */
    QUARANTINE_BYTES = 8 << 20,   /* the newest quarantined records that are kept in a stream */
    WRITER_WAIT_MS = 5000,
    READER_WAIT_MS = 1000,
    ERR_NEWER = -100, /* within store/: a newer schema, which the caller sees as ERR_FAILED */
};

enum stmt_id {
#define STMT(name, sql) STMT_##name,
#include "store/statements.def"
#undef STMT
    STMT_COUNT
};

/* ---- block.c: raw lines, packed ----
 * data = zstd(lines || table || u32 bytes of the table), table = (varint id step, varint length)*.
 * The first step counts from the block's `first`. */
struct block {
    int64_t first, last; /* ids; empty when last < first */
    int64_t min_us, max_us;
    int64_t bits; /* bit (series % 64) of every series in it */
    size_t n;
    struct buf lines, table;
};
void block_start(struct block *b, int64_t first);
void block_add(struct block *b, int64_t id, int64_t time_us, int64_t series, struct str raw);
void block_release(struct block *b);
/* How long a block lasts, as the number of bits of that: what a search by time must look back. */
int block_span(const struct block *b);
void block_pack(struct block *b, void *zstd, struct buf *out);
/* A packed block, open to look up raw lines by id. False when it is damaged. */
struct unpacked {
    int64_t first;
    uint64_t used; /* when: the cache drops the oldest */
    struct buf bytes;
    struct block_line {
        int64_t id;
        uint32_t at, n;
    } *lines;
    size_t n, cap;
};
bool block_unpack(struct str data, int64_t first, void *zstd, struct unpacked *out);
void unpacked_release(struct unpacked *u);
bool unpacked_find(const struct unpacked *u, int64_t id, struct str *raw);

/* ---- dict.c: series by content ---- */
struct dict {
    struct dict_cell {
        uint64_t hash;
        int64_t id; /* 0: free */
        struct str key;
    } *cells;
    size_t cap, used;
    size_t key_bytes;
    struct arena keys;
    struct buf key;
    size_t last; /* the cell found last */
};
struct stream;
/* The series of the event; a new one is stored. Negative code on failure. */
int dict_find(struct stream *st, const struct event *event, int64_t *id, struct err *err);
void dict_release(struct dict *d);
/* The series in the row under a statement; strings in arena. */
void series_row(sqlite3_stmt *row, struct arena *arena, struct series *out);

/* ---- rollup.c ---- */
struct tally {
    struct tally_cell {
        int64_t at_s, series, n; /* n == 0: free */
    } *cells;
    size_t cap, used, last;
};
int64_t floor_s(int64_t time_us);
void tally_add(struct tally *t, int64_t at_s, int64_t series, int64_t n);
/* Adds what was tallied per second to all levels and empties it. Negative counts take away. */
int tally_store(struct stream *st, struct tally *t, struct err *err);
void tally_release(struct tally *t);

/* ---- pending.c: rows in memory as a table, so that one statement inserts them all ---- */
enum { PENDING_ROWS = 4096, PEER_PACKED = 18 };
struct pending {
    struct pending_row {
        int64_t id, time_us, series;
        struct str peer; /* when packed_n is 0 */
        unsigned char packed[PEER_PACKED];
        unsigned char packed_n;
    } *rows;
    size_t n;
};
int pending_register(sqlite3 *db, struct pending *pending);

/* ---- peer.c ---- */
/* An address as 4, 6 (IPv4 and port), 16 or 18 bytes; 0 when its text isn't the canonical one. */
size_t peer_pack(struct str peer, unsigned char out[PEER_PACKED]);
enum { PEER_TEXT = 64 };
struct str peer_unpack(const unsigned char *bytes, size_t n, char out[PEER_TEXT]);

/* ---- raw.c: raw lines back, through a cache of unpacked blocks ---- */
enum { UNPACKED = 48 };
/* The raw line of an event, lent until the next call: 1, 0 when the event is gone since. */
int raw_find(struct store *s, struct stream *st, int64_t id, struct str *raw, struct err *err);

/* ---- events.c ---- */
/* A block's place in time and in ids. */
struct extent {
    int64_t first, last, min_us, max_us, bits;
};
struct extents {
    struct extent *list; /* the caller frees it */
    size_t n, cap;
};
/* start_us <= a block's start < start_until_us, and the same of its end. */
struct extent_range {
    int64_t start_us, start_until_us, end_us, end_until_us;
};
/* Adds the blocks that are in the range. */
int extents_in(struct stream *st, const struct extent_range *in, struct extents *to,
               struct err *err);

/* ---- status.c ---- */
/* The times of the first and the last event; TIME_NONE without any. */
int extent_read(struct stream *st, int64_t *first_us, int64_t *last_us, struct err *err);

/* ---- append.c ---- */
int block_store(struct store *s, struct stream *st, struct block *b, struct err *err);
int cursors_read(struct stream *st, struct str prefix, struct arena *arena, struct cursor **out,
                 size_t *n, struct err *err);

/* ---- stream.c: one stream's file ---- */
struct ledger {
    int64_t lines, events, other, quarantined, bytes, pruned, last_line_us;
    int64_t from_us, until_us; /* of the times that lines tell; TIME_NONE: none did */
    int64_t next_id, next_series, quarantine_bytes, seed;
};
struct stream {
    char name[STREAM_NAME_MAX + 1];
    char *path;
    sqlite3 *db; /* NULL: closed for now */
    sqlite3_stmt *stmts[STMT_COUNT];
    bool write;
    bool damaged; /* SQLite or we found it so; the file isn't touched again */
    char *why;    /* of damaged */
    uint64_t used;
    int walks; /* reading it now: not to be closed for another's sake */
    uint64_t inode, device; /* of the open file: it may be replaced under a reader */

    /* a writer's state; dropped with the connection, so a failed batch leaves nothing behind */
    bool loaded;
    struct ledger ledger;
    struct dict dict;
    struct block block; /* the last one, open for more */
    struct tally tally;
    struct pending pending;

    /* a reader's state */
    struct arena series_arena;
    struct series *series; /* by id */
    size_t n_series, cap_series;
    struct unpacked *unpacked; /* UNPACKED of them, once one was needed */
    struct unpacked *unpacked_last;
    uint64_t unpack_clock;
};
int stream_create(const char *path, struct err *err);
int stream_connect(struct stream *st, struct err *err);
void stream_disconnect(struct stream *st);
void stream_unload(struct stream *st); /* forgets what is remembered of the file's content */
void stream_free(struct stream *st);
int stream_begin(struct stream *st, struct err *err);
int stream_commit(struct stream *st, struct err *err);
int ledger_load(struct stream *st, struct ledger *out, struct err *err);
int ledger_store(struct stream *st, struct err *err);

/* ---- db.c: SQLite ---- */
struct db_options {
    int id;          /* the application_id it must have */
    bool write, wal;
};
int db_open(const char *path, const struct db_options *options, sqlite3 **out, struct err *err);
/* Makes a new database file of this schema: whole or not at all. Written aside as PATH.new, then
 * renamed, then the folder is synced. */
int db_create(const char *path, const struct db_options *options, const char *schema,
              struct err *err);
/* Sets *err from what SQLite last said; what it was doing comes first. */
int db_err(sqlite3 *db, struct err *err, const char *doing);
int db_exec(sqlite3 *db, const char *sql, struct err *err);
/* The one integer or text that a pragma answers. */
int db_pragma_int(sqlite3 *db, const char *sql, int64_t *out, struct err *err);
int db_pragma_is(sqlite3 *db, const char *sql, const char *wanted, struct err *err);
/* Binds from ?1 on: i int64_t, t struct str as text, b struct str as blob; absent is NULL. */
void db_bind(sqlite3_stmt *stmt, const char *types, ...);
struct str db_column(sqlite3_stmt *stmt, int column); /* absent for NULL; lent until the next step */
/* A stream's statement, prepared at its first use; NULL and *err when that fails. */
sqlite3_stmt *stream_stmt(struct stream *st, enum stmt_id id, struct err *err);
/* Binds, runs to the end and resets. */
int stream_run(struct stream *st, struct err *err, enum stmt_id id, const char *types, ...);
/* One row more: 1, none: 0, a negative code. */
int stream_step(struct stream *st, sqlite3_stmt *stmt, struct err *err);

/* ---- store.c ---- */
enum { OPEN_STREAMS = 24 };
struct store {
    char *dir;   /* absolute, without links */
    char *given; /* as it was opened */
    enum store_mode mode;
    int lock_fd;
    sqlite3 *catalog; /* NULL: none yet */
    struct stream **streams; /* sorted by name */
    size_t n_streams, cap_streams;
    char **warnings;
    size_t n_warnings, cap_warnings;
    uint64_t clock; /* counts uses, for the least recently used */
    void *zstd_in, *zstd_out;
};
struct stream *store_known(const struct store *s, struct str name); /* NULL: none */
void store_warn(struct store *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The stream with its file open, or NULL and 0 when there is none (or it is damaged). */
int store_reader(struct store *s, struct str name, struct stream **out, struct err *err);
/* The stream with its file open, created when `create`; NULL and 0 without it. */
int store_writer(struct store *s, struct str name, bool create, struct stream **out,
                 struct err *err);
/* After a failure: takes the transaction back, closes the connection and, when the file turned out
 * to be damaged, sets it aside (writing) or skips it from now on (reading). Returns the code; 0
 * when reading can go on without the stream. */
int store_failed(struct store *s, struct stream *st, struct err *err);

/* ---- catalog.c ---- */
/* Opens catalog.db; a writer makes it where there is none. */
int catalog_open(struct store *s, struct err *err);
int catalog_add_stream(struct store *s, const char *name, struct err *err);

/* ---- files.c: names, renames, syncs; a database file is never opened here ---- */
char *path_join(const char *dir, const char *name, const char *suffix); /* the caller frees it */
int dir_sync_of(const char *path, struct err *err); /* syncs the folder that path is in */
int dir_make(const char *path, struct err *err);
/* Renames PATH, PATH-wal, PATH-shm and PATH-journal to PATH.corrupt-TIME...; *to is the caller's. */
int file_set_aside(const char *path, char **to, struct err *err);
int64_t file_bytes(const char *path); /* of the database and its WAL; 0 when there is none */

#endif
