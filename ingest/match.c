/* match.c - which of the files that are there goes on with which content that was read.
 *
 * A path says nothing (rename), an inode little (reused at once, rewritten in place), a content
 * not all (a copy beside the original). So: first those that are the file they were and still
 * hold what was read; then, for contents whose file is gone or was rewritten, those that hold
 * the same up to the cursor (a copytruncate's copy, a rotated file's .gz); then copies of files
 * that are still there, which wait. What is left is new. */
#include "ingest/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool file_id_same(const struct file_id *a, const struct file_id *b)
{
    return a->dev == b->dev && a->ino == b->ino &&
           (a->handle == 0 || b->handle == 0 || a->handle == b->handle);
}

void file_id_read(int fd, const struct stat *st, struct file_id *out)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } h = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int mount = 0;
    *out = (struct file_id){.dev = st->st_dev, .ino = st->st_ino};
    if (name_to_handle_at(fd, "", &h.handle, &mount, AT_EMPTY_PATH) == 0)
        out->handle = bytes_hash(str_make((const char *)h.handle.f_handle, h.handle.handle_bytes)) | 1;
}

struct str known_birth_path(const struct known *k)
{
    struct str key = str_of(k->key);
    if (!str_starts(key, STR("file:")))
        return STR_NONE;
    const char *hash = memrchr(key.p, '#', key.n);
    return str_make(key.p + 5, hash ? (size_t)(hash - key.p) - 5 : key.n - 5);
}

/* ---- the set ---- */

static struct known *set_push(struct file_set *set)
{
    struct known *k = xcalloc(1, sizeof *k);
    k->done_size = -1;
    k->intact = -1;
    set->known = xgrow(set->known, set->n, &set->cap, sizeof(struct known *));
    set->known[set->n++] = k;
    return k;
}

static uint64_t hex(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? strtoull(text, NULL, 16) : 0;
}

static int64_t integer(const json_t *json, const char *name, int64_t absent)
{
    const json_t *value = json_object_get(json, name);
    return json_is_integer(value) ? json_integer_value(value) : absent;
}

static struct mark mark_read(const json_t *json, const char *n, const char *hash, int64_t max)
{
    int64_t bytes = integer(json, n, 0);
    return (struct mark){.n = bytes < 0 || bytes > max ? 0 : (uint32_t)bytes, .hash = hex(json, hash)};
}

static void known_read(struct known *k, const struct cursor *cursor)
{
    json_t *json = json_loadb(cursor->detail.p ? cursor->detail.p : "", cursor->detail.n, 0, NULL);
    const char *path = json_string_value(json_object_get(json, "path"));
    k->key = str_dup(cursor->key);
    k->path = str_dup(str_of(path ? path : ""));
    k->position = cursor->position;
    k->id.dev = (uint64_t)integer(json, "dev", 0);
    k->id.ino = (uint64_t)integer(json, "ino", 0);
    k->id.handle = hex(json, "handle");
    k->head = mark_read(json, "head_n", "head", HEAD_BYTES);
    k->head.position = k->head.n;
    k->mark = mark_read(json, "mark_n", "mark", MARK_BYTES);
    k->mark.position = k->position;
    k->partial_n = integer(json, "partial_n", 0);
    k->partial.hash = hex(json, "partial");
    k->partial_as = counted_find(str_of(json_string_value(json_object_get(json, "as"))));
    k->done_size = integer(json, "done_size", -1);
    k->done_mtime = integer(json, "done_mtime", 0);
    json_decref(json);
}

int file_set_load(struct file_set *set, struct store *store, struct str stream, struct err *err)
{
    struct arena arena = {0};
    struct cursor *cursors = NULL;
    size_t n = 0;
    int rc = store_cursors(store, stream, STR("file:"), &arena, &cursors, &n, err);
    for (size_t i = 0; i < n; i++)
        known_read(set_push(set), &cursors[i]);
    arena_release(&arena);
    return rc;
}

static void known_free(struct known *k)
{
    free(k->key);
    free(k->path);
    free(k);
}

void file_set_release(struct file_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        known_free(set->known[i]);
    free(set->known);
    *set = (struct file_set){0};
}

void file_set_drop(struct file_set *set, struct known *known)
{
    for (size_t i = 0; i < set->n; i++) {
        if (set->known[i] != known)
            continue;
        memmove(&set->known[i], &set->known[i + 1], (set->n - i - 1) * sizeof(struct known *));
        set->n--;
        known_free(known);
        return;
    }
}

