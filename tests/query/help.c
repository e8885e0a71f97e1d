/* help.c - see help.h. */
#include "help.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dirs[2][64];
static int n_dirs;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void remove_dirs(void)
{
    while (n_dirs > 0)
        nftw(dirs[--n_dirs], remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct store *new_store(void)
{
    struct store *s = NULL;
    struct err err = {0};
    cr_assert_lt(n_dirs, 2);
    char *dir = dirs[n_dirs++];
    snprintf(dir, sizeof dirs[0], "/tmp/tlstrail-query-XXXXXX");
    cr_assert(mkdtemp(dir));
    if (n_dirs == 1)
        atexit(remove_dirs);
    cr_assert_eq(store_open(dir, STORE_WRITE, &s, &err), 0, "%s", err.text);
    return s;
}

void append_events(struct store *s, const char *stream, struct str key, const struct event *list,
                   size_t n, size_t other)
{
    struct err err = {0};
    struct arena arena = {0};
    struct cursor before = {0};
    cr_assert_geq(store_cursor(s, str_of(stream), key, &arena, &before, &err), 0, "%s", err.text);
    struct batch batch = {.from_to = {key, before.position + (int64_t)(n + other), STR("{}")},
                          .from = before.position,
                          .events = list,
                          .n_events = n,
                          .lines = n + other,
                          .other = other};
    cr_assert_eq(store_append(s, str_of(stream), &batch, 1, &err), 0, "%s", err.text);
    arena_release(&arena);
}
