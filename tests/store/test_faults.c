/* test_faults.c - whatever fails, and whenever the process dies: nothing acknowledged is lost,
 * nothing is there twice, and all counts agree. */
#include "faulty.h"
#include "help.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCHES = 4, BATCH = 30, STREAMS = 2 };
static const char *const names[STREAMS] = {"edge", "lb"};

/* How far each stream's source was told that its lines are stored, and how far it tried. */
struct source {
    int64_t acked, tried;
    int64_t pruned_us;
};

static void make_events(struct event *events, int64_t from, int n)
{
    for (int i = 0; i < n; i++)
        events[i] = numbered((int)from + i, at_s((double)(from + i) * 0.5), REASON_reset);
}

/* One batch from where the store says that it is; false when the store fails. */
static bool send_batch(struct store *s, int stream, struct source *source)
{
    struct event events[BATCH];
    struct err err = {0};
    struct cursor cursor = {.position = 0};
    struct arena arena = {0};
    store_cursor(s, str_of(names[stream]), STR("file:a"), &arena, &cursor, &err);
    arena_release(&arena);
    make_events(events, cursor.position, BATCH);
    struct batch b = batch_of(events, BATCH, "file:a", cursor.position);
    if (source->tried < b.from_to.position)
        source->tried = b.from_to.position;
    if (store_append(s, str_of(names[stream]), &b, 1, &err) != 0) {
        cr_assert(err.code == ERR_FULL || err.code == ERR_FAILED || err.code == ERR_CORRUPT, "%s",
                  err.text);
        return false;
    }
    source->acked = b.from_to.position;
    return true;
}

static bool prune_some(struct store *s, int stream, struct source *source)
{
    struct err err;
    uint64_t deleted;
    int64_t before_us = at_s(10.2);
    source->pruned_us = before_us; /* even when it fails, some may have gone */
    return store_prune(s, str_of(names[stream]), before_us, 0, &deleted, &err) == 0;
}

/* What a follower does for a while, going on after a failure as a follower does. */
static bool work(const char *dir, struct source *sources)
{
    struct store *s;
    struct err err;
    bool fine = true;
    if (store_open(dir, STORE_WRITE, &s, &err) != 0 &&
        store_open(dir, STORE_WRITE, &s, &err) != 0)
        return false;
    for (int i = 0; i < BATCHES; i++)
        for (int k = 0; k < STREAMS; k++) {
            bool sent = send_batch(s, k, &sources[k]);
            fine = fine && sent;
        }
    fine = prune_some(s, 0, &sources[0]) && fine;
    fine = send_batch(s, 0, &sources[0]) && fine;
    store_close(s);
    return fine;
}

/* The stream holds exactly the lines 0..cursor-1, each once, but for those that were pruned. */
static void check_source(struct store *s, const char *stream, const struct source *source)
{
    struct arena arena = {0};
    struct cursor cursor = {.position = 0};
    struct err err = {0};
    cr_assert_geq(store_cursor(s, str_of(stream), STR("file:a"), &arena, &cursor, &err), 0);
    cr_assert_geq(cursor.position, source->acked, "acknowledged and lost");
    /* A batch whose commit failed may be there all the same, when its last sync was what failed;
     * the cursor tells, and its source asks before it goes on. */
    cr_assert_leq(cursor.position, source->tried);
    cr_assert_eq(cursor.position % BATCH, 0, "a part of a batch");
    if (cursor.position > 0) {
        struct stream_status status = status_of(s, stream, &arena);
        cr_assert_eq((int64_t)status.lines, cursor.position);
        cr_assert_eq((int64_t)status.events, cursor.position);
        check_stream(s, stream);
        struct seen seen = {0};
        see_all(s, stream, &(struct event_query){EVERYTHING, .by_id = true, .want_raw = true},
                &seen);
        size_t at = 0;
        for (int i = 0; i < cursor.position; i++) {
            char want[32];
            int n = snprintf(want, sizeof want, "n=%d ", i);
            bool there = at < seen.n &&
                         str_starts(seen.list[at].event.raw, str_make(want, (size_t)n));
            cr_assert(there || at_s(i * 0.5) < source->pruned_us, "line %d is lost", i);
            at += there;
        }
        cr_assert_eq(at, seen.n, "a line is there twice");
        seen_release(&seen);
    }
    arena_release(&arena);
}

