/* query.h - questions and their answers. No I/O but the store; the same for every front end.
 *
 * An answer is one JSON document (jansson) whose shape docs/json.md states; cli/ prints it as it is
 * or as a table, serve/ sends it. Times in answers are RFC 3339 strings in UTC. */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "store/store.h"

/* The fields that select and group. FIELD(name): written once in fields.def. */
enum field {
    FIELD_NONE,
#define FIELD(name) FIELD_##name,
#include "query/fields.def"
#undef FIELD
    FIELD_COUNT
};
const char *field_name(enum field f);
enum field field_find(struct str name);
/* The event's value of a field as text, in a buffer of the caller for numbers; absent when none. */
struct str field_value(enum field f, const struct event *event, struct str stream, char number[8]);

/* What an answer is about: every field's wanted values (any of them; none = all) and a time span.
 * Zero is "everything". */
struct selection {
    struct str *values[FIELD_COUNT];
    size_t n_values[FIELD_COUNT];
    int64_t since_us, until_us; /* TIME_NONE: no bound */
    uint64_t limit;             /* 0: the question's default */
    int64_t now_us;             /* what relative times count from, and "until now" */
};
void selection_init(struct selection *sel, int64_t now_us);
void selection_release(struct selection *sel);
/* Adds "a,b" to the field's wanted values; refuses a value the field can't have, naming those it
 * can. stream, host and peer match exactly, without case; host also by "*.example.net". */
int selection_add(struct selection *sel, enum field f, struct str values, struct err *err);
/* Whether a field's value (absent: p == NULL) is one of those wanted. */
bool selection_field_matches(const struct selection *sel, enum field f, struct str value);
/* RFC 3339, "2026-04-18", "14:00" (today, UTC), "-1h", "today", "yesterday", "now", "deploy" (the
 * last), "deploy:NAME". */
int time_parse(struct store *s, struct str text, int64_t now_us, int64_t *out, struct err *err);

/* Each returns 0 and *answer, which the caller owns (json_decref), or a negative code.
 * *nothing is set when the answer is "nothing" (exit status 1). */
int query_groups(struct store *s, const struct selection *sel, const enum field *by, size_t n_by,
                 json_t **answer, bool *nothing, struct err *err);
int query_timeline(struct store *s, const struct selection *sel, enum field by, int64_t step_us,
                   json_t **answer, bool *nothing, struct err *err);
int query_first_spike(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                      struct err *err);
/* b absent: one stream before and after `at_us`. */
int query_compare(struct store *s, const struct selection *sel, struct str a, struct str b,
                  int64_t at_us, json_t **answer, bool *nothing, struct err *err);
int query_status(struct store *s, json_t **answer, bool *nothing, struct err *err);
int query_doctor(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                 struct err *err);

/* Walks the selected events of all streams merged in time order (or newest first). */
typedef int query_event(void *context, struct str stream, int64_t id, const struct event *event);
int query_events(struct store *s, const struct selection *sel, bool newest_first,
                 query_event *visit, void *context, struct err *err);

/* What an event means and what to do about it: "meaning", "look_at", "fix_at", "next" (commands
 * with the event's own host and port). stream may be absent; its name tells the kind of hop. */
json_t *explain_event(const struct event *event, struct str stream);

#endif
