/* test_classifier.c - the engine: packs, verdicts, chunks, budgets. What single lines mean is tested
 * by the packs' own samples. */
#include "parsers/internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct reading reading = {.now_us = INT64_C(1893456000) * US_PER_S};

static struct rules *rules;
static struct classifier *c;

/* A pack in a folder of its own, or NULL for the built-in ones alone. */
static int open_with(const char *yaml, struct err *err)
{
    char dir[] = "/tmp/tlstrail-packs-XXXXXX", path[64];
    if (!yaml) {
        int rc = rules_load(NULL, &rules, err);
        return rc != 0 ? rc : classifier_open(rules, &c, err);
    }
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/user.yaml", dir);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(yaml, file);
    fclose(file);
    int rc = rules_load(dir, &rules, err);
    unlink(path);
    rmdir(dir);
    return rc != 0 ? rc : classifier_open(rules, &c, err);
}

static void open_rules(const char *yaml)
{
    struct err err = {0};
    cr_assert_eq(open_with(yaml, &err), 0, "%s", err.text);
}

static void close_rules(void)
{
    classifier_close(c);
    rules_close(rules);
    c = NULL;
    rules = NULL;
}

Test(packs, every_sample_of_every_pack_holds)
{
    struct buf report = {0};
    struct err err;
    size_t failed = 1;
    open_rules(NULL);
    cr_assert_eq(rules_check(rules, &report, &failed, &err), 0);
    cr_expect_eq(failed, 0, "%.*s", STR_ARG(buf_as_str(&report)));
    buf_release(&report);
    close_rules();
}

Test(packs, a_broken_pack_is_refused_with_its_name_and_why)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"pack: x\nkind: cause\nrules:\n  - {id: a, find: [abc], matchh: b}\n", "matchh"},
        {"pack: x\nkind: cause\nrules:\n  - {id: a, find: [abc], match: '('}\n", "match: at byte"},
        {"pack: x\nkind: cause\nrules:\n  - {id: a, find: [abc], reason: broken}\n", "broken"},
        {"pack: x\nkind: cause\nrules:\n  - {id: a, match: abc, reason: expired}\n", "needs 'find'"},
        {"pack: x\nkind: cause\nrules:\n  - {id: a, find: [ab]}\n", "shorter"},
        {"pack: x\nkind: cause\nrules:\n  - {id: a, find: [abc], match: '(?<nope>b)'}\n", "nope"},
        {"pack: x\nkind: cause\nrules:\n  - {id: a, find: [abc], with: [def|gh]}\n", "with 'def|gh'"},
        {"pack: x\nkind: cause\nrules:\n  - {id: a, find: [abc], with: [bcd, cde, def, efg, fgh]}\n",
         "more than 4"},
        {"pack: x\nkind: envelope\nrules:\n  - {id: a, match: 'b(?<text>.*)'}\n", "\\A"},
        {"pack: x\nkind: cuase\n", "cuase"},
        {"pack: [", "user.yaml"},
        {"", "user.yaml"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        cr_expect_eq(open_with(cases[i].yaml, &err), ERR_USAGE, "%s", cases[i].yaml);
        cr_expect_not_null(strstr(err.text, cases[i].says), "%s: %s", cases[i].says, err.text);
        cr_expect_null(strchr(err.text, '\n'));
    }
}

Test(packs, a_users_rule_is_tried_like_a_built_in_one)
{
    open_rules("pack: acme\nkind: cause\nrules:\n"
               "  - {id: acme_tls, find: [acme refused], match: 'by (?<peer>\\S+)', "
               "reason: revoked, by: peer}\n");
    struct event event;
    cr_assert_eq(classifier_record(c, STR("ACME refused us, by 192.0.2.1:9"), &reading, &event),
                 VERDICT_EVENT);
    cr_expect_eq(event.reason, REASON_revoked);
    cr_expect_eq(event.rejected_by, SIDE_peer);
    cr_expect(str_eq(event.peer, STR("192.0.2.1:9")));
    cr_expect(event.time_is_read);
    cr_expect_eq(event.time_us, reading.now_us);
    close_rules();
}

