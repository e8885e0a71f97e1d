/* time.c - times as logs write them; the shapes are listed in time.h.
 *
 * A reader (read_…) moves the cursor behind what it took and says whether it fits; the shape is
 * told by the first bytes: the length of the first run of digits and what follows it, or a letter.
 */
#include "parsers/time.h"

enum { YEAR_MIN = 1970, YEAR_MAX = 2100, NO_OFFSET = INT32_MAX };
#define EPOCH_MIN_S INT64_C(946684800)  /* 2000-01-01 */
#define EPOCH_MAX_S INT64_C(4102444800) /* 2100-01-01 */

struct cursor {
    const char *p, *end;
    const struct reading *reading;
};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The byte `ahead` of the cursor; NUL, which fits nowhere, past the end. */
static char peek(const struct cursor *c, size_t ahead)
{
    return (size_t)(c->end - c->p) > ahead ? c->p[ahead] : '\0';
}

static bool take(struct cursor *c, char want)
{
    if (peek(c, 0) != want)
        return false;
    c->p++;
    return true;
}

/* Blanks, and the narrow no-break space that newer JDKs and .NETs put before PM. */
static bool take_blanks(struct cursor *c)
{
    const char *from = c->p;
    for (;;) {
        if (peek(c, 0) == ' ' || peek(c, 0) == '\t')
            c->p++;
        else if (c->end - c->p >= 3 && memcmp(c->p, "\xe2\x80\xaf", 3) == 0)
            c->p += 3;
        else
            return c->p > from;
    }
}

static size_t digits_ahead(const struct cursor *c)
{
    size_t n = 0;
    while (n < 20 && digit(peek(c, n)))
        n++;
    return n;
}

/* A number of least to most digits, with no digit behind it; -1 (and nothing taken) otherwise. */
static int read_number(struct cursor *c, size_t least, size_t most)
{
    size_t n = digits_ahead(c);
    if (n < least || n > most)
        return -1;
    int value = 0;
    for (; n; n--)
        value = value * 10 + (*c->p++ - '0');
    return value;
}

/* The next n bytes as a number: the caller knows that they are digits. */
static int fixed(struct cursor *c, size_t n)
{
    int value = 0;
    for (; n; n--)
        value = value * 10 + (*c->p++ - '0');
    return value;
}

/* Digits of a fraction of a second, rounded down to microseconds. */
static int read_fraction(struct cursor *c)
{
    int us = 0, scale = 100000;
    for (; digit(peek(c, 0)); c->p++, scale /= 10)
        us += (*c->p - '0') * scale;
    return us;
}

/* Letters at the cursor, not taken. */
static struct str word_ahead(const struct cursor *c)
{
    size_t n = 0;
    while (n < 12 && letter(peek(c, n)))
        n++;
    return str_make(c->p, n);
}

/* Takes the word at the cursor when it is names[i], whole or cut to three letters; -1 for none. */
static int read_name(struct cursor *c, const char *const *names, int n)
{
    struct str word = word_ahead(c);
    for (int i = 0; i < n; i++) {
        struct str name = str_of(names[i]);
        if (word.n < 3 || !str_ieq(str_head(name, word.n), word))
            continue;
        if (word.n != 3 && word.n != name.n && !(word.n == 4 && name.n > 4))
            return -1; /* "Marker"; but "Sept" and "Thur" are written */
        c->p += word.n;
        return i;
    }
    return -1;
}

static int read_month(struct cursor *c)
{
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
    return read_name(c, names, 12) + 1;
}

static bool read_weekday(struct cursor *c)
{
    static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
    return read_name(c, names, 7) >= 0;
}

/* ---- from a civil time to UTC ---- */

static bool finish(const struct cursor *c, const struct civil *t, int offset_s, int64_t *out_us)
{
    if (t->year < YEAR_MIN || t->year > YEAR_MAX || !civil_valid(t))
        return false;
    *out_us = offset_s == NO_OFFSET ? zone_to_us(c->reading->zone, t)
                                    : civil_to_us(t) - offset_s * US_PER_S;
    return true;
}

/* Without a year: the latest that isn't after now + 1 day. Nine years reach the last leap day, over
 * 2100 too. */
