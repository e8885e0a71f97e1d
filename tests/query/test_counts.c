/* test_counts.c - groups, timeline and compare against counting every event by hand: random events
 * over three days in three streams, random selections, random spans. */
#include "help.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVENTS = 3000, STREAMS = 3, KEY = 200, T0_S = 1776470400 };
static const char *const streams[STREAMS] = {"edge", "lb", "mesh"};
static const char *const hosts[] = {"a.example.net", "b.example.net", "c.example.org", NULL};
static const char *const peers[] = {"192.0.2.1:443", "192.0.2.1:8443", "[2001:db8::1]:1", NULL};
static const enum field fields[] = {FIELD_stream, FIELD_class, FIELD_reason, FIELD_leg,
                                    FIELD_rejected_by, FIELD_host, FIELD_alert, FIELD_peer};
enum { FIELDS = sizeof fields / sizeof *fields };

static struct event events[EVENTS];
static int stream_of[EVENTS];

/* Three days from T0, much of it in one hour, some at the very same microsecond. */
static int64_t random_time(void)
{
    int64_t span_s = rand() % 3 ? 3 * 86400 : 3600;
    int64_t us = rand() % 4 ? rand() % 1000000 : 0;
    return (T0_S + rand() % span_s) * US_PER_S + us;
}

static struct event random_event(void)
{
    static const enum reason some[] = {REASON_reset, REASON_closed, REASON_expired,
                                       REASON_unknown_ca, REASON_timeout};
    return (struct event){.time_us = random_time(),
                          .reason = some[rand() % 5],
                          .leg = (enum leg)(rand() % LEG_COUNT),
                          .rejected_by = (enum side)(rand() % SIDE_COUNT),
                          .alert = rand() % 2 ? ALERT_NONE : 40 + rand() % 3,
                          .host = str_of(hosts[rand() % 4]),
                          .peer = str_of(peers[rand() % 4]),
                          .raw = STR("a line")};
}

static struct store *make_store(void)
{
    struct store *s = new_store();
    struct event *list = xcalloc(EVENTS, sizeof *list);
    for (int i = 0; i < EVENTS; i++) {
        stream_of[i] = rand() % STREAMS;
        events[i] = random_event();
    }
    for (int k = 0; k < STREAMS; k++) {
        size_t n = 0;
        for (int i = 0; i < EVENTS; i++)
            if (stream_of[i] == k)
                list[n++] = events[i];
        append_events(s, streams[k], STR("file:x"), list, n, 0);
    }
    free(list);
    return s;
}

/* ---- by hand ---- */

/* The value as text, "-" for none: our own words, not those of the code under test. */
static void value_of(enum field f, int i, char out[64])
{
    const struct event *e = &events[i];
    const char *text = f == FIELD_stream        ? streams[stream_of[i]]
                       : f == FIELD_class       ? class_name(reason_class(e->reason))
                       : f == FIELD_reason      ? reason_name(e->reason)
                       : f == FIELD_leg         ? leg_name(e->leg)
                       : f == FIELD_rejected_by ? side_name(e->rejected_by)
                       : f == FIELD_host        ? e->host.p
                                                : e->peer.p;
    if (f == FIELD_alert && e->alert != ALERT_NONE)
        snprintf(out, 64, "%d", e->alert);
    else if (f == FIELD_alert || !text || !*text)
        snprintf(out, 64, "-");
    else
        snprintf(out, 64, "%s", text);
}

static bool selected(const struct selection *sel, int i)
{
    int64_t t = events[i].time_us;
    if ((sel->since_us != TIME_NONE && t < sel->since_us) ||
        (sel->until_us != TIME_NONE && t >= sel->until_us))
        return false;
    for (int k = 0; k < FIELDS; k++) {
        bool found = sel->n_values[fields[k]] == 0;
        char value[64];
        value_of(fields[k], i, value);
        for (size_t v = 0; v < sel->n_values[fields[k]]; v++)
            found = found || str_eq(sel->values[fields[k]][v], str_of(value)) ||
                    (*value == '-' && str_eq(sel->values[fields[k]][v], STR("none")));
        if (!found)
            return false;
    }
    return true;
}

static void key_of(const enum field *by, size_t n_by, int i, char out[KEY])
{
    size_t at = 0;
    *out = '\0';
    for (size_t k = 0; k < n_by; k++) {
        char value[64];
        value_of(by[k], i, value);
        at += (size_t)snprintf(out + at, KEY - at, "%s|", value);
    }
}

