/* test_gate.c - every short cut of the classifier beside the long way: the gate on raw bytes, the
 * literal matcher, the rules that are tried late. On all lines of the fixtures, and on noise made of
 * them, both must say the same. */
#include "parsers/internal.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOISE_LINES = 6000 };

static const struct reading reading = {.now_us = INT64_C(1893456000) * US_PER_S};

struct lines {
    char **items;
    size_t n, cap;
};

/* The classifier as it is, and one that looks at everything. */
struct both {
    struct rules *rules, *all_rules;
    struct classifier *quick, *slow;
    struct buf seen; /* the slow one's folded text in lower case */
};

static void open_both(struct both *b)
{
    struct err err;
    *b = (struct both){0};
    cr_assert_eq(rules_load(NULL, &b->rules, &err), 0, "%s", err.text);
    cr_assert_eq(rules_load(NULL, &b->all_rules, &err), 0, "%s", err.text);
    for (size_t i = 0; i < b->all_rules->n; i++)
        b->all_rules->items[i].late = b->all_rules->items[i].weak = false;
    cr_assert_eq(classifier_open(b->rules, &b->quick, &err), 0, "%s", err.text);
    cr_assert_eq(classifier_open(b->all_rules, &b->slow, &err), 0, "%s", err.text);
    b->slow->ungated = b->slow->thorough = true;
}

static void close_both(struct both *b)
{
    classifier_close(b->quick);
    classifier_close(b->slow);
    rules_close(b->rules);
    rules_close(b->all_rules);
    buf_release(&b->seen);
}

static void add_line(struct lines *lines, struct str line)
{
    lines->items = xgrow(lines->items, lines->n, &lines->cap, sizeof *lines->items);
    lines->items[lines->n++] = str_dup(line);
}

/* A line of *.jsonl is an object with the record in it; other files are logs. */
static void add_file(struct lines *lines, const char *path)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    while ((n = getline(&line, &cap, file)) > 0) {
        json_t *object = str_ends(str_of(path), STR(".jsonl")) ? json_loads(line, 0, NULL) : NULL;
        const char *record = json_string_value(json_object_get(object, "line"));
        if (record)
            add_line(lines, str_of(record));
        else if (!object)
            add_line(lines, str_make(line, (size_t)n - (line[n - 1] == '\n')));
        json_decref(object);
    }
    free(line);
    fclose(file);
}

static void add_files(struct lines *lines, const char *pattern)
{
    glob_t found;
    cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "%s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (!str_ends(str_of(found.gl_pathv[i]), STR(".gz")))
            add_file(lines, found.gl_pathv[i]);
    globfree(&found);
}

static void free_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->n; i++)
        free(lines->items[i]);
    free(lines->items);
}

static bool same_event(const struct event *a, const struct event *b)
{
    return a->reason == b->reason && a->leg == b->leg && a->rejected_by == b->rejected_by &&
           a->alert == b->alert && a->time_us == b->time_us &&
           a->time_is_read == b->time_is_read && str_eq(a->host, b->host) &&
           str_eq(a->peer, b->peer) && str_eq(a->tls_version, b->tls_version) &&
           str_eq(a->cipher, b->cipher) && str_eq(a->format, b->format) &&
           str_eq(a->library, b->library);
}

static bool has_word(struct both *b, const struct pack_rule *rule)
{
    for (unsigned i = 0; i < rule->find_count; i++) {
        char *word = word_folded(rule->find[i]);
        bool found = str_find(buf_as_str(&b->seen), str_of(word), 0) >= 0;
        free(word);
        if (found)
            return true;
    }
    return false;
}

/* The rules that were tried are those whose words are there, as a plain search finds them. */
static void check_tried(struct both *b, const char *line)
{
    const struct rules *rules = b->all_rules;
    uint32_t index = 0;
    b->seen.n = 0;
    buf_str(&b->seen, buf_as_str(&b->slow->folded));
    for (size_t i = 0; i < b->seen.n; i++)
        if (b->seen.p[i] >= 'A' && b->seen.p[i] <= 'Z')
            b->seen.p[i] = (char)(b->seen.p[i] + 32);
    for (size_t p = 0; p < rules->n_packs; p++) {
        for (unsigned r = 0; r < rules->packs[p]->rules_count; r++, index++) {
            bool tried = b->slow->tried[index / 64] >> (index % 64) & 1;
            bool wanted = rules->items[index].always || has_word(b, &rules->packs[p]->rules[r]);
            cr_expect_eq(tried, wanted, "%s on: %s", rules->packs[p]->rules[r].id, line);
        }
    }
}

static void check_line(struct both *b, const char *line)
{
    struct event quick, slow;
    struct str record = str_of(line);
    enum verdict is = classifier_record(b->quick, record, &reading, &quick);
    enum verdict wanted = classifier_record(b->slow, record, &reading, &slow);
    cr_expect_eq(is, wanted, "%s", line);
    cr_expect(is != VERDICT_EVENT || wanted != VERDICT_EVENT || same_event(&quick, &slow), "%s", line);
}

static void add_fixtures(struct lines *lines)
{
    add_files(lines, SOURCE_DIR "/fixtures/lines/*.jsonl");
    add_files(lines, SOURCE_DIR "/fixtures/lab/recorded/*.jsonl");
    add_files(lines, SOURCE_DIR "/fixtures/incident/*/*.log*");
}

Test(gate, every_line_of_the_fixtures_gets_the_answer_that_all_rules_give)
{
    struct both b;
    struct lines lines = {0};
    open_both(&b);
    add_fixtures(&lines);
    cr_expect_gt(lines.n, 1000);
    for (size_t i = 0; i < lines.n; i++) {
        check_line(&b, lines.items[i]);
        if (i % 16 == 0)
            check_tried(&b, lines.items[i]);
    }
    free_lines(&lines);
    close_both(&b);
}

