/* test_amount.c - lengths of time and sizes as people type them. */
#include "base/amount.h"
#include "base/civil.h"

#include <criterion/criterion.h>

typedef int parse(struct str text, int64_t *out, struct err *err);

struct row {
    const char *text;
    int64_t is;
};

static void expect(parse *of, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = {0};
        int64_t got = 0;
        cr_expect_eq(of(str_of(rows[i].text), &got, &err), 0, "%s", rows[i].text);
        cr_expect_eq(got, rows[i].is, "%s: %lld", rows[i].text, (long long)got);
    }
}

static void expect_refused(parse *of, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = {0};
        int64_t got = -7;
        cr_expect_eq(of(str_of(texts[i]), &got, &err), ERR_USAGE, "%s", texts[i]);
        cr_expect_eq(got, -7, "%s", texts[i]);
        cr_expect(strstr(err.text, texts[i]), "%s", err.text);
    }
}

Test(amount, a_duration_has_a_unit_and_may_have_several)
{
    static const struct row rows[] = {
        {"90s", 90 * US_PER_S},      {"5m", 5 * MINUTE_US},     {"1h", HOUR_US},
        {"7d", 7 * DAY_US},          {"2w", 14 * DAY_US},       {"250ms", 250000},
        {"1h30m", 90 * MINUTE_US},   {" 1m ", MINUTE_US},       {"0h1s", US_PER_S},       {"0s", 0},
        {"366000d", 366000 * DAY_US}};
    expect(amount_duration, rows, sizeof rows / sizeof *rows);
}

Test(amount, what_is_no_duration_is_refused)
{
    static const char *const bad[] = {"",     "5",   "m",  "-5m", "5 m",
                                      "5min", "1.5h", "1h-", "9y", "5mm", "h1",
                                      "366000d1ms", "1000000d", "99999999999999h"};
    expect_refused(amount_duration, bad, sizeof bad / sizeof *bad);
}

Test(amount, a_size_is_in_bytes_or_has_a_unit)
{
    static const struct row rows[] = {
        {"1", 1},          {"1048576", 1048576}, {"7B", 7},
        {"5kB", 5000},     {"5KB", 5000},        {"500MB", 500000000},
        {"1GB", 1000000000}, {"3TB", INT64_C(3000000000000)},
        {"5k", 5120},      {"2M", 2 << 20},      {"1G", 1 << 30},
        {"2KiB", 2048},    {"64MiB", 64 << 20},  {"2GiB", INT64_C(2) << 30},
        {"1 TiB", INT64_C(1) << 40},             {" 10 ", 10},
        {"9223372036854775807", INT64_MAX}};
    expect(amount_bytes, rows, sizeof rows / sizeof *rows);
}

Test(amount, what_is_no_size_is_refused)
{
    static const char *const bad[] = {"", "0", "-1", "M", "1.5G", "12X", "5 M B", "1GiBs",
                                      "9223372036854775808", "9999999999T"};
    expect_refused(amount_bytes, bad, sizeof bad / sizeof *bad);
}
