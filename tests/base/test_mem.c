/* test_mem.c - buffers grow, an arena's pieces stay apart, and no memory ends the process. */
#include "base/mem.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

Test(mem, a_buffer_grows_and_keeps_its_bytes)
{
    struct buf b = {0};
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i % 10);
    buf_char(&b, '\0');
    buf_str(&b, STR_NONE);
    buf_str(&b, STR("end"));
    cr_expect_eq(b.n, 2004);
    for (size_t i = 0; i < 2000; i += 2)
        cr_expect_eq(b.p[i], (char)('0' + i / 2 % 10));
    cr_expect(str_eq(str_from(buf_as_str(&b), 2000), STR("\0end")));
    buf_release(&b);
    cr_expect_null(b.p);
    cr_expect_eq(b.n + b.cap, 0);
}

Test(mem, reserving_leaves_room_without_growing_again)
{
    struct buf b = {0};
    buf_reserve(&b, 5000);
    const char *at = b.p;
    cr_expect_geq(b.cap, 5000);
    cr_expect_eq(b.n, 0);
    for (int i = 0; i < 5000; i++)
        buf_char(&b, 'x');
    cr_expect_eq(b.p, at);
    buf_release(&b);
}

Test(mem, an_array_grows_by_one_at_least)
{
    int *items = NULL;
    size_t cap = 0;
    for (size_t n = 0; n < 100; n++) {
        items = xgrow(items, n, &cap, sizeof *items);
        cr_assert_gt(cap, n);
        items[n] = (int)n;
    }
    for (int i = 0; i < 100; i++)
        cr_expect_eq(items[i], i);
    free(items);
}

Test(mem, an_arenas_pieces_are_aligned_and_apart)
{
    struct arena a = {0};
    char *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * i * 5; /* some are larger than a block */
        pieces[i] = arena_alloc(&a, size);
        cr_expect_eq((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i * i * 5; k++)
            cr_assert_eq(pieces[i][k], (char)i);
    arena_release(&a);
    cr_expect_null(a.blocks);
}

Test(mem, a_copy_in_an_arena_outlives_its_source)
{
    struct arena a = {0};
    char source[] = "host.example";
    struct str copy = arena_copy(&a, str_of(source));
    memset(source, 'x', sizeof source);
    cr_expect(str_eq(copy, STR("host.example")));
    cr_expect_eq(copy.p[copy.n], '\0');
    cr_expect_null(arena_copy(&a, STR_NONE).p, "absent stays absent");
    cr_expect_not_null(arena_copy(&a, STR("")).p, "empty stays empty");
    arena_release(&a);
}

Test(mem, a_reset_arena_is_used_again)
{
    struct arena a = {0};
    arena_reset(&a);
    void *first = arena_alloc(&a, 100);
    arena_reset(&a);
    cr_expect_eq(arena_alloc(&a, 100), first);
    for (int i = 0; i < 10; i++)
        arena_alloc(&a, 1 << 20);
    arena_reset(&a);
    arena_reset(&a);
    cr_expect_not_null(arena_alloc(&a, 1));
    arena_release(&a);
}

Test(mem, zero_bytes_are_a_piece_too)
{
    void *p = xcalloc(0, 0);
    cr_expect_not_null(p);
    p = xrealloc(p, 0);
    cr_expect_not_null(p);
    free(p);
}

Test(mem, a_size_that_wraps_around_ends_the_process, .signal = SIGABRT)
{
    struct buf b = {0};
    buf_char(&b, 'x');
    buf_reserve(&b, SIZE_MAX);
}
