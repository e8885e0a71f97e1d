/* follow.c - follows all sources of a configuration: see ingest.h. One thread looks at the files
 * and reads, the caller's stores and prunes. */
#include "ingest/tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define MS INT64_C(1000000)
enum {
    POLL_MS = 250,           /* what a watch doesn't tell of (network file systems) */
    SCAN_MS = 5000,          /* and new names that it doesn't tell of */
    SCAN_BLIND_MS = 500,     /* without inotify */
    SCAN_APART_MS = 20,      /* news of folders come in flocks */
    SCAN_AGAIN_MS = 500,     /* something was left open */
    LAST_ROUND_MS = 2000,    /* for what is there when the end is asked for */
    PRUNE_FIRST_S = 5, PRUNE_S = 60,
};

struct follow {
    struct store *store;
    const struct follow_config *config;
    const volatile int *stop;
    struct pipeline *pipeline;
    struct watch *watch;
    struct tail *tails;
    size_t n;
    struct folder_id own;
    struct kafka **consumers; /* one an entry of `kafka:` */
    char store_id[STORE_ID_LEN + 1];
    struct sink **fed;        /* streams that Kafka alone feeds, made as they appear */
    size_t n_consumers, n_fed, cap_fed;
    int64_t prune_ns;
    bool prune_failed;
};

static void changed(void *context, int number)
{
    struct follow *f = context;
    for (size_t i = 0; i < f->n; i++)
        tail_changed(&f->tails[i], number);
}

/* ---- Kafka ---- */

static struct sink *sink_for(void *context, struct str stream, const struct zone *zone)
{
    struct follow *f = context;
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(str_of(f->tails[i].config->name), stream))
            return &f->tails[i].sink;
    for (size_t i = 0; i < f->n_fed; i++)
        if (str_eq(str_of(f->fed[i]->total.stream), stream))
            return f->fed[i];
    if (f->n_fed == KAFKA_STREAMS_MAX || stream.n > STREAM_NAME_MAX)
        return f->n_fed ? f->fed[0] : NULL; /* kept, if under another name, rather than lost */
    struct sink *sink = xcalloc(1, sizeof *sink);
    sink->zone = zone;
    memcpy(sink->total.stream, stream.p, stream.n);
    f->fed = xgrow(f->fed, f->n_fed, &f->cap_fed, sizeof sink);
    return f->fed[f->n_fed++] = sink;
}

static void warn(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "tlstrail: %s\n", line);
}

/* Of this process or one before: nothing is waited for, yet or any more. */
static void forget_troubles(struct follow *f)
{
    struct err err;
    if (store_trouble(f->store, STR(KAFKA_TROUBLE), STR_NONE, &err) != 0)
        warn(f, err.text);
}

static int open_consumers(struct follow *f, struct err *err)
{
    const struct kafka_host host = {.store_dir = store_dir(f->store),
                                    .store_id = f->store_id,
                                    .pipeline = f->pipeline,
                                    .sink = sink_for,
                                    .warn = warn,
                                    .context = f,
                                    .stop = f->stop};
    f->consumers = xcalloc(f->config->kafka_count + 1, sizeof(struct kafka *));
    if (f->config->kafka_count > 0 && store_id(f->store, f->store_id, err) != 0)
        return err->code;
    for (unsigned i = 0; i < f->config->kafka_count; i++) {
        if (kafka_open(&f->config->kafka[i], &host, &f->consumers[i], err) != 0)
            return err->code;
        f->n_consumers++;
        watch_also(f->watch, kafka_fd(f->consumers[i]));
    }
    return 0;
}

/* The ms until a consumer wants its next turn. A failed pipeline is told by its own run. */
static int kafka_round(struct follow *f)
{
    int wait_ms = 100;
    for (size_t i = 0; i < f->n_consumers; i++) {
        struct err err;
        int r = kafka_step(f->consumers[i], &err);
        if (r < 0)
            return r;
        wait_ms = r < wait_ms ? r : wait_ms;
    }
    return wait_ms;
}

static bool scan(struct follow *f)
{
    bool again = false;
    for (size_t i = 0; i < f->n; i++) {
        tail_scan(&f->tails[i], f->watch, f->own);
        again = again || f->tails[i].look_again;
    }
    return again;
}

static int read_round(struct follow *f, bool ending)
{
    int result = TAIL_IDLE;
    for (size_t i = 0; i < f->n; i++) {
        int r = tail_read(&f->tails[i], f->pipeline, f->watch, ending);
        result = r > result ? r : result;
    }
    return result;
}

static int64_t next_ns(const struct follow *f)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < f->n; i++) {
        int64_t at = tail_next_ns(&f->tails[i]);
        next = at < next ? at : next;
    }
    return next;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Reads what is there by now, so that a stop right behind a write doesn't leave it for later. */
static void last_round(struct follow *f)
{
    int64_t until = clock_ns() + LAST_ROUND_MS * MS;
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = 0; j < f->tails[i].n; j++)
            f->tails[i].files[j].dirty = true;
    }
    int r = TAIL_READ;
    while (r != TAIL_IDLE && r != TAIL_FAILED && clock_ns() < until) {
        r = read_round(f, true);
        if (r == TAIL_RESCAN)
            scan(f);
    }
}

