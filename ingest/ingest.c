/* ingest.c - files to their end: see ingest.h. A thread of its own reads, the caller's stores. */
#include "ingest/ingest.h"

#include "ingest/file.h"
#include "ingest/paths.h"
#include "ingest/pipeline.h"

#include <stdio.h>
#include <stdlib.h>

struct run {
    const struct ingest_options *options;
    const volatile int *stop;
    struct store *store;
    struct pipeline *pipeline;
    struct sink sink;
    struct file_set set;
    struct candidate *files;
    size_t n_files;
    uint64_t done, total; /* bytes; total 0: unknown */
    struct file *unfinished; /* open when the pipeline failed */
    struct err first;     /* the first file that failed; code 0: none */
};

static void warn(struct run *run, const char *line)
{
    if (run->options->warn)
        run->options->warn(run->options->warn_context, line);
    else
        fprintf(stderr, "tlstrail: %s\n", line);
}

/* The first failure is what the call returns, further ones are warnings. */
static void failed(struct run *run, const struct err *err)
{
    if (run->first.code == 0)
        run->first = *err;
    else
        warn(run, err->text);
}

static void stored(void *context, uint64_t bytes)
{
    struct run *run = context;
    run->done += bytes;
    if (run->options->progress)
        run->options->progress(run->options->progress_context, run->done, run->total,
                               run->sink.total.events);
}

/* ---- reading ---- */

/* Reads one source to its end and hands it over for good. False: the pipeline has failed. */
static bool read_source(struct run *run, struct file *f)
{
    struct err err = {0};
    f->source.sink = &run->sink;
    for (;;) {
        struct chunk *chunk = pipeline_take(run->pipeline);
        if (!chunk) {
            run->unfinished = f;
            return false;
        }
        int r = *run->stop ? SOURCE_END : file_next(&f->source, chunk, HOLD_NOTHING, &err);
        if (r == SOURCE_CHUNK) {
            pipeline_give(run->pipeline, &f->source, false);
            continue;
        }
        if (r == SOURCE_WAIT && f->once)
            continue;
        if (r < 0)
            failed(run, &err);
        if (r == SOURCE_CHANGED) {
            err_set(&err, ERR_FAILED, "%s was truncated or rewritten while it was read: run this"
                    " again for what is in it now", f->path);
            failed(run, &err);
        }
        file_part(f);
        pipeline_give(run->pipeline, &f->source, true);
        return true;
    }
}

/* What a new file starts with: behind what a related file, which is all read, was read for. */
static struct known *start_new(struct run *run, struct candidate *c)
{
    file_set_recheck(&run->set, c);
    struct known *of = c->related ? c->copy_of : NULL;
    if (of && (c->kind != INPUT_PLAIN || c->st.st_size <= of->position)) {
        struct buf line = {0};
        buf_printf(&line, "%s holds what was read from %s already: left out", c->path, of->path);
        buf_char(&line, '\0');
        warn(run, line.p);
        buf_release(&line);
        return NULL;
    }
    struct known *k = file_set_add(&run->set, c->path);
    k->id = c->id;
    if (of) {
        k->position = of->position;
        k->unsaved = true;
    }
    return k;
}

static bool read_file(struct run *run, struct candidate *c)
{
    struct err err = {0};
    int r = SOURCE_CHANGED;
    bool known = c->known != NULL;
    struct known *k = known ? c->known : start_new(run, c);
    if (!k || (known && k->done_size == c->st.st_size && !k->unsaved))
        return true;
    struct file *f = NULL;
    if (k)
        r = file_open(c, k, &f, &err);
    if (r == SOURCE_CHANGED)
        err_set(&err, ERR_FAILED, "%s was rewritten while it was looked at: run this again", c->path);
    if (r != 0) {
        failed(run, &err);
        return true;
    }
    f->now_us = run->options->now_us;
    return read_source(run, f);
}

static void *read_all(void *context)
{
    struct run *run = context;
    bool on = true;
    for (size_t i = 0; on && i < run->n_files && !*run->stop; i++) {
        if (!run->files[i].skip)
            on = read_file(run, &run->files[i]);
    }
    pipeline_end(run->pipeline);
    return NULL;
}

static void *read_stdin(void *context)
{
    struct run *run = context;
    struct arena arena = {0};
    struct known *k = run->set.known[0];
    struct file *f = file_open_stdin(k);
    f->now_us = run->options->now_us;
    read_source(run, f);
    arena_release(&arena);
    pipeline_end(run->pipeline);
    return NULL;
}

