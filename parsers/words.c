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

/* Of a gram's hash the upper bits give its bit in `any` and its shelf. */
enum { NAMES = 1 << 13, BITS_BITS = 18, SHELVES_BITS = 14, THREES = 1 << 12 };

/* The words that are filed by four bytes, or by three: cells[shelves[i]..shelves[i + 1]) are those of a
 * shelf. */
struct index {
    uint32_t shelves[(1 << SHELVES_BITS) + 1];
    struct cell *cells;
    size_t n;
};

struct cell {
    uint32_t gram;
    uint32_t at; /* where in the word the gram is */
    uint64_t head, mask; /* the word's first eight bytes, those of a shorter one */
    const char *rest;    /* those behind them */
    uint32_t n, number;
};

struct name {
    struct str word;
    uint32_t next; /* index + 1 of the next one of the same head, 0: none */
};

struct words {
    struct name *names;
    size_t n, cap;
    struct arena arena;
    uint32_t *heads; /* until words_index(): of chains of words with the same hash */
    struct index fours, threes;
    /* A bit for each hash of four bytes where a word may be: it stays in the first cache, and most
     * places of a text end there. */
    uint64_t any[(1 << BITS_BITS) / 64];
    uint64_t any_three[THREES / 64]; /* of these, where one of three bytes may be */
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

static uint32_t hash(uint32_t gram)
{
    return gram * UINT32_C(0x9e3779b1);
}

static uint32_t bit_of(uint32_t gram_hash)
{
    return gram_hash >> (32 - BITS_BITS);
}

static uint32_t shelf_of(uint32_t gram_hash)
{
    return gram_hash >> (32 - SHELVES_BITS);
}

char *word_folded(const char *word)
{
    char *copy = str_dup(str_of(word));
    for (char *p = copy; *p; p++)
        *p = word_fold(*p);
    return copy;
}

struct words *words_open(void)
{
    struct words *w = xcalloc(1, sizeof(struct words));
    w->heads = xcalloc(NAMES, sizeof *w->heads);
    return w;
}

void words_close(struct words *w)
{
    if (!w)
        return;
    free(w->names);
    free(w->heads);
    free(w->fours.cells);
    free(w->threes.cells);
    arena_release(&w->arena);
    free(w);
}

uint32_t words_add(struct words *w, struct str word)
{
    uint32_t h = 0;
    for (size_t i = 0; i < word.n; i++)
        h = h * 31 + (unsigned char)word.p[i];
    uint32_t *head = &w->heads[hash(h) / (UINT32_MAX / NAMES + 1)];
    for (uint32_t i = *head; i; i = w->names[i - 1].next)
        if (str_eq(w->names[i - 1].word, word))
            return i - 1;
    w->names = xgrow(w->names, w->n, &w->cap, sizeof *w->names);
    w->names[w->n] = (struct name){arena_copy(&w->arena, word), *head};
    *head = (uint32_t)++w->n;
    return *head - 1;
}

size_t words_count(const struct words *w)
{
    return w->n;
}

/* The first one lowest, as four_at() has it. */
static uint64_t eight_at(const char *p)
{
    return four_at(p) | (uint64_t)four_at(p + 4) << 32;
}

/* How many words have each four bytes, as far as a hash tells them apart. */
static uint32_t *count_grams(const struct words *w)
{
    uint32_t *counts = xcalloc(1 << BITS_BITS, sizeof *counts);
    for (size_t i = 0; i < w->n; i++)
        for (size_t at = 0; at + 4 <= w->names[i].word.n; at++)
            counts[bit_of(hash(four_at(w->names[i].word.p + at)))]++;
    return counts;
}

/* The cell of a word: its four bytes that the fewest words have, or its three. */
static struct cell cell_of(const struct words *w, size_t i, const uint32_t *counts)
{
    struct str word = w->names[i].word, rest = str_from(word, 8);
    char head[8] = {0};
    uint32_t least = UINT32_MAX;
    memcpy(head, word.p, word.n - rest.n);
    struct cell cell = {.number = (uint32_t)i,
                        .head = eight_at(head),
                        .mask = word.n < 8 ? (UINT64_C(1) << 8 * word.n) - 1 : UINT64_MAX,
                        .rest = rest.p,
                        .n = (uint32_t)word.n};
    if (word.n == 3)
        cell.gram = three_at(word.p);
    for (size_t at = 0; at + 4 <= word.n; at++) {
        uint32_t gram = four_at(word.p + at), count = counts[bit_of(hash(gram))];
        if (count >= least)
            continue;
        least = count;
        cell.gram = gram;
        cell.at = (uint32_t)at;
    }
    return cell;
}

/* Sorts the cells into their shelves, each shelf in the order of the words. */
static void fill(struct index *index, const struct cell *cells)
{
    for (size_t i = 0; i < index->n; i++)
        index->shelves[shelf_of(hash(cells[i].gram)) + 1]++;
    for (size_t shelf = 0; shelf < 1 << SHELVES_BITS; shelf++)
        index->shelves[shelf + 1] += index->shelves[shelf];
    index->cells = xcalloc(index->n + 1, sizeof *index->cells);
    for (size_t i = index->n; i > 0; i--) {
        /* Shelf by shelf from its end: what is left in shelves[] is where each begins. */
        uint32_t shelf = shelf_of(hash(cells[i - 1].gram));
        index->cells[--index->shelves[shelf + 1]] = cells[i - 1];
    }
    memmove(index->shelves, index->shelves + 1, sizeof index->shelves - sizeof *index->shelves);
    index->shelves[1 << SHELVES_BITS] = (uint32_t)index->n;
}

static void mark(struct words *w, uint32_t gram)
{
    uint32_t bit = bit_of(hash(gram));
    w->any[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* A word of three bytes may have any byte behind it that a folded text has. */
static void mark_all(struct words *w)
{
    for (size_t i = 0; i < w->fours.n; i++)
        mark(w, w->fours.cells[i].gram);
    for (size_t i = 0; i < w->threes.n; i++) {
        uint32_t three = w->threes.cells[i].gram, bit = hash(three) / (UINT32_MAX / THREES + 1);
        w->any_three[bit / 64] |= UINT64_C(1) << (bit % 64);
        for (uint32_t behind = 0; behind < 256; behind++)
            if (behind < 'A' || behind > 'Z')
                mark(w, three | behind << 24);
    }
}

void words_index(struct words *w)
{
    uint32_t *counts = count_grams(w);
    struct cell *fours = xcalloc(w->n + 1, sizeof *fours);
    struct cell *threes = xcalloc(w->n + 1, sizeof *threes);
    for (size_t i = 0; i < w->n; i++) {
        if (w->names[i].word.n == 3)
            threes[w->threes.n++] = cell_of(w, i, counts);
        else
            fours[w->fours.n++] = cell_of(w, i, counts);
    }
    fill(&w->fours, fours);
    fill(&w->threes, threes);
    mark_all(w);
    free(fours);
    free(threes);
    free(counts);
    free(w->heads);
    w->heads = NULL;
}

struct place {
    struct str text;
    size_t at;
};

static bool is_at(const struct cell *cell, const struct place *place)
{
    if (cell->at > place->at || cell->n > place->text.n - (place->at - cell->at))
        return false;
    const char *start = place->text.p + place->at - cell->at;
    return (eight_at(start) & cell->mask) == cell->head &&
           (cell->n <= 8 || memcmp(start + 8, cell->rest, cell->n - 8) == 0);
}

/* Finds the words that have the gram at the place; with found NULL, whether one is. */
static bool find_gram(const struct index *index, uint32_t gram, const struct place *place,
                      uint64_t *found)
{
    uint32_t shelf = shelf_of(hash(gram));
    for (uint32_t i = index->shelves[shelf]; i < index->shelves[shelf + 1]; i++) {
        const struct cell *cell = &index->cells[i];
        if (cell->gram != gram || !is_at(cell, place))
            continue;
        if (!found)
            return true;
        found[cell->number / 64] |= UINT64_C(1) << (cell->number % 64);
    }
    return false;
}

static bool find_at(const struct words *w, uint32_t four, const struct place *place,
                    uint64_t *found)
{
    uint32_t three = four & 0xffffff, bit = hash(three) / (UINT32_MAX / THREES + 1);
    if (find_gram(&w->fours, four, place, found))
        return true;
    return (w->any_three[bit / 64] >> (bit % 64) & 1) && find_gram(&w->threes, three, place, found);
}

static inline bool may_be(const struct words *w, uint32_t four)
{
    uint32_t bit = bit_of(hash(four));
    return w->any[bit / 64] >> (bit % 64) & 1;
}

/* In two steps: a branch at every byte, taken at every fifth, would cost more than all the rest. */
void words_find(const struct words *w, struct str text, uint64_t *found)
{
    enum { STEP = 256 };
    uint32_t maybe[STEP];
    for (size_t from = 0; from < text.n; from += STEP) {
        size_t n = 0, end = text.n - from < STEP ? text.n - from : STEP;
        for (size_t i = 0; i < end; i++) {
            maybe[n] = (uint32_t)i;
            n += may_be(w, four_at(text.p + from + i));
        }
        for (size_t i = 0; i < n; i++) {
            const struct place place = {text, from + maybe[i]};
            find_at(w, four_at(text.p + place.at), &place, found);
        }
    }
}

bool words_any(const struct words *w, struct str text)
{
    struct place place = {text, 0};
    for (; place.at < text.n; place.at++) {
        uint32_t four = four_at(text.p + place.at);
        if (may_be(w, four) && find_at(w, four, &place, NULL))
            return true;
    }
    return false;
}