struct known *file_set_add(struct file_set *set, const char *path)
{
    int64_t number = 0;
    for (size_t i = 0; i < set->n; i++) {
        struct str birth = known_birth_path(set->known[i]);
        int64_t n = str_eq(birth, str_of(path))
                        ? str_number(str_of(set->known[i]->key + 5 + birth.n + 1), INT32_MAX)
                        : 0;
        number = n > number ? n : number;
    }
    struct known *k = set_push(set);
    struct buf key = {0};
    buf_printf(&key, "file:%s#%lld", path, (long long)number + 1);
    k->key = str_dup(buf_as_str(&key));
    k->path = str_dup(str_of(path));
    k->fresh = true;
    buf_release(&key);
    return k;
}

/* ---- a file as it is now ---- */

static const char *what_it_is(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder: name its files, for example with /*.log"
           : S_ISFIFO(mode) ? "a FIFO: pipe it in with `cat FIFO | tlstrail ingest STREAM=-`"
           : S_ISSOCK(mode) ? "a socket, not a log file"
                            : "a device, not a log file";
}

/* The first plain bytes, for telling contents apart. */
static int read_head(int fd, struct candidate *c, struct err *err)
{
    char magic[INPUT_MAGIC];
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    if (n < 0)
        return err_errno(err, "read %s", c->path);
    c->kind = input_kind(str_make(magic, (size_t)n));
    if (c->kind == INPUT_UNKNOWN_PACKING)
        return err_set(err, ERR_FAILED, "%s: packed in a way that isn't read here: pipe it in with"
                       " `%s FILE | tlstrail ingest STREAM=-`", c->path,
                       input_unpacker(str_make(magic, (size_t)n)));
    struct input *in = input_open(fd, -1);
    long got = 1;
    while (c->head_n < HEAD_BYTES && got > 0) {
        got = input_read(in, c->head + c->head_n, HEAD_BYTES - c->head_n, err);
        if (got > 0)
            c->head_n += (size_t)got;
    }
    input_close(in);
    /* Damage is told when it is read for good; but a plain file that can't be read is told now. */
    return got < 0 && c->kind == INPUT_PLAIN ? err_wrap(err, "%s", c->path) : 0;
}

int candidate_probe(const char *path, struct candidate *out, struct err *err)
{
    *out = (struct candidate){.path = str_dup(str_of(path)), .skip = true};
    if (stat(path, &out->st) != 0)
        return err_errno(err, "%s", path);
    if (!S_ISREG(out->st.st_mode))
        return err_set(err, ERR_FAILED, "%s is %s", path, what_it_is(out->st.st_mode));
    /* O_NONBLOCK: it may have become a FIFO since. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == EACCES)
        return err_set(err, ERR_FAILED, "%s: permission denied: run as a user that may read it", path);
    if (fd < 0)
        return err_errno(err, "open %s", path);
    int r = 0;
    if (fstat(fd, &out->st) != 0)
        r = err_errno(err, "stat %s", path);
    else if (!S_ISREG(out->st.st_mode))
        r = err_set(err, ERR_FAILED, "%s is %s", path, what_it_is(out->st.st_mode));
    else
        r = read_head(fd, out, err);
    if (r == 0)
        file_id_read(fd, &out->st, &out->id);
    close(fd);
    out->skip = r != 0;
    return r;
}

void candidate_release(struct candidate *c)
{
    free(c->path);
    c->path = NULL;
}

/* ---- what goes on with what ---- */

static bool head_holds(const struct candidate *c, const struct known *k)
{
    return c->head_n >= k->head.n && bytes_hash(str_make(c->head, k->head.n)) == k->head.hash;
}

static int open_plain(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return -1;
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

/* Unpacks until the cursor and compares what is before it. */
static bool packed_holds(const struct candidate *c, const struct known *k)
{
    struct known probe = *k;
    struct file *f = NULL;
    struct err err;
    bool same = file_open(c, &probe, &f, &err) == 0;
    if (same)
        file_close(&f->source);
    return same;
}

/* Whether the file holds all that was read of k. */
static bool holds_all(const struct candidate *c, const struct known *k)
{
    if (!head_holds(c, k))
        return false;
    if (c->kind != INPUT_PLAIN)
        return packed_holds(c, k);
    if (c->st.st_size < k->position)
        return false;
    int fd = open_plain(c->path);
    bool same = fd >= 0 && file_holds(fd, &k->head, &k->mark);
    if (fd >= 0)
        close(fd);
    return same;
}

static bool is_done(const struct candidate *c, const struct known *k)
{
    int64_t mtime = (int64_t)c->st.st_mtim.tv_sec * US_PER_S + c->st.st_mtim.tv_nsec / 1000;
    return k->done_size == c->st.st_size && k->done_mtime == mtime;
}

static void take(struct candidate *c, struct known *k)
{
    c->known = k;
    k->taken = true;
    k->intact = 1;
    if (!file_id_same(&k->id, &c->id) || k->id.handle != c->id.handle || strcmp(k->path, c->path) != 0) {
        k->id = c->id;
        k->unsaved = true;
        if (c->kind == INPUT_PLAIN)
            k->done_size = -1;
        free(k->path);
        k->path = str_dup(str_of(c->path));
    }
}

static void resolve_by_identity(struct file_set *set, struct candidate *c)
{
    for (size_t i = 0; i < set->n && !c->known; i++) {
        struct known *k = set->known[i];
        if (k->taken || !file_id_same(&k->id, &c->id))
            continue;
        if (k->open || is_done(c, k) || holds_all(c, k))
            take(c, k);
        else
            k->intact = 0;
    }
}

/* The file that was read for k, if it is still there; -1 if not. */
static int open_original(const struct known *k)
{
    if (k->open)
        return fcntl(k->fd, F_DUPFD_CLOEXEC, 0); /* its name may have changed */
    int fd = open_plain(k->path);
    struct stat st;
    struct file_id id;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0) {
        file_id_read(fd, &st, &id);
        if (file_id_same(&id, &k->id))
            return fd;
    }
    close(fd);
    return -1;
}

/* Whether the file that was read for k is still there with what was read. */
static bool is_intact(struct known *k)
{
    if (k->intact >= 0)
        return k->intact;
    int fd = k->open ? -1 : open_original(k);
    k->intact = k->open || (fd >= 0 && (k->done_size >= 0 || file_holds(fd, &k->head, &k->mark)));
    if (fd >= 0)
        close(fd);
    return k->intact;
}

/* Of several contents that the file goes on with, it's the one that was read furthest; where a
 * file is still open for that one, this is a copy. */
static void resolve_by_content(struct file_set *set, struct candidate *c)
{
    struct known *best = NULL;
    for (size_t i = set->n; i-- > 0;) { /* the newest first */
        struct known *k = set->known[i];
        bool free_one = k->open || (!k->taken && !is_intact(k));
        if (k->position == 0 || !free_one || (best && k->position <= best->position))
            continue;
        if (holds_all(c, k))
            best = k;
    }
    if (best && !best->open)
        take(c, best);
}

/* The part of a name that rotation leaves alone: without .gz, digits and what stands around them:
 * "app.log", "app.log.1", "app-20240501.log.gz" are all "app.log". */
static void name_stem(struct str path, struct buf *out)
{
    const char *slash = memrchr(path.p, '/', path.n);
    struct str dir = str_head(path, slash ? (size_t)(slash - path.p) + 1 : 0);
    struct str name = str_from(path, dir.n);
    while (str_ends(name, STR(".gz")) || str_ends(name, STR(".zst")))
        name.n -= str_ends(name, STR(".gz")) ? 3 : 4;
    buf_str(out, dir);
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];
        bool digit = ch >= '0' && ch <= '9';
        char next = i + 1 < name.n ? name.p[i + 1] : '0';
        bool joint = strchr("-_.T", ch) != NULL && next >= '0' && next <= '9';
        if (!digit && !joint)
            buf_char(out, ch);
    }
}