static char loud(char c)
{
    return (char)(c == ' ' ? '_' : c >= 'a' && c <= 'z' ? c - 32 : c);
}

/* Each word in capitals too, with blanks and with underscores, between other words. */
Test(gate, every_word_that_can_make_an_event_is_found)
{
    struct both b;
    size_t index = 0, words = 0;
    open_both(&b);
    for (size_t p = 0; p < b.rules->n_packs; p++) {
        for (unsigned r = 0; r < b.rules->packs[p]->rules_count; r++, index++) {
            const struct pack_rule *from = &b.rules->packs[p]->rules[r];
            const struct rule *rule = &b.rules->items[index];
            bool gates = rule->kind != KIND_veto && rule->kind != KIND_envelope &&
                         (rule->failure >= FAILURE_yes || rule->context);
            for (unsigned i = 0; gates && i < from->find_count; i++, words++) {
                struct buf text = {0};
                cr_expect_geq(strlen(from->find[i]), 6, "%s: '%s' slows the gate down for all",
                              from->id, from->find[i]);
                buf_printf(&text, "seen %s here", from->find[i]);
                struct str seen = buf_as_str(&text), word = str_make(text.p + 5, text.n - 10);
                cr_expect(gate_record(b.quick, seen) && gate_line(b.quick, seen), "%s", text.p);
                cr_expect(gate_record(b.quick, word) && gate_line(b.quick, word), "%s", text.p);
                for (size_t k = 0; k < text.n; k++)
                    text.p[k] = loud(text.p[k]);
                cr_expect(gate_record(b.quick, seen) && gate_line(b.quick, seen), "%s", text.p);
                buf_release(&text);
            }
        }
    }
    cr_expect_gt(words, 1000);
    cr_expect_not(gate_record(b.quick, STR("GET / HTTP/1.1 200 ssl_protocol=TLSv1.3 certificate=ok")));
    close_both(&b);
}

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Half of one line and half of another, a few bytes changed: the words that lines have, in orders that
 * none has. Words stand apart by blanks, or in the whole line by '_': a mixture of both within one
 * `find` is not what any product writes, and the gate doesn't know it. */
static void make_noise(uint64_t *state, const struct lines *lines, struct buf *out)
{
    static const char bytes[] = " -:\"'[]{}=/.aZ0";
    struct str a = str_of(lines->items[next(state) % lines->n]);
    struct str z = str_of(lines->items[next(state) % lines->n]);
    out->n = 0;
    buf_str(out, str_head(a, next(state) % (a.n + 1)));
    buf_str(out, str_from(z, next(state) % (z.n + 1)));
    for (uint64_t changes = next(state) % 4; changes > 0 && out->n > 0; changes--)
        out->p[next(state) % out->n] = bytes[next(state) % (sizeof bytes - 1)];
    bool joined = next(state) % 8 == 0;
    for (size_t i = 0; joined && i < out->n; i++)
        if (out->p[i] == ' ')
            out->p[i] = '_';
    buf_char(out, '\0');
}

Test(gate, noise_gets_the_answer_that_all_rules_give)
{
    struct both b;
    struct lines lines = {0};
    struct buf noise = {0};
    uint64_t state = 1;
    open_both(&b);
    add_files(&lines, SOURCE_DIR "/fixtures/lines/*.jsonl");
    for (int i = 0; i < NOISE_LINES; i++) {
        make_noise(&state, &lines, &noise);
        check_line(&b, noise.p);
        if (i % 16 == 0)
            check_tried(&b, noise.p);
    }
    buf_release(&noise);
    free_lines(&lines);
    close_both(&b);
}

static void note(void *context, const struct event *event, size_t offset, struct str record,
                 const char *why)
{
    buf_printf(context, "%zu+%zu: %s\n", offset, record.n, event ? reason_name(event->reason) : why);
}

/* Runs of records in a row, as long as a storm and longer, with other lines between the runs. */
Test(gate, a_storm_gets_the_answers_that_the_gate_gives)
{
    struct both b;
    struct lines lines = {0};
    struct buf chunk = {0}, seen[2] = {{0}, {0}};
    struct chunk_count counts[2] = {{0}, {0}};
    uint64_t state = 7;
    open_both(&b);
    add_fixtures(&lines);
    for (int run = 0; run < 60; run++) {
        const char *storm = lines.items[next(&state) % lines.n];
        for (uint64_t left = next(&state) % 40; left > 0; left--)
            buf_printf(&chunk, "%s\n", storm);
        for (uint64_t left = next(&state) % 8; left > 0; left--)
            buf_printf(&chunk, "%s\n", left % 2 ? "Traceback (most recent call last):" : "all well");
        buf_printf(&chunk, "%s\n", lines.items[next(&state) % lines.n]);
    }
    classifier_chunk(b.quick, buf_as_str(&chunk), &reading, note, &seen[0], &counts[0]);
    b.quick->thorough = true;
    classifier_chunk(b.quick, buf_as_str(&chunk), &reading, note, &seen[1], &counts[1]);
    cr_expect_gt(counts[0].events, 300);
    cr_expect(str_eq(buf_as_str(&seen[0]), buf_as_str(&seen[1])));
    cr_expect_eq(counts[0].other, counts[1].other);
    buf_release(&chunk);
    buf_release(&seen[0]);
    buf_release(&seen[1]);
    free_lines(&lines);
    close_both(&b);
}
