/* test_ways.c - a pattern taken apart into its ways matches as the whole one does. */
#include "parsers/internal.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct both {
    struct rules *rules, own; /* own: whose words can still be added */
    struct classifier *c;
    struct ways parts, whole;
};

static const struct pack_rule none = {.find_count = 0};

static void open_classifier(struct both *b)
{
    struct err err;
    *b = (struct both){.own = {.all = words_open()}};
    ways_count(&b->own, &none, 0);
    cr_assert_eq(rules_load(NULL, &b->rules, &err), 0, "%s", err.text);
    cr_assert_eq(classifier_open(b->rules, &b->c, &err), 0, "%s", err.text);
    b->c->thorough = true;
}

static void close_classifier(struct both *b)
{
    classifier_close(b->c);
    rules_close(b->rules);
    words_close(b->own.all);
    free(b->own.threes);
    free(b->own.need_words);
}

static void expect_same(struct both *b, const char *source, struct str text)
{
    struct captures parts = {.n = 0}, whole = {.n = 0};
    enum match is = ways_match(b->c, &b->parts, text, &parts);
    enum match wanted = ways_match(b->c, &b->whole, text, &whole);
    if (is == MATCH_BUDGET || wanted == MATCH_BUDGET)
        return;
    cr_expect_eq(is, wanted, "%s\non: %.*s", source, STR_ARG(text));
    cr_expect_eq(parts.n, whole.n, "%s\non: %.*s", source, STR_ARG(text));
    for (size_t i = 0; is == MATCH_YES && i < parts.n && i < whole.n; i++) {
        cr_expect_eq(parts.items[i].what, whole.items[i].what);
        struct str got = parts.items[i].text, want = whole.items[i].text;
        cr_expect(got.p == want.p && got.n == want.n, "%s\non: %.*s", source, STR_ARG(text));
    }
}

static void open_ways(struct both *b, const char *source)
{
    struct err err;
    cr_assert_eq(ways_open(&b->own, source, &none, &b->parts, &err), 0, "%s", err.text);
    cr_assert_eq(ways_open(&b->own, source, NULL, &b->whole, &err), 0, "%s", err.text);
    cr_assert_eq(b->whole.n, 1);
}

static void close_ways(struct both *b)
{
    ways_close(&b->parts);
    ways_close(&b->whole);
}

Test(ways, a_pattern_has_as_many_as_it_has_alternatives)
{
    static const struct {
        const char *source;
        size_t n;
    } cases[] = {
        {"handshake refused", 1},
        {"handshake refused|certificate refused", 2},
        {"\\b(?:handshake|certificate|key share) refused", 3},
        {"(?:certificate|key share) refused|\\bbroken pipe\\b", 3},
        {"^(?!\\d|x)(?<=a|b)(?:certificate|key share)", 2},
        {"[|)(]certificate\\|\\(", 1},
        {"certificate (?:expired|refused)", 1},      /* behind bytes the order of trying would be another */
        {"(?:certificate|key share)+ refused", 1},   /* each time round another way */
        {"(?<host>certificate|key share)", 1},       /* a group with a name is one group */
        {"(?-i)Certificate|Key Share", 2},           /* the flags go before each */
        {"certificate(?i)|key share", 1},            /* flags set on the way hold for the next too */
        {"(?:certificate|(?i)key share) refused", 1},
        {"(?|certificate|key share)", 1},
        {"(a)certificate\\1|key share", 1},
        {"\\Qcertificate|key share\\E", 1},
        {"\\d|\\w|certificate", 1},                   /* most have no needs */
        {"certificate|", 2},
        {"(?:[]|]certificate|[^]|]key share)", 2},
        {"[[:alpha:]|]certificate|key share", 2},
    };
    struct both b;
    open_classifier(&b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_ways(&b, cases[i].source);
        cr_expect_eq(b.parts.n, cases[i].n, "%s: %zu", cases[i].source, b.parts.n);
        close_ways(&b);
    }
    close_classifier(&b);
}

