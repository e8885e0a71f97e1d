/* tail.c - the files of one stream while they are followed: see tail.h. */
#include "ingest/tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MS INT64_C(1000000) /* in ns */
enum {
    HELD_MS = 50,       /* silence after which a record counts as complete */
    GONE_MS = 10000,    /* silence after which a file without a name is let go */
    SETTLE_MS = 2000,   /* for a copy to lose its original, and for a packed file to be complete */
};

int tail_open(struct tail *t, const struct follow_stream *config, struct store *store,
              struct err *err)
{
    *t = (struct tail){.config = config};
    memcpy(t->sink.total.stream, config->name, strlen(config->name));
    t->sink.zone = config->zone;
    int rc = file_set_load(&t->set, store, str_of(config->name), err);
    t->from_end = config->from_end && t->set.n == 0;
    return rc;
}

void tail_release(struct tail *t)
{
    for (size_t i = 0; i < t->n; i++)
        source_close(&t->files[i].file->source);
    free(t->files);
    free(t->waiting);
    free(t->sink.pending);
    paths_release(&t->told);
    paths_release(&t->folders);
    file_set_release(&t->set);
}

/* ---- scanning ---- */

/* Once for each text. */
static void tell(struct tail *t, const char *line)
{
    enum { TOLD_MAX = 1000 };
    for (size_t i = 0; i < t->told.n; i++) {
        if (strcmp(t->told.items[i], line) == 0)
            return;
    }
    if (t->told.n == TOLD_MAX)
        return;
    paths_push(&t->told, line);
    fprintf(stderr, "tlstrail: stream %s: %s\n", t->sink.total.stream, line);
}

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static void set_path(struct file *f, const char *path)
{
    if (strcmp(f->path, path) == 0)
        return;
    free(f->path);
    f->path = str_dup(str_of(path));
    free(f->known->path);
    f->known->path = str_dup(str_of(path));
    f->known->unsaved = true;
}

/* Whether path leads to a file that is open already: an inode can't be reused while it is. */
static bool is_open(struct tail *t, const char *path, const struct stat *st)
{
    for (size_t i = 0; i < t->n; i++) {
        struct followed *f = &t->files[i];
        if (f->file->id.dev != st->st_dev || f->file->id.ino != st->st_ino)
            continue;
        if (!f->seen)
            set_path(f->file, path);
        f->seen = true;
        f->gone = false;
        return true;
    }
    return false;
}

static bool was_read_whole(const struct tail *t, const struct stat *st)
{
    for (size_t i = 0; i < t->set.n; i++) {
        const struct known *k = t->set.known[i];
        int64_t mtime = mtime_ns(st) / 1000;
        bool done = k->done_size == st->st_size && k->done_mtime == mtime && !k->unsaved;
        bool bad = k->bad_size == st->st_size && k->bad_mtime == mtime;
        if (k->id.ino == st->st_ino && k->id.dev == st->st_dev && (done || bad))
            return true;
    }
    return false;
}

/* The files that are not open yet. */
static size_t find_candidates(struct tail *t, const struct paths *paths, struct folder_id own,
                              struct candidate *out)
{
    size_t n = 0;
    for (size_t i = 0; i < paths->n; i++) {
        struct err err = {0};
        struct stat st;
        if (stat(paths->items[i], &st) == 0 &&
            (is_open(t, paths->items[i], &st) || was_read_whole(t, &st)))
            continue;
        if (path_is_inside(paths->items[i], own)) {
            err_set(&err, ERR_FAILED, "%s is in the store's own folder: keep logs elsewhere",
                    paths->items[i]);
            tell(t, err.text);
            continue;
        }
        int r = candidate_probe(paths->items[i], &out[n], &err);
        bool twice = false;
        for (size_t j = 0; r == 0 && j < n; j++)
            twice = twice || file_id_same(&out[j].id, &out[n].id);
        if (r == 0 && !twice) {
            n++;
            continue;
        }
        if (r != 0 && access(paths->items[i], F_OK) == 0)
            tell(t, err.text);
        candidate_release(&out[n]);
    }
    return n;
}

