/* zone.c - see zone.h. A TZif file (RFC 8536) is a header of 44 bytes with counts, a block of
 *   transition times | the type of each | types (offset in s, is-DST, name index) | names | …
 * with 32-bit times; from version 2 on a second header and block with 64-bit times follow, and then
 * the rule for the time after the last transition, as in POSIX TZ: LF "CET-1CEST,M3.5.0,M10.5.0/3"
 * LF.
 */
#include "base/zone.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 256 * 1024, HEADER = 44, TYPES_MAX = 256, DAY_S = 86400 };

/* When a year's daylight saving time starts or ends, in the local time that is left. */
struct change {
    char kind;            /* 'M' month.week.day, 'J' day 1..365 without leap days, '0' day 0..365 */
    int month, week, day; /* of 'M'; day also of the others */
    int time_s;           /* into the day; may be negative or past its end (RFC 8536, 3.3.1) */
};

struct rule {
    bool known, has_dst;
    int32_t standard_s, dst_s; /* east of UTC */
    struct change start, end;
};

struct zone {
    size_t n;          /* transitions */
    int64_t *at_s;     /* UTC, rising */
    int32_t *offset_s; /* from at_s[i] on */
    int32_t first_s;   /* before at_s[0]; a fixed offset has this alone */
    struct rule rule;  /* after at_s[n - 1] */
};

/* ---- the footer ---- */

static char head(struct str s)
{
    return s.n ? s.p[0] : '\0';
}

static bool take(struct str *s, char c)
{
    if (head(*s) != c)
        return false;
    *s = str_from(*s, 1);
    return true;
}

