/* cmd_tail.c - the last events, and with --follow those that come, as they are committed.
 *
 * New events are read by their ids, which only grow within a stream, so that none is missed when
 * their times are out of order. What wakes it is inotify on the store's folder (a commit appends to
 * a stream's WAL file); a timeout covers file systems without it. */
#include "cli/cli.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { ROWS_USUAL = 20, POLL_MS = 50, SETTLE_US = 1000 };

struct row { /* of the last events: kept to be printed oldest first */
    struct str stream;
    int64_t id;
    struct event event;
};

struct mark { /* how far a stream has been printed */
    struct str stream;
    int64_t id;
};

struct tail {
    const struct cli *cli;
    struct store *store;
    struct selection sel;
    struct arena arena; /* rows and marks */
    struct row *rows;
    size_t n_rows, cap_rows;
    struct mark *marks;
    size_t n_marks, cap_marks;
    struct str stream; /* the one being read */
    uint64_t printed;
    struct buf out;
};

static struct mark *mark_of(struct tail *t, struct str stream)
{
    for (size_t i = 0; i < t->n_marks; i++)
        if (str_eq(t->marks[i].stream, stream))
            return &t->marks[i];
    t->marks = xgrow(t->marks, t->n_marks, &t->cap_marks, sizeof *t->marks);
    t->marks[t->n_marks] = (struct mark){arena_copy(&t->arena, stream), 0};
    return &t->marks[t->n_marks++];
}

static void print(struct tail *t, struct str stream, int64_t id, const struct event *event)
{
    struct event_place place = {.stream = stream, .id = id, .first = t->printed++ == 0};
    event_row(t->cli, &place, event, NULL, &t->out);
}

static void flush(struct tail *t)
{
    out_write(buf_as_str(&t->out));
    t->out.n = 0;
    out_flush();
}

/* ---- where to begin ---- */

static int newest_id(void *context, int64_t id, const struct event *event)
{
    struct tail *t = context;
    (void)event;
    mark_of(t, t->stream)->id = id;
    return 1;
}

/* Marks where every stream ends now. */
static int mark_ends(struct tail *t, struct err *err)
{
    struct str *streams = NULL;
    size_t n = store_streams(t->store, &t->arena, &streams);
    struct event_query query = {.from_us = INT64_MIN, .until_us = INT64_MAX, .by_id = true,
                                .newest_first = true};
    for (size_t i = 0; i < n; i++) {
        t->stream = streams[i];
        if (store_events(t->store, streams[i], &query, newest_id, t, err) < 0)
            return err->code;
    }
    return 0;
}

/* "[STREAM:]ID", comma-separated. */
static int take_after(struct tail *t, struct str text, struct err *err)
{
    while (text.n) {
        ptrdiff_t comma = str_findc(text, ',', 0);
        struct str one = comma < 0 ? text : str_head(text, (size_t)comma);
        ptrdiff_t colon = str_findc(one, ':', 0);
        struct str id = colon < 0 ? one : str_from(one, (size_t)colon + 1);
        int64_t number = str_number(id, INT64_MAX);
        bool alone = colon < 0 && t->sel.n_values[FIELD_stream] == 1;
        if (number < 0 || (colon < 0 && !alone))
            return err_set(err, ERR_USAGE,
                           "--after %.*s: write STREAM:ID, or ID beside one --stream", STR_ARG(one));
        struct str stream = alone ? t->sel.values[FIELD_stream][0] : str_head(one, (size_t)colon);
        mark_of(t, stream)->id = number;
        text = comma < 0 ? STR_NONE : str_from(text, (size_t)comma + 1);
    }
    return 0;
}

/* Streams that aren't named begin at their end. */
static int take_afters(struct tail *t, struct err *err)
{
    if (mark_ends(t, err) != 0)
        return err->code;
    for (size_t i = 0; i < t->cli->n_given; i++)
        if (t->cli->given[i].opt == OPT_after &&
            take_after(t, str_of(t->cli->given[i].value), err) != 0)
            return err->code;
    return 0;
}

static int keep_row(void *context, struct str stream, int64_t id, const struct event *event)
{
    struct tail *t = context;
    if (id > mark_of(t, stream)->id)
        return 0; /* came since mark_ends(): follow() prints it */
    t->rows = xgrow(t->rows, t->n_rows, &t->cap_rows, sizeof *t->rows);
    struct row *row = &t->rows[t->n_rows++];
    struct event e = *event;
    struct str *const texts[] = {&e.host, &e.peer, &e.tls_version, &e.cipher,
                                 &e.format, &e.library, &e.raw};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]->p)
            *texts[i] = arena_copy(&t->arena, *texts[i]);
    *row = (struct row){arena_copy(&t->arena, stream), id, e};
    return 0;
}

