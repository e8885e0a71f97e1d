/* flatten.h - a structured line as plain pairs: JSON objects, logfmt, and [key=value] loggers. */
#ifndef PARSERS_FLATTEN_H
#define PARSERS_FLATTEN_H

#include "base/mem.h"

enum { FLATTEN_MAX = 256, FLATTEN_DEPTH = 16 };

struct pair {
    struct str key;   /* nested keys joined by '.', an array's index is left out */
    struct str value; /* unescaped; numbers and true/false as written; null is left out */
};
struct pairs {
    struct pair items[FLATTEN_MAX]; /* further ones are left out */
    size_t n;
};

/* text is one whole JSON object (blanks around it allowed). Pairs live in arena, or borrow text. A
 * torn object gives the pairs before the tear and *torn. False when it doesn't start as an object. */
bool flatten_json(struct str text, struct arena *arena, struct pairs *out, bool *torn);
/* key=value key="quoted \"value\"" …: only when at least two pairs make up the text from its start. */
bool flatten_logfmt(struct str text, struct arena *arena, struct pairs *out);
/* The value of a key, ASCII case-blind, or absent. */
struct str pairs_get(const struct pairs *pairs, struct str key);

/* Text without ANSI escape sequences (ECMA-48 CSI, OSC); borrows when there are none. */
struct str flatten_ansi(struct str text, struct arena *arena);

#endif
