/* test_open.c - stores that aren't there, are held, are damaged or come from the future. */
#include "help.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path_of(const char *dir, const char *name)
{
    struct buf b = {0};
    buf_printf(&b, "%s/%s", dir, name);
    return b.p;
}

static void append_numbers(struct store *s, const char *stream, int n, int64_t from)
{
    struct event events[500];
    for (int i = 0; i < n; i++)
        events[i] = numbered(i, at_s(i), REASON_reset);
    append(s, stream, events, (size_t)n, "file:a", from);
}

/* A store with the streams edge and lb of 500 events each, closed. */
static const char *make_store(void)
{
    const char *dir = test_dir();
    struct store *s = open_store(dir, STORE_WRITE);
    append_numbers(s, "edge", 500, 0);
    append_numbers(s, "lb", 500, 0);
    store_close(s);
    return dir;
}

static struct buf bytes_of(const char *path)
{
    struct buf b = {0};
    int fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0, "%s", path);
    ssize_t n;
    do {
        buf_reserve(&b, 65536);
        n = read(fd, b.p + b.n, 65536);
        b.n += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    close(fd);
    return b;
}

static void write_bytes(const char *path, const void *bytes, size_t n, off_t at)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0666);
    cr_assert_eq(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static int files_with(const char *dir, const char *part)
{
    char *streams = path_of(dir, "streams");
    DIR *d = opendir(streams);
    cr_assert(d);
    int n = 0;
    struct dirent *entry;
    while ((entry = readdir(d)))
        n += strstr(entry->d_name, part) != NULL;
    closedir(d);
    free(streams);
    return n;
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(store, names_that_could_leave_the_folder_are_refused)
{
    static const char *const bad[] = {"", ".", "..", "../x", "a/b", "/a", "-a", "_a", "A", "a b",
                                      "a\n", ".hidden", "\xc3\xa4"};
    static const char *const good[] = {"a", "0", "edge", "a.b_c-d", "a..b"};
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct event e = numbered(0, at_s(0), REASON_reset);
    struct batch b = batch_of(&e, 1, "file:a", 0);
    struct err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_not(stream_name_valid(str_of(bad[i])), "%s", bad[i]);
        cr_expect_eq(store_append(s, str_of(bad[i]), &b, 1, &err), ERR_USAGE);
    }
    cr_expect_not(stream_name_valid(STR("a\0b")));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(stream_name_valid(str_of(good[i])), "%s", good[i]);
    char name[80];
    memset(name, 'a', sizeof name);
    cr_expect(stream_name_valid(str_make(name, 64)));
    cr_expect_not(stream_name_valid(str_make(name, 65)));
    struct arena arena = {0};
    struct str *names;
    cr_expect_eq(store_streams(s, &arena, &names), 0);
    arena_release(&arena);
    store_close(s);
}

Test(store, reading_a_store_that_is_not_there_says_what_to_run)
{
    struct store *s;
    struct err err = {0};
    const char *dir = test_dir();
    cr_expect_eq(store_open(dir, STORE_READ, &s, &err), ERR_FAILED);
    cr_expect(strstr(err.text, "tlstrail ingest"), "%s", err.text);
    cr_expect_neq(access(dir, F_OK), 0, "and makes none");
}

Test(store, a_file_in_place_of_the_folder_is_refused)
{
    struct store *s;
    struct err err = {0};
    cr_expect_eq(store_open("/dev/null", STORE_READ, &s, &err), ERR_FAILED);
    cr_expect_eq(store_open("/dev/null", STORE_WRITE, &s, &err), ERR_FAILED);
    cr_expect(strstr(err.text, "--store"), "%s", err.text);
}

Test(store, a_second_writer_is_told_that_it_is_busy_and_readers_are_not)
{
    const char *dir = make_store();
    struct store *first = open_store(dir, STORE_WRITE), *second;
    struct err err = {0};
    cr_expect_eq(store_open(dir, STORE_WRITE, &second, &err), ERR_BUSY);
    cr_expect(strstr(err.text, "another"), "%s", err.text);
    struct store *reader = open_store(dir, STORE_READ);
    check_stream(reader, "edge");
    struct batch b = {0};
    cr_expect_eq(store_append(reader, STR("edge"), &b, 1, &err), ERR_FAILED);
    store_close(first);
    second = open_store(dir, STORE_WRITE);
    store_close(second);
    check_stream(reader, "lb");
    store_close(reader);
}

Test(store, a_deploy_is_marked_while_another_process_writes)
{
    const char *dir = make_store();
    struct store *writer = open_store(dir, STORE_WRITE);
    struct store *reader = open_store(dir, STORE_READ);
    struct err err = {0};
    struct arena arena = {0};
    struct deploy *deploys;
    cr_expect_eq(store_deploys(reader, &arena, &deploys), 0);
    cr_assert_eq(store_deploy_add(reader, STR("v2"), at_s(20), &err), 0, "%s", err.text);
    cr_assert_eq(store_deploy_add(writer, STR("v1"), at_s(10), &err), 0, "%s", err.text);
    cr_expect_eq(store_deploy_add(writer, STR(""), at_s(10), &err), ERR_USAGE);
    cr_assert_eq(store_deploys(reader, &arena, &deploys), 2);
    cr_expect(str_eq(deploys[0].name, STR("v1")));
    cr_expect_eq(deploys[0].at_us, at_s(10));
    cr_expect(str_eq(deploys[1].name, STR("v2")));
    append_numbers(writer, "new", 5, 0);
    arena_release(&arena);
    store_close(reader);
    store_close(writer);
}

/* What damage is done to streams/edge.db. */
static void damage(const char *path, int kind)
{
    struct buf b = bytes_of(path);
    char zeros[8192] = {0};
    if (kind == 0)
        write_bytes(path, "garbage", 7, 0);
    else if (kind == 1)
        cr_assert_eq(truncate(path, 0), 0);
    else if (kind == 2)
        cr_assert_eq(truncate(path, 5000), 0);
    else if (kind == 3)
        sql(path, "PRAGMA application_id = 77");
    else if (kind == 4)
        sql(path, "DROP TABLE rollup");
    else if (kind == 5)
        sql(path, "UPDATE ledger SET events = events + 1");
    else if (kind == 6)
        write_bytes(path, zeros, sizeof zeros, 0);
    else
        for (size_t at = 8192; at < b.n; at += 8192)
            write_bytes(path, zeros, 100, (off_t)at);
    buf_release(&b);
}
enum { KINDS = 8 };

Test(store, what_sources_wait_for_is_kept_until_it_is_over)
{
    const char *dir = test_dir();
    struct store *writer = open_store(dir, STORE_WRITE), *reader = open_store(dir, STORE_READ);
    struct arena arena = {0};
    struct trouble *list;
    struct err err;
    char id[STORE_ID_LEN + 1];
    cr_assert_eq(store_id(writer, id, &err), 0); /* a setting that isn't one of them */
    cr_expect_eq(store_troubles(reader, &arena, &list), 0);
    cr_assert_eq(store_trouble(reader, STR("kafka b:1"), STR("no 'answer'"), &err), 0);
    cr_assert_eq(store_trouble(writer, STR("kafka a:1"), STR("first"), &err), 0);
    cr_assert_eq(store_trouble(writer, STR("kafka a:1"), STR("then this"), &err), 0);
    cr_assert_eq(store_trouble(writer, STR("file x"), STR("gone"), &err), 0);
    cr_assert_eq(store_troubles(reader, &arena, &list), 3);
    cr_expect(str_eq(list[0].source, STR("file x")) && str_eq(list[1].line, STR("then this")) &&
              str_eq(list[2].line, STR("no 'answer'")));
    cr_expect(list[2].since_us > 0 && list[2].since_us <= list[1].since_us);
    cr_assert_eq(store_trouble(writer, STR("kafka "), STR_NONE, &err), 0);
    cr_assert_eq(store_troubles(reader, &arena, &list), 1);
    cr_expect_str_eq(list[0].source.p, "file x");
    arena_release(&arena);
    store_close(reader);
    store_close(writer);
}

Test(store, a_damaged_stream_is_set_aside_by_a_writer_and_the_others_go_on)
{
    for (int kind = 0; kind < KINDS; kind++) {
        const char *dir = make_store();
        char *path = path_of(dir, "streams/edge.db");
        damage(path, kind);
        struct buf was = bytes_of(path);
        struct store *s = open_store(dir, STORE_WRITE);
        struct event e = numbered(0, at_s(0), REASON_reset);
        struct batch b = batch_of(&e, 1, "file:a", 0), again = batch_of(&e, 1, "file:a", 500);
        struct err err = {0};
        if (kind == 4) { /* shows at the first use of the table */
            cr_expect_eq(store_append(s, STR("edge"), &again, 1, &err), ERR_CORRUPT);
        }
        const char *const *lines;
        cr_assert_eq(store_warnings(s, &lines), 1, "kind %d", kind);
        cr_expect(strstr(lines[0], "edge") && strstr(lines[0], ".corrupt-"), "%s", lines[0]);
        cr_expect_geq(files_with(dir, "edge.db.corrupt-"), 1);
        cr_assert_eq(store_append(s, STR("edge"), &b, 1, &err), 0, "kind %d: %s", kind, err.text);
        append_numbers(s, "lb", 10, 500);
        check_stream(s, "edge");
        check_stream(s, "lb");
        cr_expect_eq(count_rollup(s, "lb", 60), 510);
        cr_expect_eq(count_rollup(s, "edge", 60), 1);
        buf_release(&was);
        free(path);
        store_close(s);
    }
}

Test(store, a_damaged_stream_is_skipped_by_a_reader_and_nothing_is_renamed)
{
    for (int kind = 0; kind < KINDS; kind++) {
        const char *dir = make_store();
        char *path = path_of(dir, "streams/edge.db");
        damage(path, kind);
        struct buf was = bytes_of(path);
        struct store *s = open_store(dir, STORE_READ);
        cr_expect_eq(count_rollup(s, "lb", 60), 500);
        check_stream(s, "lb");
        cr_expect_eq(count_rollup(s, "edge", 60), 0, "kind %d", kind);
        struct seen seen = {0};
        see_all(s, "edge", &(struct event_query){EVERYTHING}, &seen);
        seen_release(&seen);
        const char *const *lines;
        cr_assert_eq(store_warnings(s, &lines), 1, "kind %d", kind);
        cr_expect(strstr(lines[0], "edge"), "%s", lines[0]);
        struct arena arena = {0};
        cr_expect_not_null(status_of(s, "edge", &arena).damaged.p);
        cr_expect_null(status_of(s, "lb", &arena).damaged.p);
        store_close(s);
        cr_expect_eq(files_with(dir, ".corrupt-"), 0);
        struct buf is = bytes_of(path);
        cr_expect(str_eq(buf_as_str(&was), buf_as_str(&is)), "the file is as it was");
        buf_release(&was);
        buf_release(&is);
        arena_release(&arena);
        free(path);
    }
}

Test(store, a_packed_block_that_does_not_unpack_is_damage_and_not_a_wrong_line)
{
    const char *dir = make_store();
    char *path = path_of(dir, "streams/edge.db");
    sql(path, "UPDATE raw SET data = CAST(substr(data, 1, 40) || x'00' || substr(data, 42) AS BLOB)");
    struct store *s = open_store(dir, STORE_READ);
    struct seen seen = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING, .want_raw = true}, &seen);
    cr_expect_eq(seen.n, 0);
    const char *const *lines;
    cr_expect_eq(store_warnings(s, &lines), 1);
    seen_release(&seen);
    store_close(s);
    free(path);
}