static int run_pipeline(struct run *run, void *(*reader)(void *), struct err *err)
{
    struct pipeline_options options = {
        .store = run->store,
        .rules = run->options->rules,
        .stop = run->stop,
        .stored = stored,
        .context = run,
    };
    if (pipeline_open(&options, &run->pipeline, err) != 0)
        return err->code;
    pthread_t thread;
    int e = pthread_create(&thread, NULL, reader, run);
    if (e != 0) {
        pipeline_close(run->pipeline);
        return err_set(err, ERR_FAILED, "start a thread: %s", strerror(e));
    }
    int r = pipeline_run(run->pipeline, err);
    pthread_join(thread, NULL);
    pipeline_close(run->pipeline);
    if (run->unfinished)
        source_close(&run->unfinished->source);
    return r;
}

/* ---- choosing ---- */

static bool seen_before(const struct run *run, const struct candidate *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!run->files[i].skip && file_id_same(&run->files[i].id, &c->id))
            return true;
    }
    return false;
}

static int look_at(struct run *run, const struct paths *paths, bool named, struct err *err)
{
    struct folder_id own = folder_id(store_dir(run->store));
    run->files = xcalloc(paths->n, sizeof *run->files);
    for (size_t i = 0; i < paths->n; i++) {
        struct candidate *c = &run->files[i];
        run->n_files++;
        if (path_is_inside(paths->items[i], own)) {
            c->skip = true;
            err_set(err, ERR_FAILED, "%s is in the store's own folder: keep logs elsewhere",
                    paths->items[i]);
        } else if (candidate_probe(paths->items[i], c, err) == 0) {
            c->skip = seen_before(run, c, i); /* a link to it */
            continue;
        }
        if (named)
            return err->code;
        warn(run, err->text);
    }
    for (size_t i = 0; i < run->n_files; i++) {
        if (!run->files[i].skip)
            return 0;
    }
    return err_set(err, ERR_FAILED, "nothing that matches can be read: see above");
}

static void add_up(struct run *run)
{
    for (size_t i = 0; i < run->n_files; i++) {
        const struct candidate *c = &run->files[i];
        if (c->skip)
            continue;
        if (c->kind != INPUT_PLAIN) {
            run->total = 0;
            return;
        }
        int64_t left = c->st.st_size - (c->known ? c->known->position : 0);
        run->total += left > 0 ? (uint64_t)left : 0;
    }
}

static int ingest_paths(struct run *run, const char *pattern, struct err *err)
{
    struct paths paths = {0};
    int r = paths_add(&paths, pattern, err);
    if (r == 0 && paths.n == 0)
        r = err_set(err, ERR_FAILED, paths_is_pattern(pattern)
                    ? "no file matches %s: check the pattern"
                    : "%s: no such file: check the path", pattern);
    if (r == 0)
        r = look_at(run, &paths, paths.n == 1 && strcmp(paths.items[0], pattern) == 0, err);
    if (r == 0)
        r = file_set_load(&run->set, run->store, str_of(run->sink.total.stream), err);
    if (r == 0) {
        file_set_resolve(&run->set, run->files, run->n_files);
        add_up(run);
        r = run_pipeline(run, read_all, err);
    }
    for (size_t i = 0; i < run->n_files; i++)
        candidate_release(&run->files[i]);
    free(run->files);
    paths_release(&paths);
    return r;
}

static int ingest_stdin(struct run *run, struct err *err)
{
    struct arena arena = {0};
    struct cursor cursor;
    struct known *k = file_set_add(&run->set, "");
    free(k->key);
    k->key = str_dup(STR("stdin"));
    int rc = store_cursor(run->store, str_of(run->sink.total.stream), STR("stdin"), &arena, &cursor,
                          err);
    if (rc == 1) {
        k->position = cursor.position;
        k->fresh = false;
    }
    arena_release(&arena);
    return rc < 0 ? rc : run_pipeline(run, read_stdin, err);
}

int ingest_files(struct store *store, struct str stream, const char *pattern,
                 const struct ingest_options *options, const volatile int *stop,
                 struct ingest_total *total, struct err *err)
{
    static const volatile int never;
    struct run run = {.options = options, .stop = stop ? stop : &never, .store = store};
    *total = (struct ingest_total){0};
    if (!stream_name_valid(stream))
        return err_set(err, ERR_USAGE, "'%.*s' is no name of a stream: use a-z, 0-9, '.', '_' and"
                       " '-', at most 64", STR_ARG(str_head(stream, 80)));
    memcpy(run.sink.total.stream, stream.p, stream.n);
    run.sink.zone = options->zone;
    int r = strcmp(pattern, "-") == 0 ? ingest_stdin(&run, err) : ingest_paths(&run, pattern, err);
    if (r == 0 && run.first.code != 0) {
        *err = run.first;
        r = err->code;
    } else if (run.first.code != 0) {
        warn(&run, run.first.text);
    }
    file_set_release(&run.set);
    free(run.sink.pending);
    *total = run.sink.total;
    return r;
}