/* Without a whole line in it a file can't be told from another one. */
static bool is_unborn(const struct candidate *c)
{
    return c->kind == INPUT_PLAIN && c->head_n < HEAD_BYTES && !memchr(c->head, '\n', c->head_n);
}

static struct waiting *waiting_of(struct tail *t, const struct candidate *c)
{
    for (size_t i = 0; i < t->n_waiting; i++) {
        if (file_id_same(&t->waiting[i].id, &c->id))
            return &t->waiting[i];
    }
    return NULL;
}

/* The file has to wait for its original to go. Returns for how long it has. */
static int64_t wait_more(struct tail *t, const struct candidate *c)
{
    struct waiting *w = waiting_of(t, c);
    if (!w) {
        t->waiting = xgrow(t->waiting, t->n_waiting, &t->cap_waiting, sizeof *t->waiting);
        w = &t->waiting[t->n_waiting++];
        *w = (struct waiting){.id = c->id, .since_ns = clock_ns()};
    }
    w->seen = true;
    if (c->kind == INPUT_PLAIN && c->shared <= c->copy_of->position)
        w->covered = c->shared; /* a whole number of lines: it's all that the copy has */
    return clock_ns() - w->since_ns;
}

static void forget_waiting(struct tail *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_waiting; i++) {
        if (t->waiting[i].seen)
            t->waiting[n++] = t->waiting[i];
    }
    t->n_waiting = n;
    for (size_t i = 0; i < n; i++)
        t->waiting[i].seen = false;
}

/* Whether a copy of a file that is still there has to wait: until the original is truncated, or
 * all of it was read and the copy goes on behind it. */
static bool has_to_wait(struct tail *t, const struct candidate *c)
{
    const struct known *of = c->copy_of;
    if (!of || !of->intact)
        return false;
    bool longer = c->kind == INPUT_PLAIN && c->st.st_size > c->shared;
    if (longer && c->shared == of->position)
        return false;
    int64_t waited = wait_more(t, c);
    t->look_again = t->look_again || longer || !c->related || c->shared < HEAD_BYTES;
    return c->related || waited < SETTLE_MS * MS;
}

/* Where a file that goes on with nothing starts: behind what was read of it under another name. */
static int64_t first_position(struct tail *t, const struct candidate *c)
{
    const struct known *of = c->copy_of;
    const struct waiting *w = waiting_of(t, c);
    if (c->kind != INPUT_PLAIN || c->st.st_size == 0)
        return 0;
    if (t->from_end)
        return c->st.st_size;
    if (of && of->intact)
        return c->related && c->shared == of->position ? c->shared : 0;
    int64_t read = of ? c->shared : 0; /* it is the beginning of what was truncated since */
    return w && w->covered > read && w->covered <= c->st.st_size ? w->covered : read;
}

/* What a file that goes on with nothing starts as; NULL: not yet. */
static struct known *start_new(struct tail *t, struct candidate *c)
{
    if (!is_unborn(c)) {
        file_set_recheck(&t->set, c); /* others have been opened since */
        if (has_to_wait(t, c))
            return NULL;
    }
    struct known *k = file_set_add(&t->set, c->path);
    k->id = c->id;
    k->position = first_position(t, c);
    k->unsaved = k->position > 0;
    return k;
}

/* A packed file that is still being written says so by its time. */
static bool is_being_packed(const struct candidate *c)
{
    int64_t age = civil_now_us() * 1000 - mtime_ns(&c->st);
    return c->kind != INPUT_PLAIN && age >= 0 && age < SETTLE_MS * MS;
}