static int print_last(struct tail *t, struct err *err)
{
    int rc = mark_ends(t, err);
    if (rc == 0)
        rc = query_events(t->store, &t->sel, true, keep_row, t, err);
    for (size_t i = t->n_rows; rc == 0 && i--;)
        print(t, t->rows[i].stream, t->rows[i].id, &t->rows[i].event);
    return rc;
}

/* ---- going on ---- */

static int visit_new(void *context, int64_t id, const struct event *event)
{
    enum { FLUSH = 64 * 1024 };
    struct tail *t = context;
    mark_of(t, t->stream)->id = id;
    if (selection_holds(&t->sel, t->stream, event))
        print(t, t->stream, id, event);
    if (t->out.n >= FLUSH)
        flush(t);
    return stop_flag;
}

static int print_new(struct tail *t, struct err *err)
{
    struct arena names = {0};
    struct str *streams = NULL;
    size_t n = store_streams(t->store, &names, &streams);
    int rc = 0;
    for (size_t i = 0; i < n && rc >= 0 && !stop_flag; i++) {
        if (!stream_wanted(&t->sel, streams[i]))
            continue;
        struct event_query query = {.from_us = INT64_MIN, .until_us = INT64_MAX, .by_id = true,
                                    .after_id = mark_of(t, streams[i])->id, .want_raw = true};
        t->stream = streams[i];
        rc = store_events(t->store, streams[i], &query, visit_new, t, err);
    }
    arena_release(&names);
    flush(t);
    return rc < 0 ? rc : 0;
}

static int watch(const char *dir)
{
    char path[4096];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    snprintf(path, sizeof path, "%s/streams", dir);
    if (fd >= 0)
        inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE);
    return fd;
}

static void wait_for_change(int fd)
{
    char events[4096];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, fd >= 0, POLL_MS) <= 0)
        return;
    usleep(SETTLE_US); /* the WAL is written before its index is: let the commit end */
    while (read(fd, events, sizeof events) > 0)
        continue;
}

static int follow(struct tail *t, struct err *err)
{
    int fd = watch(store_dir_of(t->cli, NULL));
    int rc = 0;
    stop_on_signals();
    flush(t);
    while (rc == 0 && !stop_flag) {
        rc = print_new(t, err);
        if (rc == 0 && !stop_flag)
            wait_for_change(fd);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

static int tail_open(struct tail *t, struct err *err)
{
    int rc = store_of(t->cli, STORE_READ, NULL, &t->store, err);
    if (rc == 0)
        rc = selection_of(t->cli, t->store, &t->sel, err);
    if (rc == 0 && !t->sel.limit)
        t->sel.limit = ROWS_USUAL;
    if (rc == 0 && option_given(t->cli, OPT_follow) && t->cli->output == OUTPUT_JSON)
        rc = err_set(err, ERR_USAGE, "--output json: a document has an end; with -f use ndjson");
    return rc;
}

static int run(struct cli *cli, struct err *err)
{
    struct tail t = {.cli = cli};
    bool resumes = option_given(cli, OPT_after);
    int rc = tail_open(&t, err);
    if (rc == 0) {
        event_head(cli, true, &t.out);
        rc = resumes ? take_afters(&t, err) : print_last(&t, err);
    }
    if (rc == 0 && option_given(cli, OPT_follow))
        rc = follow(&t, err);
    else if (rc == 0 && resumes)
        rc = print_new(&t, err);
    if (rc == 0) {
        event_foot(cli, t.printed > 0, &t.out);
        flush(&t);
        rc = t.printed || option_given(cli, OPT_follow) ? 0 : 1;
    }
    buf_release(&t.out);
    free(t.rows);
    free(t.marks);
    arena_release(&t.arena);
    selection_release(&t.sel);
    store_close(t.store);
    return rc;
}

const struct command command_tail = {
    .name = "tail",
    .words = "",
    .summary = "The last events; with -f it goes on with new ones as they come.",
    .details = "Ids grow by one stream: --after STREAM:ID goes on behind the last one seen, in the\n"
               "order of arrival; streams that aren't named begin at their end. --limit is how many of\n"
               "the last ones to show first (20).",
    .example = "tlstrail tail -f --class certificate",
    .options = OPTS_READ | OPTS_SELECT | OPT(limit) | OPT(follow) | OPT(after),
    .piped = OUTPUT_NDJSON,
    .run = run,
};
