/* help.h - what the tests of query/ that need a store share. */
#ifndef TESTS_QUERY_HELP_H
#define TESTS_QUERY_HELP_H

#include "query/internal.h"

/* A new store in a folder of its own, which is removed when the test ends; two a test at most. */
struct store *new_store(void);
/* Appends list[0..n) to the stream, with as many other lines, behind what came from key before. */
void append_events(struct store *s, const char *stream, struct str key, const struct event *list,
                   size_t n, size_t other);

#endif
