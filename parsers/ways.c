/* ways.c - a rule's pattern, taken apart into its ways: each is compiled and has needs of its own, so
 * that of thirty ways only those are tried whose words the text has.
 *
 *   \b(?:ssl|tls) alert|error:\d+       "\b(?:ssl) alert", "\b(?:tls) alert", "error:\d+"
 *
 * The match is the one that the whole pattern would give: the leftmost, of those that begin at the same
 * place the first way's. */
#include "parsers/internal.h"

#include <stdlib.h>

enum { WAYS_MAX = 256, WAYS_BYTES_MAX = 16384, THREES_BITS = 16, COMMON = 20 };

/* A way's source is what stands in the bytes, from one end to the next; each ends with a NUL. */
struct split {
    struct buf bytes;
    size_t n;
    bool lost; /* too many, or too long together */
};

static bool is_one_of(char c, const char *bytes)
{
    return c && strchr(bytes, c);
}

/* The next '|' or ')' of the level that p is at, or the end. */
static const char *level_end(const char *p)
{
    for (int depth = 0; *p; p = pattern_next(p)) {
        if (depth == 0 && (*p == '|' || *p == ')'))
            return p;
        depth += (*p == '(') - (*p == ')');
    }
    return p;
}

/* Behind "(?i)" and the like at p, which change what stands behind them; p where there is none. */
static const char *skip_flags(const char *p)
{
    const char *end = p + 2;
    if (p[0] != '(' || p[1] != '?')
        return p;
    while (is_one_of(*end, "imsxnJU-^"))
        end++;
    return *end == ')' ? end + 1 : p;
}

/* Whether a way means the same by itself: no flags are set between ways, and nothing refers to a
 * group by its number or is a verb. */
static bool is_separable(const char *source)
{
    const char *start = skip_flags(source);
    if (strstr(source, "(*") || memchr(source, 'x', (size_t)(start - source)))
        return false;
    for (const char *p = start; *p; p = pattern_next(p)) {
        if (*p == '\\' && is_one_of(p[1], "123456789gkKQE"))
            return false;
        if (*p == '(' && p[1] == '?' && (is_one_of(p[2], "|(R&+C#") || skip_flags(p) > p))
            return false;
        if (strncmp(p, "(?P", 3) == 0)
            return false;
    }
    return true;
}

/* Behind what takes no bytes at the start of a way: "\b", "^", looks around. */
static const char *skip_looks(const char *p)
{
    for (;;) {
        if (*p == '^')
            p++;
        else if (*p == '\\' && is_one_of(p[1], "bBA"))
            p += 2;
        else if (strncmp(p, "(?=", 3) == 0 || strncmp(p, "(?!", 3) == 0 ||
                 strncmp(p, "(?<=", 4) == 0 || strncmp(p, "(?<!", 4) == 0) {
            for (p = level_end(p + 1); *p == '|';)
                p = level_end(p + 1);
            p += *p == ')';
        } else {
            return p;
        }
    }
}

static void add_way(struct split *out, struct str flags, const struct str *parts, size_t n)
{
    buf_str(&out->bytes, flags);
    for (size_t i = 0; i < n; i++)
        buf_str(&out->bytes, parts[i]);
    buf_char(&out->bytes, '\0');
    out->n++;
    out->lost = out->lost || out->n > WAYS_MAX || out->bytes.n > WAYS_BYTES_MAX;
}

static struct str between(const char *from, const char *to)
{
    return str_make(from, (size_t)(to - from));
}

/* The way of a level, from p to end. Where it begins with a group of ways, each of these makes one. */
static void split_way(struct split *out, struct str flags, const char *p, const char *end)
{
    const char *group = skip_looks(p), *close = group;
    if (strncmp(group, "(?:", 3) == 0)
        for (close = level_end(group + 3); *close == '|';)
            close = level_end(close + 1);
    if (close == group || *close != ')' || is_one_of(close[1], "?*+{")) {
        add_way(out, flags, &(struct str){p, (size_t)(end - p)}, 1);
        return;
    }
    for (const char *from = group + 3, *to; from <= close && !out->lost; from = to + 1) {
        to = level_end(from);
        const struct str parts[] = {between(p, group + 3), between(from, to), between(close, end)};
        add_way(out, flags, parts, sizeof parts / sizeof *parts);
    }
}

