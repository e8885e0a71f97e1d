/* insert.c - the peer of the storm: the rows that a finished store holds, inserted again by a bare
 * loop into an empty file of the same schema. One thread, prepared statements, the same settings and
 * as many events a transaction; what is packed stays packed. Reading them is not counted.
 *
 *   bench_insert FROM.db TO.db     prints {"rows":EVENTS,"seconds":S} */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_EVENTS = 8192, TABLES = 5 };

static const char *const tables[TABLES] = {"events", "series", "blocks", "raw", "rollup"};

struct row {
    sqlite3_value *values[16];
};

struct table {
    struct row *rows;
    size_t n, cap, done;
    int columns;
    sqlite3_stmt *insert;
};

static void check(sqlite3 *db, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return;
    fprintf(stderr, "bench_insert: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void exec(sqlite3 *db, const char *sql)
{
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    check(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL));
    return stmt;
}

static void read_table(sqlite3 *db, const char *name, struct table *t)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT * FROM %s", name);
    sqlite3_stmt *stmt = prepare(db, sql);
    t->columns = sqlite3_column_count(stmt);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        if (t->n == t->cap) {
            t->cap = t->cap ? t->cap * 2 : 1024;
            t->rows = realloc(t->rows, t->cap * sizeof *t->rows);
            if (!t->rows)
                abort();
        }
        struct row *row = &t->rows[t->n++];
        for (int i = 0; i < t->columns; i++)
            row->values[i] = sqlite3_value_dup(sqlite3_column_value(stmt, i));
    }
    sqlite3_finalize(stmt);
}

/* The tables and indices of one file in the other. */
static void copy_schema(sqlite3 *from, sqlite3 *to)
{
    exec(to, "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
             "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000;"
             "PRAGMA cache_size = -1024; PRAGMA mmap_size = 0;");
    sqlite3_stmt *stmt = prepare(from, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
    while (sqlite3_step(stmt) == SQLITE_ROW)
        exec(to, (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
}

static void prepare_insert(sqlite3 *db, const char *name, struct table *t)
{
    char sql[128];
    int n = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES(?", name);
    for (int i = 1; i < t->columns; i++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, ",?");
    snprintf(sql + n, sizeof sql - (size_t)n, ")");
    t->insert = prepare(db, sql);
}

static void insert(sqlite3 *db, struct table *t, size_t until)
{
    for (; t->done < until && t->done < t->n; t->done++) {
        for (int i = 0; i < t->columns; i++)
            sqlite3_bind_value(t->insert, i + 1, t->rows[t->done].values[i]);
        check(db, sqlite3_step(t->insert));
        sqlite3_reset(t->insert);
    }
}

/* A batch of events and the share of the other rows that goes with it. */
static void insert_all(sqlite3 *db, struct table all[TABLES])
{
    const size_t events = all[0].n;
    for (size_t done = 0; done < events;) {
        done = done + BATCH_EVENTS < events ? done + BATCH_EVENTS : events;
        exec(db, "BEGIN IMMEDIATE");
        for (int i = 0; i < TABLES; i++)
            insert(db, &all[i], all[i].n * done / events);
        exec(db, "COMMIT");
    }
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    static struct table all[TABLES];
    sqlite3 *from = NULL, *to = NULL;
    if (argc != 3) {
        fputs("usage: bench_insert FROM.db TO.db\n", stderr);
        return 2;
    }
    unlink(argv[2]);
    check(from, sqlite3_open_v2(argv[1], &from, SQLITE_OPEN_READWRITE, NULL));
    check(to, sqlite3_open(argv[2], &to));
    copy_schema(from, to);
    for (int i = 0; i < TABLES; i++) {
        read_table(from, tables[i], &all[i]);
        prepare_insert(to, tables[i], &all[i]);
    }
    const double start = now_s();
    insert_all(to, all);
    for (int i = 0; i < TABLES; i++)
        sqlite3_finalize(all[i].insert);
    check(to, sqlite3_close(to)); /* with the last checkpoint, as a process that ends does it */
    printf("{\"rows\":%zu,\"seconds\":%.6f}\n", all[0].n, now_s() - start);
    sqlite3_close(from);
    return 0;
}
