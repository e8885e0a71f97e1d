/* test_zone.c - local times of zones, over clock changes and past the end of a zone's table. */
#include "base/zone.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct zone *opened(const char *name)
{
    struct zone *z = NULL;
    struct err err = {0};
    cr_assert_eq(zone_open(str_of(name), &z, &err), 0, "%s: %s", name, err.text);
    return z;
}

/* What a clock in z that showed "YYYY-MM-DD hh:mm:ss" meant. */
static void expect_utc(const struct zone *z, const char *local, const char *want)
{
    struct civil c = {0};
    char got[CIVIL_TEXT];
    cr_assert_eq(sscanf(local, "%d-%d-%d %d:%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute,
                        &c.second),
                 6);
    cr_expect_str_eq(civil_format(zone_to_us(z, &c), got), want, "%s: %s, not %s", local, got,
                     want);
}

static void expect_refused(const char *name)
{
    struct zone *z = (struct zone *)&z;
    struct err err = {0};
    cr_expect_eq(zone_open(str_of(name), &z, &err), ERR_USAGE, "%s", name);
    cr_expect_null(z);
    cr_expect_neq(err.text[0], '\0');
}

Test(zone, no_zone_is_utc)
{
    expect_utc(NULL, "2024-05-01 12:00:00", "2024-05-01T12:00:00Z");
}

