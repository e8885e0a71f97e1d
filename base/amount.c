/* amount.c - see amount.h. */
#include "base/amount.h"

#include "base/civil.h"

static const int64_t DURATION_MOST_US = 1000 * 366 * DAY_US;

static const struct unit {
    const char *name;
    int64_t is;
} durations[] = {
    {"ms", 1000},   {"s", US_PER_S}, {"m", MINUTE_US},
    {"h", HOUR_US}, {"d", DAY_US},   {"w", 7 * DAY_US},
};

/* Takes "15m" off *s; -1 where it doesn't start with that. */
static int64_t take_part(struct str *s)
{
    int64_t value = str_number(*s, DURATION_MOST_US);
    struct str unit = str_from(*s, str_digits(*s));
    size_t letters = 0;
    while (letters < unit.n && unit.p[letters] >= 'a' && unit.p[letters] <= 'z')
        letters++;
    for (size_t i = 0; value >= 0 && i < sizeof durations / sizeof *durations; i++) {
        if (!str_eq(str_head(unit, letters), str_of(durations[i].name)))
            continue;
        *s = str_from(unit, letters);
        return value > DURATION_MOST_US / durations[i].is ? -1 : value * durations[i].is;
    }
    return -1;
}

static int64_t duration(struct str text)
{
    int64_t total = text.n ? 0 : -1;
    while (text.n) {
        int64_t part = take_part(&text);
        if (part < 0)
            return -1;
        total += part;
        if (total > DURATION_MOST_US)
            return -1;
    }
    return total;
}

int amount_duration(struct str text, int64_t *out_us, struct err *err)
{
    int64_t us = duration(str_trim(text));
    if (us < 0)
        return err_set(err, ERR_USAGE,
                       "\"%.*s\" isn't a duration: a number with ms, s, m, h, d or w, such as 90s, "
                       "5m, 1h30m or 7d",
                       STR_ARG(str_head(text, 80)));
    *out_us = us;
    return 0;
}

static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000 * 1000},
    {"GB", 1000 * 1000 * 1000},
    {"TB", INT64_C(1000000000000)},
    {"K", 1 << 10},
    {"M", 1 << 20},
    {"G", 1 << 30},
    {"T", INT64_C(1) << 40},
    {"KiB", 1 << 10},
    {"MiB", 1 << 20},
    {"GiB", 1 << 30},
    {"TiB", INT64_C(1) << 40},
};

int amount_bytes(struct str text, int64_t *out, struct err *err)
{
    struct str s = str_trim(text), unit = str_trim(str_from(s, str_digits(s)));
    int64_t value = str_number(s, INT64_MAX);
    for (size_t i = 0; value > 0 && i < sizeof sizes / sizeof *sizes; i++)
        if (str_ieq(unit, str_of(sizes[i].name)) && value <= INT64_MAX / sizes[i].is) {
            *out = value * sizes[i].is;
            return 0;
        }
    return err_set(err, ERR_USAGE, "\"%.*s\" isn't a size: write 2GiB, 500MB or a number of bytes",
                   STR_ARG(str_head(text, 80)));
}