Test(store, a_newer_schema_is_refused_and_nothing_is_changed)
{
    static const char *const files[] = {"streams/edge.db", "catalog.db"};
    for (int i = 0; i < 2; i++) {
        const char *dir = make_store();
        char *path = path_of(dir, files[i]), *lb = path_of(dir, "streams/lb.db");
        sql(path, "PRAGMA user_version = 2");
        if (i == 0)
            write_bytes(lb, "garbage", 7, 0); /* is not set aside either */
        struct buf was = bytes_of(path);
        for (int mode = 0; mode < 2; mode++) {
            struct store *s;
            struct err err = {0};
            cr_expect_eq(store_open(dir, mode ? STORE_WRITE : STORE_READ, &s, &err), ERR_FAILED);
            cr_expect(strstr(err.text, "newer tlstrail"), "%s", err.text);
            cr_expect_eq(files_with(dir, ".corrupt-"), 0);
            struct buf is = bytes_of(path);
            cr_expect(str_eq(buf_as_str(&was), buf_as_str(&is)));
            buf_release(&is);
        }
        buf_release(&was);
        free(path);
        free(lb);
    }
}

Test(store, hostile_triggers_and_views_in_a_file_do_nothing)
{
    const char *dir = make_store();
    char *path = path_of(dir, "streams/edge.db");
    sql(path, "CREATE TRIGGER evil AFTER INSERT ON events BEGIN DELETE FROM events; END");
    struct store *s = open_store(dir, STORE_WRITE);
    append_numbers(s, "edge", 10, 500);
    check_stream(s, "edge");
    store_close(s);
    free(path);
}

