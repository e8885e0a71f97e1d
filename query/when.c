/* when.c - times and durations as people type them. Always UTC where no offset is given. */
#include "query/query.h"

#define MINUTE_US (60 * US_PER_S)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

static const struct {
    const char *unit;
    int64_t us;
} units[] = {
    {"ms", 1000},    {"s", US_PER_S}, {"m", MINUTE_US},
    {"h", HOUR_US},  {"d", DAY_US},   {"w", 7 * DAY_US},
};

static size_t digits(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

/* Takes "15m" off *s; 0 where it doesn't start with that. No duration is above 1,000 years. */
static int64_t take_part(struct str *s)
{
    int64_t value = str_number(*s, INT64_C(1) << 40);
    if (value <= 0 && !(value == 0 && s->n))
        return -1;
    struct str unit = str_from(*s, digits(*s));
    size_t letters = 0;
    while (letters < unit.n && unit.p[letters] >= 'a' && unit.p[letters] <= 'z')
        letters++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!str_eq(str_head(unit, letters), str_of(units[i].unit)))
            continue;
        *s = str_from(unit, letters);
        return value > 1000 * 366 * DAY_US / units[i].us ? -1 : value * units[i].us;
    }
    return -1;
}

static int64_t duration(struct str text)
{
    int64_t total = 0;
    while (text.n) {
        int64_t part = take_part(&text);
        if (part < 0)
            return -1;
        total += part;
        if (total > 1000 * 366 * DAY_US)
            return -1;
    }
    return total;
}

int duration_parse(struct str text, int64_t *out_us, struct err *err)
{
    int64_t us = duration(str_trim(text));
    if (us <= 0)
        return err_set(err, ERR_USAGE,
                       "\"%.*s\" isn't a duration: a number with ms, s, m, h, d or w, such as 90s, "
                       "5m, 1h30m or 7d",
                       STR_ARG(str_head(text, 80)));
    *out_us = us;
    return 0;
}

/* Exactly `count` digits off *s. */
static bool take_number(struct str *s, size_t count, int *out)
{
    if (digits(str_head(*s, count)) != count)
        return false;
    *out = (int)str_number(str_head(*s, count), 999999);
    *s = str_from(*s, count);
    return true;
}
static bool take(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_from(*s, 1);
    return true;
}

/* "HH:MM[:SS[.fraction]]" off *s. */
static bool take_clock(struct str *s, struct civil *c)
{
    if (!take_number(s, 2, &c->hour) || !take(s, ':') || !take_number(s, 2, &c->minute))
        return false;
    if (!take(s, ':'))
        return true;
    if (!take_number(s, 2, &c->second))
        return false;
    if (!take(s, '.') && !take(s, ','))
        return true;
    size_t n = digits(*s);
    int scale = 100000;
    for (size_t i = 0; i < n && i < 6; i++, scale /= 10)
        c->us += (s->p[i] - '0') * scale;
    *s = str_from(*s, n);
    return n > 0;
}

/* "Z", "+02:00", "-0530" or nothing, which is UTC; all of s. */
static bool offset(struct str s, int64_t *out_us)
{
    int hours = 0, minutes = 0;
    *out_us = 0;
    if (s.n == 0 || str_ieq(s, STR("Z")))
        return true;
    bool west = s.p[0] == '-';
    if (!take(&s, '+') && !take(&s, '-'))
        return false;
    if (!take_number(&s, 2, &hours))
        return false;
    take(&s, ':');
    if (s.n && !take_number(&s, 2, &minutes))
        return false;
    *out_us = (hours * HOUR_US + minutes * MINUTE_US) * (west ? -1 : 1);
    return s.n == 0 && hours < 24 && minutes < 60;
}

static bool absolute(struct str s, int64_t *out)
{
    struct civil c = {0};
    int64_t east_us = 0;
    if (!take_number(&s, 4, &c.year) || !take(&s, '-') || !take_number(&s, 2, &c.month) ||
        !take(&s, '-') || !take_number(&s, 2, &c.day))
        return false;
    if (take(&s, 'T') || take(&s, 't') || take(&s, ' ')) {
        if (!take_clock(&s, &c) || !offset(s, &east_us))
            return false;
    } else if (s.n) {
        return false;
    }
    if (!civil_valid(&c))
        return false;
    *out = civil_to_us(&c) - east_us;
    return true;
}

static int64_t midnight(int64_t now_us)
{
    struct civil c = civil_of_us(now_us);
    return civil_to_us(&(struct civil){.year = c.year, .month = c.month, .day = c.day});
}

static bool relative(struct str s, int64_t now_us, int64_t *out)
{
    struct civil c = civil_of_us(now_us);
    c.hour = c.minute = c.second = c.us = 0;
    if (str_ieq(s, STR("now")))
        *out = now_us;
    else if (str_ieq(s, STR("today")))
        *out = midnight(now_us);
    else if (str_ieq(s, STR("yesterday")))
        *out = midnight(now_us) - DAY_US;
    else if (s.n > 1 && (s.p[0] == '-' || s.p[0] == '+') && duration(str_from(s, 1)) >= 0)
        *out = now_us + (s.p[0] == '-' ? -1 : 1) * duration(str_from(s, 1));
    else if (take_clock(&s, &c) && s.n == 0 && civil_valid(&c))
        *out = civil_to_us(&c);
    else
        return false;
    return true;
}

static int deploy_time(struct store *s, struct str name, int64_t *out, struct err *err)
{
    struct arena arena = {0};
    struct deploy *deploys = NULL;
    size_t n = s ? store_deploys(s, &arena, &deploys) : 0;
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (name.p && !str_eq(name, deploys[i].name))
            continue;
        if (!found || deploys[i].at_us >= *out)
            *out = deploys[i].at_us;
        found = true;
    }
    struct str last = n ? deploys[n - 1].name : STR_NONE;
    if (!found && n)
        err_set(err, ERR_USAGE, "no deploy is named \"%.*s\"; the last one is \"%.*s\"",
                STR_ARG(str_head(name, 80)), STR_ARG(str_head(last, 80)));
    else if (!found)
        err_set(err, ERR_USAGE, "no deploy is marked; mark one with: tlstrail deploy add NAME");
    arena_release(&arena);
    return found ? 0 : ERR_USAGE;
}

int time_parse(struct store *s, struct str text, int64_t now_us, int64_t *out, struct err *err)
{
    struct str t = str_trim(text);
    *out = TIME_NONE;
    if (str_eq(t, STR("deploy")))
        return deploy_time(s, STR_NONE, out, err);
    if (str_starts(t, STR("deploy:")))
        return deploy_time(s, str_from(t, 7), out, err);
    if (absolute(t, out) || relative(t, now_us, out))
        return 0;
    return err_set(err, ERR_USAGE,
                   "\"%.*s\" isn't a time: give 2026-04-18T04:11:58Z (any offset), 2026-04-18, "
                   "14:00, -1h, today, yesterday, now, deploy or deploy:NAME",
                   STR_ARG(str_head(text, 80)));
}
