/* dict.c - series by content: a bounded table in memory in front of the table on disk.
 * A flood of made-up host names makes as many series; memory stays bounded, the disk has them. */
#include "store/internal.h"

#include <stdlib.h>

enum { DICT_MAX = 1 << 15, DICT_BYTES = 6 << 20 };
enum { FLAG_TIME_IS_READ = 1, FLAG_TRUNCATED = 2 };

static int64_t flags_of(const struct event *e)
{
    return (e->time_is_read ? FLAG_TIME_IS_READ : 0) | (e->truncated ? FLAG_TRUNCATED : 0);
}

static void key_str(struct buf *b, struct str s)
{
    uint32_t n = s.p ? (uint32_t)s.n + 1 : 0; /* 0: absent, which is not the same as empty */
    buf_add(b, &n, sizeof n);
    buf_str(b, s);
}

/* Everything about a series in one run of bytes, to hash and to compare. */
static struct str key_of(struct buf *b, const struct event *e)
{
    const short numbers[] = {(short)e->reason, (short)e->leg, (short)e->rejected_by,
                             (short)e->alert, (short)flags_of(e)};
    b->n = 0;
    buf_add(b, numbers, sizeof numbers);
    key_str(b, e->host);
    key_str(b, e->tls_version);
    key_str(b, e->cipher);
    key_str(b, e->format);
    key_str(b, e->library);
    return buf_as_str(b);
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply and fold, 16 bytes a round. The seed is the file's own, so that nobody who writes host
 * names into a log can aim at one bucket. */
static uint64_t hash_of(struct str key, int64_t seed)
{
    uint64_t h = (uint64_t)seed ^ key.n;
    for (size_t i = 0; i < key.n; i += 16) {
        uint64_t words[2] = {0, 0};
        memcpy(words, key.p + i, key.n - i < 16 ? key.n - i : 16);
        h = fold(words[0] ^ h ^ UINT64_C(0xa0761d6478bd642f),
                 words[1] ^ (uint64_t)seed ^ UINT64_C(0xe7037ed1a0b428db));
    }
    return fold(h ^ (uint64_t)seed, UINT64_C(0x8ebc6af09c88c6e3)) | 1;
}

void series_row(sqlite3_stmt *row, struct arena *arena, struct series *out)
{
    struct event *e = &out->event;
    *out = (struct series){.id = sqlite3_column_int64(row, 0)};
    int64_t flags = sqlite3_column_int64(row, 1);
    e->time_us = TIME_NONE;
    e->time_is_read = (flags & FLAG_TIME_IS_READ) != 0;
    e->truncated = (flags & FLAG_TRUNCATED) != 0;
    e->reason = reason_find(db_column(row, 2));
    e->leg = leg_find(db_column(row, 3));
    e->rejected_by = side_find(db_column(row, 4));
    int64_t alert = sqlite3_column_type(row, 5) == SQLITE_NULL ? -1 : sqlite3_column_int64(row, 5);
    e->alert = alert < 0 || alert > ALERT_MAX ? ALERT_NONE : (int)alert;
    e->host = arena_copy(arena, db_column(row, 6));
    e->tls_version = arena_copy(arena, db_column(row, 7));
    e->cipher = arena_copy(arena, db_column(row, 8));
    e->format = arena_copy(arena, db_column(row, 9));
    e->library = arena_copy(arena, db_column(row, 10));
}

static size_t cell_at(const struct dict *d, uint64_t hash, struct str key)
{
    size_t i = (size_t)(hash >> 20) & (d->cap - 1);
    while (d->cells[i].id != 0 && (d->cells[i].hash != hash || !str_eq(d->cells[i].key, key)))
        i = (i + 1) & (d->cap - 1);
    return i;
}

static void dict_grow(struct dict *d)
{
    struct dict old = *d;
    d->cap = old.cap ? old.cap * 2 : 256;
    d->cells = xcalloc(d->cap, sizeof *d->cells);
    for (size_t i = 0; i < old.cap; i++)
        if (old.cells[i].id != 0)
            d->cells[cell_at(d, old.cells[i].hash, old.cells[i].key)] = old.cells[i];
    free(old.cells);
}

void dict_release(struct dict *d)
{
    free(d->cells);
    arena_release(&d->keys);
    buf_release(&d->key);
    *d = (struct dict){0};
}

static void dict_add(struct dict *d, uint64_t hash, struct str key, int64_t id)
{
    if (d->used >= DICT_MAX || d->key_bytes > DICT_BYTES) {
        memset(d->cells, 0, d->cap * sizeof *d->cells);
        arena_release(&d->keys);
        d->used = d->key_bytes = 0;
    }
    if (d->used * 2 >= d->cap)
        dict_grow(d);
    d->last = cell_at(d, hash, key);
    d->cells[d->last] = (struct dict_cell){hash, id, arena_copy(&d->keys, key)};
    d->key_bytes += key.n;
    d->used++;
}

/* The id on disk of the series with this key: 0 when there is none. */
static int find_stored(struct stream *st, uint64_t hash, struct str key, int64_t *id,
                       struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_series_by_hash, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "i", (int64_t)hash);
    struct arena arena = {0};
    struct buf other = {0};
    int rc;
    *id = 0;
    while (*id == 0 && (rc = stream_step(st, stmt, err)) == 1) {
        struct series series;
        series_row(stmt, &arena, &series);
        if (str_eq(key_of(&other, &series.event), key))
            *id = series.id;
    }
    sqlite3_reset(stmt);
    arena_release(&arena);
    buf_release(&other);
    return *id == 0 && rc < 0 ? rc : 0;
}

static struct str name_or_none(const char *name)
{
    return *name ? str_of(name) : STR_NONE;
}

static int add_stored(struct stream *st, uint64_t hash, const struct event *e, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_series_add, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "iitttittttti", st->ledger.next_series, flags_of(e),
            name_or_none(reason_name(e->reason)), name_or_none(leg_name(e->leg)),
            name_or_none(side_name(e->rejected_by)), (int64_t)e->alert, e->host, e->tls_version,
            e->cipher, e->format, e->library, (int64_t)hash);
    if (e->alert == ALERT_NONE)
        sqlite3_bind_null(stmt, 6);
    int rc = stream_step(st, stmt, err);
    if (rc == 0)
        st->ledger.next_series++;
    return rc;
}

int dict_find(struct stream *st, const struct event *event, int64_t *id, struct err *err)
{
    struct dict *d = &st->dict;
    struct str key = key_of(&d->key, event);
    if (d->used > 0 && str_eq(d->cells[d->last].key, key) && d->cells[d->last].id != 0) {
        *id = d->cells[d->last].id;
        return 0;
    }
    uint64_t hash = hash_of(key, st->ledger.seed);
    if (d->used > 0) {
        size_t at = cell_at(d, hash, key);
        if (d->cells[at].id != 0) {
            d->last = at;
            *id = d->cells[at].id;
            return 0;
        }
    }
    if (find_stored(st, hash, key, id, err) != 0)
        return err->code;
    if (*id == 0) {
        *id = st->ledger.next_series;
        if (add_stored(st, hash, event, err) != 0)
            return err->code;
    }
    dict_add(d, hash, key, *id);
    return 0;
}
