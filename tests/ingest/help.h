/* help.h - what the tests of ingest share: scratch files, numbered lines, and what a store has. */
#ifndef TESTS_INGEST_HELP_H
#define TESTS_INGEST_HELP_H

#include "ingest/file.h"
#include "ingest/ingest.h"

#include <criterion/criterion.h>

enum { NUMBERS_MAX = 4096 };

const char *scratch(void); /* a folder that is this test's own, removed at its end */
const char *scratch_path(const char *name); /* good for the next 15 calls */
const char *write_file(const char *name, struct str bytes); /* its path, as scratch_path() */
void append_file(const char *path, struct str bytes);

/* Failing lines that end in "n=000007;", for from <= n < to. */
void numbered_lines(struct buf *out, int from, int to);
void pack_gzip(struct str bytes, struct buf *out); /* one member, added to out */
void pack_zstd(struct str bytes, struct buf *out); /* one frame, added to out */

/* The built-in rules, loaded once. */
const struct rules *all_rules(void);
/* Asserts that stream lb of the store holds each of 0..n-1 once and nothing else, and that its
 * ledger closes. */
void check_numbers(const char *store, int n, const char *hint);
/* How many events stream lb has by now; readable while another thread writes. */
int64_t events_stored(const char *store);

#endif
