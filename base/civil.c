/* civil.c - days and dates by the era method (400-year cycles of 146,097 days). */
#include "base/civil.h"

#include <stdio.h>
#include <time.h>

static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

bool civil_valid(const struct civil *c)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (c->month < 1 || c->month > 12 || c->day < 1 || c->day > lengths[c->month - 1])
        return false;
    bool leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    if (c->month == 2 && c->day == 29 && !leap)
        return false;
    return c->year >= 1900 && c->year <= 9999 && c->hour >= 0 && c->hour <= 23 && c->minute >= 0 &&
           c->minute <= 59 && c->second >= 0 && c->second <= 60 && c->us >= 0 && c->us < 1000000;
}

int64_t civil_to_us(const struct civil *c)
{
    int64_t s = days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600 +
                c->minute * 60 + c->second;
    return s * US_PER_S + c->us;
}

struct civil civil_of_us(int64_t time_us)
{
    int64_t s = time_us / US_PER_S, us = time_us % US_PER_S;
    if (us < 0) {
        us += US_PER_S;
        s--;
    }
    int64_t days = s / 86400, left = s % 86400;
    if (left < 0) {
        left += 86400;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    return (struct civil){
        .year = (int)(yoe + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(left / 3600),
        .minute = (int)(left / 60 % 60),
        .second = (int)(left % 60),
        .us = (int)us,
    };
}

int64_t civil_floor(int64_t time, int64_t width)
{
    int64_t rest = time % width;
    return time - (rest < 0 ? rest + width : rest);
}

int64_t civil_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

const char *civil_format(int64_t time_us, char out[CIVIL_TEXT])
{
    struct civil c = civil_of_us(time_us);
    int n = snprintf(out, CIVIL_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day,
                     c.hour, c.minute, c.second);
    if (n < 0 || n >= CIVIL_TEXT - 8)
        return out;
    if (c.us % 1000)
        snprintf(out + n, CIVIL_TEXT - (size_t)n, ".%06dZ", c.us);
    else if (c.us)
        snprintf(out + n, CIVIL_TEXT - (size_t)n, ".%03dZ", c.us / 1000);
    else
        snprintf(out + n, CIVIL_TEXT - (size_t)n, "Z");
    return out;
}