static void fail_every_call(bool sticky, bool full)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", test_dir());
    faulty_install();
    int runs = 0, failed_runs = 0;
    for (int nth = 1;; nth++, runs++) {
        struct source sources[STREAMS] = {{0, 0, INT64_MIN}, {0, 0, INT64_MIN}};
        faulty_set(nth, sticky, full);
        bool fine = work(dir, sources);
        bool done = faulty_get().failed == 0;
        cr_assert(!done || fine, "nothing failed, and yet: run %d", nth);
        failed_runs += !fine;
        faulty_set(0, false, false);
        struct store *s = open_store(dir, STORE_WRITE);
        const char *const *lines;
        cr_assert_eq(store_warnings(s, &lines), 0, "run %d: %s", nth, lines[0]);
        for (int k = 0; k < STREAMS; k++)
            check_source(s, names[k], &sources[k]);
        cr_assert(send_batch(s, 0, &sources[0]), "it goes on");
        check_source(s, names[0], &sources[0]);
        store_close(s);
        remove_all(dir);
        if (done)
            break;
    }
    cr_assert_gt(runs, 100, "the workload does I/O");
    cr_assert_gt(failed_runs, 50, "faults are noticed");
}

Test(store_faults, a_write_that_fails_once_loses_nothing)
{
    fail_every_call(false, false);
}

Test(store_faults, a_disk_that_stays_broken_loses_nothing)
{
    fail_every_call(true, false);
}

Test(store_faults, a_disk_that_is_full_for_a_moment_loses_nothing)
{
    fail_every_call(false, true);
}

Test(store_faults, a_disk_that_stays_full_loses_nothing)
{
    fail_every_call(true, true);
}

/* Appends until it is killed, and says after each batch how far it is. */
static _Noreturn void append_for_ever(const char *dir, int out)
{
    struct store *s;
    struct err err;
    struct source source = {0, 0, INT64_MIN};
    if (store_open(dir, STORE_WRITE, &s, &err) != 0)
        _exit(1);
    for (;;)
        for (int k = 0; k < STREAMS; k++) {
            if (!send_batch(s, k, &source))
                _exit(1);
            int64_t said[2] = {k, source.acked};
            if (write(out, said, sizeof said) != sizeof said)
                _exit(1);
        }
}

Test(store_faults, kill_9_at_any_moment_loses_nothing_and_doubles_nothing)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", test_dir());
    struct source sources[STREAMS] = {{0, 0, INT64_MIN}, {0, 0, INT64_MIN}};
    srand(3);
    for (int round = 0; round < 25; round++) {
        int pipes[2];
        cr_assert_eq(pipe(pipes), 0);
        pid_t child = fork();
        if (child == 0)
            append_for_ever(dir, pipes[1]);
        close(pipes[1]);
        int64_t said[2];
        for (int left = rand() % 20; left > 0 && read(pipes[0], said, sizeof said) > 0; left--)
            sources[said[0]].acked = said[1];
        usleep((useconds_t)(rand() % 8000));
        kill(child, SIGKILL);
        while (read(pipes[0], said, sizeof said) == sizeof said)
            sources[said[0]].acked = said[1];
        close(pipes[0]);
        int status;
        waitpid(child, &status, 0);
        cr_assert(WIFSIGNALED(status), "it ended by itself");
        struct store *s = open_store(dir, STORE_WRITE);
        for (int k = 0; k < STREAMS; k++) {
            sources[k].tried = sources[k].acked + BATCH;
            check_source(s, names[k], &sources[k]);
        }
        store_close(s);
    }
    cr_assert_gt(sources[0].acked, 50 * BATCH, "it got somewhere");
}