Test(verdict, a_maybe_needs_a_context_and_a_veto_denies)
{
    open_rules("pack: acme\nkind: cause\nrules:\n"
               "  - {id: m, find: [acme lapsed], reason: expired, failure: maybe}\n"
               "  - {id: x, find: [acme parley], context: yes}\n");
    struct event event;
    cr_expect_eq(classifier_record(c, STR("acme lapsed"), &reading, &event), VERDICT_OTHER);
    cr_expect_eq(classifier_record(c, STR("acme parley"), &reading, &event), VERDICT_OTHER);
    cr_expect_eq(classifier_record(c, STR("acme parley: acme lapsed"), &reading, &event),
                 VERDICT_EVENT);
    cr_expect_eq(event.reason, REASON_expired);
    close_rules();
    open_rules("pack: acme\nkind: veto\nrules:\n  - {id: v, find: [only practice]}\n");
    cr_expect_eq(classifier_record(c, STR("SSL routines::no shared cipher"), &reading, &event),
                 VERDICT_EVENT);
    cr_expect_eq(classifier_record(c, STR("SSL routines::no shared cipher, only practice"),
                                   &reading, &event),
                 VERDICT_OTHER);
    close_rules();
}

Test(verdict, a_rule_holds_only_with_one_word_of_each_need)
{
    static const struct {
        const char *line;
        enum verdict verdict;
    } cases[] = {
        {"acme lapsed", VERDICT_OTHER},
        {"red: acme lapsed", VERDICT_OTHER},
        {"one, two: acme lapsed", VERDICT_OTHER},
        {"red, one: acme lapsed", VERDICT_EVENT},
        {"acme lapsed, TWO, Blue_sky", VERDICT_EVENT},
    };
    open_rules("pack: acme\nkind: cause\nrules:\n"
               "  - {id: m, find: [acme lapsed], with: [red|blue sky, one|two], reason: expired}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event event;
        cr_expect_eq(classifier_record(c, str_of(cases[i].line), &reading, &event),
                     cases[i].verdict, "%s", cases[i].line);
    }
    close_rules();
}

static enum verdict verdict_of(const char *line)
{
    struct event event;
    return classifier_record(c, str_of(line), &reading, &event);
}

Test(verdict, what_a_request_asks_for_matches_no_rule)
{
    open_rules("pack: acme\nkind: cause\nrules:\n"
               "  - {id: m, find: [acme], match: 'acme.*lapsed', reason: expired}\n");
    cr_expect_eq(verdict_of("acme lapsed"), VERDICT_EVENT);
    cr_expect_eq(verdict_of("acme \"GET /a/lapsed HTTP/1.1\" 200"), VERDICT_OTHER);
    cr_expect_eq(verdict_of("acme fetched https://a.example/q?why=lapsed in 3 ms"), VERDICT_OTHER);
    cr_expect_eq(verdict_of("acme HTTP GET \"/a/lapsed\" 500"), VERDICT_OTHER);
    cr_expect_eq(verdict_of("acme dialled dns:///lapsed:443"), VERDICT_EVENT, "a name, no path");
    cr_expect_eq(verdict_of("acme fetched https://a.example?lapsed"), VERDICT_OTHER);
    cr_expect_eq(verdict_of("acme called https://lapsed.example/a"), VERDICT_EVENT, "a host stays");
    cr_expect_eq(verdict_of("acme GET https://a.example/b: lapsed"), VERDICT_EVENT);
    cr_expect_eq(verdict_of("acme read /etc/lapsed"), VERDICT_EVENT, "a file is no request");
    close_rules();
}

Test(verdict, a_rule_beyond_its_budget_quarantines_the_record)
{
    open_rules("pack: slow\nkind: cause\nrules:\n"
               "  - {id: slow_rule, find: [slowly], match: '(?:a|b)*c?\\d', reason: expired}\n");
    struct buf line = {0};
    struct event event;
    buf_str(&line, STR("slowly "));
    for (int i = 0; i < 30000; i++)
        buf_char(&line, 'a');
    cr_expect_eq(classifier_record(c, buf_as_str(&line), &reading, &event), VERDICT_QUARANTINED);
    cr_expect_not_null(strstr(classifier_why(c), "slow_rule"));
    buf_release(&line);
    close_rules();
}

Test(verdict, bytes_past_the_limit_are_flagged_and_not_kept)
{
    open_rules(NULL);
    struct buf line = {0};
    struct event event;
    buf_str(&line, STR("SSL routines::no shared cipher"));
    while (line.n < RECORD_MAX + 10)
        buf_char(&line, 'x');
    cr_assert_eq(classifier_record(c, buf_as_str(&line), &reading, &event), VERDICT_EVENT);
    cr_expect(event.truncated);
    cr_expect_eq(event.raw.n, (size_t)RECORD_MAX);
    buf_release(&line);
    close_rules();
}

struct seen {
    size_t n, offsets[16];
    size_t lengths[16];
};

static void see(void *context, const struct event *event, size_t offset, struct str record,
                const char *why)
{
    struct seen *seen = context;
    (void)why;
    cr_expect_not_null(event);
    seen->offsets[seen->n] = offset;
    seen->lengths[seen->n++] = record.n;
}