Test(store, what_a_crashed_creation_left_is_cleared_away)
{
    const char *dir = test_dir();
    struct store *s = open_store(dir, STORE_WRITE);
    char *aside = path_of(dir, "streams/edge.db.new"), *wal = path_of(dir, "streams/edge.db-wal");
    write_bytes(aside, "half", 4, 0);
    write_bytes(wal, "of a database that is gone", 26, 0);
    append_numbers(s, "edge", 10, 0);
    check_stream(s, "edge");
    cr_expect_eq(files_with(dir, ".new"), 0);
    free(aside);
    free(wal);
    store_close(s);
}

Test(store, more_streams_than_open_files_are_all_written_and_read)
{
    const char *dir = test_dir();
    struct store *s = open_store(dir, STORE_WRITE);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 60; i++) {
            char name[16];
            snprintf(name, sizeof name, "s%02d", i);
            append_numbers(s, name, 3, round * 3);
        }
    store_close(s);
    s = open_store(dir, STORE_READ);
    struct arena arena = {0};
    struct str *names;
    cr_assert_eq(store_streams(s, &arena, &names), 60);
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%02d", i);
        cr_assert(str_eq(names[i], str_of(name)));
        cr_expect_eq(count_rollup(s, name, 1), 6);
    }
    arena_release(&arena);
    store_close(s);
}

