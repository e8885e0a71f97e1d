/* fuzz_ways.c - a line with any pattern, then any text: in parts, and tried only where its words are,
 * the pattern matches as the whole one does. */
#include "fuzz.h"
#include "parsers/internal.h"

static const struct pack_rule rule = {.find_count = 0};

static bool same(const struct captures *a, const struct captures *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = a->items[i].what == b->items[i].what && a->items[i].text.p == b->items[i].text.p &&
               a->items[i].text.n == b->items[i].text.n;
    return same;
}

/* What the text has of the words that the ways need. */
static void find_words(struct rules *rules, struct classifier *c, struct str text)
{
    struct buf folded = {0};
    for (size_t i = 0; i < text.n; i++)
        buf_char(&folded, word_fold(text.p[i]));
    buf_reserve(&folded, WORDS_SLACK);
    memset(folded.p + folded.n, 0, WORDS_SLACK);
    words_index(rules->all);
    c->found = xcalloc(words_count(rules->all) / 64 + 1, sizeof *c->found);
    words_find(rules->all, buf_as_str(&folded), c->found);
    buf_release(&folded);
}

static void compare(struct classifier *c, const struct ways *parts, const struct ways *whole,
                    struct str text)
{
    struct captures in_parts = {.n = 0}, in_whole = {.n = 0};
    enum match wanted = ways_match(c, whole, text, &in_whole);
    enum match is = ways_match(c, parts, text, &in_parts);
    if (wanted == MATCH_BUDGET || is == MATCH_BUDGET)
        return;
    HOLDS(is == wanted);
    HOLDS(is == MATCH_NO || same(&in_parts, &in_whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct matcher *matcher;
    struct str input = fuzz_copy(data, size), text = STR_NONE;
    ptrdiff_t lf = str_findc(input, '\n', 0);
    char *source = str_dup(lf < 0 ? input : str_head(input, (size_t)lf));
    struct rules rules = {.all = words_open()};
    struct ways parts = {.n = 0}, whole = {.n = 0};
    struct err err;
    if (!matcher)
        matcher = matcher_open();
    struct classifier c = {.rules = &rules, .matcher = matcher};
    if (lf >= 0)
        text = str_from(input, (size_t)lf + 1);
    ways_count(&rules, &rule, 0);
    int rc = ways_open(&rules, source, &rule, &parts, &err);
    HOLDS((rc == 0) == (ways_open(&rules, source, NULL, &whole, &err) == 0));
    if (rc == 0) {
        find_words(&rules, &c, text);
        compare(&c, &parts, &whole, text);
    }
    ways_close(&parts);
    ways_close(&whole);
    words_close(rules.all);
    free(rules.need_words);
    free(rules.threes);
    free(c.found);
    free(source);
    free((void *)input.p);
    return 0;
}