static void start(struct tail *t, struct candidate *c, struct watch *watch)
{
    struct err err = {0};
    struct file *file = NULL;
    if (is_being_packed(c) && !t->from_end) {
        t->look_again = true;
        return;
    }
    struct known *k = c->known ? c->known : start_new(t, c);
    if (!k)
        return;
    int r = file_open(c, k, &file, &err);
    if (r != 0) {
        t->look_again = true;
        if (r < 0 && access(c->path, F_OK) == 0)
            tell(t, err.text);
        if (!c->known)
            file_set_drop(&t->set, k);
        return;
    }
    file->source.sink = &t->sink;
    if (t->from_end && !c->known && file->packed) { /* counts as read, unread */
        file->input_ended = true;
        k->done_size = c->st.st_size;
        k->done_mtime = mtime_ns(&c->st) / 1000;
        k->unsaved = true;
    }
    t->files = xgrow(t->files, t->n, &t->cap, sizeof *t->files);
    t->files[t->n++] = (struct followed){
        .file = file,
        .watch = watch_file(watch, file->fd),
        .dirty = true,
        .unborn = !c->known && is_unborn(c) && !t->from_end,
        .seen = true,
        .changed_ns = clock_ns(),
    };
}

void tail_scan(struct tail *t, struct watch *watch, struct folder_id own)
{
    struct paths paths = {0};
    struct err err;
    paths_release(&t->folders);
    for (unsigned i = 0; i < t->config->files_count; i++) {
        paths_folders(&t->folders, t->config->files[i]);
        if (paths_add(&paths, t->config->files[i], &err) != 0)
            tell(t, err.text);
    }
    for (size_t i = 0; i < t->folders.n; i++)
        watch_folder(watch, t->folders.items[i]);
    for (size_t i = 0; i < t->n; i++)
        t->files[i].seen = false;
    t->look_again = false;
    struct candidate *found = xcalloc(paths.n + 1, sizeof *found);
    size_t n = find_candidates(t, &paths, own, found);
    size_t open_before = t->n;
    if (n > 0)
        file_set_resolve(&t->set, found, n);
    for (size_t i = 0; i < n; i++)
        start(t, &found[i], watch);
    for (size_t i = 0; i < open_before; i++) {
        struct followed *f = &t->files[i];
        if (!f->seen && !f->gone) {
            f->gone = true;
            f->dirty = true;
            f->changed_ns = clock_ns();
        }
    }
    forget_waiting(t);
    t->from_end = false;
    for (size_t i = 0; i < n; i++)
        candidate_release(&found[i]);
    free(found);
    paths_release(&paths);
}

void tail_poll(struct tail *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct followed *f = &t->files[i];
        struct stat st;
        if (fstat(f->file->fd, &st) == 0 && (st.st_size != f->size || mtime_ns(&st) != f->mtime_ns))
            f->dirty = true;
    }
}

void tail_changed(struct tail *t, int watch_number)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->files[i].watch == watch_number)
            t->files[i].dirty = true;
    }
}

/* ---- reading ---- */

static bool is_let_go(const struct followed *f, int64_t now)
{
    return f->gone && !f->file->packed && now - f->changed_ns > GONE_MS * MS;
}

static struct file *take_off(struct tail *t, size_t i, struct watch *watch)
{
    struct followed f = t->files[i];
    t->files[i] = t->files[--t->n];
    bool shared = false;
    for (size_t j = 0; j < t->n; j++)
        shared = shared || t->files[j].watch == f.watch;
    if (!shared)
        watch_forget(watch, f.watch);
    return f.file;
}

/* Takes it off the list; the pipeline closes it behind what is still on its way. */
static void let_go(struct tail *t, size_t i, struct pipeline *p, struct watch *watch)
{
    struct file *file = take_off(t, i, watch);
    file_part(file);
    pipeline_give(p, &file->source, true);
}

/* A file that was met without a line may become a copy of another one, or a packed file: when it
 * has got something it's looked at as if it were met now. Nothing of it was given to the pipeline. */