static void split(const char *source, struct split *out)
{
    const char *start = skip_flags(source);
    struct str flags = between(source, start);
    for (const char *p = start, *end;; p = end + 1) {
        end = level_end(p);
        split_way(out, flags, p, end);
        out->lost = out->lost || *end == ')'; /* one too many */
        if (!*end || out->lost)
            return;
    }
}

/* ---- needs ---- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c < 0;
}

/* Where three bytes, folded, are counted. */
static size_t three_of(const char *p)
{
    uint32_t bytes = 0;
    for (int i = 0; i < 3; i++)
        bytes = bytes << 8 | (unsigned char)word_fold(p[i]);
    return bytes * UINT32_C(0x9e3779b1) >> (32 - THREES_BITS);
}

void ways_count(struct rules *rules, const struct pack_rule *from, size_t pack)
{
    if (!rules->threes)
        rules->threes = xcalloc(1 << THREES_BITS, sizeof *rules->threes);
    for (unsigned i = 0; i < from->find_count; i++) {
        for (const char *p = from->find[i]; p[0] && p[1] && p[2]; p++) {
            struct three *three = &rules->threes[three_of(p)];
            if (three->packs == 0 || three->last != (uint16_t)pack)
                three->packs++;
            three->last = (uint16_t)pack;
        }
    }
}

/* A word from its first letter or digit to the last: "failed: " is no rarer than "failed". */
static struct str core(const char *word)
{
    struct str s = str_of(word);
    while (s.n > WORD_BYTES_MIN && !is_plain(s.p[s.n - 1]))
        s.n--;
    while (s.n > WORD_BYTES_MIN && !is_plain(s.p[0]))
        s = str_from(s, 1);
    return s;
}

/* Whether some word of the need is in the words of so many packs that a text which got this far has
 * it anyway: not worth looking for. */
static bool is_common(const struct rules *rules, const struct need *need)
{
    for (size_t i = 0; i < need->n; i++) {
        size_t least = SIZE_MAX;
        struct str word = core(need->words[i]);
        for (size_t at = 0; at + 3 <= word.n; at++) {
            size_t packs = rules->threes[three_of(word.p + at)].packs;
            least = packs < least ? packs : least;
        }
        if (least >= COMMON)
            return true;
    }
    return false;
}

/* Whether the rule's own words fill the need: where it is tried at all, it is filled. */
static bool is_found(const struct need *need, const struct pack_rule *from)
{
    for (unsigned i = 0; i < from->find_count; i++) {
        char *word = word_folded(from->find[i]);
        bool filled = need_filled(need, word);
        free(word);
        if (!filled)
            return false;
    }
    return from->find_count > 0;
}

static void add_needs(struct rules *rules, const struct needs *needs, const struct pack_rule *from,
                      struct needed *out)
{
    out->from = (uint32_t)rules->n_need_words;
    for (size_t i = 0; i < needs->n; i++) {
        const struct need *need = &needs->items[i];
        if (is_common(rules, need) || is_found(need, from))
            continue;
        for (size_t k = 0; k < need->n; k++) {
            rules->need_words = xgrow(rules->need_words, rules->n_need_words,
                                      &rules->need_words_cap, sizeof *rules->need_words);
            rules->need_words[rules->n_need_words++] =
                words_add(rules->all, core(need->words[k]));
        }
        out->ends[out->n++] = (uint32_t)rules->n_need_words;
    }
}

