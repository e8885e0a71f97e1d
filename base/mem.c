/* mem.c - see mem.h. Running out of memory is not handled anywhere else: it ends the process. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "tlstrail: out of memory (%zu bytes wanted)\n", size);
    abort();
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        out_of_memory(n * size);
    return p;
}

void *xrealloc(void *p, size_t size)
{
    void *q = realloc(p, size ? size : 1);
    if (!q)
        out_of_memory(size);
    return q;
}

void *xgrow(void *items, size_t n, size_t *cap, size_t item_size)
{
    if (n < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 8;
    if (*cap > SIZE_MAX / item_size)
        out_of_memory(SIZE_MAX);
    return xrealloc(items, *cap * item_size);
}

void buf_reserve(struct buf *b, size_t more)
{
    if (more > SIZE_MAX - b->n)
        out_of_memory(more);
    if (b->cap - b->n >= more)
        return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap - b->n < more)
        cap = cap > SIZE_MAX / 2 ? b->n + more : cap * 2;
    b->p = xrealloc(b->p, cap);
    b->cap = cap;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    buf_reserve(b, n);
    memcpy(b->p + b->n, bytes, n);
    b->n += n;
}

void buf_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        buf_reserve(b, (size_t)n + 1);
        vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_release(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    _Alignas(16) char bytes[];
};

enum { ARENA_BLOCK = 64 * 1024 };

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    struct arena_block *b = a->blocks;
    if (!b || b->cap - b->used < size) {
        size_t cap = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        b = xrealloc(NULL, sizeof *b + cap);
        *b = (struct arena_block){.next = a->blocks, .cap = cap};
        a->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += size;
    return p;
}

void *arena_keep(struct arena *a, void *items, size_t size)
{
    void *kept = arena_alloc(a, size);
    if (size)
        memcpy(kept, items, size);
    free(items);
    return kept;
}

struct str arena_copy(struct arena *a, struct str s)
{
    if (!s.p)
        return s;
    char *copy = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return (struct str){copy, s.n};
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = a->blocks;
    if (!keep)
        return;
    struct arena rest = {keep->next};
    arena_release(&rest);
    keep->next = NULL;
    keep->used = 0;
    if (keep->cap > ARENA_BLOCK)
        arena_release(a);
}

void arena_release(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}
