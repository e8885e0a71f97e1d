/* test_growth.c - what a question costs grows with its answer, not with the store: the same day with
 * ten times the events takes no more steps of SQLite's machine. */
#include "help.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdlib.h>

enum { DAY_S = 86400, STORM_S = 600, T0_S = 1776470400, FEW = 20000, MANY = 200000 };

static int64_t work; /* steps of SQLite's machine since it was set to 0 */

int __real_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt)
{
    int rc = __real_sqlite3_step(stmt);
    work += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    return rc;
}

static const char *const streams[] = {"app", "lb"};

/* Half of n events over the day, the other half in its last ten minutes, in order. */
static void append_day(struct store *s, const char *stream, size_t n)
{
    static const char *const hosts[] = {"a.example.net", "b.example.net", "c.example.org"};
    struct event *list = xcalloc(n, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        bool storm = i >= n / 2;
        double at_s = storm ? DAY_S - STORM_S + (double)(i - n / 2) * STORM_S / ((double)n / 2)
                            : (double)i * (DAY_S - STORM_S) / ((double)n / 2);
        list[i] = (struct event){.time_us = T0_S * US_PER_S + (int64_t)(at_s * (double)US_PER_S),
                                 .reason = storm ? REASON_unknown_ca : REASON_reset,
                                 .leg = LEG_upstream,
                                 .alert = ALERT_NONE,
                                 .host = str_of(hosts[rand() % 3]),
                                 .peer = STR("192.0.2.1:443"),
                                 .raw = STR("a line")};
    }
    for (size_t i = 0; i < n; i += 5000)
        append_events(s, stream, STR("file:x"), list + i, 5000, 0);
    free(list);
}

typedef int question(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                     struct err *err);

static int groups(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                  struct err *err)
{
    static const enum field by[] = {FIELD_host};
    return query_groups(s, sel, by, 1, answer, nothing, err);
}

static int timeline(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                    struct err *err)
{
    return query_timeline(s, sel, FIELD_stream, 0, answer, nothing, err);
}

static int compare(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                   struct err *err)
{
    return query_compare(s, sel, STR("app"), STR("lb"), TIME_NONE, answer, nothing, err);
}

static int64_t work_of(question *ask, struct store *s)
{
    struct selection sel;
    struct err err = {0};
    json_t *answer = NULL;
    bool nothing = true;
    selection_init(&sel, (T0_S + DAY_S) * US_PER_S);
    work = 0;
    cr_assert_eq(ask(s, &sel, &answer, &nothing, &err), 0, "%s", err.text);
    cr_assert_not(nothing);
    json_decref(answer);
    selection_release(&sel);
    return work;
}

Test(growth, ten_times_the_events_take_no_more_work)
{
    static const struct {
        const char *name;
        question *ask;
    } questions[] = {{"groups", groups},
                     {"timeline", timeline},
                     {"compare", compare},
                     {"first-spike", query_first_spike}};
    struct store *few = new_store(), *many = new_store();
    for (int k = 0; k < 2; k++) {
        append_day(few, streams[k], FEW);
        append_day(many, streams[k], MANY);
    }
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        int64_t a = work_of(questions[i].ask, few), b = work_of(questions[i].ask, many);
        cr_expect_lt(2 * b, 3 * a, "%s: %lld steps, with ten times the events %lld",
                     questions[i].name, (long long)a, (long long)b);
    }
    store_close(few);
    store_close(many);
}
