/* zone.h - what a clock without a zone in its line meant: a fixed offset or an IANA zone.
 * Reads TZif files (RFC 8536) under /usr/share/zoneinfo itself: libc's zone is one per process. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/civil.h"
#include "base/err.h"

struct zone;

/* "UTC", "Z", "+02:00", "-0530", "Europe/Berlin", "local" (/etc/localtime). The caller owns *out.
 * ERR_USAGE for a name that isn't one. */
int zone_open(struct str name, struct zone **out, struct err *err);
void zone_close(struct zone *z); /* NULL is fine */
/* UTC of a local time; NULL is UTC. In the hour that a clock repeats: the first of the two; in the
 * hour that it skips: as if it had not yet. Any number of threads. */
int64_t zone_to_us(const struct zone *z, const struct civil *local);

#endif
