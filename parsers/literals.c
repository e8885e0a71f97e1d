/* literals.c - which rules to try on a record that the gate let through: those with a `find` word in
 * its folded text (lower case, '_' as a blank). */
#include "parsers/internal.h"

#include <stdlib.h>
#include <string.h>

static void add_word(struct rules *rules, uint32_t index, const char *word)
{
    char *folded = word_folded(word);
    rules->word_rules = xgrow(rules->word_rules, rules->n_word_rules, &rules->word_rules_cap,
                              sizeof *rules->word_rules);
    rules->word_rules[rules->n_word_rules++] =
        (struct word_rule){words_add(rules->all, str_of(folded)), index};
    free(folded);
}

static int by_word(const void *va, const void *vb)
{
    const struct word_rule *a = va, *b = vb;
    if (a->word != b->word)
        return a->word < b->word ? -1 : 1;
    return (a->rule > b->rule) - (a->rule < b->rule);
}

/* After the last word. */
static void index_words(struct rules *rules)
{
    size_t n = words_count(rules->all), at = 0;
    words_index(rules->all);
    rules->all_words = n / 64 + 1;
    rules->first_rules = xcalloc(n + 1, sizeof *rules->first_rules);
    if (rules->n_word_rules)
        qsort(rules->word_rules, rules->n_word_rules, sizeof *rules->word_rules, by_word);
    for (size_t word = 0; word <= n; word++) {
        while (at < rules->n_word_rules && rules->word_rules[at].word < word)
            at++;
        rules->first_rules[word] = (uint32_t)at;
    }
}

void literals_compile(struct rules *rules)
{
    uint32_t index = 0;
    for (size_t p = 0; p < rules->n_packs; p++) {
        for (unsigned r = 0; r < rules->packs[p]->rules_count; r++, index++) {
            const struct pack_rule *rule = &rules->packs[p]->rules[r];
            for (unsigned i = 0; i < rule->find_count; i++)
                add_word(rules, index, rule->find[i]);
        }
    }
    index_words(rules);
}

/* In blocks of a fixed length: the compiler turns the loop into vectors. */
#define INTO(of, to, text)                                                                         \
    do {                                                                                           \
        enum { BLOCK = 32 };                                                                       \
        size_t i_ = 0;                                                                             \
        for (; i_ + BLOCK <= (text).n; i_ += BLOCK)                                                \
            for (size_t k_ = 0; k_ < BLOCK; k_++)                                                  \
                (to)[i_ + k_] = of((text).p[i_ + k_]);                                             \
        for (; i_ < (text).n; i_++)                                                                \
            (to)[i_] = of((text).p[i_]);                                                           \
    } while (0)

static void lower_into(char *restrict to, struct str text)
{
    INTO(word_lower, to, text);
}

static void fold_into(char *restrict to, struct str text)
{
    INTO(word_fold, to, text);
}

/* Room for n bytes and what words_find() reads behind them. */
static char *folded_room(struct classifier *c, size_t n)
{
    c->folded.n = 0;
    buf_reserve(&c->folded, n + WORDS_SLACK);
    c->folded.n = n;
    memset(c->folded.p + n, 0, WORDS_SLACK);
    return c->folded.p;
}

static void try_found(struct classifier *c)
{
    const struct rules *rules = c->rules;
    memcpy(c->tried, rules->always, rules->words * sizeof *c->tried);
    for (size_t w = 0; w < rules->all_words; w++) {
        for (uint64_t left = c->found[w]; left; left &= left - 1) {
            size_t word = w * 64 + (size_t)__builtin_ctzll(left);
            for (uint32_t i = rules->first_rules[word]; i < rules->first_rules[word + 1]; i++) {
                uint32_t rule = rules->word_rules[i].rule;
                c->tried[rule / 64] |= UINT64_C(1) << (rule % 64);
            }
        }
    }
}

void literals_try(struct classifier *c, struct str text)
{
    fold_into(folded_room(c, text.n), text);
    memset(c->found, 0, c->rules->all_words * sizeof *c->found);
    words_find(c->rules->all, buf_as_str(&c->folded), c->found);
    try_found(c);
}

bool literals_fill(const struct classifier *c, const struct needed *needed)
{
    uint32_t at = needed->from;
    for (size_t i = 0; i < needed->n; i++) {
        bool filled = false;
        for (; at < needed->ends[i]; at++) {
            uint32_t word = c->rules->need_words[at];
            filled = filled || (c->found[word / 64] >> (word % 64) & 1);
        }
        if (!filled)
            return false;
    }
    return true;
}

struct str literals_lower(struct classifier *c, struct str text)
{
    lower_into(folded_room(c, text.n), text);
    return buf_as_str(&c->folded);
}
