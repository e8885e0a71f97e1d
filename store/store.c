/* store.c - the store's folder: its lock, its streams, and which of their files are open now. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

bool stream_name_valid(struct str name)
{
    if (name.n == 0 || name.n > STREAM_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return true;
}

void store_warn(struct store *s, const char *format, ...)
{
    struct err line;
    char text[sizeof line.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(&line, 0, "%s", text);
    s->warnings = xgrow(s->warnings, s->n_warnings, &s->cap_warnings, sizeof *s->warnings);
    s->warnings[s->n_warnings++] = str_dup(str_of(line.text));
}

const char *store_dir(const struct store *s)
{
    return s->given;
}

size_t store_warnings(const struct store *s, const char *const **lines)
{
    *lines = (const char *const *)s->warnings;
    return s->n_warnings;
}

/* ---- which streams there are ---- */

struct stream *store_known(const struct store *s, struct str name)
{
    for (size_t i = 0; i < s->n_streams; i++)
        if (str_eq(str_of(s->streams[i]->name), name))
            return s->streams[i];
    return NULL;
}

static struct stream *stream_add(struct store *s, struct str name)
{
    struct stream *st = xcalloc(1, sizeof *st);
    memcpy(st->name, name.p, name.n);
    struct buf path = {0};
    buf_printf(&path, "%s/streams/%s.db", s->dir, st->name);
    st->path = path.p;
    st->write = s->mode == STORE_WRITE;
    s->streams = xgrow(s->streams, s->n_streams, &s->cap_streams, sizeof *s->streams);
    size_t at = s->n_streams++;
    while (at > 0 && strcmp(s->streams[at - 1]->name, st->name) > 0) {
        s->streams[at] = s->streams[at - 1];
        at--;
    }
    s->streams[at] = st;
    return st;
}

static void stream_forget(struct store *s, struct stream *st)
{
    size_t i = 0;
    while (s->streams[i] != st)
        i++;
    memmove(&s->streams[i], &s->streams[i + 1], (--s->n_streams - i) * sizeof *s->streams);
    stream_free(st);
}

/* Adds the streams whose files have come since. */
static int scan_streams(struct store *s, struct err *err)
{
    char *path = path_join(s->dir, "streams", "");
    DIR *dir = opendir(path);
    int rc = dir || errno == ENOENT ? 0 : err_errno(err, "read the folder %s", path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        struct str name = str_of(entry->d_name);
        if (!str_ends(name, STR(".db")))
            continue;
        name.n -= 3;
        if (stream_name_valid(name) && !store_known(s, name))
            stream_add(s, name);
    }
    if (dir)
        closedir(dir);
    free(path);
    return rc;
}

/* ---- open files: a few, the least recently used closed first ---- */

static void close_oldest(struct store *s)
{
    struct stream *oldest = NULL;
    size_t open = 0;
    for (size_t i = 0; i < s->n_streams; i++) {
        struct stream *st = s->streams[i];
        if (!st->db || st->walks > 0)
            continue;
        open++;
        if (!oldest || st->used < oldest->used)
            oldest = st;
    }
    if (open >= OPEN_STREAMS)
        stream_disconnect(oldest);
}

/* A reader's file may have been set aside and made anew by the writer. */
static bool is_replaced(const struct stream *st)
{
    struct stat file;
    return stat(st->path, &file) != 0 || (uint64_t)file.st_ino != st->inode ||
           (uint64_t)file.st_dev != st->device;
}

static int set_aside(struct store *s, struct stream *st, const char *why, struct err *err)
{
    char *to = NULL;
    int rc = file_set_aside(st->path, &to, err);
    if (rc == 0)
        store_warn(s, "stream %s: its file was damaged (%s) and is set aside as %s: its sources are"
                      " read again", st->name, why, to);
    free(to);
    if (rc == 0)
        st->damaged = false;
    return rc;
}

int store_failed(struct store *s, struct stream *st, struct err *err)
{
    struct err was = *err;
    if (st->db && !sqlite3_get_autocommit(st->db))
        sqlite3_exec(st->db, "ROLLBACK", NULL, NULL, NULL);
    bool damaged = st->damaged;
    stream_disconnect(st);
    if (err->code == ERR_NEWER)
        err->code = ERR_FAILED;
    err_wrap(err, "stream %s", st->name);
    if (!damaged)
        return err->code;
    if (st->write) {
        struct err rename_err;
        if (set_aside(s, st, was.text, &rename_err) != 0)
            err_wrap(err, "%s", rename_err.text);
        return err->code;
    }
    st->why = str_dup(str_of(was.text));
    store_warn(s, "stream %s is left out: %s is damaged (%s)", st->name, st->path, was.text);
    return 0;
}

/* Opens the stream's file if it isn't. */
static int stream_use(struct store *s, struct stream *st, struct err *err)
{
    st->used = ++s->clock;
    if (st->db)
        return 0;
    close_oldest(s);
    return stream_connect(st, err);
}

int store_reader(struct store *s, struct str name, struct stream **out, struct err *err)
{
    *out = NULL;
    struct stream *st = store_known(s, name);
    if (!st && scan_streams(s, err) != 0)
        return err->code;
    if (!st && !(st = store_known(s, name)))
        return 0;
    if (!st->write && st->walks == 0 && (st->db || st->why) && is_replaced(st)) {
        stream_disconnect(st);
        free(st->why);
        st->why = NULL;
        st->damaged = false;
    }
    if (st->why)
        return 0;
    if (!st->db && access(st->path, F_OK) != 0)
        return 0; /* gone since */
    if (stream_use(s, st, err) != 0)
        return store_failed(s, st, err);
    *out = st;
    return 0;
}