static bool finish_yearless(const struct cursor *c, struct civil *t, int offset_s, int64_t *out_us)
{
    int64_t limit = c->reading->now_us + DAY_US;
    int last = civil_of_us(limit).year + 1; /* a zone's New Year comes before UTC's */
    for (t->year = last; t->year >= last - 10; t->year--)
        if (finish(c, t, offset_s, out_us) && *out_us <= limit)
            return true;
    return false;
}

/* ---- zones ---- */

/* Names that mean one offset wherever they stand: RFC 822's and Europe's. (IST, BST and CST of
 * China share their letters with others; the stream's own zone is the better guess.) */
static int zone_abbreviation(struct str word)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"UTC", 0},  {"GMT", 0},  {"UT", 0},   {"Z", 0},    {"EST", -5}, {"EDT", -4},
                 {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7},
                 {"WET", 0},  {"WEST", 1}, {"CET", 1},  {"CEST", 2}, {"EET", 2},  {"EEST", 3},
                 {"MSK", 3},  {"JST", 9},  {"KST", 9}};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (str_eq(word, str_of(zones[i].name)))
            return zones[i].hours * 3600;
    return NO_OFFSET;
}

/* +02:00, +0200, and +02 where `short_too`. */
static int read_offset(struct cursor *c, bool short_too)
{
    struct cursor was = *c;
    int sign = take(c, '+') ? 1 : take(c, '-') ? -1 : 0;
    size_t n = digits_ahead(c);
    if (sign != 0 && (n == 4 || n == 2)) {
        int hours = fixed(c, 2), minutes = 0;
        bool fits = n == 4 || short_too;
        if (n == 4) {
            minutes = fixed(c, 2);
        } else if (peek(c, 0) == ':' && digit(peek(c, 1))) {
            c->p++;
            minutes = read_number(c, 2, 2);
            fits = minutes >= 0;
        }
        if (fits && hours <= 15 && minutes <= 59 && !letter(peek(c, 0)))
            return sign * (hours * 3600 + minutes * 60);
    }
    *c = was;
    return NO_OFFSET;
}

static int read_zone(struct cursor *c)
{
    int offset = read_offset(c, true);
    if (offset != NO_OFFSET)
        return offset;
    struct cursor was = *c;
    bool apart = take_blanks(c);
    if (apart && (offset = read_offset(c, false)) != NO_OFFSET)
        return offset;
    struct str word = word_ahead(c);
    bool zulu = !apart && word.n == 1 && (word.p[0] == 'Z' || word.p[0] == 'z');
    offset = zulu ? 0 : word.n > 1 ? zone_abbreviation(word) : NO_OFFSET;
    if (offset != NO_OFFSET && !digit(peek(c, word.n)) && peek(c, word.n) != '_') {
        c->p += word.n;
        int more = offset == 0 && !zulu ? read_offset(c, false) : NO_OFFSET; /* GMT+02:00 */
        return more == NO_OFFSET ? offset : more;
    }
    *c = was;
    return NO_OFFSET;
}

/* ---- the time of day ---- */

/* AM or PM behind a time of a 12-hour clock. False when there is none; then nothing is taken. */
static bool read_half(struct cursor *c, struct civil *t)
{
    struct cursor was = *c;
    take_blanks(c);
    struct str word = word_ahead(c);
    bool pm = str_ieq(word, STR("pm"));
    if ((!pm && !str_ieq(word, STR("am"))) || t->hour < 1 || t->hour > 12) {
        *c = was;
        return false;
    }
    c->p += 2;
    t->hour = t->hour % 12 + (pm ? 12 : 0);
    return true;
}

/* HH:MM:SS with . , or (WebSphere) : and a fraction. */
static bool read_clock(struct cursor *c, struct civil *t)
{
    t->hour = read_number(c, 1, 2);
    if (t->hour < 0 || !take(c, ':') || (t->minute = read_number(c, 2, 2)) < 0 || !take(c, ':') ||
        (t->second = read_number(c, 2, 2)) < 0)
        return false;
    char mark = peek(c, 0);
    bool colon = mark == ':' && digit(peek(c, 1)) && digit(peek(c, 2)) && digit(peek(c, 3)) &&
                 !digit(peek(c, 4));
    if (((mark == '.' || mark == ',') && digit(peek(c, 1))) || colon) {
        c->p++;
        t->us = read_fraction(c);
    }
    return true;
}

