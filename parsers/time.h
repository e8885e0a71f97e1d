/* time.h - times as logs write them. Pure: what is now and which zone is meant comes in. */
#ifndef PARSERS_TIME_H
#define PARSERS_TIME_H

#include "parsers/classifier.h"

/* Reads a time in any of the common shapes that text starts with (blanks and one opening bracket or
 * quote before it are skipped): RFC 3339 and ISO 8601 with any offset, blank for T, comma for the
 * point, 0 to 9 digits of fraction; epoch in s, ms, us or ns (10, 13, 16, 19 digits, or a decimal);
 * nginx "2024/05/02 00:00:02[.frac]"; Apache "[Thu Sep 30 15:48:37.925490 2021]"; CLF
 * "10/Oct/2000:13:55:36[.frac] -0700"; klog "I0410 04:52:06.330190"; syslog "Jan  5 15:08:58",
 * with a year behind; "Tue Apr 28 03:51:26 2020"; RFC 1123; squid/ats "[May  4 12:38:29.002]";
 * hitch "20240501T121102.300700"; log4j "2023-10-18 04:09:31,660"; US "2/11/2022 8:00:51 PM".
 * A time without a year gets the one that puts it nearest before now + 1 day. Returns the bytes
 * that it took, 0 when there is no time. */
size_t time_read(struct str text, const struct reading *reading, int64_t *out_us);

#endif