Test(zone, fixed_offsets_are_read_in_every_spelling)
{
    static const char *const cases[][2] = {
        {"UTC", "2024-05-01T12:00:00Z"},    {"z", "2024-05-01T12:00:00Z"},
        {"GMT", "2024-05-01T12:00:00Z"},    {"+02:00", "2024-05-01T10:00:00Z"},
        {"-0530", "2024-05-01T17:30:00Z"},  {"+02", "2024-05-01T10:00:00Z"},
        {"+05:45", "2024-05-01T06:15:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zone *z = opened(cases[i][0]);
        expect_utc(z, "2024-05-01 12:00:00", cases[i][1]);
        zone_close(z);
    }
}

Test(zone, berlin_repeats_an_hour_and_skips_one)
{
    struct zone *z = opened("Europe/Berlin");
    expect_utc(z, "2024-03-31 01:59:59", "2024-03-31T00:59:59Z");
    expect_utc(z, "2024-03-31 02:30:00", "2024-03-31T01:30:00Z"); /* skipped: not yet changed */
    expect_utc(z, "2024-03-31 03:00:00", "2024-03-31T01:00:00Z");
    expect_utc(z, "2024-10-27 01:59:59", "2024-10-26T23:59:59Z");
    expect_utc(z, "2024-10-27 02:30:00", "2024-10-27T00:30:00Z"); /* the first of the two */
    expect_utc(z, "2024-10-27 03:00:00", "2024-10-27T02:00:00Z");
    expect_utc(z, "1996-07-01 12:00:00", "1996-07-01T10:00:00Z");
    zone_close(z);
}

Test(zone, new_york_changes_at_two_in_the_morning)
{
    struct zone *z = opened("America/New_York");
    expect_utc(z, "2024-03-10 01:59:59", "2024-03-10T06:59:59Z");
    expect_utc(z, "2024-03-10 02:15:00", "2024-03-10T07:15:00Z");
    expect_utc(z, "2024-03-10 03:00:00", "2024-03-10T07:00:00Z");
    expect_utc(z, "2024-11-03 01:30:00", "2024-11-03T05:30:00Z");
    expect_utc(z, "2024-11-03 02:00:00", "2024-11-03T07:00:00Z");
    zone_close(z);
}

Test(zone, the_rule_goes_on_after_the_table_ends)
{
    struct zone *z = opened("Europe/Berlin");
    expect_utc(z, "2090-07-01 12:00:00", "2090-07-01T10:00:00Z");
    expect_utc(z, "2090-01-01 12:00:00", "2090-01-01T11:00:00Z");
    expect_utc(z, "2090-03-26 02:59:59", "2090-03-26T01:59:59Z");
    expect_utc(z, "2090-10-29 02:30:00", "2090-10-29T00:30:00Z");
    zone_close(z);
    z = opened("Australia/Sydney"); /* its summer lies over New Year */
    expect_utc(z, "2091-01-01 00:00:00", "2090-12-31T13:00:00Z");
    expect_utc(z, "2091-07-01 00:00:00", "2091-06-30T14:00:00Z");
    zone_close(z);
    z = opened("Asia/Kolkata");
    expect_utc(z, "2091-07-01 00:00:00", "2091-06-30T18:30:00Z");
    zone_close(z);
}

Test(zone, a_name_cannot_leave_the_folder)
{
    static const char *const names[] = {
        "../../etc/passwd",
        "Europe/../../../etc/passwd",
        "/etc/passwd",
        "/etc/localtime",
        ".",
        "Europe/",
        "Europe",
        "",
        "No/Such",
        "+",
        "+2:00",
        "+25:00",
        "+02:99",
        "+02:00:00",
        "Eu\nr",
        "+020",
        "zone.tab",
        "leapseconds",
        "-",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_refused(names[i]);
    char long_name[300];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    expect_refused(long_name);
}

/* ---- files of our own, in a folder that TZDIR names ---- */

static char folder[] = "/tmp/test_zone.XXXXXX";

static void own_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    setenv("TZDIR", folder, 1);
}

static void write_zone(struct str bytes)
{
    char path[64];
    snprintf(path, sizeof path, "%s/X", folder);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
    fclose(f);
}

static void remove_folder(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/X", folder);
    unlink(path);
    rmdir(folder);
}
TestSuite(tzif, .init = own_folder, .fini = remove_folder);

static void add_big(struct buf *b, int64_t value, size_t bytes)
{
    for (size_t i = bytes; i-- > 0;)
        buf_char(b, (char)(value >> (8 * i)));
}

/* A header and block: at 2020-01-01 UTC the offset goes from 0 to one hour. */
static void add_block(struct buf *b, char version, size_t time_bytes)
{
    buf_str(b, STR("TZif"));
    buf_char(b, version);
    for (int i = 0; i < 15; i++)
        buf_char(b, 0);
    static const int counts[] = {0, 0, 0, 1, 2, 8};
    for (size_t i = 0; i < 6; i++)
        add_big(b, counts[i], 4);
    add_big(b, 1577836800, time_bytes);
    buf_char(b, 1);
    buf_add(b, "\0\0\0\0\0\0", 6);
    buf_add(b, "\0\0\x0e\x10\0\4", 6);
    buf_add(b, "AAA\0BBB", 8);
}

Test(tzif, version_1_has_32_bit_times_and_no_rule)
{
    struct buf b = {0};
    add_block(&b, '\0', 4);
    write_zone(buf_as_str(&b));
    struct zone *z = opened("X");
    expect_utc(z, "2019-12-31 12:00:00", "2019-12-31T12:00:00Z");
    expect_utc(z, "2020-01-01 00:30:00", "2020-01-01T00:30:00Z"); /* skipped */
    expect_utc(z, "2020-01-01 01:00:00", "2020-01-01T00:00:00Z");
    expect_utc(z, "2080-01-01 01:00:00", "2080-01-01T00:00:00Z");
    zone_close(z);
    buf_release(&b);
}

Test(tzif, version_2_follows_its_footer)
{
    static const struct {
        const char *footer, *local, *want;
    } cases[] = {
        {"\nBBB-1\n", "2080-06-01 12:00:00", "2080-06-01T11:00:00Z"},
        {"\n<+0330>-3:30\n", "2080-06-01 12:00:00", "2080-06-01T08:30:00Z"},
        {"\nBBB-1CCC,J60/0,J300/0\n", "2080-03-01 00:30:00", "2080-02-29T23:30:00Z"},
        {"\nBBB-1CCC,J60/0,J300/0\n", "2080-03-01 01:00:00", "2080-02-29T23:00:00Z"},
        {"\nBBB-1CCC,59/0,300/0\n", "2080-02-29 01:00:00", "2080-02-28T23:00:00Z"},
        {"\nBBB-1CCC-3,M6.1.0,M9.1.0\n", "2080-07-01 12:00:00", "2080-07-01T09:00:00Z"},
        {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2080-01-01 12:00:00", "2080-01-01T12:00:00Z"},
        {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2080-07-01 12:00:00", "2080-07-01T11:00:00Z"},
        {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", "2080-03-30 22:30:00", "2080-03-31T00:30:00Z"},
        {"\n\n", "2080-06-01 12:00:00", "2080-06-01T11:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        add_block(&b, '2', 4);
        add_block(&b, '2', 8);
        buf_str(&b, str_of(cases[i].footer));
        write_zone(buf_as_str(&b));
        struct zone *z = opened("X");
        expect_utc(z, cases[i].local, cases[i].want);
        zone_close(z);
        buf_release(&b);
    }
}

Test(tzif, a_broken_rule_is_refused)
{
    static const char *const footers[] = {
        "\nB-1\n", "\nBBB\n",       "\nBBB-1CCC\n", "\nBBB-1 \n", "\nBBB-1CCC,M13.1.0,M1.1.0\n",
        "\nBBB-1", "\nBBB-1CCC,M1", "\n<BBB-1\n"};
    for (size_t i = 0; i < sizeof footers / sizeof *footers; i++) {
        struct buf b = {0};
        add_block(&b, '2', 4);
        add_block(&b, '2', 8);
        buf_str(&b, str_of(footers[i]));
        write_zone(buf_as_str(&b));
        expect_refused("X");
        buf_release(&b);
    }
}

Test(tzif, a_file_cut_anywhere_is_refused_and_hurts_nobody)
{
    struct buf b = {0};
    add_block(&b, '2', 4);
    add_block(&b, '2', 8);
    for (size_t n = 0; n < b.n; n++) {
        write_zone(str_make(b.p, n));
        expect_refused("X");
    }
    buf_release(&b);
}

Test(tzif, wrong_bytes_hurt_nobody)
{
    struct buf b = {0};
    add_block(&b, '2', 4);
    add_block(&b, '2', 8);
    buf_str(&b, STR("\nBBB-1CCC,M3.5.0,M10.5.0/3\n"));
    struct civil c = {.year = 2080, .month = 7, .day = 1};
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < b.n * 8; i++) {
        b.p[i / 8] ^= (char)(1 << i % 8);
        write_zone(buf_as_str(&b));
        b.p[i / 8] ^= (char)(1 << i % 8);
        struct zone *z = NULL;
        struct err err;
        if (zone_open(STR("X"), &z, &err) != 0)
            continue;
        int64_t us = zone_to_us(z, &c);
        low = us < low ? us : low;
        high = us > high ? us : high;
        zone_close(z);
    }
    int64_t utc = civil_to_us(&c), day = INT64_C(86400) * US_PER_S;
    cr_expect(low > utc - day && high < utc + day, "no offset reaches a day");
    buf_release(&b);
}
