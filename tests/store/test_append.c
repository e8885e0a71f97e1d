/* test_append.c - what goes in comes out, all of it or none of it. */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(store, an_event_comes_back_with_every_field)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct event in = numbered(1, at_s(0.25), REASON_unknown_ca);
    in.tls_version = STR("TLSv1.3");
    in.cipher = STR("TLS_AES_128_GCM_SHA256");
    in.truncated = in.time_is_read = true;
    append(s, "edge", &in, 1, "file:a", 0);
    struct seen seen = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING, .want_raw = true}, &seen);
    cr_assert_eq(seen.n, 1);
    const struct event *out = &seen.list[0].event;
    cr_expect_eq(seen.list[0].id, 1);
    cr_expect_eq(out->time_us, in.time_us);
    cr_expect(out->truncated && out->time_is_read);
    cr_expect_eq(out->reason, in.reason);
    cr_expect_eq(out->leg, in.leg);
    cr_expect_eq(out->rejected_by, in.rejected_by);
    cr_expect_eq(out->alert, 48);
    cr_expect(str_eq(out->host, in.host) && str_eq(out->peer, in.peer));
    cr_expect(str_eq(out->tls_version, in.tls_version) && str_eq(out->cipher, in.cipher));
    cr_expect(str_eq(out->format, in.format) && str_eq(out->library, in.library));
    cr_expect(str_eq(out->raw, in.raw));
    seen_release(&seen);
    store_close(s);
}

Test(store, what_an_event_does_not_have_stays_absent)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct event in = {.time_us = at_s(0), .reason = REASON_unspecified, .alert = ALERT_NONE};
    struct event empty = in;
    empty.host = STR("");
    append(s, "edge", (struct event[]){in, empty}, 2, "file:a", 0);
    struct seen seen = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING, .want_raw = true}, &seen);
    cr_assert_eq(seen.n, 2);
    cr_expect_null(seen.list[0].event.host.p);
    cr_expect_null(seen.list[0].event.peer.p);
    cr_expect_null(seen.list[0].event.library.p);
    cr_expect_eq(seen.list[0].event.alert, ALERT_NONE);
    cr_expect_eq(seen.list[0].event.leg, LEG_NONE);
    cr_expect_not_null(seen.list[1].event.host.p, "empty is not absent");
    seen_release(&seen);
    store_close(s);
}

Test(store, raw_lines_are_kept_byte_for_byte)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    enum { LINES = 300 };
    struct event events[LINES];
    static char raws[LINES][777];
    srand(7);
    for (int i = 0; i < LINES; i++) {
        events[i] = numbered(i, at_s(i), REASON_reset);
        for (size_t k = 0; k < sizeof raws[i]; k++)
            raws[i][k] = (char)(rand() & 0xff); /* NUL, LF and invalid UTF-8 among them */
        events[i].raw = str_make(raws[i], (size_t)rand() % sizeof raws[i]);
        events[i].host = str_make(raws[i] + 10, 5);
        events[i].peer = str_make(raws[i] + 20, 6);
    }
    append(s, "edge", events, LINES, "file:a", 0);
    struct seen seen = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING, .want_raw = true}, &seen);
    cr_assert_eq(seen.n, LINES);
    for (int i = 0; i < LINES; i++) {
        cr_assert(str_eq(seen.list[i].event.raw, events[i].raw), "line %d", i);
        cr_assert(str_eq(seen.list[i].event.host, events[i].host), "host %d", i);
        cr_assert(str_eq(seen.list[i].event.peer, events[i].peer), "peer %d", i);
    }
    seen_release(&seen);
    store_close(s);
}

Test(store, every_kind_of_peer_comes_back_as_it_was_written)
{
    static const char *const peers[] = {
        "1.2.3.4", "1.2.3.4:5", "255.255.255.255:65535", "01.2.3.4", "1.2.3.4:05", "1.2.3.4:65536",
        "1.2.3.256", "1.2.3", "1.2.3.4.5", "1.2.3.4:", "::1", "[::1]:443", "[::1]", "2001:db8::1",
        "2001:DB8::1", "2001:db8:0:0::1", "[2001:db8::1]:0", "[2001:db8::1]:00", "::ffff:1.2.3.4",
        "fe80::1%eth0", "unix:", "", "[", "[]", "[]:1", "x", "999999999999999999999.1.1.1"};
    enum { PEERS = sizeof peers / sizeof *peers };
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct event events[PEERS];
    for (int i = 0; i < PEERS; i++) {
        events[i] = numbered(i, at_s(i), REASON_reset);
        events[i].peer = str_of(peers[i]);
    }
    append(s, "edge", events, PEERS, "file:a", 0);
    struct seen seen = {0};
    see_all(s, "edge", &(struct event_query){EVERYTHING}, &seen);
    cr_assert_eq(seen.n, PEERS);
    for (int i = 0; i < PEERS; i++)
        cr_expect(str_eq(seen.list[i].event.peer, str_of(peers[i])), "%s came back as %.*s",
                  peers[i], STR_ARG(seen.list[i].event.peer));
    seen_release(&seen);
    store_close(s);
}

