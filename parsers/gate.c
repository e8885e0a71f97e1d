/* gate.c - on raw bytes, before anything else: the `find` words without which no record can become
 * an event.
 *
 * Over whole chunks it is Vectorscan's work. That is at its best with short literals, so each word
 * is given to it as a piece, eight of its bytes, which other words may share; where the piece is,
 * the words that it stands for are compared:
 *
 *   certificate has expired    "te has e": not "certific", which harmless lines have too
 *
 * A raw line may have blanks or underscores between words, so that the gate holds both spellings,
 * and the pack's own where it mixes them. Where most lines have a word, they are looked at one by
 * one (words.h). */
#include "parsers/internal.h"

#include <pthread.h>
#include <stdlib.h>

enum { PIECE_BYTES = 8, PIECE_MIDDLE = 4096, COUNTS_BITS = 16 };
/* A token is a run of letters and digits; it is common when that many words have it. */
enum { TOKEN_BYTES_MIN = 5, TOKEN_COMMON = 3 };

struct list {
    char **words;
    size_t n, cap;
};

/* A word as one of its pieces finds it. */
struct piece_word {
    uint32_t piece;
    uint32_t behind; /* bytes of the word behind the piece */
    struct str word; /* in lower case */
};

struct gate {
    hs_database_t *pieces; /* NULL: no words */
    struct list words, literals;
    struct piece_word *piece_words; /* sorted by piece */
    size_t n_piece_words;
    uint32_t *first; /* of each piece, and the end: indices of piece_words */
    struct words *lines; /* the same words, for a line in lower case */
    pthread_t maker;
    bool threaded;
    struct err err;
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

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* ---- the words ---- */

static char *spelled(const char *word, char from, char to)
{
    char *copy = str_dup(str_of(word));
    for (char *p = copy; *p; p++)
        *p = word_lower(*p) == from ? to : word_lower(*p);
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
    size_t n;
};

static struct chains *chains_open(size_t room)
{
    struct chains *c = xcalloc(1, sizeof *c);
    c->next = xcalloc(room + 1, sizeof *c->next);
    return c;
}

static void chains_close(struct chains *c)
{
    free(c->next);
    free(c);
}

static uint32_t *chain_of(struct chains *c, const char *three)
{
    uint32_t bytes = (uint32_t)(unsigned char)three[0] << 16 |
                     (uint32_t)(unsigned char)three[1] << 8 | (unsigned char)three[2];
    return &c->heads[(bytes * 0x9e3779b1u) >> 20];
}

/* Files the next word. */
static void chain_add(struct chains *c, const char *word)
{
    uint32_t *head = chain_of(c, word);
    c->next[c->n] = *head;
    *head = (uint32_t)++c->n;
}

/* Which of the filed words the word holds, and where; -1: none. */
static ptrdiff_t held(struct chains *c, const char *word, char *const *filed, size_t *at)
{
    for (const char *p = word; p[0] && p[1] && p[2]; p++) {
        for (uint32_t i = *chain_of(c, p); i; i = c->next[i - 1]) {
            if (strncmp(p, filed[i - 1], strlen(filed[i - 1])) != 0)
                continue;
            *at = (size_t)(p - word);
            return (ptrdiff_t)i - 1;
        }
    }
    return -1;
}

/* Leaves those out that hold another: where they are, the other is found as well. Which of them it
 * was doesn't matter to the gate. */
static void keep_shortest(struct list *l)
{
    struct chains *c = chains_open(l->n);
    size_t kept = 0, at;
    if (l->n)
        qsort(l->words, l->n, sizeof *l->words, by_length);
    for (size_t i = 0; i < l->n; i++) {
        if (held(c, l->words[i], l->words, &at) >= 0) {
            free(l->words[i]);
            continue;
        }
        l->words[kept] = l->words[i];
        chain_add(c, l->words[kept++]);
    }
    l->n = kept;
    chains_close(c);
}

/* An event needs a rule that says so by itself, or one that gives the context of a handshake. */
static bool gates(const struct rule *rule)
{
    return rule->kind != KIND_veto && rule->kind != KIND_envelope &&
           (rule->failure >= FAILURE_yes || rule->context);
}

static void add_words(const struct rules *rules, struct list *out)
{
    size_t index = 0;
    for (size_t p = 0; p < rules->n_packs; p++) {
        for (unsigned r = 0; r < rules->packs[p]->rules_count; r++, index++) {
            const struct pack_rule *from = &rules->packs[p]->rules[r];
            for (unsigned i = 0; gates(&rules->items[index]) && i < from->find_count; i++) {
                bool blanks = strchr(from->find[i], ' '), lines = strchr(from->find[i], '_');
                list_add(out, spelled(from->find[i], '_', '_'));
                if (blanks)
                    list_add(out, spelled(from->find[i], ' ', '_'));
                if (lines)
                    list_add(out, spelled(from->find[i], '_', ' '));
            }
        }
    }
}

/* ---- the pieces ---- */

/* By a hash: how many words have a piece, how many have a token, and whether a piece lies within a
 * common token. Where two share a hash, a piece is chosen less well, no more. */
struct counts {
    uint16_t pieces[1 << COUNTS_BITS], tokens[1 << COUNTS_BITS];
    bool inside[1 << COUNTS_BITS];
};

static uint32_t hash(const char *p, size_t n)
{
    uint32_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * UINT32_C(0x01000193);
    return h * UINT32_C(0x9e3779b1) >> (32 - COUNTS_BITS);
}

static struct str next_token(const char **p)
{
    while (**p && !is_plain(**p))
        ++*p;
    const char *from = *p;
    while (is_plain(**p))
        ++*p;
    return str_make(from, (size_t)(*p - from));
}

static size_t pieces_of(const char *word)
{
    size_t n = strlen(word);
    return n > PIECE_BYTES ? n - PIECE_BYTES + 1 : 1;
}

static void mark_inside(struct counts *c, struct str token)
{
    for (size_t n = TOKEN_BYTES_MIN; n <= PIECE_BYTES; n++)
        for (size_t at = 0; at + n <= token.n; at++)
            c->inside[hash(token.p + at, n)] = true;
}

static void count(struct counts *c, const struct list *words)
{
    for (size_t i = 0; i < words->n; i++) {
        const char *word = words->words[i], *p = word;
        for (size_t at = 0; at < pieces_of(word); at++)
            c->pieces[hash(word + at, strnlen(word + at, PIECE_BYTES))]++;
        for (struct str token; (token = next_token(&p)).n;)
            c->tokens[hash(token.p, token.n)]++;
    }
    for (size_t i = 0; i < words->n; i++) {
        const char *p = words->words[i];
        for (struct str token; (token = next_token(&p)).n;)
            if (c->tokens[hash(token.p, token.n)] >= TOKEN_COMMON)
                mark_inside(c, token);
    }
}

/* How well the piece at `at` tells the word from other text: best it is no part of a common token,
 * has much of two tokens, is another word's as well, and lies in the word's middle. */
static size_t worth(const struct counts *c, const char *word, size_t at)
{
    const char *piece = word + at;
    size_t n = strnlen(piece, PIECE_BYTES), from = 0, to = n, run = 0, longest = 0;
    size_t off = 2 * at, last = pieces_of(word) - 1;
    while (from < to && !is_plain(piece[from]))
        from++;
    while (to > from && !is_plain(piece[to - 1]))
        to--;
    for (size_t i = from; i < to; i++) {
        run = is_plain(piece[i]) ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    size_t rest = to - from - longest;
    size_t middle = PIECE_MIDDLE - (off > last ? off - last : last - off);
    bool common = c->inside[hash(piece + from, to - from)];
    return (common ? 0 : 8 * PIECE_MIDDLE) + 2 * PIECE_MIDDLE * (rest > 3 ? 3 : rest) +
           (c->pieces[hash(piece, n)] > 1 ? PIECE_MIDDLE : 0) + middle;
}

static size_t best_piece(const struct counts *c, const char *word)
{
    size_t best = 0;
    for (size_t at = 1; at < pieces_of(word); at++)
        if (worth(c, word, at) > worth(c, word, best))
            best = at;
    return best;
}

static int by_piece(const void *va, const void *vb)
{
    const struct piece_word *a = va, *b = vb;
    return (a->piece > b->piece) - (a->piece < b->piece);
}

/* From the shortest word on: a word that has a piece of an earlier one is found by that. */
static void choose_pieces(struct gate *g)
{
    struct counts *counts = xcalloc(1, sizeof *counts);
    struct chains *chains = chains_open(g->words.n);
    count(counts, &g->words);
    g->piece_words = xcalloc(g->words.n + 1, sizeof *g->piece_words);
    for (size_t i = 0; i < g->words.n; i++) {
        const char *word = g->words.words[i];
        size_t at;
        ptrdiff_t piece = held(chains, word, g->literals.words, &at);
        if (piece < 0) {
            at = best_piece(counts, word);
            piece = (ptrdiff_t)g->literals.n;
            list_add(&g->literals, str_dup(str_make(word + at, strnlen(word + at, PIECE_BYTES))));
            chain_add(chains, g->literals.words[piece]);
        }
        size_t behind = strlen(word) - at - strlen(g->literals.words[piece]);
        g->piece_words[g->n_piece_words++] =
            (struct piece_word){(uint32_t)piece, (uint32_t)behind, str_of(word)};
    }
    if (g->n_piece_words)
        qsort(g->piece_words, g->n_piece_words, sizeof *g->piece_words, by_piece);
    g->first = xcalloc(g->literals.n + 1, sizeof *g->first);
    for (size_t i = g->n_piece_words; i > 0; i--)
        g->first[g->piece_words[i - 1].piece] = (uint32_t)i - 1;
    g->first[g->literals.n] = (uint32_t)g->n_piece_words;
    chains_close(chains);
    free(counts);
}

static void compile(struct gate *g)
{
    const struct list *l = &g->literals;
    hs_compile_error_t *why = NULL;
    size_t *lengths = xcalloc(l->n, sizeof *lengths);
    unsigned *flags = xcalloc(l->n, sizeof *flags);
    unsigned *ids = xcalloc(l->n, sizeof *ids);
    for (size_t i = 0; i < l->n; i++) {
        lengths[i] = strlen(l->words[i]);
        flags[i] = HS_FLAG_CASELESS;
        ids[i] = (unsigned)i;
    }
    hs_error_t rc = hs_compile_lit_multi((const char *const *)l->words, flags, ids, lengths,
                                         (unsigned)l->n, HS_MODE_BLOCK, NULL, &g->pieces, &why);
    if (rc != HS_SUCCESS) {
        int at = why ? why->expression : -1;
        err_set(&g->err, ERR_FAILED, "literal matcher: %s%s%s", why ? why->message : "no memory",
                at >= 0 ? ": " : "", at >= 0 ? l->words[at] : "");
        hs_free_compile_error(why);
    }
    free(lengths);
    free(flags);
    free(ids);
}

static void *make(void *context)
{
    struct gate *g = context;
    keep_shortest(&g->words);
    g->lines = words_open();
    for (size_t i = 0; i < g->words.n; i++)
        words_add(g->lines, str_of(g->words.words[i]));
    words_index(g->lines);
    choose_pieces(g);
    if (g->literals.n)
        compile(g);
    return NULL;
}

struct gate *gate_begin(const struct rules *rules)
{
    struct gate *g = xcalloc(1, sizeof *g);
    add_words(rules, &g->words);
    g->threaded = pthread_create(&g->maker, NULL, make, g) == 0;
    if (!g->threaded)
        make(g);
    return g;
}

int gate_end(struct gate *g, struct err *err)
{
    if (g->threaded)
        pthread_join(g->maker, NULL);
    g->threaded = false;
    if (g->err.code != 0)
        *err = g->err;
    return g->err.code;
}

void gate_close(struct gate *g)
{
    if (!g)
        return;
    if (g->threaded)
        pthread_join(g->maker, NULL);
    hs_free_database(g->pieces);
    list_release(&g->words);
    list_release(&g->literals);
    words_close(g->lines);
    free(g->piece_words);
    free(g->first);
    free(g);
}

/* ---- at work ---- */

struct pass {
    const struct gate *gate;
    struct str text;
    gate_hit *hit;
    void *context;
};

/* Whether a word is there that the piece stands for; `to` is behind the piece's last byte. */
static bool is_word(const struct gate *g, unsigned piece, struct str text, size_t to)
{
    for (uint32_t i = g->first[piece]; i < g->first[piece + 1]; i++) {
        struct str word = g->piece_words[i].word;
        size_t end = to + g->piece_words[i].behind;
        if (end <= text.n && word.n <= end &&
            str_ieq(str_make(text.p + end - word.n, word.n), word))
            return true;
    }
    return false;
}

static int on_piece(unsigned piece, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    const struct pass *pass = context;
    (void)from, (void)flags;
    return is_word(pass->gate, piece, pass->text, (size_t)to) &&
           pass->hit(pass->context, (size_t)to - 1);
}

int gate_scratch(const struct gate *g, hs_scratch_t **out, struct err *err)
{
    if (g->pieces && hs_alloc_scratch(g->pieces, out) != HS_SUCCESS)
        return err_set(err, ERR_FAILED, "literal matcher: no scratch memory");
    return 0;
}

/* hs_scan() takes lengths of 32 bits; a chunk is at most a few MiB. */
bool gate_pass(struct classifier *c, struct str text, gate_hit *hit, void *context)
{
    struct pass pass = {c->rules->gate, text, hit, context};
    if (!pass.gate->pieces || text.n == 0)
        return false;
    return hs_scan(pass.gate->pieces, text.p, (unsigned)text.n, 0, c->gate_scratch, on_piece,
                   &pass) == HS_SCAN_TERMINATED;
}

static bool stop(void *context, size_t at)
{
    (void)context, (void)at;
    return true;
}

bool gate_record(struct classifier *c, struct str raw)
{
    return gate_pass(c, raw, stop, NULL);
}

bool gate_line(struct classifier *c, struct str raw)
{
    return words_any(c->rules->gate->lines, literals_lower(c, raw));
}
