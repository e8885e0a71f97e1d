/* test_time.c - every shape of a time that time.h lists, and what is no time. */
#include "parsers/time.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static int64_t at(int year, int month, int day, int hour)
{
    return civil_to_us(&(struct civil){.year = year, .month = month, .day = day, .hour = hour});
}

/* The zone comes in by the tests that want one; now is 2024-06-15 12:00 UTC. */
static struct reading noon(const struct zone *zone)
{
    return (struct reading){.now_us = at(2024, 6, 15, 12), .zone = zone};
}

static void expect_read(const char *text, const struct reading *reading, const char *want,
                        const char *rest)
{
    int64_t us = TIME_NONE;
    size_t took = time_read(str_of(text), reading, &us);
    char got[CIVIL_TEXT];
    cr_assert_gt(took, 0, "not read: %s", text);
    cr_expect_str_eq(civil_format(us, got), want, "%s: %s, not %s", text, got, want);
    cr_expect_str_eq(text + took, rest, "%s: rest \"%s\"", text, text + took);
}

struct shape {
    const char *text, *want, *rest;
};

static void expect_shapes(const struct shape *shapes, size_t n)
{
    struct reading reading = noon(NULL);
    for (size_t i = 0; i < n; i++)
        expect_read(shapes[i].text, &reading, shapes[i].want, shapes[i].rest);
}
#define EXPECT_SHAPES(shapes) expect_shapes(shapes, sizeof shapes / sizeof *shapes)

Test(time, iso_8601_and_rfc_3339)
{
    static const struct shape shapes[] = {
        {"2024-05-02T00:00:02Z x", "2024-05-02T00:00:02Z", " x"},
        {"2024-05-02t00:00:02.123456789z", "2024-05-02T00:00:02.123456Z", ""},
        {"2024-05-02 00:00:02+02:00", "2024-05-01T22:00:02Z", ""},
        {"2024-05-02T00:00:02.5-0530]", "2024-05-02T05:30:02.500Z", "]"},
        {"2024-05-02 00:00:02.123+02 x", "2024-05-01T22:00:02.123Z", " x"},
        {"2023-10-18 04:09:31,660 [main]", "2023-10-18T04:09:31.660Z", " [main]"},
        {"[2022-06-02T15:08:10.2218107+00:00][EROR]", "2022-06-02T15:08:10.221810Z", "][EROR]"},
        {"2025-10-01 00:29:30.418 UTC [5521]", "2025-10-01T00:29:30.418Z", " [5521]"},
        {"2025-10-01 00:29:30 CEST x", "2025-09-30T22:29:30Z", " x"},
        {"2025-10-01 00:29:30 CESTX", "2025-10-01T00:29:30Z", " CESTX"},
        {"2019-09-11 06:30:00.115248 I | embed", "2019-09-11T06:30:00.115248Z", " I | embed"},
        {"2021-11-03 08:19:42.318019-0500 Tally[2]", "2021-11-03T13:19:42.318019Z", " Tally[2]"},
        {"2024-05-01 12:02:17: (mod_openssl.c.2026)", "2024-05-01T12:02:17Z",
         ": (mod_openssl.c.2026)"},
        {"2021-06-29, 07:20:44 x", "2021-06-29T07:20:44Z", " x"},
        {"\"2024-02-29T23:59:60Z\"", "2024-03-01T00:00:00Z", "\""},
        {"2024-05-01 12:00:00, x", "2024-05-01T12:00:00Z", ", x"},
        {"2024-05-01 12:00:00-05 x", "2024-05-01T17:00:00Z", " x"},
        {"2024-05-01 12:00:00 - 5 x", "2024-05-01T12:00:00Z", " - 5 x"},
        {"2024-05-01 12:00:00+02: x", "2024-05-01T10:00:00Z", ": x"},
        {"2024-12-31T23:59:59.999999+14:00", "2024-12-31T09:59:59.999999Z", ""},
    };
    EXPECT_SHAPES(shapes);
}

Test(time, servers_and_proxies)
{
    static const struct shape shapes[] = {
        {"2024/05/02 00:00:02 [warn]", "2024-05-02T00:00:02Z", " [warn]"},
        {"2024/05/02 00:00:02.5 x", "2024-05-02T00:00:02.500Z", " x"},
        {"[2020/04/15 11:19:37.480 +05:30]", "2020-04-15T05:49:37.480Z", "]"},
        {"[Thu Sep 30 15:48:37.925490 2021] [ssl", "2021-09-30T15:48:37.925490Z", "] [ssl"},
        {"[10/Oct/2000:13:55:36 -0700]", "2000-10-10T20:55:36Z", "]"},
        {"[18/Mar/2025:04:12:07.218] _front", "2025-03-18T04:12:07.218Z", "] _front"},
        {"[May  4 12:38:29.002] [ET_NET 7]", "2024-05-04T12:38:29.002Z", "] [ET_NET 7]"},
        {"20240501T121102.300700 [  813]", "2024-05-01T12:11:02.300700Z", " [  813]"},
        {"20240501T121102Z", "2024-05-01T12:11:02Z", ""},
        {"20240501 12:11:02 x", "2024-05-01T12:11:02Z", " x"},
        {"20240501121102Z", "2024-05-01T12:11:02Z", ""},
        {"I0410 04:52:06.330190       1 log.go", "2024-04-10T04:52:06.330190Z", "       1 log.go"},
        {"W20230410 04:52:06.330190 7 x", "2023-04-10T04:52:06.330190Z", " 7 x"},
        {"02-Jan-2006 15:04:05.678 SEVERE", "2006-01-02T15:04:05.678Z", " SEVERE"},
        {"21/06/29 07:20:44 INFO", "2021-06-29T07:20:44Z", " INFO"},
    };
    EXPECT_SHAPES(shapes);
}