Test(chunk, the_ledger_of_a_chunk_closes)
{
    open_rules(NULL);
    struct seen seen = {0};
    struct chunk_count count = {0};
    struct str chunk = STR("GET / 200\n"
                           "SSL routines::no shared cipher\n"
                           "\n"
                           "SSL routines::no shared cipher and SSL routines::no shared cipher\n"
                           "GET / 200");
    classifier_chunk(c, chunk, &reading, see, &seen, &count);
    cr_expect_eq(count.lines, 5);
    cr_expect_eq(count.events, 2);
    cr_expect_eq(count.other, 3);
    cr_expect_eq(seen.n, 2);
    cr_expect_eq(seen.offsets[0], 10);
    cr_expect_eq(seen.lengths[0], 30);
    classifier_chunk(c, STR(""), &reading, see, &seen, &count);
    cr_expect_eq(count.lines, 5);
    close_rules();
}

Test(chunk, listed_records_keep_their_ends_and_their_times)
{
    open_rules(NULL);
    struct seen seen = {0};
    struct chunk_count count = {0};
    struct str bytes = STR("nothing"
                           "first\nSSL routines::no shared cipher\n"
                           "SSL routines::no shared cipher"
                           "");
    const uint32_t ends[] = {7, 44, 74, 74};
    const int64_t now_us[] = {1, 2, 3, 4};
    struct record_list list = {ends, now_us, 4};
    cr_assert_eq(bytes.n, 74);
    classifier_records(c, bytes, &list, NULL, see, &seen, &count);
    cr_expect_eq(count.lines, 4);
    cr_expect_eq(count.events, 2);
    cr_expect_eq(seen.offsets[0], 7);
    cr_expect_eq(seen.lengths[0], 37);
    cr_expect_eq(seen.offsets[1], 44);
    close_rules();
}

Test(chunk, a_stack_trace_is_one_event)
{
    open_rules(NULL);
    struct seen seen = {0};
    struct chunk_count count = {0};
    struct str chunk = STR("2026-01-01 00:00:00 ERROR call failed\n"
                           "javax.net.ssl.SSLHandshakeException: PKIX path building failed\n"
                           "\tat sun.security.ssl.Alert.createSSLException(Alert.java:131)\n"
                           "Caused by: SSL routines::no shared cipher\n"
                           "2026-01-01 00:00:01 INFO fine\n");
    classifier_chunk(c, chunk, &reading, see, &seen, &count);
    cr_expect_eq(count.events, 1);
    cr_expect_eq(count.lines, 5);
    cr_expect_eq(seen.n, 1);
    close_rules();
}

Test(chunk, the_gate_changes_no_verdict)
{
    open_rules(NULL);
    for (size_t p = 0; p < rules->n_packs; p++) {
        for (unsigned i = 0; i < rules->packs[p]->samples_count; i++) {
            struct str line = str_of(rules->packs[p]->samples[i].line);
            struct event gated, tried;
            c->ungated = false;
            enum verdict a = classifier_record(c, line, &reading, &gated);
            c->ungated = true;
            enum verdict b = classifier_record(c, line, &reading, &tried);
            cr_expect_eq(a, b, "%.*s", STR_ARG(line));
            cr_expect(a != VERDICT_EVENT || gated.reason == tried.reason, "%.*s", STR_ARG(line));
        }
    }
    close_rules();
}

Test(classifier, a_line_tells_its_time_whatever_it_reports)
{
    static const struct {
        const char *line, *time;
    } rows[] = {
        {"2026-04-18T04:12:02.5Z stderr F GET / 200", "2026-04-18T04:12:02.500Z"},
        {"{\"ts\":\"2026-04-18T06:12:02+02:00\",\"msg\":\"served\"}", "2026-04-18T04:12:02Z"},
        {"192.0.2.1 - - [18/Apr/2026:04:12:02 +0000] \"GET / HTTP/1.1\" 200 5", "2026-04-18T04:12:02Z"},
        {"https 2026-04-18T04:12:02.186641Z app/lb/1 192.0.2.1:2817 200", "2026-04-18T04:12:02.186641Z"},
        {"id 1893456001 of 4012345678 served in 12:30 minutes", NULL},
        {"", NULL},
    };
    open_rules(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CIVIL_TEXT];
        int64_t time_us = classifier_time(c, str_of(rows[i].line), &reading);
        if (rows[i].time)
            cr_expect_str_eq(civil_format(time_us, text), rows[i].time, "%s", rows[i].line);
        else
            cr_expect_eq(time_us, TIME_NONE, "%s", rows[i].line);
    }
}
