/* raw.c - the raw line of an event, through a small cache of unpacked blocks: events in time order
 * come from a few blocks at a time. */
#include "store/internal.h"

static bool holds(const struct unpacked *u, int64_t id)
{
    return u->n > 0 && u->first <= id && id <= u->lines[u->n - 1].id;
}

/* The slot that has the block already (it has grown since), or the one used longest ago. */
static struct unpacked *slot_for(struct stream *st, int64_t first)
{
    struct unpacked *oldest = &st->unpacked[0];
    for (size_t i = 0; i < UNPACKED; i++) {
        struct unpacked *u = &st->unpacked[i];
        if (u->n > 0 && u->first == first)
            return u;
        if (u->used < oldest->used)
            oldest = u;
    }
    return oldest;
}

static struct unpacked *cached(struct stream *st, int64_t id)
{
    if (st->unpacked_last && holds(st->unpacked_last, id))
        return st->unpacked_last;
    for (size_t i = 0; i < UNPACKED; i++)
        if (holds(&st->unpacked[i], id))
            return &st->unpacked[i];
    return NULL;
}

static int load(struct store *s, struct stream *st, int64_t id, struct unpacked **out,
                struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_raw_around, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "i", id);
    int rc = stream_step(st, stmt, err);
    if (rc != 1)
        return rc;
    int64_t first = sqlite3_column_int64(stmt, 0);
    struct unpacked *u = slot_for(st, first);
    u->n = 0;
    bool sound = block_unpack(db_column(stmt, 1), first, s->zstd_out, u);
    sqlite3_reset(stmt);
    if (sound) {
        *out = u;
        return 1;
    }
    u->n = 0;
    st->damaged = true;
    return err_set(err, ERR_CORRUPT, "a block of raw lines can't be unpacked");
}

int raw_find(struct store *s, struct stream *st, int64_t id, struct str *raw, struct err *err)
{
    if (!st->unpacked)
        st->unpacked = xcalloc(UNPACKED, sizeof *st->unpacked);
    struct unpacked *u = cached(st, id);
    int rc = u ? 1 : load(s, st, id, &u, err);
    if (rc != 1)
        return rc;
    u->used = ++st->unpack_clock;
    st->unpacked_last = u;
    return unpacked_find(u, id, raw) ? 1 : 0;
}