/* A year behind the clock ("15:08:58 2024"); not the start of an address ("15:08:58 2001:db8::1").
 */
static int read_year_behind(struct cursor *c)
{
    struct cursor was = *c;
    int year = take_blanks(c) ? read_number(c, 4, 4) : -1;
    char next = peek(c, 0), after = peek(c, 1);
    bool ends = next == '\0' || memchr(" \t\r\n],;)|\"'", next, 11) ||
                (next == ':' && (after == ' ' || after == '\0'));
    if (year >= YEAR_MIN && year < YEAR_MAX && ends)
        return year;
    *c = was;
    return -1;
}

/* ---- the shapes ---- */

/* 10, 13, 16 or 19 digits: seconds, ms, us, ns; or seconds with a fraction. */
static bool read_epoch(struct cursor *c, size_t digits, int64_t *out_us)
{
    int64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        int add = c->p[i] - '0';
        if (value > (INT64_MAX - add) / 10)
            return false;
        value = value * 10 + add;
    }
    c->p += digits;
    int64_t unit = digits == 10 ? US_PER_S : digits == 13 ? US_PER_S / 1000 : digits == 16 ? 1 : 0;
    int64_t s = unit ? value / (US_PER_S / unit) : value / (US_PER_S * 1000);
    if (s < EPOCH_MIN_S || s >= EPOCH_MAX_S)
        return false;
    *out_us = unit ? value * unit : value / 1000;
    if (digits != 19 && peek(c, 0) == '.' && digit(peek(c, 1))) {
        c->p++;
        *out_us += digits == 10 ? read_fraction(c) : read_fraction(c) * unit / US_PER_S;
    }
    char next = peek(c, 0);
    return !letter(next) && next != '_' && next != '-' && next != '.' &&
           !str_starts(str_make(c->p, (size_t)(c->end - c->p)), STR(":error:")); /* a thread's id */
}

/* "1.6377566422345662e+09": how some JSON and zap writers print an epoch. */
static bool read_scientific(struct cursor *c, int64_t *out_us)
{
    int64_t value = *c->p++ - '0';
    size_t behind = 0;
    c->p++;
    for (; digit(peek(c, 0)); c->p++)
        if (behind < 15) {
            value = value * 10 + (*c->p - '0');
            behind++;
        }
    if (!take(c, 'e') && !take(c, 'E'))
        return false;
    take(c, '+');
    take(c, '0');
    if (!take(c, '9') || digit(peek(c, 0)) || letter(peek(c, 0)))
        return false;
    for (; behind < 15; behind++)
        value *= 10;
    int64_t s = value / US_PER_S;
    *out_us = value;
    return s >= EPOCH_MIN_S && s < EPOCH_MAX_S;
}

/* Clock, 12-hour mark and zone behind a date, and the end of the reading. */
static bool read_rest(struct cursor *c, struct civil *t, int64_t *out_us)
{
    if (!read_clock(c, t))
        return false;
    read_half(c, t);
    int offset_s = read_zone(c);
    return finish(c, t, offset_s, out_us);
}

/* YYYY-MM-DD or YYYY/MM/DD, then T, blanks, a comma or an underscore. */
static bool read_iso(struct cursor *c, int64_t *out_us)
{
    struct civil t = {.year = read_number(c, 4, 4)};
    char mark = peek(c, 0);
    if ((mark != '-' && mark != '/' && mark != '.') || !take(c, mark) ||
        (t.month = read_number(c, 1, 2)) < 0 || !take(c, mark) ||
        (t.day = read_number(c, 1, 2)) < 0)
        return false;
    take(c, ',');
    if (!take_blanks(c) && !take(c, 'T') && !take(c, 't') && !take(c, '_'))
        return false;
    return read_rest(c, &t, out_us);
}

