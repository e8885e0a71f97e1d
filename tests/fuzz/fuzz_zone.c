/* fuzz_zone.c - any bytes as a time zone's file: it is refused, or no offset of it reaches a day.
 */
#include "base/zone.h"
#include "fuzz.h"

#include <unistd.h>

static char folder[] = "/tmp/fuzz_zone.XXXXXX", path[64];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!path[0]) {
        HOLDS(mkdtemp(folder) != NULL && setenv("TZDIR", folder, 1) == 0);
        snprintf(path, sizeof path, "%s/X", folder);
        atexit(remove_folder);
    }
    FILE *f = fopen(path, "w");
    HOLDS(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
    struct zone *zone = NULL;
    struct err err = {0};
    if (zone_open(STR("X"), &zone, &err) != 0)
        HOLDS(err.text[0] != '\0');
    for (int year = 1900; zone && year <= 9999; year += 97) {
        struct civil c = {.year = year, .month = 1 + year % 12, .day = 1 + year % 28};
        int64_t off = zone_to_us(zone, &c) - civil_to_us(&c);
        HOLDS(off > -DAY_US && off < DAY_US);
    }
    zone_close(zone);
    return 0;
}
