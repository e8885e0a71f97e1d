/* block.c - raw lines in packed blocks, each of consecutive ids: byte for byte, and small.
 *
 *   zstd frame with checksum of:  line line ... | (varint step, varint length)... | u32 table bytes
 *
 * The table comes last so that a block under construction only ever appends. A step is the id's
 * distance from the id before it (the first one's from the block's first), as pruning makes gaps. */
#include "store/internal.h"

#include <stdlib.h>
#include <zstd.h>

enum { ZSTD_LEVEL = 1 };

static void varint_add(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_char(b, (char)(v | 0x80));
        v >>= 7;
    }
    buf_char(b, (char)v);
}

static bool varint_get(const unsigned char **p, const unsigned char *end, uint64_t *v)
{
    *v = 0;
    for (int shift = 0; shift < 63 && *p < end; shift += 7) {
        unsigned char byte = *(*p)++;
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

void block_start(struct block *b, int64_t first)
{
    struct buf lines = b->lines, table = b->table;
    lines.n = table.n = 0;
    *b = (struct block){.first = first,
                        .last = first - 1,
                        .min_us = INT64_MAX,
                        .max_us = INT64_MIN,
                        .lines = lines,
                        .table = table};
}

void block_add(struct block *b, int64_t id, int64_t time_us, int64_t series, struct str raw)
{
    varint_add(&b->table, (uint64_t)(id - (b->n ? b->last : b->first)));
    varint_add(&b->table, raw.n);
    buf_str(&b->lines, raw);
    b->last = id;
    b->min_us = time_us < b->min_us ? time_us : b->min_us;
    b->max_us = time_us > b->max_us ? time_us : b->max_us;
    b->bits = (int64_t)((uint64_t)b->bits | UINT64_C(1) << ((uint64_t)series % 64));
    b->n++;
}

void block_release(struct block *b)
{
    buf_release(&b->lines);
    buf_release(&b->table);
    *b = (struct block){0};
}

int block_span(const struct block *b)
{
    uint64_t lasts = (uint64_t)b->max_us - (uint64_t)b->min_us;
    return lasts == 0 ? 0 : 64 - __builtin_clzll(lasts);
}

void block_pack(struct block *b, void *zstd, struct buf *out)
{
    size_t lines_n = b->lines.n;
    uint32_t table_n = (uint32_t)b->table.n;
    buf_str(&b->lines, buf_as_str(&b->table));
    buf_add(&b->lines, &table_n, sizeof table_n);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    out->n = 0;
    buf_reserve(out, ZSTD_compressBound(b->lines.n));
    size_t n = ZSTD_compress2(zstd, out->p, out->cap, b->lines.p, b->lines.n);
    if (ZSTD_isError(n))
        abort(); /* the room suffices and the parameters are fixed: only memory can be missing */
    out->n = n;
    b->lines.n = lines_n; /* the block goes on growing without the table */
}

/* Reads the table; false when it doesn't fit the lines exactly. */
static bool read_table(struct unpacked *u)
{
    uint32_t table_n;
    if (u->bytes.n < sizeof table_n)
        return false;
    const unsigned char *end = (const unsigned char *)u->bytes.p + u->bytes.n - sizeof table_n;
    memcpy(&table_n, end, sizeof table_n);
    if (table_n > u->bytes.n - sizeof table_n)
        return false;
    const unsigned char *p = end - table_n;
    size_t lines_n = (size_t)(p - (const unsigned char *)u->bytes.p), at = 0;
    int64_t id = u->first;
    for (u->n = 0; p < end; u->n++) {
        uint64_t step, n;
        if (!varint_get(&p, end, &step) || !varint_get(&p, end, &n) || n > lines_n - at ||
            step > INT32_MAX)
            return false;
        id += (int64_t)step;
        u->lines = xgrow(u->lines, u->n, &u->cap, sizeof *u->lines);
        u->lines[u->n] = (struct block_line){.id = id, .at = (uint32_t)at, .n = (uint32_t)n};
        at += n;
    }
    return at == lines_n;
}

bool block_unpack(struct str data, int64_t first, void *zstd, struct unpacked *out)
{
    unsigned long long n = ZSTD_getFrameContentSize(data.p, data.n);
    if (n == ZSTD_CONTENTSIZE_UNKNOWN || n == ZSTD_CONTENTSIZE_ERROR || n > BLOCK_BYTES_MAX ||
        first < 0)
        return false;
    out->bytes.n = 0;
    buf_reserve(&out->bytes, (size_t)n + 1);
    size_t got = ZSTD_decompressDCtx(zstd, out->bytes.p, (size_t)n, data.p, data.n);
    if (ZSTD_isError(got) || got != n)
        return false;
    out->bytes.n = got;
    out->first = first;
    return read_table(out);
}

void unpacked_release(struct unpacked *u)
{
    buf_release(&u->bytes);
    free(u->lines);
    *u = (struct unpacked){0};
}

bool unpacked_find(const struct unpacked *u, int64_t id, struct str *raw)
{
    size_t low = 0, high = u->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (u->lines[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == u->n || u->lines[low].id != id)
        return false;
    *raw = str_make(u->bytes.p + u->lines[low].at, u->lines[low].n);
    return true;
}