Test(time, mail_and_system_loggers)
{
    static const struct shape shapes[] = {
        {"Jan  5 15:08:58 host haproxy[1]", "2024-01-05T15:08:58Z", " host haproxy[1]"},
        {"Jan 15 15:08:58.123 host", "2024-01-15T15:08:58.123Z", " host"},
        {"Jan  5 15:08:58 2023 x", "2023-01-05T15:08:58Z", " x"},
        {"Jan  5 15:08:58 2001:db8::1 x", "2024-01-05T15:08:58Z", " 2001:db8::1 x"},
        {"Jan 05 2023 15:08:58: %ASA-6", "2023-01-05T15:08:58Z", ": %ASA-6"},
        {"Jan 05, 2023 3:08:58 PM org.x", "2023-01-05T15:08:58Z", " org.x"},
        {"January 5, 2023 at 12:08:58 AM UTC", "2023-01-05T00:08:58Z", ""},
        {"Sept 5 01:02:03 x", "2023-09-05T01:02:03Z", " x"},
        {"Tue Apr 28 03:51:26 2020 VERIFY", "2020-04-28T03:51:26Z", " VERIFY"},
        {"Tue Apr 28 03:51:26 UTC 2020", "2020-04-28T03:51:26Z", ""},
        {"Mon Jun 03 02:00:00 GMT+02:00 2024", "2024-06-03T00:00:00Z", ""},
        {"Thu Sep 30 2021 15:48:37 GMT+0200 (CEST)", "2021-09-30T13:48:37Z", " (CEST)"},
        {"Thu, 30 Sep 2021 15:48:37 GMT", "2021-09-30T15:48:37Z", ""},
        {"Thu, 30 Sep 2021 15:48:37 -0700", "2021-09-30T22:48:37Z", ""},
        {"Thursday, 30-Sep-21 15:48:37 GMT", "2021-09-30T15:48:37Z", ""},
        {"10 Feb 23:11:57.123 * x", "2024-02-10T23:11:57.123Z", " * x"},
        {"10 Feb 2023 23:11:57.123 * x", "2023-02-10T23:11:57.123Z", " * x"},
    };
    EXPECT_SHAPES(shapes);
}

Test(time, windows_and_websphere)
{
    static const struct shape shapes[] = {
        {"2/11/2022 8:00:51 PM\r", "2022-02-11T20:00:51Z", "\r"},
        {"2/11/2022 8:00:51\xe2\x80\xaf"
         "AM",
         "2022-02-11T08:00:51Z", ""},
        {"2/11/2022 12:00:51 am", "2022-02-11T00:00:51Z", ""},
        {"16/04/2021 12:36:19", "2021-04-16T12:36:19Z", ""},
        {"02/11/2022 12:36:19 x", "2022-02-11T12:36:19Z", " x"},
        {"02.11.2022 12:36:19", "2022-11-02T12:36:19Z", ""},
        {"15/06/2024 11:36:19", "2024-06-15T11:36:19Z", ""},
        {"[10/21/19 12:00:00:123 EDT] 0000", "2019-10-21T16:00:00.123Z", "] 0000"},
    };
    EXPECT_SHAPES(shapes);
}

Test(time, an_ambiguous_date_is_the_one_near_now)
{
    struct reading reading = {.now_us = at(2024, 7, 6, 12)};
    expect_read("07/06/2024 11:00:00", &reading, "2024-07-06T11:00:00Z", "");
    expect_read("06/07/2024 11:00:00", &reading, "2024-07-06T11:00:00Z", "");
    expect_read("06/05/2024 11:00:00", &reading, "2024-06-05T11:00:00Z", "");
    expect_read("09/05/2024 11:00:00", &reading, "2024-05-09T11:00:00Z", "");
}

Test(time, epochs_of_every_unit)
{
    static const struct shape shapes[] = {
        {"1756570098: OpenSSL", "2025-08-30T16:08:18Z", ": OpenSSL"},
        {"1715600131.55,", "2024-05-13T11:35:31.550Z", ","},
        {"1715600131.123456789 ", "2024-05-13T11:35:31.123456Z", " "},
        {"1715600131550", "2024-05-13T11:35:31.550Z", ""},
        {"1715600131550.5", "2024-05-13T11:35:31.550500Z", ""},
        {"1715600131550123", "2024-05-13T11:35:31.550123Z", ""},
        {"1715600131550123999", "2024-05-13T11:35:31.550123Z", ""},
        {"1.6377566422345662e+09\tINFO", "2021-11-24T12:24:02.234566Z", "\tINFO"},
        {"[1715600131]", "2024-05-13T11:35:31Z", "]"},
    };
    EXPECT_SHAPES(shapes);
}