Test(store, a_batch_that_does_not_begin_at_the_cursor_is_refused_whole)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct event e[3] = {numbered(0, at_s(0), REASON_reset), numbered(1, at_s(1), REASON_reset),
                         numbered(2, at_s(2), REASON_reset)};
    append(s, "edge", e, 3, "file:a", 0);
    struct err err = {0};
    const int64_t wrong[] = {0, 2, 4};
    for (int i = 0; i < 3; i++) {
        struct batch good = batch_of(e, 3, "file:b", 0), bad = batch_of(e, 3, "file:a", wrong[i]);
        cr_expect_eq(store_append(s, STR("edge"), (struct batch[]){good, bad}, 2, &err),
                     ERR_CORRUPT);
    }
    struct arena arena = {0};
    cr_expect_eq(status_of(s, "edge", &arena).events, 3);
    struct cursor cursor;
    cr_expect_eq(0, store_cursor(s, STR("edge"), STR("file:b"), &arena, &cursor, &err));
    cr_expect_eq(1, store_cursor(s, STR("edge"), STR("file:a"), &arena, &cursor, &err));
    cr_expect_eq(cursor.position, 3);
    append(s, "edge", e, 3, "file:a", 3);
    check_stream(s, "edge");
    cr_expect_eq(status_of(s, "edge", &arena).events, 6);
    arena_release(&arena);
    store_close(s);
}

Test(store, a_batch_whose_ledger_does_not_close_is_refused)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct event e = numbered(0, at_s(0), REASON_reset);
    struct batch b = batch_of(&e, 1, "file:a", 0);
    b.lines = 2;
    struct err err = {0};
    cr_expect_eq(store_append(s, STR("edge"), &b, 1, &err), ERR_CORRUPT);
    b.other = 1;
    cr_expect_eq(store_append(s, STR("edge"), &b, 1, &err), 0);
    store_close(s);
}

Test(store, the_ledger_counts_what_was_read_and_survives_reopening)
{
    const char *dir = test_dir();
    struct store *s = open_store(dir, STORE_WRITE);
    struct event e[2] = {numbered(0, at_s(0), REASON_reset), numbered(1, at_s(1), REASON_reset)};
    struct quarantined q = {.position = 7, .why = STR("too dear"), .raw = STR("a\0b")};
    struct batch b = {.from_to = {STR("file:a"), 100, STR("{\"inode\":1}")},
                      .events = e,
                      .n_events = 2,
                      .quarantined = &q,
                      .n_quarantined = 1,
                      .lines = 10,
                      .bytes = 100,
                      .other = 7};
    struct err err = {0};
    cr_assert_eq(store_append(s, STR("edge"), &b, 1, &err), 0, "%s", err.text);
    store_close(s);
    s = open_store(dir, STORE_READ);
    struct arena arena = {0};
    struct stream_status st = status_of(s, "edge", &arena);
    cr_expect_eq(st.lines, 10);
    cr_expect_eq(st.events, 2);
    cr_expect_eq(st.other, 7);
    cr_expect_eq(st.quarantined, 1);
    cr_expect_eq(st.bytes, 100);
    cr_expect_eq(st.first_us, at_s(0));
    cr_expect_eq(st.last_us, at_s(1));
    cr_expect_gt(st.file_bytes, 0);
    cr_expect_null(st.damaged.p);
    cr_expect_neq(st.last_line_us, TIME_NONE);
    cr_assert_eq(st.n_cursors, 1);
    cr_expect(str_eq(st.cursors[0].key, STR("file:a")));
    cr_expect_eq(st.cursors[0].position, 100);
    cr_expect(str_eq(st.cursors[0].detail, STR("{\"inode\":1}")));
    check_stream(s, "edge");
    arena_release(&arena);
    store_close(s);
}

