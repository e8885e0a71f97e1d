/* record.h - which lines belong together: stack traces, wrapped messages, Windows event texts. */
#ifndef PARSERS_RECORD_H
#define PARSERS_RECORD_H

#include "base/str.h"

enum { RECORD_LINES_MAX = 500 }; /* a longer run of continuation lines is split there */

/* Whether line goes on with the record that begins above it: it is indented, or starts with
 * "Caused by:", "Traceback", " ---> ", "at ", "... 12 more", "HINT:", "problem:", a closing brace,
 * and so on, behind the same envelope prefix (CRI, Docker's json-file, compose, kubectl, syslog). */
bool record_continues(struct str line);
/* The record around the line that starts at `at` in chunk: from its first line to its last one,
 * without the last LF. *start is where it begins. */
struct str record_around(struct str chunk, size_t at, size_t *start);
/* Where the record starts that lines behind the chunk may still go on with. */
size_t record_open(struct str chunk);

#endif
