/* literals.c - the literal matcher (Vectorscan) over the `find` words of all rules.
 *
 * Two data bases: `all` looks for every rule's words in a folded text (lower case, '_' as a blank)
 * and says which rules to try; `gate` looks in raw bytes for the words without which no record can
 * become an event, and runs over whole chunks at the speed of memory. A raw line may have either
 * blanks or underscores between words, so the gate holds both spellings. */
#include "parsers/internal.h"

#include <stdlib.h>

struct list {
    char **words;
    size_t *lengths;
    unsigned *flags, *ids;
    size_t n, cap;
};

static void list_add(struct list *l, struct literals *into, char *word, uint32_t rule)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 256;
        l->words = xrealloc(l->words, l->cap * sizeof *l->words);
        l->lengths = xrealloc(l->lengths, l->cap * sizeof *l->lengths);
        l->flags = xrealloc(l->flags, l->cap * sizeof *l->flags);
        l->ids = xrealloc(l->ids, l->cap * sizeof *l->ids);
    }
    into->rule_of = xgrow(into->rule_of, into->n, &into->cap, sizeof *into->rule_of);
    into->rule_of[into->n] = rule;
    l->words[l->n] = word;
    l->lengths[l->n] = strlen(word);
    l->flags[l->n] = HS_FLAG_CASELESS;
    l->ids[l->n] = (unsigned)into->n;
    into->n++;
    l->n++;
}

static void list_release(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->words[i]);
    free(l->words);
    free(l->lengths);
    free(l->flags);
    free(l->ids);
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

/* Whether the word holds another one of the list, or is the same as an earlier one. */
static bool is_spare(const struct list *l, size_t i)
{
    struct str word = str_make(l->words[i], l->lengths[i]);
    for (size_t k = 0; k < l->n; k++) {
        bool before = l->lengths[k] < word.n || (l->lengths[k] == word.n && k < i);
        if (before && str_find(word, str_make(l->words[k], l->lengths[k]), 0) >= 0)
            return true;
    }
    return false;
}

/* Leaves those out that hold another: where they are, the other is found as well. Which of them it
 * was doesn't matter to the gate. */
static void keep_shortest(struct list *l)
{
    bool *spare = xcalloc(l->n + 1, sizeof *spare);
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        spare[i] = is_spare(l, i);
    for (size_t i = 0; i < l->n; i++) {
        if (spare[i]) {
            free(l->words[i]);
            continue;
        }
        l->words[kept] = l->words[i];
        l->lengths[kept++] = l->lengths[i];
    }
    l->n = kept;
    free(spare);
}

/* An event needs a rule that says so by itself, or one that gives the context of a handshake. */
static bool gates(const struct rule *rule)
{
    return rule->kind != KIND_veto && rule->kind != KIND_envelope &&
           (rule->failure >= FAILURE_yes || rule->context);
}

static int compile(struct list *l, struct literals *into, unsigned flags, struct err *err)
{
    hs_compile_error_t *why = NULL;
    for (size_t i = 0; i < l->n; i++)
        l->flags[i] |= flags;
    if (l->n == 0)
        return 0;
    hs_error_t rc = hs_compile_lit_multi((const char *const *)l->words, l->flags, l->ids,
                                         l->lengths, (unsigned)l->n, HS_MODE_BLOCK, NULL, &into->db,
                                         &why);
    if (rc == HS_SUCCESS)
        return 0;
    int at = why ? why->expression : -1;
    err_set(err, ERR_FAILED, "literal matcher: %s%s%s", why ? why->message : "cannot be compiled",
            at >= 0 ? ": " : "", at >= 0 ? l->words[at] : "");
    hs_free_compile_error(why);
    return err->code;
}

int literals_compile(struct rules *rules, struct err *err)
{
    struct list gate = {0}, all = {0};
    uint32_t index = 0;
    for (size_t p = 0; p < rules->n_packs; p++) {
        for (unsigned r = 0; r < rules->packs[p]->rules_count; r++, index++) {
            const struct pack_rule *rule = &rules->packs[p]->rules[r];
            for (unsigned i = 0; i < rule->find_count; i++) {
                list_add(&all, &rules->all, spelled(rule->find[i], '_', ' '), index);
                if (!gates(&rules->items[index]))
                    continue;
                char *blanks = spelled(rule->find[i], '_', ' ');
                char *lines = spelled(rule->find[i], ' ', '_');
                list_add(&gate, &rules->gate, blanks, index);
                if (strcmp(blanks, lines) != 0)
                    list_add(&gate, &rules->gate, lines, index);
                else
                    free(lines);
            }
        }
    }
    int rc = compile(&all, &rules->all, HS_FLAG_SINGLEMATCH, err);
    keep_shortest(&gate);
    if (rc == 0)
        rc = compile(&gate, &rules->gate, 0, err);
    list_release(&all);
    list_release(&gate);
    return rc;
}

static int on_literal(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                      void *context)
{
    struct classifier *c = context;
    uint32_t rule = c->rules->all.rule_of[id];
    (void)from, (void)to, (void)flags;
    c->tried[rule / 64] |= UINT64_C(1) << (rule % 64);
    return 0;
}

void literals_try(struct classifier *c, struct str text)
{
    c->folded.n = 0;
    buf_reserve(&c->folded, text.n + 1);
    for (size_t i = 0; i < text.n; i++) {
        char b = text.p[i];
        c->folded.p[i] = b == '_' || b == '\t' ? ' ' : b;
    }
    memcpy(c->tried, c->rules->always, c->rules->words * sizeof *c->tried);
    if (c->rules->all.db)
        hs_scan(c->rules->all.db, c->folded.p, (unsigned)text.n, 0, c->all_scratch, on_literal, c);
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
    if (c->rules->gate.db && raw.n)
        hs_scan(c->rules->gate.db, raw.p, (unsigned)raw.n, 0, c->gate_scratch, on_gate, &found);
    return found;
}
