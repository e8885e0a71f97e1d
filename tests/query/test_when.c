/* test_when.c - times and durations as people type them. */
#include "query/query.h"

#include <criterion/criterion.h>

/* 2026-04-18T04:26:00Z */
static int64_t now(void)
{
    return civil_to_us(&(struct civil){2026, 4, 18, 4, 26, 0, 0});
}

static void expect_time(const char *text, const char *want)
{
    struct err err = {0};
    int64_t got = 0;
    char out[CIVIL_TEXT];
    cr_expect_eq(time_parse(NULL, str_of(text), now(), &got, &err), 0, "%s: %s", text, err.text);
    cr_expect_str_eq(civil_format(got, out), want, "%s is %s, not %s", text, out, want);
}

Test(when, a_full_time_has_any_offset)
{
    expect_time("2026-04-18T04:11:58Z", "2026-04-18T04:11:58Z");
    expect_time("2026-04-18T04:11:58.127z", "2026-04-18T04:11:58.127Z");
    expect_time("2026-04-18T04:11:58,127456Z", "2026-04-18T04:11:58.127456Z");
    expect_time("2026-04-18T04:11:58.1274569Z", "2026-04-18T04:11:58.127456Z");
    expect_time("2026-04-18 06:11:58+02:00", "2026-04-18T04:11:58Z");
    expect_time("2026-04-17T22:41:58-0530", "2026-04-18T04:11:58Z");
    expect_time("2026-04-18T06:11+02", "2026-04-18T04:11:00Z");
    expect_time("2026-04-18T04:11:58", "2026-04-18T04:11:58Z");
    expect_time("2026-04-18", "2026-04-18T00:00:00Z");
    expect_time(" 2024-02-29 ", "2024-02-29T00:00:00Z");
}

Test(when, the_rest_counts_from_now)
{
    expect_time("now", "2026-04-18T04:26:00Z");
    expect_time("today", "2026-04-18T00:00:00Z");
    expect_time("Yesterday", "2026-04-17T00:00:00Z");
    expect_time("14:00", "2026-04-18T14:00:00Z");
    expect_time("03:02:01.5", "2026-04-18T03:02:01.500Z");
    expect_time("-1h", "2026-04-18T03:26:00Z");
    expect_time("-1h30m", "2026-04-18T02:56:00Z");
    expect_time("+90s", "2026-04-18T04:27:30Z");
    expect_time("-0s", "2026-04-18T04:26:00Z");
    expect_time("-7d", "2026-04-11T04:26:00Z");
}

Test(when, what_is_no_time_is_refused_with_what_is)
{
    static const char *const bad[] = {
        "", "soon", "24:00", "12:60", "2026-13-01", "2026-02-29", "2026-04-18T", "2026-04-18T4:11",
        "2026-04-18X", "2026-04-18T04:11:58+25:00", "2026-04-18T04:11:58+02:60", "-", "-1", "-h",
        "1h", "-1y", "2026-04-18T04:11:58Zx", "2026-04-18T04:11:58.Z", "14:00x", "--1h",
        "-99999999999999999999d", "2026-04-18T04:11:58+", "deploy", "deploy:v1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        int64_t got = 0;
        cr_expect_eq(time_parse(NULL, str_of(bad[i]), now(), &got, &err), ERR_USAGE, "%s", bad[i]);
        cr_expect(strlen(err.text) > 10, "%s", bad[i]);
    }
}
