/* pattern.h - one PCRE2 pattern of a rule: bytes, caseless, multi-line, JIT, bounded work. */
#ifndef PARSERS_PATTERN_H
#define PARSERS_PATTERN_H

#include "base/err.h"
#include "base/str.h"

/* What a named capture fills. Names: packs/README.md. A name that isn't one of these is a table of
 * error numbers (CAPTURE_TABLE + its index). */
enum capture {
#define CAPTURE(name) CAPTURE_##name,
#include "parsers/captures.def"
#undef CAPTURE
    CAPTURE_TABLE,
};

enum { PATTERN_MATCH_LIMIT = 20000, PATTERN_CAPTURES_MAX = 24 };

struct pattern;
struct matcher; /* one thread's match data and JIT stack */

struct captured {
    int what; /* enum capture, or CAPTURE_TABLE + table */
    struct str text;
};
struct captures {
    struct captured items[PATTERN_CAPTURES_MAX];
    size_t n, start; /* start: where in the text the match begins */
};

/* table_index says which table a capture's name means, or -1; NULL: only the plain names. */
int pattern_open(const char *source, int (*table_index)(const void *context, struct str name),
                 const void *context, struct pattern **out, struct err *err);
/* The same for a source that is known to be a pattern: it is compiled at the first match, and one that
 * is none ends the process then. The table_index and its context have to live as long. */
int pattern_open_later(const char *source,
                       int (*table_index)(const void *context, struct str name),
                       const void *context, struct pattern **out, struct err *err);
/* Makes it ready for its first match, which would do so too. */
int pattern_make(struct pattern *p, struct err *err);
void pattern_close(struct pattern *p); /* NULL is fine */
/* Behind the byte, the escape or the class of a source at p; *p isn't its end. */
const char *pattern_next(const char *p);
/* Whether a text that begins with the byte can match; true where that isn't known (yet). */
bool pattern_can_start(const struct pattern *p, unsigned char first);
/* The names it captures: bit `what` for each, bit CAPTURE_TABLE for any table. */
uint32_t pattern_captures(const struct pattern *p);

struct matcher *matcher_open(void);
void matcher_close(struct matcher *m); /* NULL is fine */

enum match { MATCH_NO, MATCH_YES, MATCH_BUDGET /* the pattern gave up: it may or may not match */ };
/* out (may be NULL) borrows from text: only captures that took part, in the order of the text's
 * groups. Any number of threads may use one pattern. */
enum match pattern_match(const struct pattern *p, struct matcher *m, struct str text,
                         struct captures *out);

#endif