Test(time, what_is_no_time_is_refused)
{
    static const char *const texts[] = {
        "",
        " ",
        "[",
        "12:00:00 no date",
        "2024-05-02",
        "2024-05-02T",
        "2024-05-02T00:00",
        "2024-13-02T00:00:00Z",
        "2023-02-29 00:00:00",
        "2024-05-02 24:00:00",
        "2024-05-02 00:60:00",
        "0001-01-01T00:00:00Z",
        "2024-05-02X00:00:00",
        "99999999999",
        "4357946904:error:1000007d:SSL",
        "1234567890:error:0A000086:SSL",
        "4294967295",
        "0000000000",
        "1715600131abc",
        "1715600131.1.2",
        "192.0.2.1:443 x",
        "10.1.2.3 - -",
        "Mayor 5 10:00:00",
        "Jan 32 10:00:00",
        "Feb 30 10:00:00",
        "Janx  5 15:08:58",
        "Info 0410 04:52:06",
        "I1310 04:52:06.3",
        "E1234567 x",
        "[  4417.203318s]",
        "[  813] 203.0.113.10",
        "13/13/2022 8:00:51",
        "20241301T000000",
        "20240501",
        "20240501T1211",
        "1.5e+09x",
        "1.50e+10",
        "Thu x",
        "Thu, 30",
        "10/Oct/2000",
        "10/Foo/2000:13:55:36",
        "\xff\xff",
    };
    struct reading reading = noon(NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t us = 0;
        cr_expect_eq(time_read(str_of(texts[i]), &reading, &us), 0, "%s", texts[i]);
    }
    int64_t us;
    cr_expect_eq(time_read(STR_NONE, &reading, &us), 0);
}

Test(time, a_time_cut_anywhere_never_reads_past_the_end)
{
    static const char *const texts[] = {
        "Thu Sep 30 15:48:37.925490 UTC 2021", "2/11/2022 8:00:51 PM",  "1715600131.123",
        "10/Oct/2000:13:55:36 -0700",          "I0410 04:52:06.330190",
    };
    struct reading reading = noon(NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t n = 0; n <= strlen(texts[i]); n++) {
            struct str cut = {n ? memcpy(malloc(n), texts[i], n) : NULL, n}; /* for ASan */
            int64_t us;
            cr_expect_leq(time_read(cut, &reading, &us), n);
            free((void *)cut.p);
        }
}

static const struct {
    int64_t now[4];
    const char *text, *want;
} years[] = {
    {{2024, 1, 1, 0}, "Dec 31 23:59:58", "2023-12-31T23:59:58Z"},
    {{2023, 12, 31, 23}, "Jan  1 00:00:01", "2024-01-01T00:00:01Z"}, /* a clock ahead */
    {{2023, 12, 31, 23}, "Jan  1 23:00:01", "2023-01-01T23:00:01Z"}, /* more than a day ahead */
    {{2024, 6, 15, 12}, "Jun 16 11:59:59", "2024-06-16T11:59:59Z"},
    {{2024, 6, 15, 12}, "Jun 16 12:00:01", "2023-06-16T12:00:01Z"},
    {{2023, 3, 1, 0}, "Feb 29 10:00:00", "2020-02-29T10:00:00Z"},
    {{2024, 1, 1, 0}, "E1231 23:00:00.5", "2023-12-31T23:00:00.500Z"},
};

Test(time, a_missing_year_is_the_latest_that_is_not_ahead)
{
    for (size_t i = 0; i < sizeof years / sizeof *years; i++) {
        const int64_t *n = years[i].now;
        struct reading reading = {.now_us = at((int)n[0], (int)n[1], (int)n[2], (int)n[3])};
        expect_read(years[i].text, &reading, years[i].want, "");
    }
}

Test(time, a_zone_is_used_only_where_the_text_has_none)
{
    struct zone *zone = NULL;
    struct err err;
    cr_assert_eq(zone_open(STR("-05:00"), &zone, &err), 0);
    struct reading reading = noon(zone);
    expect_read("2024/05/02 00:00:02 x", &reading, "2024-05-02T05:00:02Z", " x");
    expect_read("2024-05-02T00:00:02Z", &reading, "2024-05-02T00:00:02Z", "");
    expect_read("Jun 15 10:00:00 h", &reading, "2024-06-15T15:00:00Z", " h");
    expect_read("1715600131", &reading, "2024-05-13T11:35:31Z", "");
    reading.now_us = at(2024, 1, 1, 4); /* there it is still the old year */
    expect_read("Dec 31 23:00:00", &reading, "2024-01-01T04:00:00Z", "");
    zone_close(zone);
}