static bool take_number(struct str *s, int max, int *out)
{
    int64_t value = str_number(*s, max);
    if (value < 0)
        return false;
    *out = (int)value;
    *s = str_from(*s, str_digits(*s));
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_hours(struct str *s, int max, int *out_s)
{
    int sign = take(s, '-') ? -1 : 1, hours, minutes = 0, seconds = 0;
    if (sign == 1)
        take(s, '+');
    if (!take_number(s, max, &hours))
        return false;
    if (take(s, ':') && !take_number(s, 59, &minutes))
        return false;
    if (take(s, ':') && !take_number(s, 59, &seconds))
        return false;
    *out_s = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool take_name(struct str *s)
{
    size_t n = 0;
    if (head(*s) == '<') {
        ptrdiff_t end = str_findc(*s, '>', 0);
        *s = str_from(*s, end < 0 ? s->n : (size_t)end + 1);
        return end > 0;
    }
    while (n < s->n && ((s->p[n] | 0x20) >= 'a' && (s->p[n] | 0x20) <= 'z'))
        n++;
    *s = str_from(*s, n);
    return n >= 3;
}

static bool take_change(struct str *s, struct change *c)
{
    *c = (struct change){.kind = '0', .time_s = 2 * 3600};
    if (!take(s, ','))
        return false;
    if (take(s, 'M')) {
        c->kind = 'M';
        if (!take_number(s, 12, &c->month) || c->month < 1 || !take(s, '.') ||
            !take_number(s, 5, &c->week) || c->week < 1 || !take(s, '.') ||
            !take_number(s, 6, &c->day))
            return false;
    } else {
        c->kind = take(s, 'J') ? 'J' : '0';
        if (!take_number(s, 365, &c->day) || (c->kind == 'J' && c->day < 1))
            return false;
    }
    return !take(s, '/') || take_hours(s, 167, &c->time_s);
}

static bool rule_parse(struct str s, struct rule *out)
{
    struct rule r = {.known = true};
    int west_s;
    if (!take_name(&s) || !take_hours(&s, 23, &west_s))
        return false;
    r.standard_s = r.dst_s = -west_s;
    if (s.n > 0) {
        r.has_dst = true;
        r.dst_s = r.standard_s + 3600;
        if (!take_name(&s))
            return false;
        if (head(s) != ',') {
            if (!take_hours(&s, 23, &west_s))
                return false;
            r.dst_s = -west_s;
        }
        if (!take_change(&s, &r.start) || !take_change(&s, &r.end) || s.n > 0)
            return false;
    }
    *out = r;
    return true;
}

static int64_t day_s(int year, int month, int day)
{
    return civil_to_us(&(struct civil){.year = year, .month = month, .day = day}) / US_PER_S;
}

/* The change in that year, in seconds of local time since 1970. */
static int64_t change_at(const struct change *c, int year)
{
    int64_t new_year = day_s(year, 1, 1);
    if (c->kind != 'M') {
        bool leap = day_s(year + 1, 1, 1) - new_year == INT64_C(366) * DAY_S;
        int day = c->kind == '0' ? c->day : c->day - 1 + (leap && c->day >= 60);
        return new_year + (int64_t)day * DAY_S + c->time_s;
    }
    int64_t first = day_s(year, c->month, 1);
    int64_t next = c->month == 12 ? day_s(year + 1, 1, 1) : day_s(year, c->month + 1, 1);
    int weekday = (int)(((first / DAY_S + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    int64_t at = first + ((c->day - weekday + 7) % 7 + (c->week - 1) * 7) * (int64_t)DAY_S;
    while (at >= next)
        at -= INT64_C(7) * DAY_S; /* week 5 is the last one */
    return at + c->time_s;
}

static int32_t rule_offset(const struct rule *r, int64_t utc_s)
{
    if (!r->has_dst)
        return r->standard_s;
    int year = civil_of_us((utc_s + r->standard_s) * US_PER_S).year;
    int64_t start = change_at(&r->start, year) - r->standard_s;
    int64_t end = change_at(&r->end, year) - r->dst_s;
    bool dst = start < end ? utc_s >= start && utc_s < end : utc_s >= start || utc_s < end;
    return dst ? r->dst_s : r->standard_s;
}

/* ---- the file ---- */

struct counts {
    uint32_t utc, standard, leaps, times, types, names;
};

static uint32_t big32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int64_t big_time(const char *p, size_t bytes)
{
    if (bytes == 4)
        return (int32_t)big32(p);
    return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

/* The counts of a header; false when it is none or its block is longer than what there is. */
static bool read_header(struct str file, size_t time_bytes, struct counts *n, size_t *block_bytes)
{
    if (file.n < HEADER || !str_starts(file, STR("TZif")))
        return false;
    *n = (struct counts){big32(file.p + 20), big32(file.p + 24), big32(file.p + 28),
                         big32(file.p + 32), big32(file.p + 36), big32(file.p + 40)};
    if (n->utc > FILE_MAX || n->standard > FILE_MAX || n->leaps > FILE_MAX || n->times > FILE_MAX ||
        n->types > TYPES_MAX || n->types == 0 || n->names > FILE_MAX)
        return false;
    *block_bytes = n->times * (time_bytes + 1) + n->types * 6 + n->names +
                   n->leaps * (time_bytes + 4) + n->standard + n->utc;
    return *block_bytes <= file.n - HEADER;
}

static bool plausible(int32_t offset_s)
{
    return offset_s > -DAY_S && offset_s < DAY_S;
}

static bool read_block(struct str block, size_t time_bytes, const struct counts *n, struct zone *z)
{
    const char *times = block.p, *kinds = times + n->times * time_bytes, *types = kinds + n->times;
    z->n = n->times;
    z->at_s = xcalloc(n->times, sizeof *z->at_s);
    z->offset_s = xcalloc(n->times, sizeof *z->offset_s);
    z->first_s = (int32_t)big32(types);
    for (size_t i = 0; i < n->times; i++) {
        unsigned char kind = (unsigned char)kinds[i];
        if (kind >= n->types)
            return false;
        z->at_s[i] = big_time(times + i * time_bytes, time_bytes);
        z->offset_s[i] = (int32_t)big32(types + kind * 6);
        if ((i > 0 && z->at_s[i] <= z->at_s[i - 1]) || !plausible(z->offset_s[i]))
            return false;
    }
    return plausible(z->first_s);
}

static bool read_tzif(struct str file, struct zone *z)
{
    struct counts n;
    size_t block, time_bytes = 4;
    if (!read_header(file, time_bytes, &n, &block))
        return false;
    if (file.p[4] >= '2') {
        file = str_from(file, HEADER + block);
        time_bytes = 8;
        if (!read_header(file, time_bytes, &n, &block))
            return false;
    }
    if (!read_block(str_from(file, HEADER), time_bytes, &n, z))
        return false;
    struct str footer = str_from(file, HEADER + block);
    if (time_bytes == 8 && take(&footer, '\n') && head(footer) != '\n') {
        ptrdiff_t end = str_findc(footer, '\n', 0);
        return end > 0 && rule_parse(str_head(footer, (size_t)end), &z->rule);
    }
    return true;
}

/* ---- names ---- */

static bool zone_name(struct str name)
{
    bool fits = name.n > 0 && name.n < 64;
    for (size_t i = 0; fits && i < name.n; i++) {
        char c = name.p[i], was = i ? name.p[i - 1] : '/';
        bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        fits = word || (was != '/' && memchr("+-_/", c, 4));
    }
    return fits;
}

/* "+02:00", "-0530", "+02", and the names of UTC. */
static bool fixed_offset(struct str name, int32_t *out_s)
{
    *out_s = 0;
    if (str_ieq(name, STR("UTC")) || str_ieq(name, STR("Z")) || str_ieq(name, STR("GMT")))
        return true;
    if (name.n == 0 || !memchr("+-", name.p[0], 2))
        return false;
    int digits[4] = {0}, n = 0;
    for (size_t i = 1; i < name.n; i++) {
        if (name.p[i] == ':' && i == 3 && name.n == 6)
            continue;
        if (name.p[i] < '0' || name.p[i] > '9' || n == 4)
            return false;
        digits[n++] = name.p[i] - '0';
    }
    int hours = digits[0] * 10 + digits[1], minutes = digits[2] * 10 + digits[3];
    if ((n != 2 && n != 4) || hours > 15 || minutes > 59)
        return false;
    *out_s = (name.p[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

/* Reads a regular file of at most FILE_MAX bytes; false with errno when it can't. */
static bool slurp(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0)
        return false;
    bool fits = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX;
    errno = fits ? 0 : EINVAL;
    ssize_t got = fits ? 1 : -1;
    while (got > 0 && out->n < FILE_MAX) {
        buf_reserve(out, 4096);
        got = read(fd, out->p + out->n, 4096);
        out->n += got > 0 ? (size_t)got : 0;
    }
    int why = errno;
    close(fd);
    errno = why;
    return got == 0;
}

static int load(struct zone *z, struct str name, const char *path, struct err *err)
{
    struct buf file = {0};
    int code = 0;
    if (!slurp(path, &file))
        code = err_set(err, ERR_USAGE,
                       "no time zone \"%.*s\" (%s: %s); use a name like Europe/Berlin, an offset "
                       "like +02:00, or install tzdata",
                       STR_ARG(name), path, strerror(errno));
    else if (!read_tzif(buf_as_str(&file), z))
        code = err_set(err, ERR_USAGE, "time zone \"%.*s\": %s is damaged or no time zone file",
                       STR_ARG(name), path);
    buf_release(&file);
    return code;
}

int zone_open(struct str name, struct zone **out, struct err *err)
{
    struct zone *z = xcalloc(1, sizeof *z);
    const char *folder = getenv("TZDIR"); /* as libc has it */
    char path[PATH_MAX];
    int code = 0;
    *out = NULL;
    if (str_eq(name, STR("local"))) {
        code = access("/etc/localtime", F_OK) == 0 ? load(z, name, "/etc/localtime", err) : 0;
    } else if (!fixed_offset(name, &z->first_s)) {
        snprintf(path, sizeof path, "%s/%.*s", folder ? folder : "/usr/share/zoneinfo",
                 STR_ARG(name));
        code = zone_name(name)
                   ? load(z, name, path, err)
                   : err_set(err, ERR_USAGE,
                             "\"%.*s\" is no time zone; use a name like Europe/Berlin, UTC, "
                             "local, or an offset like +02:00",
                             (int)(name.n < 64 ? name.n : 64), name.p ? name.p : "");
    }
    if (code == 0)
        *out = z;
    else
        zone_close(z);
    return code;
}

void zone_close(struct zone *z)
{
    if (!z)
        return;
    free(z->at_s);
    free(z->offset_s);
    free(z);
}

/* ---- times ---- */

static int32_t offset_at(const struct zone *z, int64_t utc_s)
{
    if (z->rule.known && (z->n == 0 || utc_s >= z->at_s[z->n - 1]))
        return rule_offset(&z->rule, utc_s);
    size_t low = 0, high = z->n; /* the number of transitions at or before utc_s */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->at_s[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? z->first_s : z->offset_s[low - 1];
}

int64_t zone_to_us(const struct zone *z, const struct civil *local)
{
    int64_t local_us = civil_to_us(local), local_s = local_us / US_PER_S;
    if (!z)
        return local_us;
    /* Offsets stay below a day, so a change that matters lies between these two. */
    int64_t before = offset_at(z, local_s - DAY_S), after = offset_at(z, local_s + DAY_S);
    bool is_before = offset_at(z, local_s - before) == before;
    bool is_after = offset_at(z, local_s - after) == after;
    return local_us - (is_before || !is_after ? before : after) * US_PER_S;
}