static bool names_related(struct str a, struct str b)
{
    if (a.n == 0 || b.n == 0 || str_eq(a, b))
        return false;
    if (str_starts(a, b) || str_starts(b, a))
        return true;
    struct buf stem_a = {0}, stem_b = {0};
    name_stem(a, &stem_a);
    name_stem(b, &stem_b);
    bool same = str_eq(buf_as_str(&stem_a), buf_as_str(&stem_b));
    buf_release(&stem_a);
    buf_release(&stem_b);
    return same;
}

/* How much of the plain file c is the beginning of what was read of k, whose file is gone: told by
 * the marks of this run. */
static int64_t read_beginning(const struct candidate *c, const struct known *k)
{
    struct mark mark = {0};
    if (c->kind != INPUT_PLAIN || c->st.st_size >= k->position || c->st.st_size < (int64_t)k->head.n)
        return 0;
    for (size_t i = 0; i < PAST_MARKS && i < k->n_past; i++) {
        if (k->past[i].position <= c->st.st_size && k->past[i].position > mark.position)
            mark = k->past[i];
    }
    int fd = open_plain(c->path);
    bool same = fd >= 0 && file_holds(fd, &k->head, &mark);
    if (fd >= 0)
        close(fd);
    return same ? mark.position : 0;
}

