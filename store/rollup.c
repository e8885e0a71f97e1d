/* rollup.c - counts by series per second, minute and hour: summed in memory, then added on disk. */
#include "store/internal.h"

#include <stdlib.h>

static const int levels[] = {1, 60, 3600};
enum { LEVELS = sizeof levels / sizeof *levels, TALLY_MAX = 1 << 16, PAGE_ROWS = 4096 };

int64_t floor_s(int64_t time_us)
{
    int64_t rest = time_us % US_PER_S;
    return time_us / US_PER_S - (rest < 0);
}

static size_t cell_at(const struct tally *t, int64_t at_s, int64_t series)
{
    uint64_t h = ((uint64_t)at_s * UINT64_C(0x9e3779b97f4a7c15)) ^
                 ((uint64_t)series * UINT64_C(0xc2b2ae3d27d4eb4f));
    size_t i = (size_t)(h ^ h >> 32) & (t->cap - 1);
    while (t->cells[i].n != 0 && (t->cells[i].at_s != at_s || t->cells[i].series != series))
        i = (i + 1) & (t->cap - 1);
    return i;
}

static void tally_grow(struct tally *t)
{
    struct tally old = *t;
    t->cap = old.cap ? old.cap * 2 : 256;
    t->cells = xcalloc(t->cap, sizeof *t->cells);
    for (size_t i = 0; i < old.cap; i++)
        if (old.cells[i].n != 0)
            t->cells[cell_at(t, old.cells[i].at_s, old.cells[i].series)] = old.cells[i];
    t->last = 0;
    free(old.cells);
}

/* All counts of one tally have the same sign, so that a cell in use is never 0. */
void tally_add(struct tally *t, int64_t at_s, int64_t series, int64_t n)
{
    if (t->used * 2 >= t->cap)
        tally_grow(t);
    struct tally_cell *last = &t->cells[t->last];
    if (last->n != 0 && last->at_s == at_s && last->series == series) {
        last->n += n;
        return;
    }
    t->last = cell_at(t, at_s, series);
    struct tally_cell *cell = &t->cells[t->last];
    t->used += cell->n == 0;
    *cell = (struct tally_cell){at_s, series, cell->n + n};
}

void tally_release(struct tally *t)
{
    free(t->cells);
    *t = (struct tally){0};
}

static int by_key(const void *va, const void *vb)
{
    const struct tally_cell *a = va, *b = vb;
    if (a->at_s != b->at_s)
        return a->at_s < b->at_s ? -1 : 1;
    return a->series < b->series ? -1 : a->series > b->series;
}

/* Adds up the cells that have the same key at a coarser level; returns how many are left. */
static size_t coarsen(struct tally_cell *cells, size_t n, int level)
{
    for (size_t i = 0; i < n; i++)
        cells[i].at_s = civil_floor(cells[i].at_s, level);
    qsort(cells, n, sizeof *cells, by_key);
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        if (out > 0 && by_key(&cells[out - 1], &cells[i]) == 0)
            cells[out - 1].n += cells[i].n;
        else
            cells[out++] = cells[i];
    }
    return out;
}

static int store_cell(struct stream *st, int level, const struct tally_cell *c, struct err *err)
{
    if (stream_run(st, err, STMT_rollup_add, "iiii", (int64_t)level, c->at_s, c->series, c->n) != 0)
        return err->code;
    if (c->n > 0)
        return 0;
    return stream_run(st, err, STMT_rollup_empty, "iii", (int64_t)level, c->at_s, c->series);
}

int tally_store(struct stream *st, struct tally *t, struct err *err)
{
    if (t->used == 0)
        return 0;
    size_t n = 0;
    for (size_t i = 0; i < t->cap; i++)
        if (t->cells[i].n != 0)
            t->cells[n++] = t->cells[i];
    int rc = 0;
    for (int level = 0; level < LEVELS && rc == 0; level++) {
        n = coarsen(t->cells, n, levels[level]);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = store_cell(st, levels[level], &t->cells[i], err);
    }
    if (t->cap > TALLY_MAX)
        tally_release(t);
    else if (t->cap)
        memset(t->cells, 0, t->cap * sizeof *t->cells);
    t->used = 0;
    return rc;
}

struct page {
    struct tally_cell rows[PAGE_ROWS];
    size_t n;
};

/* The rows behind (*at_s, *series), which go on to the last one read. */
static int read_page(struct stream *st, const int64_t bounds[2], struct tally_cell *after,
                     struct page *page, struct err *err)
{
    sqlite3_stmt *stmt = stream_stmt(st, STMT_rollup_after, err);
    if (!stmt)
        return err->code;
    db_bind(stmt, "iiiii", bounds[0], after->at_s, after->series, bounds[1], (int64_t)PAGE_ROWS);
    int rc;
    page->n = 0;
    while ((rc = stream_step(st, stmt, err)) == 1 && page->n < PAGE_ROWS)
        page->rows[page->n++] = (struct tally_cell){sqlite3_column_int64(stmt, 0),
                                                    sqlite3_column_int64(stmt, 1),
                                                    sqlite3_column_int64(stmt, 2)};
    sqlite3_reset(stmt);
    if (page->n > 0)
        *after = page->rows[page->n - 1];
    return rc < 0 ? rc : 0;
}

/* The first whole second at or after a time. */
static int64_t ceil_s(int64_t time_us)
{
    int64_t s = floor_s(time_us);
    return time_us % US_PER_S == 0 ? s : s + 1;
}

static int visit_pages(struct stream *st, const int64_t bounds[2], int64_t from_s,
                       rollup_visit *visit, void *context, struct err *err)
{
    struct tally_cell after = {.at_s = from_s, .series = INT64_MIN};
    struct page *page = xcalloc(1, sizeof *page);
    int rc = 0;
    bool more = true;
    while (more && rc == 0 && (rc = read_page(st, bounds, &after, page, err)) == 0) {
        more = page->n == PAGE_ROWS;
        for (size_t i = 0; i < page->n; i++)
            if (visit(context, page->rows[i].series, page->rows[i].at_s * US_PER_S,
                      (uint64_t)page->rows[i].n) != 0) {
                free(page);
                return 0;
            }
    }
    free(page);
    return rc;
}

int store_rollup(struct store *s, struct str stream, int level_s, int64_t from_us, int64_t until_us,
                 rollup_visit *visit, void *context, struct err *err)
{
    struct stream *st;
    if (store_reader(s, stream, &st, err) != 0)
        return err->code;
    if (!st)
        return 0;
    const int64_t bounds[2] = {level_s, ceil_s(until_us)};
    if (visit_pages(st, bounds, ceil_s(from_us), visit, context, err) != 0)
        return store_failed(s, st, err);
    return 0;
}
