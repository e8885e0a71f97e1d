/* when.c - times as people type them. Always UTC where no offset is given. */
#include "query/query.h"

#include "base/amount.h"

/* Exactly `count` digits off *s. */
static bool take_number(struct str *s, size_t count, int *out)
{
    if (str_digits(str_head(*s, count)) != count)
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
    size_t n = str_digits(*s);
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
    struct err no;
    int64_t ago_us;
    c.hour = c.minute = c.second = c.us = 0;
    if (str_ieq(s, STR("now")))
        *out = now_us;
    else if (str_ieq(s, STR("today")))
        *out = midnight(now_us);
    else if (str_ieq(s, STR("yesterday")))
        *out = midnight(now_us) - DAY_US;
    else if (s.n > 1 && (s.p[0] == '-' || s.p[0] == '+') &&
             amount_duration(str_from(s, 1), &ago_us, &no) == 0)
        *out = s.p[0] == '-' ? now_us - ago_us : now_us + ago_us;
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
