/* test_faults.c - each call of ingest to the outside fails once, then for ever: the run says so or
 * gets over it, and the next one leaves every line in the store once. */
#include "faulty.h"
#include "help.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINES = 300, NTH_MAX = 400, WAIT_S = 60 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_store(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_files(void)
{
    struct buf plain = {0}, packed = {0};
    numbered_lines(&plain, 0, 100);
    mkdir(scratch_path("logs"), 0700);
    write_file("logs/a.log", buf_as_str(&plain));
    plain.n = 0;
    numbered_lines(&plain, 100, 200);
    pack_gzip(buf_as_str(&plain), &packed);
    write_file("logs/b.log.gz", buf_as_str(&packed));
    plain.n = packed.n = 0;
    numbered_lines(&plain, 200, LINES);
    pack_zstd(buf_as_str(&plain), &packed);
    write_file("logs/c.log.zst", buf_as_str(&packed));
    buf_release(&plain);
    buf_release(&packed);
}

static void no_warning(void *context, const char *line)
{
    int *warnings = context;
    cr_expect_null(strchr(line, '\n'), "%s", line);
    ++*warnings;
}

/* A run of ingest over the files. */
static int ingest(const char *store_path, int *warnings, struct err *err)
{
    struct store *store;
    struct ingest_total total;
    struct ingest_options options = {
        .rules = all_rules(), .now_us = TIME_NONE, .warn = no_warning, .warn_context = warnings};
    int r = store_open(store_path, STORE_WRITE, &store, err);
    if (r != 0)
        return r;
    r = ingest_files(store, STR("lb"), scratch_path("logs/*"), &options, NULL, &total, err);
    store_close(store);
    return r;
}

/* True when the call was not reached any more. */
static bool ingest_with_fault(enum faulty_call call, int nth, bool sticky)
{
    struct err err = {0};
    char hint[80];
    int warnings = 0;
    snprintf(hint, sizeof hint, "%s fails at its call %d%s", faulty_names[call], nth,
             sticky ? " and on" : "");
    const char *store = scratch_path("store");
    faulty_set(call, nth, sticky, EIO);
    int r = ingest(store, &warnings, &err);
    bool over = faulty_failed() == 0;
    faulty_set(call, 0, false, 0);
    cr_assert(!over || (r == 0 && warnings == 0), "%s: nothing failed, and yet: %s", hint, err.text);
    cr_assert(r == 0 || strlen(err.text) > 0, "%s", hint);
    r = ingest(store, &warnings, &err);
    cr_assert_eq(r, 0, "%s: %s", hint, err.text);
    check_numbers(store, LINES, hint);
    remove_store(store);
    return over;
}

static void fail_each(const enum faulty_call *which, size_t n, bool sticky)
{
    make_files();
    for (size_t i = 0; i < n; i++) {
        int nth = 1;
        while (nth < NTH_MAX && !ingest_with_fault(which[i], nth, sticky))
            nth++;
        cr_expect_gt(nth, 1, "%s is never called", faulty_names[which[i]]);
        cr_expect_lt(nth, NTH_MAX, "%s", faulty_names[which[i]]);
    }
}

static const enum faulty_call file_calls[] = {
    FAULTY_OPEN, FAULTY_READ, FAULTY_PREAD, FAULTY_FSTAT, FAULTY_STAT, FAULTY_GLOB, FAULTY_HANDLE,
};

Test(ingest_faults, a_call_that_fails_once_loses_and_doubles_nothing)
{
    fail_each(file_calls, sizeof file_calls / sizeof *file_calls, false);
}

Test(ingest_faults, a_call_that_fails_from_some_time_on_loses_and_doubles_nothing)
{
    fail_each(file_calls, sizeof file_calls / sizeof *file_calls, true);
}

Test(ingest_faults, reads_may_give_less_than_was_asked_for)
{
    struct err err;
    int warnings = 0;
    make_files();
    faulty_short_reads(7);
    int r = ingest(scratch_path("store"), &warnings, &err);
    faulty_short_reads(0);
    cr_assert_eq(r, 0, "%s", err.text);
    check_numbers(scratch_path("store"), LINES, "7 bytes a read");
}