bool ways_need(struct rules *rules, const char *words, struct needed *out)
{
    char *folded = word_folded(words), *rest = folded, *word;
    bool fits = out->n < NEEDS_MAX;
    if (out->n == 0)
        out->from = (uint32_t)rules->n_need_words;
    while (fits && (word = strsep(&rest, "|"))) {
        fits = strlen(word) >= WORD_BYTES_MIN;
        rules->need_words = xgrow(rules->need_words, rules->n_need_words, &rules->need_words_cap,
                                  sizeof *rules->need_words);
        rules->need_words[rules->n_need_words++] = fits ? words_add(rules->all, str_of(word)) : 0;
    }
    free(folded);
    if (fits)
        out->ends[out->n++] = (uint32_t)rules->n_need_words;
    return fits;
}

/* ---- ways ---- */

static int add(struct rules *rules, const char *source, const struct pack_rule *from,
               struct ways *out, struct err *err)
{
    struct way *way;
    out->items = xgrow(out->items, out->n, &out->cap, sizeof *out->items);
    way = &out->items[out->n++];
    *way = (struct way){.pattern = NULL};
    int rc = rules->trusted && from
                 ? pattern_open_later(source, rules_table, rules, &way->pattern, err)
                 : pattern_open(source, rules_table, rules, &way->pattern, err);
    if (rc != 0)
        return rc;
    out->captures |= pattern_captures(way->pattern);
    return 0;
}

/* False when it doesn't pay, which it does where most ways have needs, or when a way is no pattern. */
static bool open_parts(struct rules *rules, const struct split *parts,
                       const struct pack_rule *from, struct ways *out)
{
    struct needs *needs = xrealloc(NULL, parts->n * sizeof *needs);
    const char *part = parts->bytes.p;
    struct err err;
    size_t with = 0;
    for (size_t i = 0; i < parts->n; i++, part += strlen(part) + 1) {
        needs_read(part, &needs[i]);
        with += needs[i].n > 0;
    }
    bool opened = with * 2 >= parts->n;
    part = parts->bytes.p;
    for (size_t i = 0; opened && i < parts->n; i++, part += strlen(part) + 1) {
        opened = add(rules, part, from, out, &err) == 0;
        add_needs(rules, &needs[i], from, &out->items[i].needed);
    }
    free(needs);
    return opened;
}

int ways_open(struct rules *rules, const char *source, const struct pack_rule *from,
              struct ways *out, struct err *err)
{
    struct split parts = {.n = 0};
    struct needs needs;
    *out = (struct ways){.n = 0};
    if (from && is_separable(source))
        split(source, &parts);
    bool opened = parts.n > 1 && !parts.lost && open_parts(rules, &parts, from, out);
    buf_release(&parts.bytes);
    if (opened)
        return 0;
    ways_close(out);
    *out = (struct ways){.n = 0};
    if (add(rules, source, from, out, err) != 0)
        return err->code;
    if (from) {
        needs_read(source, &needs);
        add_needs(rules, &needs, from, &out->items[0].needed);
    }
    return 0;
}

void ways_close(struct ways *ways)
{
    for (size_t i = 0; i < ways->n; i++)
        pattern_close(ways->items[i].pattern);
    free(ways->items);
}

enum match ways_match(struct classifier *c, const struct ways *ways, struct str text,
                      struct captures *out)
{
    struct captures own;
    enum match found = MATCH_NO;
    bool gave_up = false;
    if (out)
        out->n = 0;
    for (size_t i = 0; i < ways->n; i++) {
        const struct way *way = &ways->items[i];
        if (!c->thorough && !literals_fill(c, &way->needed))
            continue;
        struct captures *to = !ways->captures || !out ? NULL : found == MATCH_NO ? out : &own;
        enum match match = pattern_match(way->pattern, c->matcher, text, to);
        if (match == MATCH_YES && !to)
            return match;
        gave_up = gave_up || match == MATCH_BUDGET;
        if (match == MATCH_YES && to == &own && own.start < out->start)
            *out = own;
        if (match == MATCH_YES)
            found = match;
    }
    return found == MATCH_NO && gave_up ? MATCH_BUDGET : found;
}
