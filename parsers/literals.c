/* literals.c - the literal matcher (Vectorscan) over the `find` words of all rules.
 *
 * Two data bases: `all` looks for every rule's words in a folded text (lower case, '_' as a blank)
 * and says which rules to try; `gate` looks in raw bytes for the words without which no record can
 * become an event, and runs over whole chunks at the speed of memory. A raw line may have either
 * blanks or underscores between words, so the gate holds both spellings. */
#include "parsers/internal.h"

#include <stdlib.h>

struct list {
    struct word {
        char *text;
        uint32_t rule;
    } *words;
    size_t n, cap;
};

static void list_add(struct list *l, char *word, uint32_t rule)
{
    l->words = xgrow(l->words, l->n, &l->cap, sizeof *l->words);
    l->words[l->n++] = (struct word){word, rule};
}

static void list_release(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->words[i].text);
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
    const struct word *a = va, *b = vb;
    size_t a_n = strlen(a->text), b_n = strlen(b->text);
    return a_n != b_n ? (a_n < b_n ? -1 : 1) : strcmp(a->text, b->text);
}

/* The words that begin with the same three bytes (FIND_BYTES_MIN in rules.c), in chains. */
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

static bool holds_one_of(const char *word, const struct word *others, struct chains *c)
{
    for (const char *p = word; p[0] && p[1] && p[2]; p++)
        for (uint32_t i = *chain_of(c, p); i; i = c->next[i - 1])
            if (strncmp(p, others[i - 1].text, strlen(others[i - 1].text)) == 0)
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
        if (holds_one_of(l->words[i].text, l->words, c)) {
            free(l->words[i].text);
            continue;
        }
        l->words[kept] = l->words[i];
        uint32_t *head = chain_of(c, l->words[kept].text);
        c->next[kept] = *head;
        *head = (uint32_t)++kept;
    }
    l->n = kept;
    free(c->next);
    free(c);
}

static int by_text(const void *va, const void *vb)
{
    const struct word *a = va, *b = vb;
    int order = strcmp(a->text, b->text);
    return order ? order : (a->rule > b->rule) - (a->rule < b->rule);
}

/* An event needs a rule that says so by itself, or one that gives the context of a handshake. */
static bool gates(const struct rule *rule)
{
    return rule->kind != KIND_veto && rule->kind != KIND_envelope &&
           (rule->failure >= FAILURE_yes || rule->context);
}

/* Each word once, whatever number of rules has it. */
static int compile(struct list *l, struct literals *into, unsigned flag, struct err *err)
{
    size_t n = 0;
    if (l->n == 0)
        return 0;
    const char **texts = xcalloc(l->n, sizeof *texts);
    size_t *lengths = xcalloc(l->n, sizeof *lengths);
    unsigned *flags = xcalloc(l->n, sizeof *flags), *ids = xcalloc(l->n, sizeof *ids);
    into->rules = xcalloc(l->n, sizeof *into->rules);
    into->ends = xcalloc(l->n, sizeof *into->ends);
    qsort(l->words, l->n, sizeof *l->words, by_text);
    for (size_t i = 0; i < l->n; i++) {
        into->rules[i] = l->words[i].rule;
        if (n == 0 || strcmp(texts[n - 1], l->words[i].text) != 0)
            texts[n++] = l->words[i].text;
        lengths[n - 1] = strlen(l->words[i].text);
        flags[n - 1] = HS_FLAG_CASELESS | flag;
        ids[n - 1] = (unsigned)n - 1;
        into->ends[n - 1] = (uint32_t)i + 1;
    }
    hs_compile_error_t *why = NULL;
    if (hs_compile_lit_multi(texts, flags, ids, lengths, (unsigned)n, HS_MODE_BLOCK, NULL,
                             &into->db, &why) != HS_SUCCESS) {
        int at = why ? why->expression : -1;
        err_set(err, ERR_FAILED, "literal matcher: %s%s%s", why ? why->message : "no memory",
                at >= 0 ? ": " : "", at >= 0 ? texts[at] : "");
        hs_free_compile_error(why);
    }
    free(texts);
    free(lengths);
    free(flags);
    free(ids);
    return into->db ? 0 : err->code;
}

int literals_compile(struct rules *rules, struct err *err)
{
    struct list gate = {0}, all = {0};
    uint32_t index = 0;
    for (size_t p = 0; p < rules->n_packs; p++) {
        for (unsigned r = 0; r < rules->packs[p]->rules_count; r++, index++) {
            const struct pack_rule *rule = &rules->packs[p]->rules[r];
            for (unsigned i = 0; i < rule->find_count; i++) {
                list_add(&all, spelled(rule->find[i], '_', ' '), index);
                if (!gates(&rules->items[index]))
                    continue;
                char *blanks = spelled(rule->find[i], '_', ' ');
                char *lines = spelled(rule->find[i], ' ', '_');
                list_add(&gate, blanks, index);
                if (strcmp(blanks, lines) != 0)
                    list_add(&gate, lines, index);
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
    const struct literals *all = &c->rules->all;
    (void)from, (void)to, (void)flags;
    for (uint32_t i = id ? all->ends[id - 1] : 0; i < all->ends[id]; i++)
        c->tried[all->rules[i] / 64] |= UINT64_C(1) << (all->rules[i] % 64);
    return 0;
}

void literals_try(struct classifier *c, struct str text)
{
    c->folded.n = 0;
    buf_reserve(&c->folded, text.n + 1);
    c->folded.n = text.n;
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