static void json_key(const json_t *row, const enum field *by, size_t n_by, char out[KEY])
{
    size_t at = 0;
    *out = '\0';
    for (size_t k = 0; k < n_by; k++) {
        const json_t *v = json_object_get(row, field_name(by[k]));
        cr_assert(v, "no %s", field_name(by[k]));
        if (json_is_integer(v))
            at += (size_t)snprintf(out + at, KEY - at, "%lld|", (long long)json_integer_value(v));
        else
            at += (size_t)snprintf(out + at, KEY - at, "%s|",
                                   json_is_null(v) ? "-" : json_string_value(v));
    }
}

static void random_selection(struct selection *sel)
{
    struct err err = {0};
    selection_init(sel, T0_S * US_PER_S);
    if (rand() % 2)
        sel->since_us = random_time();
    if (rand() % 2)
        sel->until_us = random_time();
    if (rand() % 3 == 0)
        cr_assert_eq(selection_add(sel, FIELD_reason, STR("reset,expired"), &err), 0);
    if (rand() % 3 == 0)
        cr_assert_eq(selection_add(sel, FIELD_host, STR("a.example.net,none"), &err), 0);
    if (rand() % 4 == 0)
        cr_assert_eq(selection_add(sel, FIELD_peer, STR("192.0.2.1:443"), &err), 0);
    if (rand() % 4 == 0)
        cr_assert_eq(selection_add(sel, FIELD_stream, STR("lb,mesh"), &err), 0);
}

/* ---- groups ---- */

static void check_group(const struct selection *sel, const enum field *by, size_t n_by,
                        const json_t *row)
{
    char want[KEY], key[KEY], text[CIVIL_TEXT];
    int64_t count = 0, first = INT64_MAX, last = INT64_MIN;
    json_key(row, by, n_by, want);
    for (int i = 0; i < EVENTS; i++) {
        key_of(by, n_by, i, key);
        if (!selected(sel, i) || strcmp(key, want) != 0)
            continue;
        count++;
        first = events[i].time_us < first ? events[i].time_us : first;
        last = events[i].time_us > last ? events[i].time_us : last;
    }
    cr_assert_eq(json_integer_value(json_object_get(row, "count")), count, "%s", want);
    cr_assert_str_eq(json_string_value(json_object_get(row, "first")), civil_format(first, text));
    cr_assert_str_eq(json_string_value(json_object_get(row, "last")), civil_format(last, text));
}

static int64_t count_selected(const struct selection *sel)
{
    int64_t n = 0;
    for (int i = 0; i < EVENTS; i++)
        n += selected(sel, i);
    return n;
}

/* The rows' counts add up to the total, so no group is missing and none is there twice. */
static void check_groups(struct store *s, const struct selection *sel)
{
    enum field by[2] = {fields[rand() % FIELDS], fields[rand() % FIELDS]};
    size_t n_by = by[0] == by[1] ? 1 : (size_t)(1 + rand() % 2);
    json_t *answer = NULL;
    bool nothing = false;
    struct err err = {0};
    int64_t sum = 0;
    size_t i = 0;
    json_t *row = NULL;
    cr_assert_eq(query_groups(s, sel, by, n_by, &answer, &nothing, &err), 0, "%s", err.text);
    json_array_foreach(json_object_get(answer, "groups"), i, row) {
        check_group(sel, by, n_by, row);
        sum += json_integer_value(json_object_get(row, "count"));
    }
    cr_assert_eq(sum, count_selected(sel));
    cr_assert_eq(json_integer_value(json_object_get(answer, "total")), sum);
    cr_assert_eq(nothing, sum == 0);
    json_decref(answer);
}

Test(counts, groups_are_what_counting_by_hand_gives)
{
    srand(11);
    struct store *s = make_store();
    for (int round = 0; round < 150; round++) {
        struct selection sel;
        random_selection(&sel);
        check_groups(s, &sel);
        selection_release(&sel);
    }
    store_close(s);
}

/* ---- timeline ---- */