Test(store, a_reader_follows_a_file_that_was_set_aside_and_made_anew)
{
    const char *dir = make_store();
    struct store *r = open_store(dir, STORE_READ);
    cr_expect_eq(count_rollup(r, "edge", 60), 500);
    char *path = path_of(dir, "streams/edge.db"), *to = path_of(dir, "streams/elsewhere");
    cr_assert_eq(rename(path, to), 0);
    cr_expect_eq(count_rollup(r, "edge", 60), 0);
    struct store *w = open_store(dir, STORE_WRITE);
    append_numbers(w, "edge", 5, 0);
    cr_expect_eq(count_rollup(r, "edge", 60), 5);
    store_close(w);
    store_close(r);
    free(path);
    free(to);
}

Test(store, the_wal_stays_bounded)
{
    const char *dir = test_dir();
    struct store *w = open_store(dir, STORE_WRITE), *r = open_store(dir, STORE_READ);
    static struct event events[2000];
    static char noise[2000][500];
    srand(5);
    for (int i = 0; i < 2000; i++) {
        for (int k = 0; k < 500; k++)
            noise[i][k] = (char)rand();
        events[i] = numbered(i, at_s(i), REASON_reset);
        events[i].raw = str_make(noise[i], 500);
    }
    char *wal = path_of(dir, "streams/edge.db-wal");
    for (int round = 0; round < 40; round++) {
        append(w, "edge", events, 2000, "file:a", round * 2000);
        cr_expect_eq(count_rollup(r, "edge", 3600), (uint64_t)(round + 1) * 2000);
        struct stat st;
        cr_assert_eq(stat(wal, &st), 0);
        cr_assert_leq(st.st_size, 64 << 20);
    }
    free(wal);
    store_close(r);
    store_close(w);
}
