/* test_civil.c - calendar days and times in UTC. */
#include "base/civil.h"

#include <criterion/criterion.h>
#include <time.h>

Test(civil, known_times)
{
    static const struct {
        struct civil c;
        int64_t s;
    } cases[] = {
        {{1970, 1, 1, 0, 0, 0, 0}, 0},
        {{1969, 12, 31, 23, 59, 59, 0}, -1},
        {{2000, 2, 29, 12, 0, 0, 0}, 951825600},
        {{2038, 1, 19, 3, 14, 8, 0}, INT64_C(2147483648)},
        {{1900, 1, 1, 0, 0, 0, 0}, INT64_C(-2208988800)},
        {{9999, 12, 31, 23, 59, 59, 0}, INT64_C(253402300799)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(civil_to_us(&cases[i].c), cases[i].s * US_PER_S);
        struct civil back = civil_of_us(cases[i].s * US_PER_S);
        cr_expect_eq(memcmp(&back, &cases[i].c, sizeof back), 0);
    }
}

Test(civil, every_day_of_four_centuries_as_libc_has_it)
{
    for (int64_t day = -25567; day < 146097; day++) {
        time_t s = day * 86400 + 45296;
        struct tm tm;
        gmtime_r(&s, &tm);
        struct civil c = civil_of_us(s * US_PER_S + 7);
        cr_assert(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 && c.day == tm.tm_mday &&
                  c.hour == tm.tm_hour && c.minute == tm.tm_min && c.second == tm.tm_sec &&
                  c.us == 7);
        cr_assert(civil_valid(&c));
        cr_assert_eq(civil_to_us(&c), s * US_PER_S + 7);
    }
}

Test(civil, a_leap_second_is_the_next_second)
{
    struct civil leap = {2016, 12, 31, 23, 59, 60, 0}, next = {2017, 1, 1, 0, 0, 0, 0};
    cr_expect(civil_valid(&leap));
    cr_expect_eq(civil_to_us(&leap), civil_to_us(&next));
}

Test(civil, what_no_calendar_has_is_not_valid)
{
    static const struct civil cases[] = {
        {2023, 2, 29, 0, 0, 0, 0}, {1900, 2, 29, 0, 0, 0, 0}, {2024, 13, 1, 0, 0, 0, 0},
        {2024, 0, 1, 0, 0, 0, 0},  {2024, 4, 31, 0, 0, 0, 0}, {2024, 1, 0, 0, 0, 0, 0},
        {2024, 1, 1, 24, 0, 0, 0}, {2024, 1, 1, 0, 60, 0, 0}, {2024, 1, 1, 0, 0, 61, 0},
        {2024, 1, 1, 0, 0, -1, 0}, {2024, 1, 1, 0, 0, 0, -1}, {2024, 1, 1, 0, 0, 0, 1000000},
        {10000, 1, 1, 0, 0, 0, 0}, {1899, 1, 1, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_not(civil_valid(&cases[i]), "case %zu", i);
    cr_expect(civil_valid(&(struct civil){2000, 2, 29, 0, 0, 0, 0}));
}

Test(civil, text_has_the_digits_that_it_needs)
{
    static const struct {
        int64_t us;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {120000, "1970-01-01T00:00:00.120Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(1776485518127000), "2026-04-18T04:11:58.127Z"},
    };
    char out[CIVIL_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_str_eq(civil_format(cases[i].us, out), cases[i].want);
}

Test(civil, no_time_at_all_hurts_nobody)
{
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, -US_PER_S, US_PER_S - 1};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char out[CIVIL_TEXT];
        cr_expect_lt(strlen(civil_format(times[i], out)), CIVIL_TEXT);
    }
}

Test(civil, now_is_after_this_was_written)
{
    cr_expect_gt(civil_now_us(), INT64_C(1735689600) * US_PER_S);
}
