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
/* key=value key="quoted \"value\"" …: only when the text starts with two pairs. A bare value goes on
 * over words that start no pair; words left behind a quoted one become the pair "text". */
bool flatten_logfmt(struct str text, struct arena *arena, struct pairs *out);
/* [time] [LEVEL] [file:line] ["message"] [key=value] …, as TiDB's loggers write: the first four come
 * out as time, level, caller and message. */
bool flatten_brackets(struct str text, struct arena *arena, struct pairs *out);
/* A text with a JSON object at the end of its first line (zap's console: "time LEVEL message {…}").
 * *before is the text in front; lines behind the object become the pair "stacktrace". */
bool flatten_trailing_json(struct str text, struct arena *arena, struct pairs *out,
                           struct str *before);
/* The value of a key, ASCII case-blind, or absent. */
struct str pairs_get(const struct pairs *pairs, struct str key);

/* Text without its backslash escapes, as JSON and Go quote: \n \" \\ \/ \xHH \uXXXX \UXXXXXXXX,
 * surrogate pairs put together; one that isn't known stays, one that is torn is dropped. Borrows
 * when there are none. */
struct str flatten_unescape(struct str raw, struct arena *arena);
/* Text without ANSI escape sequences (ECMA-48 CSI, OSC); borrows when there are none. */
struct str flatten_ansi(struct str text, struct arena *arena);

#endif
