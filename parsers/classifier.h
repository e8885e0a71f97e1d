/* classifier.h - from bytes of a log to events. No I/O, no clock: the caller says what time it is.
 *
 * struct rules is made once from the packs and then read by any number of threads; a struct
 * classifier is one thread's scratch over it. */
#ifndef PARSERS_CLASSIFIER_H
#define PARSERS_CLASSIFIER_H

#include "base/err.h"
#include "base/mem.h"
#include "base/zone.h"
#include "parsers/event.h"

#include <jansson.h>

enum { RECORD_MAX = 64 * 1024 }; /* bytes of a record that are looked at and kept */

struct rules;
struct classifier;

/* Loads the built-in packs and then every *.yaml of user_dir (NULL: none). The caller owns *out.
 * ERR_USAGE when a pack is broken: *err names the file, the line and what to do. */
int rules_load(const char *user_dir, struct rules **out, struct err *err);
void rules_close(struct rules *rules); /* NULL is fine */

/* Runs every sample of every pack; *report gets one line for each that fails. */
int rules_check(const struct rules *rules, struct buf *report, size_t *failed, struct err *err);
/* {"packs":[{"pack","kind","rules":[{"id","reason",…}],"samples","codes"}]}; the caller owns it. */
json_t *rules_list(const struct rules *rules);

/* The caller owns *out; it borrows rules, which must outlive it. */
int classifier_open(const struct rules *rules, struct classifier **out, struct err *err);
void classifier_close(struct classifier *c); /* NULL is fine */

/* What a line without a full time of its own is read by. */
struct reading {
    int64_t now_us; /* the moment of reading; a time without a year is never after now + 1 day */
    const struct zone *zone; /* of times that name none; NULL: UTC */
};

enum verdict {
    VERDICT_OTHER,       /* no failed handshake */
    VERDICT_EVENT,       /* *out is filled */
    VERDICT_QUARANTINED, /* a rule exceeded its budget; classifier_why() says which */
};

/* Classifies one record (one line, or the lines of a stack trace joined by LF). Bytes past
 * RECORD_MAX are ignored and flagged. *out borrows from record and from c: it is good until the
 * next call on c. Every rule is tried whose literals are in the record. */
enum verdict classifier_record(struct classifier *c, struct str record,
                               const struct reading *reading, struct event *out);
/* The time that a record tells, TIME_NONE when it has none. */
int64_t classifier_time(struct classifier *c, struct str record, const struct reading *reading);
const char *classifier_why(const struct classifier *c); /* after VERDICT_QUARANTINED */

/* A chunk is whole lines (each ends in LF, but for the last of a source). */
struct chunk_count {
    uint64_t lines;       /* every line of the chunk; lines == events + other + quarantined */
    uint64_t events;      /* a record of several lines counts once here, its other lines as other */
    uint64_t other;
    uint64_t quarantined;
};
/* Is lent one event or (quarantined) record at a time, in the order of the chunk. offset is where
 * the record starts in the chunk. event is NULL for a quarantined record; why says why. */
typedef void chunk_visit(void *context, const struct event *event, size_t offset, struct str record,
                         const char *why);
/* Finds the candidates with one pass of the literal matcher over the chunk, puts the lines of their
 * records together and classifies those alone. */
void classifier_chunk(struct classifier *c, struct str chunk, const struct reading *reading,
                      chunk_visit *visit, void *context, struct chunk_count *count);
/* The same where the source says where records end (a Kafka record may hold several lines): record i
 * is bytes[ends[i - 1]..ends[i]), a record counts as one line, and an event without a time of its
 * own gets now_us[i]. Records are not put together. */
struct record_list {
    const uint32_t *ends;
    const int64_t *now_us;
    size_t n;
};
void classifier_records(struct classifier *c, struct str bytes, const struct record_list *records,
                        const struct zone *zone, chunk_visit *visit, void *context,
                        struct chunk_count *count);
/* How many bytes at the end of the chunk belong to a record that more lines may still join: what a
 * follower holds back until the next chunk or 50 ms of silence. 0 when the chunk is empty. */
size_t classifier_open_tail(struct str chunk);

#endif
