/* needs.h - what a text can't be without if a pattern is to match it, read off the pattern's source:
 *
 *   \bSSL[ _](?:accept|connect): .*?code=\d     one of "ssl accept", "ssl connect"; and "code="
 *
 * A pattern that has to go through a whole line to find that it fails costs as much as ten that do so
 * at once; the words are looked for anyway, all rules' together (words.h). */
#ifndef PARSERS_NEEDS_H
#define PARSERS_NEEDS_H

#include <stdbool.h>
#include <stddef.h>

enum { NEEDS_MAX = 4, NEED_WORDS_MAX = 64, NEED_WORD_MAX = 40 };

/* One of the words must be there, in a text folded as literals.c does (lower case, '_' as a blank). */
struct need {
    char words[NEED_WORDS_MAX][NEED_WORD_MAX + 1];
    size_t n;
};
/* All of them must be. */
struct needs {
    struct need items[NEEDS_MAX];
    size_t n;
};

/* The strongest needs of a caseless PCRE2 pattern; none where its source holds what isn't known
 * here. Words are WORD_BYTES_MIN bytes or longer. */
void needs_read(const char *source, struct needs *out);

/* Whether one of its words is in the folded text. */
bool need_filled(const struct need *need, const char *text);

#endif
