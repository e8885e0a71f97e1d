/* fuzz.h - what the targets share. A target gives a parser any bytes and checks what must hold of
 * every answer; the sanitizers check the rest. */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what didn't hold and ends the process, so that libFuzzer keeps the input. */
#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: doesn't hold: %s\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* An exact copy on the heap, so that a read past its end is seen; the caller frees it. */
static inline struct str fuzz_copy(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    return (struct str){copy, size};
}

static inline bool fuzz_within(struct str part, struct str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

#endif
