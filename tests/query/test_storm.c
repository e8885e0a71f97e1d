/* test_storm.c - dating a rise of thousands of events a second, by way of the counts a second, beside
 * dating it by all its events: a selected peer is in no count, so that way reads them all. */
#include "help.h"

#include "base/civil.h"
#include "random.h"

#include <criterion/criterion.h>

enum { T0_S = 1776470400, QUIET_S = 3600, USUAL = 2, PEAK = 3000 };

static int64_t onset_us, earliest_us, latest_us;
static bool slow;

static void add(struct buf *times, double at_s)
{
    int64_t us = T0_S * US_PER_S + (int64_t)(at_s * (double)US_PER_S);
    buf_add(times, &us, sizeof us);
}

/* An hour of few, then up to PEAK a second within ramp_s, for a minute after that. */
static void append_storm(struct store *s, double start_s, double ramp_s)
{
    struct buf times = {0};
    for (double t = 0; t < start_s; t -= log(1 - random_unit()) / USUAL)
        add(&times, t);
    for (double t = start_s; t < start_s + ramp_s + 60;) {
        double rate = t < start_s + ramp_s ? PEAK * (t - start_s) / ramp_s : PEAK;
        t -= log(1 - random_unit()) / PEAK;
        if (random_unit() * PEAK < rate)
            add(&times, t);
    }
    size_t n = times.n / sizeof(int64_t);
    struct event *list = xcalloc(n, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct event){.reason = REASON_unknown_ca,
                                 .leg = LEG_upstream,
                                 .alert = ALERT_NONE,
                                 .peer = STR("192.0.2.1:443"),
                                 .raw = STR("x")};
        memcpy(&list[i].time_us, times.p + i * sizeof(int64_t), sizeof(int64_t));
    }
    append_events(s, "mesh", STR("file:x"), list, n, 0);
    free(list);
    buf_release(&times);
}

static int64_t time_of(const json_t *first, const char *key)
{
    int64_t us = 0;
    struct err err = {0};
    const char *text = json_string_value(json_object_get(first, key));
    cr_assert(text, "no %s", key);
    cr_assert_eq(time_parse(NULL, str_of(text), 0, &us, &err), 0, "%s", err.text);
    return us;
}

static void date(struct store *s, const char *peer)
{
    struct selection sel;
    struct err err = {0};
    json_t *answer = NULL;
    bool nothing = true;
    selection_init(&sel, (T0_S + 2 * QUIET_S) * US_PER_S);
    if (peer)
        cr_assert_eq(selection_add(&sel, FIELD_peer, str_of(peer), &err), 0);
    cr_assert_eq(query_first_spike(s, &sel, &answer, &nothing, &err), 0, "%s", err.text);
    cr_assert_not(nothing);
    const json_t *first = json_object_get(answer, "first");
    onset_us = time_of(first, "onset");
    earliest_us = time_of(first, "earliest");
    latest_us = time_of(first, "latest");
    slow = json_is_true(json_object_get(first, "slow"));
    json_decref(answer);
    selection_release(&sel);
}

Test(storm, a_step_is_dated_to_the_event)
{
    srand(21);
    for (int round = 0; round < 2; round++) {
        struct store *s = new_store();
        double start_s = QUIET_S + 10 * random_unit();
        int64_t start_us = T0_S * US_PER_S + (int64_t)(start_s * (double)US_PER_S);
        append_storm(s, start_s, 0);
        date(s, "192.0.2.1");
        int64_t by_all_us = onset_us;
        date(s, NULL);
        cr_expect_eq(onset_us, by_all_us);
        cr_expect(earliest_us <= start_us && start_us <= latest_us);
        cr_expect_lt(latest_us - earliest_us, US_PER_S / 50);
        cr_expect_not(slow);
        store_close(s);
    }
}

Test(storm, a_ramp_is_dated_at_its_foot)
{
    srand(22);
    for (int round = 0; round < 2; round++) {
        struct store *s = new_store();
        double start_s = QUIET_S + 10 * random_unit();
        int64_t start_us = T0_S * US_PER_S + (int64_t)(start_s * (double)US_PER_S);
        append_storm(s, start_s, 40);
        date(s, "192.0.2.1");
        int64_t all_earliest_us = earliest_us, all_latest_us = latest_us;
        bool all_slow = slow;
        date(s, NULL);
        cr_expect(earliest_us <= start_us && start_us <= latest_us, "%lld not in %lld to %lld",
                  (long long)start_us, (long long)earliest_us, (long long)latest_us);
        cr_expect(earliest_us <= all_latest_us && all_earliest_us <= latest_us);
        cr_expect_eq(slow, all_slow);
        store_close(s);
    }
}