static void check_line(const struct selection *sel, enum field by, const json_t *answer,
                       const json_t *line)
{
    struct err err = {0};
    char want[KEY], key[KEY];
    int64_t from = 0, step = json_integer_value(json_object_get(answer, "step_s")) * US_PER_S;
    const json_t *counts = json_object_get(line, "counts");
    int64_t *naive = xcalloc(json_array_size(counts) + 1, sizeof *naive);
    json_key(line, &by, 1, want);
    cr_assert_eq(time_parse(NULL, str_of(json_string_value(json_object_get(answer, "from"))), 0,
                            &from, &err), 0);
    cr_assert_eq(from % step, 0, "steps begin on round times");
    for (int i = 0; i < EVENTS; i++) {
        key_of(&by, 1, i, key);
        if (!selected(sel, i) || strcmp(key, want) != 0)
            continue;
        int64_t at = (events[i].time_us - from) / step;
        cr_assert(at >= 0 && (size_t)at < json_array_size(counts), "outside the steps");
        naive[at]++;
    }
    for (size_t i = 0; i < json_array_size(counts); i++)
        cr_assert_eq(json_integer_value(json_array_get(counts, i)), naive[i], "%s at %zu", want, i);
    free(naive);
}

Test(counts, a_timeline_is_what_counting_by_hand_gives)
{
    static const int steps_s[] = {0, 30, 60, 420, 3600, 7200};
    srand(12);
    struct store *s = make_store();
    for (int round = 0; round < 120; round++) {
        struct selection sel;
        struct err err = {0};
        json_t *answer = NULL, *line = NULL;
        bool nothing = false;
        size_t i = 0;
        enum field by = fields[rand() % FIELDS];
        random_selection(&sel);
        cr_assert_eq(query_timeline(s, &sel, by, steps_s[rand() % 6] * US_PER_S, &answer, &nothing,
                                    &err), 0, "%s", err.text);
        json_array_foreach(json_object_get(answer, "series"), i, line)
            check_line(&sel, by, answer, line);
        cr_assert_eq(json_integer_value(json_object_get(answer, "total")), count_selected(&sel));
        cr_assert_eq(nothing, count_selected(&sel) == 0);
        json_decref(answer);
        selection_release(&sel);
    }
    store_close(s);
}

/* ---- compare ---- */

static void check_compared(const struct selection *sel, const json_t *row, const int sides[2],
                           int64_t cut_us)
{
    enum reason reason = reason_find(str_of(json_string_value(json_object_get(row, "reason"))));
    int64_t n[2] = {0, 0};
    for (int i = 0; i < EVENTS; i++) {
        struct selection all = *sel;
        if (all.since_us == cut_us)
            all.since_us = TIME_NONE;
        all.n_values[FIELD_stream] = 0;
        if (!selected(&all, i) || events[i].reason != reason)
            continue;
        for (int k = 0; k < 2; k++)
            n[k] += stream_of[i] == sides[k] &&
                    (cut_us == TIME_NONE || (events[i].time_us >= cut_us) == k);
    }
    cr_assert_eq(json_integer_value(json_object_get(row, "a")), n[0]);
    cr_assert_eq(json_integer_value(json_object_get(row, "b")), n[1]);
}

/* before and after `cut_us` in one stream, or two streams where it is TIME_NONE */
static void compare(struct store *s, int64_t cut_us)
{
    struct selection sel;
    struct err err = {0};
    json_t *answer = NULL, *row = NULL;
    bool nothing = false;
    size_t i = 0;
    int sides[2] = {rand() % STREAMS, 0};
    sides[1] = cut_us == TIME_NONE ? (sides[0] + 1) % STREAMS : sides[0];
    random_selection(&sel);
    if (cut_us != TIME_NONE) {
        sel.since_us = cut_us;
        sel.until_us = TIME_NONE;
    }
    int rc = query_compare(s, &sel, str_of(streams[sides[0]]),
                           cut_us == TIME_NONE ? str_of(streams[sides[1]]) : STR_NONE, cut_us,
                           &answer, &nothing, &err);
    if (rc == 0)
        json_array_foreach(json_object_get(answer, "rows"), i, row)
            check_compared(&sel, row, sides, cut_us);
    else
        cr_assert_eq(rc, ERR_USAGE, "%s", err.text); /* an empty span */
    json_decref(answer);
    selection_release(&sel);
}

Test(counts, compare_is_what_counting_by_hand_gives)
{
    srand(13);
    struct store *s = make_store();
    for (int round = 0; round < 120; round++)
        compare(s, round % 2 ? TIME_NONE : random_time());
    store_close(s);
}