Test(store, a_stream_knows_the_times_that_its_lines_reach_over)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct arena arena = {0};
    struct err err = {0};
    struct batch b = batch_of(NULL, 0, "file:a#1", 0);
    b.from_to.position = 9;
    b.lines = b.other = 9;
    cr_assert_eq(store_append(s, STR("edge"), &b, 1, &err), 0, "%s", err.text);
    struct stream_status st = status_of(s, "edge", &arena);
    cr_expect(st.from_us == TIME_NONE && st.until_us == TIME_NONE, "no line told a time");

    const double spans[][2] = {{50, 60}, {20, 30}, {55, 58}};
    for (int i = 0; i < 3; i++) {
        b.from = b.from_to.position;
        b.from_to.position += 9;
        b.lines_from_us = at_s(spans[i][0]);
        b.lines_until_us = at_s(spans[i][1]);
        cr_assert_eq(store_append(s, STR("edge"), &b, 1, &err), 0, "%s", err.text);
    }
    st = status_of(s, "edge", &arena);
    cr_expect_eq(st.from_us, at_s(20));
    cr_expect_eq(st.until_us, at_s(60));
    arena_release(&arena);
    store_close(s);
}

Test(store, a_reader_sees_each_batch_at_once_and_new_streams_too)
{
    const char *dir = test_dir();
    struct store *w = open_store(dir, STORE_WRITE);
    struct store *r = open_store(dir, STORE_READ);
    struct arena arena = {0};
    struct str *names;
    cr_expect_eq(store_streams(r, &arena, &names), 0);
    for (int i = 0; i < 50; i++) {
        struct event e = numbered(i, at_s(i), REASON_reset);
        append(w, "edge", &e, 1, "file:a", i);
        struct seen seen = {0};
        see_all(r, "edge",
                &(struct event_query){EVERYTHING, .by_id = true, .after_id = i, .want_raw = true},
                &seen);
        cr_assert_eq(seen.n, 1);
        cr_expect(str_eq(seen.list[0].event.raw, e.raw));
        int64_t last = 0;
        struct err err;
        cr_expect_eq(store_last_id(r, STR("edge"), &last, &err), 0);
        cr_expect_eq(last, i + 1);
        seen_release(&seen);
    }
    cr_assert_eq(store_streams(r, &arena, &names), 1);
    cr_expect(str_eq(names[0], STR("edge")));
    check_stream(r, "edge");
    arena_release(&arena);
    store_close(r);
    store_close(w);
}

Test(store, series_are_told_apart_by_every_field_and_kept_once)
{
    const char *dir = test_dir();
    struct event base = numbered(1, at_s(0), REASON_unknown_ca), v[11];
    for (int i = 0; i < 11; i++)
        v[i] = base;
    v[1].reason = REASON_expired;
    v[2].leg = LEG_upstream;
    v[3].rejected_by = SIDE_NONE;
    v[4].alert = 46;
    v[5].host = STR("h1.example.ne");
    v[6].tls_version = STR("TLSv1.2");
    v[7].cipher = STR("x");
    v[8].format = STR("haproxy");
    v[9].library = STR_NONE;
    v[10].truncated = true;
    for (int round = 0; round < 3; round++) {
        struct store *s = open_store(dir, STORE_WRITE); /* a new one has to find them on disk */
        append(s, "edge", v, 11, "file:a", round * 11);
        store_close(s);
    }
    struct store *s = open_store(dir, STORE_READ);
    struct arena arena = {0};
    struct series *series;
    size_t n;
    struct err err;
    cr_assert_eq(store_series(s, STR("edge"), &arena, &series, &n, &err), 0);
    cr_expect_eq(n, 11);
    cr_expect_eq(series[1].event.reason, REASON_expired);
    cr_expect_null(series[9].event.library.p);
    cr_expect_eq(count_rollup(s, "edge", 3600), 33);
    check_stream(s, "edge");
    arena_release(&arena);
    store_close(s);
}