static int give_birth(struct tail *t, size_t i, struct watch *watch)
{
    struct followed *f = &t->files[i];
    struct candidate c = {0};
    struct err err;
    struct stat there;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", f->file->fd);
    int r = candidate_probe(path, &c, &err);
    f->unborn = r == 0 && is_unborn(&c);
    f->dirty = !f->unborn;
    bool found_again = stat(f->file->path, &there) == 0 && there.st_ino == c.st.st_ino &&
                       there.st_dev == c.st.st_dev;
    c.name = f->file->path;
    if (f->dirty && !found_again)
        file_set_recheck(&t->set, &c);
    candidate_release(&c);
    if (f->unborn || (!found_again && (!c.copy_of || c.shared < c.st.st_size)))
        return TAIL_IDLE;
    struct file *file = take_off(t, i, watch);
    struct known *known = file->known;
    source_close(&file->source);
    file_set_drop(&t->set, known);
    return TAIL_RESCAN;
}

static enum hold how_much(const struct followed *f, bool ending, int64_t now)
{
    if (f->file->packed || is_let_go(f, now))
        return HOLD_NOTHING;
    bool silent = f->held_ns && now - f->held_ns >= HELD_MS * MS;
    return ending || silent || f->gone ? HOLD_LINE : HOLD_RECORD;
}

static void note_waiting(struct followed *f, int64_t now)
{
    f->dirty = false;
    if (!f->file->held) {
        f->held_ns = 0;
    } else if (!f->held_ns || f->held_to != f->size) {
        f->held_ns = now;
        f->held_to = f->size;
    }
}

/* One chunk of one file. */
static int read_one(struct tail *t, size_t i, struct pipeline *p, struct watch *watch, bool ending)
{
    struct followed *f = &t->files[i];
    struct chunk *chunk = pipeline_take(p);
    if (!chunk)
        return TAIL_FAILED;
    bool early = f->unborn && !is_let_go(f, clock_ns());
    int birth = early ? give_birth(t, i, watch) : TAIL_IDLE;
    if (early && (birth != TAIL_IDLE || f->unborn))
        return birth;
    struct err err = {0};
    struct stat st;
    if (fstat(f->file->fd, &st) == 0) {
        f->size = st.st_size;
        f->mtime_ns = mtime_ns(&st);
    }
    int64_t now = clock_ns();
    int r = file_next(&f->file->source, chunk, how_much(f, ending, now), &err);
    if (r == SOURCE_CHUNK) {
        if (chunk->size > 0)
            f->changed_ns = now;
        f->held_ns = 0;
        f->dirty = true;
        pipeline_give(p, &f->file->source, false);
        return TAIL_READ;
    }
    if (r < 0) {
        tell(t, err.text);
        f->dirty = false;
        f->file->known->bad_size = r == ERR_CORRUPT ? f->size : -1;
        f->file->known->bad_mtime = f->mtime_ns / 1000;
        f->size = -1; /* the next poll tries again */
    }
    bool over = f->file->packed || is_let_go(f, now);
    if (r == SOURCE_CHANGED || over) {
        let_go(t, i, p, watch);
        return TAIL_RESCAN;
    }
    note_waiting(f, now);
    return TAIL_IDLE;
}

static bool is_due(const struct followed *f, int64_t now)
{
    return f->dirty || (f->held_ns && now - f->held_ns >= HELD_MS * MS) || is_let_go(f, now);
}

int tail_read(struct tail *t, struct pipeline *p, struct watch *watch, bool ending)
{
    int result = TAIL_IDLE;
    if (t->sink.stalled)
        return TAIL_IDLE;
    for (size_t i = t->n; i-- > 0;) { /* backwards: one may leave the list */
        if (!is_due(&t->files[i], clock_ns()))
            continue;
        int r = read_one(t, i, p, watch, ending);
        if (r == TAIL_FAILED)
            return r;
        result = r > result ? r : result;
    }
    return result;
}

int64_t tail_next_ns(const struct tail *t)
{
    int64_t next = INT64_MAX;
    if (t->sink.stalled)
        return clock_ns() + 100 * MS;
    for (size_t i = 0; i < t->n; i++) {
        const struct followed *f = &t->files[i];
        int64_t at = f->dirty ? 0 : f->held_ns ? f->held_ns + HELD_MS * MS
                   : f->gone ? f->changed_ns + GONE_MS * MS + MS : INT64_MAX;
        next = at < next ? at : next;
    }
    return next;
}
