/* chunk.c - a chunk that is made of records with known ends (source.h). */
#include "ingest/source.h"

#include "parsers/classifier.h"

#include <stdlib.h>

static void drop_poison(struct listed *l)
{
    for (size_t i = 0; i < l->n_poison; i++)
        free(l->poison[i].raw);
    l->n_poison = 0;
}

void chunk_clear(struct chunk *chunk)
{
    drop_poison(&chunk->listed);
    chunk->listed.n = 0;
    chunk->bytes = str_make(chunk->room, 0);
    chunk->from = chunk->to = 0;
    chunk->size = 0;
    chunk->now_us = 0;
    chunk->again = COUNTED_NOT;
    chunk->partial = 0;
    chunk->detail.n = 0;
}

void chunk_release(struct chunk *chunk)
{
    drop_poison(&chunk->listed);
    free(chunk->listed.ends);
    free(chunk->listed.now_us);
    free(chunk->listed.positions);
    free(chunk->listed.poison);
    free(chunk->room);
    buf_release(&chunk->detail);
    *chunk = (struct chunk){0};
}

bool chunk_record(struct chunk *chunk, struct str record, int64_t position, int64_t now_us)
{
    struct listed *l = &chunk->listed;
    if (record.n > CHUNK_BYTES - chunk->bytes.n)
        return false;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 1024;
        l->ends = xrealloc(l->ends, l->cap * sizeof *l->ends);
        l->now_us = xrealloc(l->now_us, l->cap * sizeof *l->now_us);
        l->positions = xrealloc(l->positions, l->cap * sizeof *l->positions);
    }
    memcpy(chunk->room + chunk->bytes.n, record.p, record.n);
    chunk->bytes.n += record.n;
    chunk->size += record.n;
    l->ends[l->n] = (uint32_t)chunk->bytes.n;
    l->now_us[l->n] = now_us;
    l->positions[l->n] = position;
    l->n++;
    return true;
}

void chunk_poison(struct chunk *chunk, struct str record, int64_t position, const char *why)
{
    struct listed *l = &chunk->listed;
    struct str cut = str_head(record, RECORD_MAX);
    l->poison = xgrow(l->poison, l->n_poison, &l->cap_poison, sizeof *l->poison);
    l->poison[l->n_poison++] = (struct poison){position, why, str_dup(cut), cut.n};
    chunk->size += record.n;
}