static int create_file(struct store *s, struct stream *st, struct err *err)
{
    /* a WAL that outlived its database must not meet the new one */
    struct buf wal = {0};
    buf_printf(&wal, "%s-wal", st->path);
    char *to = NULL;
    int rc = access(wal.p, F_OK) == 0 ? file_set_aside(st->path, &to, err) : 0;
    free(to);
    buf_release(&wal);
    if (rc == 0)
        rc = stream_create(st->path, err);
    return rc == 0 ? catalog_add_stream(s, st->name, err) : rc;
}

int store_writer(struct store *s, struct str name, bool create, struct stream **out,
                 struct err *err)
{
    *out = NULL;
    if (s->mode != STORE_WRITE)
        return err_set(err, ERR_FAILED, "the store is open for reading only");
    if (!stream_name_valid(name))
        return err_set(err, ERR_USAGE,
                       "\"%.*s\" can't name a stream: up to %d of a-z 0-9 . _ - from a letter or"
                       " digit on", STR_ARG(str_head(name, 80)), STREAM_NAME_MAX);
    struct stream *st = store_known(s, name);
    if (!st && !create)
        return 0;
    if (!st)
        st = stream_add(s, name);
    if (!st->db && access(st->path, F_OK) != 0) {
        if (!create)
            return 0;
        if (create_file(s, st, err) != 0) {
            stream_forget(s, st);
            return err_wrap(err, "stream %.*s", STR_ARG(name));
        }
    }
    if (stream_use(s, st, err) != 0)
        return store_failed(s, st, err);
    *out = st;
    return 0;
}

/* ---- opening ---- */

static int take_lock(struct store *s, struct err *err)
{
    char *path = path_join(s->dir, "lock", "");
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    int rc = 0;
    if (s->lock_fd < 0)
        rc = err_errno(err, "open %s", path);
    else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        rc = errno == EWOULDBLOCK ? err_set(err, ERR_BUSY,
                                            "another tlstrail writes there: end it, or name another"
                                            " folder with --store")
                                  : err_errno(err, "lock %s", path);
    free(path);
    return rc;
}

static int open_dir(struct store *s, const char *dir, struct err *err)
{
    if (s->mode == STORE_WRITE && dir_make(dir, err) != 0)
        return err->code;
    s->dir = realpath(dir, NULL); /* without links: SQLite is told to follow none */
    if (!s->dir && errno == ENOENT)
        return err_set(err, ERR_FAILED, "there is none yet: run `tlstrail ingest STREAM=PATH`, or"
                                        " name another folder with --store");
    if (!s->dir)
        return err_errno(err, "open");
    struct stat st;
    if (stat(s->dir, &st) == 0 && !S_ISDIR(st.st_mode))
        return err_set(err, ERR_FAILED, "not a folder: name another with --store");
    if (s->mode == STORE_READ)
        return 0;
    char *streams = path_join(s->dir, "streams", "");
    int rc = take_lock(s, err) == 0 ? dir_make(streams, err) : err->code;
    free(streams);
    return rc;
}

/* Looks at each file once: a newer schema refuses the whole store before anything is changed. */
static int check_streams(struct store *s, struct err *err)
{
    size_t n = s->n_streams;
    struct err *why = xcalloc(n, sizeof *why);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct stream *st = s->streams[i];
        if (stream_use(s, st, &why[i]) == 0)
            continue;
        if (s->mode == STORE_READ && why[i].code != ERR_NEWER)
            st->damaged = true; /* or not ours to read: the others are */
        if (!st->damaged) {
            *err = why[i];
            rc = store_failed(s, st, err);
        }
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!s->streams[i]->damaged)
            continue;
        *err = why[i];
        store_failed(s, s->streams[i], err);
        if (s->mode == STORE_WRITE && s->streams[i]->damaged)
            rc = err->code; /* it couldn't be set aside */
    }
    free(why);
    return rc;
}

int store_open(const char *dir, enum store_mode mode, struct store **out, struct err *err)
{
    struct store *s = xcalloc(1, sizeof *s);
    s->mode = mode;
    s->given = str_dup(str_of(dir));
    s->lock_fd = -1;
    s->zstd_in = ZSTD_createCCtx();
    s->zstd_out = ZSTD_createDCtx();
    if (open_dir(s, dir, err) != 0 || scan_streams(s, err) != 0 || check_streams(s, err) != 0 ||
        catalog_open(s, err) != 0) {
        store_close(s);
        return err_wrap(err, "store %s", dir);
    }
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_streams; i++)
        stream_free(s->streams[i]);
    free(s->streams);
    for (size_t i = 0; i < s->n_warnings; i++)
        free(s->warnings[i]);
    free(s->warnings);
    sqlite3_close(s->catalog);
    ZSTD_freeCCtx(s->zstd_in);
    ZSTD_freeDCtx(s->zstd_out);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->dir);
    free(s->given);
    free(s);
}

size_t store_streams(struct store *s, struct arena *arena, struct str **out)
{
    struct err ignored; /* a folder that can't be read any more adds none */
    if (s->mode == STORE_READ)
        scan_streams(s, &ignored);
    *out = arena_alloc(arena, (s->n_streams + 1) * sizeof **out);
    size_t n = 0;
    for (size_t i = 0; i < s->n_streams; i++)
        if (s->streams[i]->db || access(s->streams[i]->path, F_OK) == 0)
            (*out)[n++] = arena_copy(arena, str_of(s->streams[i]->name));
    return n;
}
