/* escape.h - the only ways for bytes of a log to leave the process.
 * Logs are hostile: no control byte, bidi mark or terminal escape may reach a screen or a file. */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include "base/mem.h"

#include <jansson.h>

/* For a terminal: C0, DEL, C1, bidi and zero-width marks and invalid UTF-8 become \xNN or \u{N}. */
void escape_terminal(struct buf *out, struct str s);
/* One CSV field (RFC 4180), quoted where needed; a leading = + - @ TAB gets a ' in front. */
void escape_csv(struct buf *out, struct str s);
/* A JSON string of any bytes: invalid UTF-8 becomes U+FFFD a byte, absent becomes null.
 * The caller owns it. Write documents with JSON_ENSURE_ASCII: then a terminal is safe too. */
json_t *escape_json(struct str s);
/* The same as text with its quotes, ASCII only: for rows that are written without a tree. */
void escape_json_text(struct buf *out, struct str s);

#endif