Test(store, a_flood_of_made_up_hosts_is_stored_as_well)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    enum { HOSTS = 40000 }; /* more series than a writer remembers */
    static struct event events[HOSTS];
    static char hosts[HOSTS][24];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < HOSTS; i++) {
            snprintf(hosts[i], sizeof hosts[i], "%d.example", i);
            events[i] = (struct event){.time_us = at_s(i / 1000),
                                       .reason = REASON_unrecognized_name,
                                       .alert = 112,
                                       .host = str_of(hosts[i])};
        }
        append(s, "edge", events, HOSTS, "file:a", round * HOSTS);
    }
    struct arena arena = {0};
    struct series *series;
    size_t n;
    struct err err;
    cr_assert_eq(store_series(s, STR("edge"), &arena, &series, &n, &err), 0);
    cr_expect_eq(n, HOSTS);
    check_stream(s, "edge");
    arena_release(&arena);
    store_close(s);
}

Test(store, cursors_are_found_listed_and_moved)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    struct err err = {0};
    struct arena arena = {0};
    struct cursor c = {STR("file:b"), 5, STR("{}")}, *list;
    size_t n;
    cr_assert_eq(store_move_cursor(s, STR("edge"), STR_NONE, &c, &err), 0, "%s", err.text);
    c = (struct cursor){STR("file:a\xff\0x"), 6, STR_NONE};
    c.key.n = 9;
    cr_assert_eq(store_move_cursor(s, STR("edge"), STR_NONE, &c, &err), 0, "%s", err.text);
    c = (struct cursor){STR("kafka:t/0"), 7, STR_NONE};
    cr_assert_eq(store_move_cursor(s, STR("edge"), STR_NONE, &c, &err), 0, "%s", err.text);
    cr_expect_eq(store_cursors(s, STR("edge"), STR("file:"), &arena, &list, &n, &err), 0);
    cr_expect_eq(n, 2);
    cr_expect_eq(list[0].key.n, 9);
    cr_expect_eq(list[0].position, 6);
    cr_expect_eq(store_cursors(s, STR("edge"), STR_NONE, &arena, &list, &n, &err), 0);
    cr_expect_eq(n, 3);
    cr_expect_eq(store_cursors(s, STR("none"), STR_NONE, &arena, &list, &n, &err), 0);
    cr_expect_eq(n, 0);
    c = (struct cursor){STR("file:c"), 2, STR("[]")};
    cr_assert_eq(store_move_cursor(s, STR("edge"), STR("file:b"), &c, &err), 0, "%s", err.text);
    cr_expect_eq(0, store_cursor(s, STR("edge"), STR("file:b"), &arena, &c, &err));
    cr_assert_eq(1, store_cursor(s, STR("edge"), STR("file:c"), &arena, &c, &err));
    cr_expect_eq(c.position, 2);
    cr_expect(str_eq(c.detail, STR("[]")));
    struct event e = numbered(1, at_s(1), REASON_reset);
    append(s, "edge", &e, 1, "file:c", 2);
    arena_release(&arena);
    store_close(s);
}

static int count_quarantined(void *context, const struct quarantined *q, struct str source)
{
    int64_t *seen = context;
    cr_assert_gt(q->position, seen[1], "oldest first");
    cr_assert(str_eq(source, STR("file:a")));
    seen[0]++;
    seen[1] = q->position;
    return 0;
}

Test(store, the_newest_quarantined_records_are_kept_and_all_are_counted)
{
    struct store *s = open_store(test_dir(), STORE_WRITE);
    enum { RECORDS = 200 };
    static char raw[64 * 1024];
    static struct quarantined q[RECORDS];
    memset(raw, 'x', sizeof raw);
    struct err err = {0};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < RECORDS; i++)
            q[i] = (struct quarantined){round * RECORDS + i + 1, STR("why"),
                                        str_make(raw, sizeof raw)};
        struct batch b = {.from_to = {STR("file:a"), (round + 1) * RECORDS, STR_NONE},
                          .from = round * RECORDS,
                          .quarantined = q,
                          .n_quarantined = RECORDS,
                          .lines = RECORDS};
        cr_assert_eq(store_append(s, STR("edge"), &b, 1, &err), 0, "%s", err.text);
    }
    struct arena arena = {0};
    cr_expect_eq(status_of(s, "edge", &arena).quarantined, 3 * RECORDS);
    cr_expect_lt(status_of(s, "edge", &arena).file_bytes, 64 << 20);
    int64_t seen[2] = {0, 0};
    cr_assert_eq(store_quarantine(s, STR("edge"), count_quarantined, seen, &err), 0);
    cr_expect_gt(seen[0], 50);
    cr_expect_lt(seen[0], RECORDS);
    cr_expect_eq(seen[1], 3 * RECORDS, "the newest is there");
    arena_release(&arena);
    store_close(s);
}