static void *read_all(void *context)
{
    struct follow *f = context;
    int64_t poll_every = (f->config->poll_ms ? f->config->poll_ms : POLL_MS) * MS;
    int64_t scan_at = 0, poll_at = 0, scanned = INT64_MIN / 2;
    while (!*f->stop) {
        int64_t now = clock_ns();
        if (now >= scan_at) {
            bool again = scan(f);
            scanned = now;
            scan_at = now + (again ? SCAN_AGAIN_MS : watch_works(f->watch) ? SCAN_MS : SCAN_BLIND_MS) * MS;
        }
        if (now >= poll_at) {
            for (size_t i = 0; i < f->n; i++)
                tail_poll(&f->tails[i]);
            poll_at = now + poll_every;
        }
        int r = read_round(f, false);
        if (r == TAIL_FAILED)
            break;
        if (r == TAIL_RESCAN)
            scan_at = 0;
        int kafka_ms = kafka_round(f);
        if (kafka_ms < 0)
            break;
        int64_t wait = earlier(earlier(next_ns(f), scan_at), poll_at) - clock_ns();
        int wait_ms = wait <= 0 ? 0 : wait > kafka_ms * MS ? kafka_ms : (int)((wait + MS - 1) / MS);
        struct watch_news news = watch_wait(f->watch, wait_ms, changed, f);
        if (news.overflow)
            poll_at = 0;
        if (news.folders || news.overflow)
            scan_at = earlier(scan_at, scanned + SCAN_APART_MS * MS);
    }
    if (*f->stop)
        last_round(f);
    pipeline_end(f->pipeline);
    return NULL;
}

/* ---- retention ---- */

static void prune(void *context)
{
    struct follow *f = context;
    int64_t now = clock_ns();
    if (now < f->prune_ns)
        return;
    f->prune_ns = now + PRUNE_S * 1000 * MS;
    for (size_t i = 0; i < f->n; i++) {
        const struct follow_stream *c = f->tails[i].config;
        uint64_t deleted = 0;
        struct err err = {0};
        if (c->keep_us == 0 && c->keep_bytes == 0)
            continue;
        int r = store_prune(f->store, str_of(c->name), c->keep_us ? civil_now_us() - c->keep_us : 0,
                            c->keep_bytes, &deleted, &err);
        if (r != 0 && !f->prune_failed)
            fprintf(stderr, "tlstrail: stream %s: old events could not be deleted: %s\n", c->name, err.text);
        f->prune_failed = r != 0;
    }
}

/* Only streams that have something stored can be pruned. */
static int run(struct follow *f, const struct rules *rules, struct err *err)
{
    struct pipeline_options options = {
        .store = f->store,
        .rules = rules,
        .follow = true,
        .stop = f->stop,
        .tick = prune,
        .context = f,
    };
    if (pipeline_open(&options, &f->pipeline, err) != 0)
        return err->code;
    pthread_t thread;
    forget_troubles(f);
    int r = open_consumers(f, err);
    int e = r == 0 ? pthread_create(&thread, NULL, read_all, f) : 0;
    if (e != 0)
        r = err_set(err, ERR_FAILED, "start a thread: %s", strerror(e));
    if (r == 0) {
        r = pipeline_run(f->pipeline, err);
        pthread_join(thread, NULL);
    }
    for (size_t i = 0; i < f->n_consumers; i++)
        kafka_close(f->consumers[i]);
    forget_troubles(f);
    free(f->consumers);
    pipeline_close(f->pipeline);
    return r;
}

/* Each followed file is held open: as many as we may. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int follow_run(struct store *store, const struct follow_config *config, const struct rules *rules,
               const volatile int *stop, struct ingest_total **totals, size_t *n, struct err *err)
{
    struct follow f = {
        .store = store,
        .config = config,
        .stop = stop,
        .watch = watch_open(),
        .tails = xcalloc(config->streams_count + 1, sizeof *f.tails),
        .n = config->streams_count,
        .own = folder_id(store_dir(store)),
        .prune_ns = clock_ns() + PRUNE_FIRST_S * 1000 * MS,
    };
    raise_file_limit();
    int r = 0;
    for (size_t i = 0; i < f.n && r == 0; i++)
        r = tail_open(&f.tails[i], &config->streams[i], store, err);
    if (r == 0)
        r = run(&f, rules, err);
    *totals = xcalloc(f.n + f.n_fed + 1, sizeof **totals);
    *n = f.n + f.n_fed;
    for (size_t i = 0; i < f.n_fed; i++) {
        (*totals)[f.n + i] = f.fed[i]->total;
        free(f.fed[i]->pending);
        free(f.fed[i]);
    }
    free(f.fed);
    for (size_t i = 0; i < f.n; i++) {
        (*totals)[i] = f.tails[i].sink.total;
        tail_release(&f.tails[i]);
    }
    free(f.tails);
    watch_close(f.watch);
    return r;
}