/* ---- follow ---- */

struct following {
    struct follow_config *config;
    struct store *store;
    volatile int stop;
    struct ingest_total *totals;
    size_t n;
    pthread_t thread;
    int result;
    struct err err;
};

static void *follow(void *context)
{
    struct following *f = context;
    f->result = follow_run(f->store, f->config, all_rules(), &f->stop, &f->totals, &f->n, &f->err);
    return NULL;
}

struct fault {
    enum faulty_call call;
    int nth;
    bool sticky;
};

static void follow_start(struct following *f, const char *store, const struct fault *fault)
{
    struct buf yaml = {0};
    struct err err;
    buf_printf(&yaml, "poll_ms: 20\nstreams: [{name: lb, files: ['%s/logs/*']}]\n", scratch());
    const char *path = write_file("follow.yaml", buf_as_str(&yaml));
    buf_release(&yaml);
    *f = (struct following){0};
    all_rules();
    cr_assert_eq(follow_config_load(path, &f->config, &err), 0, "%s", err.text);
    cr_assert_eq(store_open(store, STORE_WRITE, &f->store, &err), 0, "%s", err.text);
    faulty_set(fault->call, fault->nth, fault->sticky, EIO);
    cr_assert_eq(pthread_create(&f->thread, NULL, follow, f), 0);
}

static void wait_for_events(const char *store, int64_t n, const char *hint)
{
    for (int i = 0; i < WAIT_S * 100 && events_stored(store) < n; i++)
        usleep(10000);
    cr_assert_eq(events_stored(store), n, "%s", hint);
}

static void follow_end(struct following *f)
{
    f->stop = 1;
    pthread_join(f->thread, NULL);
    cr_assert_eq(f->result, 0, "%s", f->err.text);
    free(f->totals);
    store_close(f->store);
    follow_config_close(f->config);
}

/* Files are there, are appended to and renamed while the nth call fails. */
static void follow_with_fault(enum faulty_call call, int nth, bool sticky)
{
    struct following f;
    struct buf lines = {0};
    char hint[80];
    snprintf(hint, sizeof hint, "%s fails at its call %d", faulty_names[call], nth);
    mkdir(scratch_path("logs"), 0700);
    const char *log = scratch_path("logs/app.log"), *store = scratch_path("store");
    numbered_lines(&lines, 0, 20);
    append_file(log, buf_as_str(&lines));
    follow_start(&f, store, &(struct fault){call, nth, sticky});
    wait_for_events(store, 20, hint);
    lines.n = 0;
    numbered_lines(&lines, 20, 30);
    append_file(log, buf_as_str(&lines));
    wait_for_events(store, 30, hint);
    cr_assert_eq(rename(log, scratch_path("logs/app.log.1")), 0);
    lines.n = 0;
    numbered_lines(&lines, 30, 40);
    append_file(log, buf_as_str(&lines));
    wait_for_events(store, 40, hint);
    cr_expect(faulty_failed() > 0 || nth > 1, "%s is never called", faulty_names[call]);
    faulty_set(call, 0, false, 0);
    follow_end(&f);
    check_numbers(store, 40, hint);
    remove_store(store);
    remove_store(scratch_path("logs"));
    buf_release(&lines);
}

Test(ingest_faults, following_goes_on_by_polling_where_there_is_no_inotify)
{
    follow_with_fault(FAULTY_INIT, 1, true);
    follow_with_fault(FAULTY_WATCH, 1, true);
    follow_with_fault(FAULTY_WATCH, 2, true);
}

Test(ingest_faults, following_gets_over_a_call_that_fails_once)
{
    static const enum faulty_call calls[] = {FAULTY_OPEN, FAULTY_PREAD, FAULTY_FSTAT, FAULTY_STAT,
                                             FAULTY_GLOB, FAULTY_POLL};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        for (int nth = 1; nth <= 3; nth += 2)
            follow_with_fault(calls[i], nth, false);
    }
}
