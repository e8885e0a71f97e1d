/* str.h - a borrowed run of bytes: pointer and length, no NUL, any byte value.
 * Log lines are not UTF-8 and not NUL-terminated, so everything that reads them takes this. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p; /* may be NULL when n is 0: "absent" */
    size_t n;
};

#define STR(literal) ((struct str){literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf: printf("%.*s", STR_ARG(s)). Never to a terminal without base/escape.h. */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_of(const char *cstr)
{
    return cstr ? (struct str){cstr, strlen(cstr)} : STR_NONE;
}
static inline struct str str_make(const char *p, size_t n)
{
    return (struct str){p, n};
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
/* The part from byte `from` on; empty when that is past the end. */
static inline struct str str_from(struct str s, size_t from)
{
    size_t cut = from < s.n ? from : s.n;
    return (struct str){cut ? s.p + cut : s.p, s.n - cut};
}
static inline struct str str_head(struct str s, size_t n)
{
    return (struct str){s.p, n < s.n ? n : s.n};
}
static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}
static inline bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* ASCII only: log keywords are ASCII whatever the locale. */
bool str_ieq(struct str a, struct str b);
int str_cmp(struct str a, struct str b); /* bytewise, shorter first: for qsort */
/* Index of the first needle at or after `from`, or -1. */
ptrdiff_t str_find(struct str s, struct str needle, size_t from);
ptrdiff_t str_ifind(struct str s, struct str needle, size_t from); /* needle in lower case */
ptrdiff_t str_findc(struct str s, char c, size_t from);
/* What follows the first `mark`; absent (p == NULL) when the mark isn't there. */
struct str str_after(struct str s, struct str mark);
struct str str_trim(struct str s); /* blanks, tabs, CR and LF off both ends */
size_t str_digits(struct str s);   /* how many decimal digits it starts with */
/* The decimal number that s starts with, or -1 when there is none or it exceeds max. */
int64_t str_number(struct str s, int64_t max);
/* A NUL-terminated copy on the heap; the caller frees it. */
char *str_dup(struct str s);

#endif
