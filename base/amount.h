/* amount.h - lengths of time and sizes as people type them.
 * An int is 0 or ERR_USAGE, and *err then says in one line what it should have been. */
#ifndef BASE_AMOUNT_H
#define BASE_AMOUNT_H

#include "base/err.h"
#include "base/str.h"

/* "90s", "1h30m", "7d", "0s", at most 1,000 years. */
int amount_duration(struct str text, int64_t *out_us, struct err *err);
/* "1048576", "500MB", "2GiB", "2G": kB, MB, GB and TB are powers of 1,000, the others of 1,024, as
 * du and systemd have it. 0 is none. */
int amount_bytes(struct str text, int64_t *out, struct err *err);

#endif
