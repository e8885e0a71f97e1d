/* civil.h - calendar time in the proleptic Gregorian calendar, always UTC; no locale, no libc zone.
 * A time is microseconds since 1970-01-01 00:00:00 UTC, in an int64_t whose name ends in _us. */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include "base/str.h"

#define US_PER_S INT64_C(1000000)
#define MINUTE_US (60 * US_PER_S)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)
#define TIME_NONE INT64_MIN

struct civil {
    int year, month, day;          /* month 1..12, day 1..31 */
    int hour, minute, second, us;  /* second 0..60: a leap second counts as the next second */
};

bool civil_valid(const struct civil *c);
int64_t civil_to_us(const struct civil *c);
struct civil civil_of_us(int64_t time_us);
int64_t civil_now_us(void); /* the system clock */
/* The start of the bucket of that width that the time is in, before 1970 too; any unit. */
int64_t civil_floor(int64_t time, int64_t width);

/* "2026-04-18T04:11:58.127Z": as many digits of the fraction as it needs, 0, 3 or 6. */
enum { CIVIL_TEXT = 32 };
const char *civil_format(int64_t time_us, char out[CIVIL_TEXT]);

#endif
