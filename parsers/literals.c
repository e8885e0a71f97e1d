/* literals.c - the `find` words of all rules, looked for twice.
 *
 * The gate is Vectorscan over raw bytes, at the speed of memory over whole chunks: the words without
 * which no record can become an event. A raw line may have blanks or underscores between words, so
 * the gate holds both spellings, and the pack's own where it mixes them. Of a record that it lets
 * through, the words in its folded text (lower case, '_' as a blank) say which rules to try. */
#include "parsers/internal.h"

#include <stdlib.h>
#include <string.h>

struct list {
    char **words;
    size_t n, cap;
};

static void list_add(struct list *l, char *word)
{
    l->words = xgrow(l->words, l->n, &l->cap, sizeof *l->words);
    l->words[l->n++] = word;
}

static void list_release(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->words[i]);
    free(l->words);
}

static char *spelled(const char *word, char from, char to)
{
    char *copy = str_dup(str_of(word));
    for (char *p = copy; *p; p++) {
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
        if (*p == from)
            *p = to;
    }
    return copy;
}

static int by_length(const void *va, const void *vb)
{
    const char *a = *(char *const *)va, *b = *(char *const *)vb;
    size_t a_n = strlen(a), b_n = strlen(b);
    return a_n != b_n ? (a_n < b_n ? -1 : 1) : strcmp(a, b);
}

/* The words that begin with the same three bytes, in chains; none is shorter. */
enum { HEADS = 1 << 12 };
struct chains {
    uint32_t heads[HEADS]; /* index + 1 of the newest, 0: none */
    uint32_t *next;
};

static uint32_t *chain_of(struct chains *c, const char *three)
{
    uint32_t bytes = (uint32_t)(unsigned char)three[0] << 16 |
                     (uint32_t)(unsigned char)three[1] << 8 | (unsigned char)three[2];
    return &c->heads[(bytes * 0x9e3779b1u) >> 20];
}

static bool holds_one_of(const char *word, char *const *others, struct chains *c)
{
    for (const char *p = word; p[0] && p[1] && p[2]; p++)
        for (uint32_t i = *chain_of(c, p); i; i = c->next[i - 1])
            if (strncmp(p, others[i - 1], strlen(others[i - 1])) == 0)
                return true;
    return false;
}

/* Leaves those out that hold another: where they are, the other is found as well. Which of them it
 * was doesn't matter to the gate. */
static void keep_shortest(struct list *l)
{
    struct chains *c = xcalloc(1, sizeof *c);
    size_t kept = 0;
    c->next = xcalloc(l->n + 1, sizeof *c->next);
    if (l->n)
        qsort(l->words, l->n, sizeof *l->words, by_length);
    for (size_t i = 0; i < l->n; i++) {
        if (holds_one_of(l->words[i], l->words, c)) {
            free(l->words[i]);
            continue;
        }
        l->words[kept] = l->words[i];
        uint32_t *head = chain_of(c, l->words[kept]);
        c->next[kept] = *head;
        *head = (uint32_t)++kept;
    }
    l->n = kept;
    free(c->next);
    free(c);
}

/* An event needs a rule that says so by itself, or one that gives the context of a handshake. */
static bool gates(const struct rule *rule)
{
    return rule->kind != KIND_veto && rule->kind != KIND_envelope &&
           (rule->failure >= FAILURE_yes || rule->context);
}

static int compile_gate(const struct list *l, hs_database_t **out, struct err *err)
{
    if (l->n == 0)
        return 0;
    hs_compile_error_t *why = NULL;
    size_t *lengths = xcalloc(l->n, sizeof *lengths);
    unsigned *flags = xcalloc(l->n, sizeof *flags);
    unsigned *ids = xcalloc(l->n, sizeof *ids); /* with one id for all it compiles for seconds */
    for (size_t i = 0; i < l->n; i++) {
        lengths[i] = strlen(l->words[i]);
        flags[i] = HS_FLAG_CASELESS;
        ids[i] = (unsigned)i;
    }
    hs_error_t rc = hs_compile_lit_multi((const char *const *)l->words, flags, ids, lengths,
                                         (unsigned)l->n, HS_MODE_BLOCK, NULL, out, &why);
    if (rc != HS_SUCCESS) {
        int at = why ? why->expression : -1;
        err_set(err, ERR_FAILED, "literal matcher: %s%s%s", why ? why->message : "no memory",
                at >= 0 ? ": " : "", at >= 0 ? l->words[at] : "");
        hs_free_compile_error(why);
    }
    free(lengths);
    free(flags);
    free(ids);
    return rc == HS_SUCCESS ? 0 : err->code;
}

static void add_word(struct rules *rules, uint32_t index, const char *word, struct list *gate)
{
    char *blanks = spelled(word, '_', ' '), *lines = spelled(word, ' ', '_');
    rules->word_rules = xgrow(rules->word_rules, rules->n_word_rules, &rules->word_rules_cap,
                              sizeof *rules->word_rules);
    rules->word_rules[rules->n_word_rules++] =
        (struct word_rule){words_add(rules->all, str_of(blanks)), index};
    if (!gates(&rules->items[index])) {
        free(blanks);
        free(lines);
        return;
    }
    list_add(gate, blanks);
    list_add(gate, lines);
    list_add(gate, spelled(word, '_', '_'));
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

int literals_compile(struct rules *rules, struct err *err)
{
    struct list gate = {0};
    uint32_t index = 0;
    for (size_t p = 0; p < rules->n_packs; p++) {
        for (unsigned r = 0; r < rules->packs[p]->rules_count; r++, index++) {
            const struct pack_rule *rule = &rules->packs[p]->rules[r];
            for (unsigned i = 0; i < rule->find_count; i++)
                add_word(rules, index, rule->find[i], &gate);
        }
    }
    index_words(rules);
    keep_shortest(&gate);
    rules->gate_words = words_open();
    for (size_t i = 0; i < gate.n; i++)
        words_add(rules->gate_words, str_of(gate.words[i]));
    words_index(rules->gate_words);
    int rc = compile_gate(&gate, &rules->gate, err);
    list_release(&gate);
    return rc;
}

static char lower(char b)
{
    return (char)(b >= 'A' && b <= 'Z' ? b + 32 : b);
}

static char fold(char b)
{
    return (char)(b == '_' || b == '\t' ? ' ' : b >= 'A' && b <= 'Z' ? b + 32 : b);
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
    INTO(lower, to, text);
}

static void fold_into(char *restrict to, struct str text)
{
    INTO(fold, to, text);
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

bool literals_gate_line(struct classifier *c, struct str raw)
{
    lower_into(folded_room(c, raw.n), raw);
    return words_any(c->rules->gate_words, buf_as_str(&c->folded));
}

static int on_gate(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                   void *context)
{
    (void)id, (void)from, (void)to, (void)flags;
    *(bool *)context = true;
    return 1;
}

bool literals_gate(struct classifier *c, struct str raw)
{
    bool found = false;
    if (c->rules->gate && raw.n)
        hs_scan(c->rules->gate, raw.p, (unsigned)raw.n, 0, c->gate_scratch, on_gate, &found);
    return found;
}