/* How many bytes c and the plain file that k was read from begin with in common: the whole of the
 * shorter one, or none. Of a packed c only its head is compared. */
static int64_t shared_beginning(const struct candidate *c, const struct known *k)
{
    char a[MARK_BYTES], b[MARK_BYTES];
    struct stat st;
    int original = open_original(k);
    int fd = c->kind == INPUT_PLAIN ? open_plain(c->path) : -1;
    int64_t n = original >= 0 && fstat(original, &st) == 0 ? st.st_size : 0;
    n = c->kind == INPUT_PLAIN && n > c->st.st_size ? c->st.st_size : n;
    size_t head = n < (int64_t)c->head_n ? (size_t)n : c->head_n;
    if (n > 0 && (pread(original, a, head, 0) != (ssize_t)head || memcmp(a, c->head, head) != 0))
        n = 0;
    ssize_t tail = n < MARK_BYTES ? n : MARK_BYTES;
    if (n > 0 && fd >= 0 &&
        (pread(original, a, (size_t)tail, n - tail) != tail ||
         pread(fd, b, (size_t)tail, n - tail) != tail || memcmp(a, b, (size_t)tail) != 0))
        n = 0;
    if (fd >= 0)
        close(fd);
    if (original >= 0)
        close(original);
    return n;
}

/* The file as it is now, if it is still the same. */
static void look_again(struct candidate *c)
{
    struct candidate now;
    struct err err;
    if (candidate_probe(c->path, &now, &err) == 0 && file_id_same(&now.id, &c->id)) {
        c->st = now.st;
        c->kind = now.kind;
        c->head_n = now.head_n;
        memcpy(c->head, now.head, now.head_n);
    }
    candidate_release(&now);
}

/* How much of c is what k was read from, or 0. Files of other names often begin with the same few
 * words. */
static int64_t copied_of(struct candidate *c, struct known *k)
{
    bool plain = c->kind == INPUT_PLAIN;
    if (!is_intact(k))
        return c->related && k->position > 0 ? read_beginning(c, k) : 0;
    if (k->done_size >= 0) {
        bool same = k->position > 0 && head_holds(c, k) && (plain ? holds_all(c, k) : c->related);
        return same ? k->position : 0;
    }
    int64_t shared = shared_beginning(c, k);
    if (shared == 0 && k->position > 0) {
        /* k's file may have been truncated at this moment, and c was not yet whole when it was looked at. */
        if (c->related)
            look_again(c);
        if (holds_all(c, k))
            return c->st.st_size;
    }
    return shared >= HEAD_BYTES || c->related ? shared : 0;
}

static void resolve_copies(struct file_set *set, struct candidate *c)
{
    for (size_t i = set->n; i-- > 0 && !c->copy_of;) {
        struct known *k = set->known[i];
        struct str birth = known_birth_path(k), path = str_of(c->name ? c->name : c->path);
        if (c->head_n == 0 || str_eq(birth, path))
            continue;
        c->related = names_related(path, birth) || names_related(path, str_of(k->path));
        c->shared = c->kind == INPUT_PLAIN || c->related ? copied_of(c, k) : 0;
        if (c->shared > 0)
            c->copy_of = k;
    }
}

void file_set_resolve(struct file_set *set, struct candidate *files, size_t n)
{
    for (size_t i = 0; i < set->n; i++) {
        set->known[i]->taken = set->known[i]->open;
        set->known[i]->intact = -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (!files[i].skip)
            resolve_by_identity(set, &files[i]);
    }
    for (int packed = 0; packed < 2; packed++) {
        for (size_t i = 0; i < n; i++) {
            if (!files[i].skip && !files[i].known && (files[i].kind != INPUT_PLAIN) == packed)
                resolve_by_content(set, &files[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!files[i].skip && !files[i].known)
            resolve_copies(set, &files[i]);
    }
}

void file_set_recheck(struct file_set *set, struct candidate *c)
{
    for (size_t i = 0; i < set->n; i++)
        set->known[i]->intact = -1;
    c->copy_of = NULL;
    resolve_copies(set, c);
}
