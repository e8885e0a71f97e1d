/* words.c - see words.h. Each word is filed under four of its bytes, those that the fewest other words
 * have; every place of the text looks up its four bytes, and compares the few words that it finds.
 *
 *   "certificate has expired" filed under "s ex", at 14
 *   text  … a certificate has expired …      "s ex" is at 18: compare from 18 - 14 on
 *
 * A word of three bytes is filed under these, in a table of its own. */
#include "parsers/words.h"

#include "base/mem.h"

#include <stdlib.h>

enum { HEADS = 1 << 13, GRAMS = 1 << 16 };

/* The words that are filed by four bytes, or by three. `any` has a bit for each of GRAMS hashes that
 * a word is filed under: it stays in the first cache, and most places of a text end there. */
struct shelf {
    uint64_t any[GRAMS / 64];
    uint32_t heads[HEADS]; /* index + 1 of a cell */
};

struct cell {
    uint32_t gram;
    uint32_t next; /* index + 1 of the next cell of the same head, 0: none */
    uint32_t at;   /* where in the word the gram is */
    struct str word;
};

struct words {
    struct cell *cells;
    size_t n, cap;
    struct arena arena;
    bool any_short;
    uint32_t *names; /* until words_index(): the heads of chains of words with the same hash */
    struct shelf fours, threes;
};

/* Four bytes, the first one lowest; the compiler makes one load of it. */
static uint32_t four_at(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t three_at(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16;
}

/* Below GRAMS. */
static uint32_t hash(uint32_t gram)
{
    return gram * UINT32_C(0x9e3779b1) >> 16;
}

static uint32_t head_of(uint32_t gram_hash)
{
    return gram_hash / (GRAMS / HEADS);
}

struct words *words_open(void)
{
    struct words *w = xcalloc(1, sizeof(struct words));
    w->names = xcalloc(HEADS, sizeof *w->names);
    return w;
}

void words_close(struct words *w)
{
    if (!w)
        return;
    free(w->cells);
    free(w->names);
    arena_release(&w->arena);
    free(w);
}

uint32_t words_add(struct words *w, struct str word)
{
    uint32_t h = 0;
    for (size_t i = 0; i < word.n; i++)
        h = h * 31 + (unsigned char)word.p[i];
    uint32_t *head = &w->names[head_of(hash(h))];
    for (uint32_t i = *head; i; i = w->cells[i - 1].next)
        if (str_eq(w->cells[i - 1].word, word))
            return i - 1;
    w->cells = xgrow(w->cells, w->n, &w->cap, sizeof *w->cells);
    w->cells[w->n] = (struct cell){.next = *head, .word = arena_copy(&w->arena, word)};
    *head = (uint32_t)++w->n;
    return *head - 1;
}

size_t words_count(const struct words *w)
{
    return w->n;
}

static void file(struct shelf *shelf, struct words *w, size_t i)
{
    uint32_t h = hash(w->cells[i].gram), *head = &shelf->heads[head_of(h)];
    shelf->any[h / 64] |= UINT64_C(1) << (h % 64);
    w->cells[i].next = *head;
    *head = (uint32_t)i + 1;
}

/* How many words have each four bytes, as far as a hash tells them apart. */
static uint32_t *count_grams(const struct words *w)
{
    uint32_t *counts = xcalloc(GRAMS, sizeof *counts);
    for (size_t i = 0; i < w->n; i++)
        for (size_t at = 0; at + 4 <= w->cells[i].word.n; at++)
            counts[hash(four_at(w->cells[i].word.p + at))]++;
    return counts;
}

void words_index(struct words *w)
{
    uint32_t *counts = count_grams(w);
    for (size_t i = 0; i < w->n; i++) {
        struct cell *cell = &w->cells[i];
        uint32_t least = UINT32_MAX;
        if (cell->word.n == 3) {
            cell->gram = three_at(cell->word.p);
            file(&w->threes, w, i);
            w->any_short = true;
            continue;
        }
        for (size_t at = 0; at + 4 <= cell->word.n; at++) {
            uint32_t gram = four_at(cell->word.p + at), count = counts[hash(gram)];
            if (count >= least)
                continue;
            least = count;
            cell->gram = gram;
            cell->at = (uint32_t)at;
        }
        file(&w->fours, w, i);
    }
    free(counts);
    free(w->names);
    w->names = NULL;
}

struct place {
    struct str text;
    size_t at;
};

static bool is_at(const struct cell *cell, struct place place)
{
    if (cell->at > place.at || cell->word.n > place.text.n - (place.at - cell->at))
        return false;
    const char *start = place.text.p + place.at - cell->at;
    return start[0] == cell->word.p[0] &&
           start[cell->word.n - 1] == cell->word.p[cell->word.n - 1] &&
           memcmp(start, cell->word.p, cell->word.n) == 0;
}

/* The head of the chain where words with the gram are. */
static inline uint32_t chain(const struct shelf *shelf, uint32_t gram)
{
    uint32_t h = hash(gram);
    return shelf->any[h / 64] >> (h % 64) & 1 ? shelf->heads[head_of(h)] : 0;
}

/* Finds the words of a chain that have the gram at the place; with found NULL, whether one is. */
static inline bool find_at(const struct words *w, uint32_t i, uint32_t gram, struct place place,
                           uint64_t *found)
{
    for (; i; i = w->cells[i - 1].next) {
        if (w->cells[i - 1].gram != gram || !is_at(&w->cells[i - 1], place))
            continue;
        if (!found)
            return true;
        found[(i - 1) / 64] |= UINT64_C(1) << ((i - 1) % 64);
    }
    return false;
}

void words_find(const struct words *w, struct str text, uint64_t *found)
{
    for (size_t at = 0; at < text.n; at++) {
        uint32_t four = four_at(text.p + at), three = four & 0xffffff;
        uint32_t first = chain(&w->fours, four);
        if (first)
            find_at(w, first, four, (struct place){text, at}, found);
        first = w->any_short ? chain(&w->threes, three) : 0;
        if (first)
            find_at(w, first, three, (struct place){text, at}, found);
    }
}

bool words_any(const struct words *w, struct str text)
{
    for (size_t at = 0; at < text.n; at++) {
        uint32_t four = four_at(text.p + at), three = four & 0xffffff;
        uint32_t first = chain(&w->fours, four);
        if (first && find_at(w, first, four, (struct place){text, at}, NULL))
            return true;
        first = w->any_short ? chain(&w->threes, three) : 0;
        if (first && find_at(w, first, three, (struct place){text, at}, NULL))
            return true;
    }
    return false;
}