/* 20240501T121102.300700, 20240501 12:11:02, 20240501121102Z. */
static bool read_basic(struct cursor *c, size_t digits, int64_t *out_us)
{
    struct civil t = {.year = fixed(c, 4), .month = fixed(c, 2), .day = fixed(c, 2)};
    if (digits == 8) {
        bool apart = take_blanks(c);
        if (!apart && !take(c, 'T') && !take(c, '-'))
            return false;
        size_t n = digits_ahead(c);
        if (n == 2)
            return read_rest(c, &t, out_us);
        if (n != 6 || apart)
            return false;
    }
    t.hour = fixed(c, 2);
    t.minute = fixed(c, 2);
    t.second = fixed(c, 2);
    if ((peek(c, 0) == '.' || peek(c, 0) == ',') && digit(peek(c, 1))) {
        c->p++;
        t.us = read_fraction(c);
    }
    int offset_s = read_zone(c);
    return !letter(peek(c, 0)) && finish(c, &t, offset_s, out_us);
}

/* Day, month by name, year: 10/Oct/2000:13:55:36 -0700, 02-Jan-2006 15:04:05, 02 Jan 06 15:04:05,
 * and 10 Feb 23:11:57.123 without a year (old Redis). */
static bool read_day_month(struct cursor *c, int64_t *out_us)
{
    struct civil t = {.day = read_number(c, 1, 2)};
    char mark = peek(c, 0);
    if ((mark != '/' && mark != '-' && mark != ' ') || !take(c, mark) ||
        (t.month = read_month(c)) == 0 || !take(c, mark))
        return false;
    struct cursor behind = *c;
    t.year = read_number(c, 4, 4);
    if (t.year < 0 && (t.year = read_number(c, 2, 2)) >= 0)
        t.year += 2000;
    take(c, ',');
    if (take_blanks(c) || take(c, ':') || take(c, 'T')) {
        struct cursor clock = *c;
        if (t.year >= 0 && read_rest(c, &t, out_us))
            return true;
        *c = clock;
    }
    *c = behind;
    if (mark != ' ' || !read_clock(c, &t))
        return false;
    int offset_s = read_zone(c);
    return finish_yearless(c, &t, offset_s, out_us);
}

/* The order of a/b/c isn't told by itself: a reading within two days of now wins, as lines that
 * are followed are of today; else the first order that gives a date and isn't in the future, so
 * that the lines of an old file are read alike. n: the three numbers; AM or PM is American. */
static bool finish_ordered(struct cursor *c, const int n[3], bool month_first, int64_t *out_us,
                           struct civil *t)
{
    enum { ORDERS = 3 };
    static const int orders[][ORDERS] = {{2, 0, 1}, {0, 1, 2}, {2, 1, 0}}; /* year, month, day */
    int64_t now_us = c->reading->now_us;
    bool found = false, american = read_half(c, t);
    int offset_s = read_zone(c);
    for (int k = 0; k < (american ? 1 : ORDERS); k++) {
        const int *order = orders[month_first || american ? k : ORDERS - 1 - k];
        int year = n[order[0]];
        int64_t us;
        t->year = year < 100 ? year + 2000 : year;
        t->month = n[order[1]];
        t->day = n[order[2]];
        if (!finish(c, t, offset_s, &us))
            continue;
        bool near = us <= now_us + 2 * DAY_US && us >= now_us - 2 * DAY_US;
        if (near || !found || (*out_us > now_us + DAY_US && us <= now_us + DAY_US))
            *out_us = us;
        found = true;
        if (near)
            break;
    }
    return found;
}

/* 2/11/2022 8:00:51 PM, 16/04/2021 12:36:19, 16.04.2021 12:36:19, 21/06/29 07:20:44 (Spark). */
static bool read_numeric(struct cursor *c, int64_t *out_us)
{
    int n[3] = {read_number(c, 1, 2)};
    struct civil t = {0};
    char mark = peek(c, 0);
    if ((mark != '/' && mark != '.' && mark != '-') || !take(c, mark) ||
        (n[1] = read_number(c, 1, 2)) < 0 || !take(c, mark))
        return false;
    bool four = digits_ahead(c) == 4;
    n[2] = four ? read_number(c, 4, 4) : read_number(c, 2, 2);
    if (n[2] < 0 || (!four && mark != '/'))
        return false;
    take(c, ',');
    if ((!take_blanks(c) && !take(c, ':') && !take(c, 'T')) || !read_clock(c, &t))
        return false;
    return finish_ordered(c, n, mark == '/', out_us, &t);
}

