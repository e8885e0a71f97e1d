/* fuzz_time.c - any bytes as a time, in three zones: what is read lies in the text and in the years
 * that are times, and is read again when nothing stands behind it. */
#include "base/zone.h"
#include "fuzz.h"
#include "parsers/time.h"

static const struct zone *zone_named(struct str name)
{
    struct zone *z = NULL;
    struct err err;
    HOLDS(zone_open(name, &z, &err) == 0);
    return z;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ZONES = 3 };
    static const struct zone *zones[ZONES]; /* the first stays NULL: UTC */
    if (!zones[1]) {
        zones[1] = zone_named(STR("+02:00"));
        zones[2] = zone_named(STR("-05:30"));
    }
    struct str text = fuzz_copy(data, size);
    for (int i = 0; i < ZONES; i++) {
        struct reading reading = {.now_us = INT64_C(1718452800000000), .zone = zones[i]};
        int64_t us = TIME_NONE, again;
        size_t took = time_read(text, &reading, &us);
        HOLDS(took <= size);
        if (took == 0)
            continue;
        HOLDS(us >= -DAY_US && us < INT64_C(4133980800) * US_PER_S + DAY_US); /* 1970 to 2101 */
        HOLDS(time_read(str_head(text, took), &reading, &again) > 0);
    }
    free((void *)text.p);
    return 0;
}
