/* words.h - which of some thousand words are in a short text. For texts of some hundred bytes this is
 * several times faster than Vectorscan, whose strength are long ones. */
#ifndef PARSERS_WORDS_H
#define PARSERS_WORDS_H

#include "base/str.h"

enum { WORD_BYTES_MIN = 3, WORDS_SLACK = 8 };

static inline char word_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}
/* How a text is folded before words are looked for in it: lower case, '_' and tabs as blanks. */
static inline char word_fold(char c)
{
    return c == '_' || c == '\t' ? ' ' : word_lower(c);
}
/* A copy, owned by the caller. */
char *word_folded(const char *word);

struct words;
/* The caller owns what it gives; NULL is fine for words_close(). */
struct words *words_open(void);
void words_close(struct words *w);
/* Copies the word, of WORD_BYTES_MIN bytes or more. Gives its number: the same for the same word,
 * below words_count(). */
uint32_t words_add(struct words *w, struct str word);
size_t words_count(const struct words *w);
/* After the last word, before the first text. */
void words_index(struct words *w);
/* Sets the bit of found[] with the number of each word in the text, byte for byte. WORDS_SLACK bytes
 * behind the text are read too, whatever they hold. Any number of threads. */
void words_find(const struct words *w, struct str text, uint64_t *found);
/* Whether any word is in the text; the same slack. */
bool words_any(const struct words *w, struct str text);

#endif
