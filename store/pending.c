/* pending.c - rows in memory as an SQLite table, so that one INSERT ... SELECT stores thousands:
 * a statement for each row costs more in starting and ending it than in the row. */
#include "store/internal.h"

struct table {
    sqlite3_vtab base;
    const struct pending *pending;
};
struct cursor_at {
    sqlite3_vtab_cursor base;
    size_t row;
};

static int pending_connect(sqlite3 *db, void *context, int argc, const char *const *argv,
                           sqlite3_vtab **out, char **error)
{
    (void)argc, (void)argv, (void)error;
    int rc = sqlite3_declare_vtab(db, "CREATE TABLE pending(id, time_us, series, peer)");
    if (rc != SQLITE_OK)
        return rc;
    struct table *table = sqlite3_malloc64(sizeof *table);
    if (!table)
        return SQLITE_NOMEM;
    *table = (struct table){.pending = context};
    *out = &table->base;
    return SQLITE_OK;
}

static int pending_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int pending_plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedRows = PENDING_ROWS;
    return SQLITE_OK;
}

static int pending_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    struct cursor_at *at = sqlite3_malloc64(sizeof *at);
    if (!at)
        return SQLITE_NOMEM;
    *at = (struct cursor_at){0};
    *out = &at->base;
    return SQLITE_OK;
}

static int pending_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int pending_filter(sqlite3_vtab_cursor *cursor, int plan, const char *text, int argc,
                          sqlite3_value **argv)
{
    (void)plan, (void)text, (void)argc, (void)argv;
    ((struct cursor_at *)cursor)->row = 0;
    return SQLITE_OK;
}

static int pending_next(sqlite3_vtab_cursor *cursor)
{
    ((struct cursor_at *)cursor)->row++;
    return SQLITE_OK;
}

static const struct pending *pending_of(sqlite3_vtab_cursor *cursor)
{
    return ((struct table *)cursor->pVtab)->pending;
}

static int pending_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct cursor_at *)cursor)->row >= pending_of(cursor)->n;
}

static int pending_column(sqlite3_vtab_cursor *cursor, sqlite3_context *out, int column)
{
    const struct pending_row *row = &pending_of(cursor)->rows[((struct cursor_at *)cursor)->row];
    if (column == 0)
        sqlite3_result_int64(out, row->id);
    else if (column == 1)
        sqlite3_result_int64(out, row->time_us);
    else if (column == 2)
        sqlite3_result_int64(out, row->series);
    else if (row->packed_n)
        sqlite3_result_blob(out, row->packed, row->packed_n, SQLITE_STATIC);
    else if (row->peer.p)
        sqlite3_result_text64(out, row->peer.p, row->peer.n, SQLITE_STATIC, SQLITE_UTF8);
    return SQLITE_OK; /* nothing set: NULL */
}

static int pending_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((struct cursor_at *)cursor)->row;
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .xConnect = pending_connect, /* without xCreate: there is only the one, named as the module */
    .xBestIndex = pending_plan,
    .xDisconnect = pending_disconnect,
    .xOpen = pending_open,
    .xClose = pending_close,
    .xFilter = pending_filter,
    .xNext = pending_next,
    .xEof = pending_eof,
    .xColumn = pending_column,
    .xRowid = pending_rowid,
};

int pending_register(sqlite3 *db, struct pending *pending)
{
    return sqlite3_create_module_v2(db, "pending", &module, pending, NULL);
}
