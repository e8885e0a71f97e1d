/* keys.c - text to a small number: an open-addressing table (FNV-1a) that only grows. */
#include "query/internal.h"

#include <stdlib.h>

static uint64_t hash(struct str text)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * UINT64_C(1099511628211);
    return h ^ h >> 32;
}

static size_t slot_of(const struct keys *keys, struct str text)
{
    size_t at = hash(text) & (keys->n_slots - 1);
    while (keys->slots[at] && !str_eq(keys->text[keys->slots[at] - 1], text))
        at = (at + 1) & (keys->n_slots - 1);
    return at;
}

static void grow(struct keys *keys)
{
    free(keys->slots);
    keys->n_slots = keys->n_slots ? keys->n_slots * 2 : 64;
    keys->slots = xcalloc(keys->n_slots, sizeof *keys->slots);
    for (size_t i = 0; i < keys->n; i++)
        keys->slots[slot_of(keys, keys->text[i])] = (uint32_t)i + 1;
}

size_t keys_add(struct keys *keys, struct str text)
{
    if (keys->n * 2 >= keys->n_slots)
        grow(keys);
    size_t at = slot_of(keys, text);
    if (keys->slots[at])
        return keys->slots[at] - 1;
    keys->text = xgrow(keys->text, keys->n, &keys->cap, sizeof *keys->text);
    keys->text[keys->n] = arena_copy(&keys->arena, text);
    keys->slots[at] = (uint32_t)++keys->n;
    return keys->n - 1;
}

void keys_release(struct keys *keys)
{
    free(keys->text);
    free(keys->slots);
    arena_release(&keys->arena);
    *keys = (struct keys){0};
}
