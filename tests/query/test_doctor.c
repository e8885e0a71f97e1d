/* test_doctor.c - the one-line notes that first-spike takes from doctor. */
#include "help.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { T0_S = 1776470400 };

/* n events a step apart, and as many lines that were none, from a source of that name. */
static void append(struct store *s, struct str key, const struct event *kind, int n, int step_s)
{
    struct event *events = xcalloc((size_t)n + 1, sizeof *events);
    for (int i = 0; i < n; i++) {
        events[i] = *kind;
        events[i].time_us = (T0_S + (int64_t)i * step_s) * US_PER_S;
    }
    append_events(s, "web", key, events, (size_t)n, (size_t)n + 2);
    free(events);
}

static const struct event nginx_upstream = {.reason = REASON_unknown_ca, .leg = LEG_upstream,
                                            .alert = ALERT_NONE, .format = {"nginx_error", 11},
                                            .peer = {"192.0.2.4:443", 13}, .raw = {"x", 1}};

/* A note about the one stream, "" for none. The caller frees it. */
static char *note(struct store *s, struct str (*of)(struct store *, const struct slice *,
                                                    struct arena *))
{
    struct arena arena = {0};
    struct slice *slices = NULL;
    struct selection sel;
    struct err err = {0};
    size_t n = 0;
    selection_init(&sel, T0_S * US_PER_S);
    cr_assert_eq(slices_open(s, &sel, &arena, &slices, &n, &err), 0, "%s", err.text);
    cr_assert_eq(n, 1);
    struct str text = of(s, &slices[0], &arena);
    char *copy = str_dup(text.p ? text : STR(""));
    arena_release(&arena);
    return copy;
}

static void expect_note(struct store *s,
                        struct str (*of)(struct store *, const struct slice *, struct arena *),
                        const char *words)
{
    char *text = note(s, of);
    cr_expect(*words ? strstr(text, words) != NULL : *text == '\0', "'%s', not '%s'", text, words);
    free(text);
}

Test(doctor, a_blind_leg_is_a_note_until_it_is_shown)
{
    struct store *s = new_store();
    struct event shown = nginx_upstream;
    append(s, STR("file:/var/log/a#1"), &nginx_upstream, 1, 0);
    expect_note(s, doctor_blind, "nginx hides client-leg handshake failures below");
    shown.leg = LEG_downstream;
    append(s, STR("file:/var/log/b#1"), &shown, 1, 0);
    expect_note(s, doctor_blind, "");
    store_close(s);
}

Test(doctor, without_a_failure_the_sources_name_tells_the_product)
{
    struct store *s = new_store();
    append(s, STR("file:/var/log/engine/error.log#1"), &nginx_upstream, 0, 0);
    expect_note(s, doctor_blind, "no line of it ever reported a failed handshake");
    append(s, STR("file:/var/log/pods/ingress-nginx_controller-7d/0.log#1"), &nginx_upstream, 0, 0);
    expect_note(s, doctor_blind, "nginx hides client-leg handshake failures below");
    store_close(s);
}

Test(doctor, what_fails_all_along_is_a_floor)
{
    struct store *s = new_store();
    append(s, STR("file:/var/log/a#1"), &nginx_upstream, 200, 60);
    expect_note(s, doctor_floor, "192.0.2.4 fails with certificate/unknown_ca every 60 s");
    store_close(s);
}

Test(doctor, a_short_burst_is_none)
{
    struct store *s = new_store();
    struct event late = nginx_upstream;
    late.peer = STR("192.0.2.9:1");
    append(s, STR("file:/var/log/a#1"), &nginx_upstream, 2000, 1);
    append(s, STR("file:/var/log/b#1"), &late, 2, 6 * 3600);
    expect_note(s, doctor_floor, "");
    store_close(s);
}
