/* mem.h - memory: allocations that end the process when they fail, a growable buffer, an arena. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/str.h"

#include <stdarg.h>

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
/* Room for one more item in a growing array: doubles *cap when n has reached it. */
void *xgrow(void *items, size_t n, size_t *cap, size_t item_size);

/* A growable run of bytes. Zero is a valid, empty buffer. */
struct buf {
    char *p;
    size_t n, cap;
};
void buf_reserve(struct buf *b, size_t more); /* room for `more` bytes past n */
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_release(struct buf *b);
static inline struct str buf_as_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

/* Many small pieces freed together. Zero is a valid, empty arena. */
struct arena {
    struct arena_block *blocks; /* newest first */
};
void *arena_alloc(struct arena *a, size_t size); /* 16-byte aligned, not cleared */
struct str arena_copy(struct arena *a, struct str s);
void *arena_keep(struct arena *a, void *items, size_t size); /* copied; frees items */
void arena_reset(struct arena *a); /* keeps one block for the next round */
void arena_release(struct arena *a);

#endif