Test(ways, of_several_matches_it_is_the_leftmost_and_then_the_first)
{
    static const char *const sources[] = {
        "peer (?<peer>\\S+) gone|by (?<host>\\S+) gone|gone",
        "\\b(?:from (?<client>\\S+)|from (?<server>\\S+) and|and (?<host>\\w+)) more",
        "(?-i)From (?<host>\\w+)|from (?<peer>\\w+)",
        "^second (?<host>\\w+)|^first (?<peer>\\w+)",
        "alert (?<alert>\\d+)|alert (?<alert>\\w+)",
    };
    static const char *const texts[] = {
        "by a.test gone, peer 192.0.2.1 gone", "peer 192.0.2.1 gone, by a.test gone", "all gone",
        "from a and b more and c more",        "and b more from a more",              "From x",
        "first a\nsecond b",                   "second b\nfirst a",                   "alert 42 alert bad",
        "nothing",                             "",
    };
    struct both b;
    open_classifier(&b);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        open_ways(&b, sources[i]);
        cr_expect_gt(b.parts.n, 1, "%s", sources[i]);
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            expect_same(&b, sources[i], str_of(texts[k]));
        close_ways(&b);
    }
    close_classifier(&b);
}

Test(ways, a_pattern_that_is_none_is_refused_as_a_whole)
{
    struct both b;
    struct err err;
    open_classifier(&b);
    int rc = ways_open(&b.own, "certificate refused|key share (", &none, &b.parts, &err);
    cr_expect_eq(rc, ERR_USAGE);
    cr_expect(str_find(str_of(err.text), STR("at byte 31: "), 0) >= 0, "%s", err.text);
    ways_close(&b.parts);
    rc = ways_open(&b.own, "certificate refused)|key share", &none, &b.parts, &err);
    cr_expect_eq(rc, ERR_USAGE, "a bracket too many is no end of a way");
    ways_close(&b.parts);
    close_classifier(&b);
}

/* ---- all rules on all fixtures ---- */

/* The patterns of each rule as a whole; items[i].items is NULL where it isn't taken apart. */
static struct ways *open_wholes(struct both *b, bool unless)
{
    struct ways *wholes = xcalloc(b->rules->n, sizeof *wholes);
    size_t index = 0;
    struct err err;
    for (size_t p = 0; p < b->rules->n_packs; p++) {
        for (unsigned r = 0; r < b->rules->packs[p]->rules_count; r++, index++) {
            const struct pack_rule *from = &b->rules->packs[p]->rules[r];
            const struct rule *rule = &b->rules->items[index];
            const char *source = unless ? from->unless : from->match;
            if ((unless ? rule->unless.n : rule->match.n) > 1)
                cr_assert_eq(ways_open(b->rules, source, NULL, &wholes[index], &err), 0);
        }
    }
    return wholes;
}

static size_t check_text(struct both *b, const struct ways *wholes, bool unless, struct str text)
{
    size_t checked = 0;
    literals_try(b->c, text);
    for (size_t i = 0; i < b->rules->n; i++) {
        const struct rule *rule = &b->rules->items[i];
        if (!(b->c->tried[i / 64] >> (i % 64) & 1) || !wholes[i].n)
            continue;
        b->parts = unless ? rule->unless : rule->match;
        b->whole = wholes[i];
        expect_same(b, rule->id.p, text);
        checked++;
    }
    return checked;
}

static size_t check_file(struct both *b, const struct ways *wholes, bool unless, const char *path)
{
    char *line = NULL;
    size_t cap = 0, checked = 0;
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    while (getline(&line, &cap, file) > 0) {
        json_t *object = json_loads(line, 0, NULL);
        const char *record = json_string_value(json_object_get(object, "line"));
        if (record)
            checked += check_text(b, wholes, unless, str_of(record));
        json_decref(object);
    }
    free(line);
    fclose(file);
    return checked;
}

static void check_fixtures(bool unless)
{
    struct both b;
    size_t checked = 0;
    glob_t found;
    open_classifier(&b);
    struct ways *wholes = open_wholes(&b, unless);
    cr_assert_eq(glob(SOURCE_DIR "/fixtures/lines/*.jsonl", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        checked += check_file(&b, wholes, unless, found.gl_pathv[i]);
    cr_expect_gt(checked, 1000);
    globfree(&found);
    for (size_t i = 0; i < b.rules->n; i++)
        ways_close(&wholes[i]);
    free(wholes);
    close_classifier(&b);
}

Test(ways, every_rule_matches_as_its_whole_pattern_does)
{
    check_fixtures(false);
}

Test(ways, every_exception_matches_as_its_whole_pattern_does)
{
    check_fixtures(true);
}