/* I0410 04:52:06.330190, and I20240410 of newer glogs. */
static bool read_klog(struct cursor *c, int64_t *out_us)
{
    struct civil t = {0};
    c->p++;
    size_t n = digits_ahead(c);
    if (n != 4 && n != 8)
        return false;
    t.year = n == 8 ? fixed(c, 4) : 0;
    t.month = fixed(c, 2);
    t.day = fixed(c, 2);
    if (!take_blanks(c) || !read_clock(c, &t))
        return false;
    return n == 8 ? finish(c, &t, NO_OFFSET, out_us) : finish_yearless(c, &t, NO_OFFSET, out_us);
}

/* Behind a weekday, or from the start: Jan  5 15:08:58 [zone] [2024]; Jan 5 2024 15:08:58;
 * Jan 05, 2024 3:08:58 PM; Sep 30 2021 15:48:37 GMT+0200. */
static bool read_month_day(struct cursor *c, int64_t *out_us)
{
    struct civil t = {.month = read_month(c)};
    if (t.month == 0 || !take_blanks(c) || (t.day = read_number(c, 1, 2)) < 0)
        return false;
    take(c, ',');
    if (!take_blanks(c))
        return false;
    if (digits_ahead(c) == 4) {
        t.year = fixed(c, 4);
        take(c, ',');
        struct cursor was = *c;
        if (take_blanks(c) && str_eq(word_ahead(c), STR("at")))
            c->p += 2; /* "Jan 5, 2024 at 3:08:58 PM" */
        else
            *c = was;
        return take_blanks(c) && read_rest(c, &t, out_us);
    }
    if (!read_clock(c, &t))
        return false;
    read_half(c, &t);
    int offset_s = read_zone(c), year = read_year_behind(c);
    if (year < 0)
        return finish_yearless(c, &t, offset_s, out_us);
    t.year = year;
    return finish(c, &t, offset_s, out_us);
}

static bool read_letters(struct cursor *c, int64_t *out_us)
{
    if (memchr("IWEFD", *c->p, 5) && c->end - c->p > 5 && digit(c->p[1]) && digit(c->p[2]) &&
        digit(c->p[3]) && digit(c->p[4]))
        return read_klog(c, out_us);
    if (read_weekday(c)) {
        take(c, ',');
        if (!take_blanks(c))
            return false;
        if (digit(peek(c, 0)))
            return read_day_month(c, out_us); /* RFC 1123 and RFC 850 */
    }
    return read_month_day(c, out_us);
}

static bool read_digits(struct cursor *c, int64_t *out_us)
{
    size_t n = digits_ahead(c);
    char next = peek(c, n);
    if (n == 4)
        return read_iso(c, out_us);
    if (n == 8 || n == 14)
        return read_basic(c, n, out_us);
    if (n == 10 || n == 13 || n == 16 || n == 19)
        return read_epoch(c, n, out_us);
    if (n == 1 && next == '.' && digits_ahead(&(struct cursor){c->p + 2, c->end, NULL}) > 4)
        return read_scientific(c, out_us);
    if (n != 1 && n != 2)
        return false;
    return letter(peek(c, n + 1)) ? read_day_month(c, out_us) : read_numeric(c, out_us);
}

size_t time_read(struct str text, const struct reading *reading, int64_t *out_us)
{
    if (text.n == 0)
        return 0;
    struct cursor c = {text.p, text.p + text.n, reading};
    take_blanks(&c);
    if (c.p < c.end && memchr("[(<{\"'", *c.p, 6)) {
        c.p++;
        take_blanks(&c);
    }
    bool found = c.p < c.end && (digit(*c.p)    ? read_digits(&c, out_us)
                                 : letter(*c.p) ? read_letters(&c, out_us)
                                                : false);
    return found ? (size_t)(c.p - text.p) : 0;
}
