/* needs.c - see needs.h. Reads the source from left to right; `run` is the plain text that stands in
 * front of where it is, without a gap. A group goes on with the run of what is in front of it, in
 * each of its ways; what stands behind a group, a class or a repetition begins a new run.
 *
 *   pattern  = way { "|" way }        of several ways one need: the strongest of each
 *   way      = { item [ quantifier ] }
 *   item     = byte | class | "." | "^" | "$" | escape | group
 *
 * Where in doubt something is no need: that costs time, never an answer. */
#include "parsers/needs.h"

#include "parsers/words.h"

#include <string.h>

enum { DEPTH_MAX = 24 };

struct reader {
    const char *p;
    int depth;
    bool lost; /* something that isn't known here */
};

struct run {
    char text[NEED_WORD_MAX];
    size_t n;
};

/* BYTE goes on with the run, NOTHING stands between two bytes, GAP may be any bytes; GROUP is a gap
 * with needs of its own, which go on with the run; LOOK is a group that takes no bytes. */
enum item { ITEM_BYTE, ITEM_NOTHING, ITEM_GAP, ITEM_GROUP, ITEM_LOOK };
enum often { OFTEN_ONCE, OFTEN_MORE, OFTEN_MAYBE };

static void read_ways(struct reader *r, const struct run *before, struct needs *out);

static char fold(char c)
{
    return (char)(c == '_' || c == '\t' ? ' ' : c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool take(struct reader *r, const char *what)
{
    size_t n = strlen(what);
    if (strncmp(r->p, what, n) != 0)
        return false;
    r->p += n;
    return true;
}

static bool is_one_of(char c, const char *bytes)
{
    return c && strchr(bytes, c);
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* ---- needs ---- */

/* How long the shortest word is: how little would do. */
static size_t strength(const struct need *need)
{
    size_t least = need->n ? NEED_WORD_MAX : 0;
    for (size_t i = 0; i < need->n; i++) {
        size_t n = strlen(need->words[i]);
        least = n < least ? n : least;
    }
    return least;
}

bool need_filled(const struct need *need, const char *text)
{
    for (size_t i = 0; i < need->n; i++)
        if (strstr(text, need->words[i]))
            return true;
    return false;
}

/* Whether a text that fills `strong` fills `weak` as well. */
static bool implies(const struct need *strong, const struct need *weak)
{
    for (size_t i = 0; i < strong->n; i++)
        if (!need_filled(weak, strong->words[i]))
            return false;
    return true;
}

static void add_need(struct needs *out, const struct need *need)
{
    size_t weakest = 0;
    if (strength(need) < WORD_BYTES_MIN)
        return;
    for (size_t i = 0; i < out->n; i++) {
        if (implies(&out->items[i], need))
            return;
        if (implies(need, &out->items[i])) {
            out->items[i] = *need;
            return;
        }
        if (strength(&out->items[i]) < strength(&out->items[weakest]))
            weakest = i;
    }
    if (out->n < NEEDS_MAX)
        out->items[out->n++] = *need;
    else if (strength(need) > strength(&out->items[weakest]))
        out->items[weakest] = *need;
}

static void add_run(struct needs *out, const struct run *run)
{
    struct need need;
    need.n = 1;
    memcpy(need.words[0], run->text, run->n);
    need.words[0][run->n] = '\0';
    add_need(out, &need);
}

static const struct need *strongest(const struct needs *needs)
{
    const struct need *best = NULL;
    for (size_t i = 0; i < needs->n; i++)
        if (!best || strength(&needs->items[i]) > strength(best))
            best = &needs->items[i];
    return best;
}

/* False when there are more words than a need has room for. */
static bool join(struct need *to, const struct need *from)
{
    for (size_t i = 0; i < from->n; i++) {
        if (need_filled(to, from->words[i]))
            continue;
        if (to->n == NEED_WORDS_MAX)
            return false;
        memcpy(to->words[to->n++], from->words[i], sizeof from->words[i]);
    }
    return true;
}

/* ---- items ---- */

/* A byte behind a backslash; what it stands for is no need unless it is punctuation. */
static enum item read_escape(struct reader *r, char *byte)
{
    char c = *r->p;
    if (c)
        r->p++;
    if (!letter(c) && !digit(c)) {
        *byte = c;
        r->lost = r->lost || !c;
        return ITEM_BYTE;
    }
    if (is_one_of(c, "bBAzZG"))
        return ITEM_NOTHING;
    if (c == 'x' && *r->p != '{') {
        for (int i = 0; i < 2 && strchr("0123456789abcdefABCDEF", *r->p) && *r->p; i++)
            r->p++;
        return ITEM_GAP;
    }
    r->lost = r->lost || !is_one_of(c, "dDwWsShHvVRNntrfea");
    return ITEM_GAP;
}

/* A class whose bytes all fold to one is that byte: "[ _]", "[Ss]". */
static enum item read_class(struct reader *r, char *byte)
{
    bool one = *r->p != '^', first = true;
    char only = '\0';
    if (!one)
        r->p++;
    for (const char *start = r->p; *r->p && (*r->p != ']' || r->p == start); first = false) {
        char c = *r->p++;
        enum item item = ITEM_BYTE;
        if (c == '[' && is_one_of(*r->p, ":.=")) {
            const char *end = strstr(r->p, ":]");
            r->lost = r->lost || !end;
            r->p = end ? end + 2 : r->p;
            item = ITEM_GAP;
        }
        if (c == '\\' && *r->p == 'b')
            item = ITEM_GAP, r->p++;
        else if (c == '\\')
            item = read_escape(r, &c);
        one = one && item == ITEM_BYTE && (first || fold(c) == only) &&
              !(*r->p == '-' && r->p[1] != ']');
        only = fold(c);
    }
    if (!take(r, "]"))
        r->lost = true;
    *byte = only;
    return one && !first ? ITEM_BYTE : ITEM_GAP;
}

/* The inside of a group, up to its bracket. */
static void read_inside(struct reader *r, const struct run *before, struct needs *inner)
{
    if (++r->depth > DEPTH_MAX)
        r->lost = true;
    if (!r->lost)
        read_ways(r, before, inner);
    r->depth--;
    if (!take(r, ")"))
        r->lost = true;
}

/* "(?<name>"; the '<' is taken. */
static void skip_name(struct reader *r)
{
    while (*r->p && *r->p != '>')
        r->p++;
    if (!take(r, ">"))
        r->lost = true;
}

static enum item read_group(struct reader *r, const struct run *before, struct needs *inner)
{
    static const struct run none = {.n = 0};
    bool looks_on = take(r, "?="), looks_back = !looks_on && take(r, "?<=");
    if (looks_on || looks_back) {
        read_inside(r, looks_on ? before : &none, inner);
        return ITEM_LOOK;
    }
    if (take(r, "?!") || take(r, "?<!")) {
        read_inside(r, &none, inner);
        inner->n = 0;
        return ITEM_LOOK;
    }
    if (take(r, "?<") || take(r, "?P<"))
        skip_name(r);
    else if (!take(r, "?>") && take(r, "?")) {
        while (is_one_of(*r->p, "ims-"))
            r->p++;
        if (take(r, ")"))
            return ITEM_NOTHING;
        r->lost = r->lost || !take(r, ":");
    } else if (*r->p == '*') {
        r->lost = true;
    }
    read_inside(r, before, inner);
    return ITEM_GROUP;
}

static enum item read_item(struct reader *r, const struct run *before, struct needs *inner,
                           char *byte)
{
    char c = *r->p++;
    inner->n = 0;
    *byte = c;
    switch (c) {
    case '(':
        return read_group(r, before, inner);
    case '[':
        return read_class(r, byte);
    case '\\':
        return read_escape(r, byte);
    case '.':
        return ITEM_GAP;
    case '^':
    case '$':
        return ITEM_NOTHING;
    default:
        return ITEM_BYTE;
    }
}

/* "{2}", "{2,}", "{,2}", "{2,3}"; other brackets are plain bytes. */
static bool take_counts(struct reader *r, enum often *often)
{
    const char *p = r->p + 1;
    bool some = false;
    if (*r->p != '{')
        return false;
    for (; digit(*p); p++)
        some = some || *p != '0';
    if (*p == ',')
        for (p++; digit(*p);)
            p++;
    if (*p != '}' || p == r->p + 1)
        return false;
    *often = some ? OFTEN_MORE : OFTEN_MAYBE;
    r->p = p + 1;
    return true;
}

static enum often read_quantifier(struct reader *r)
{
    enum often often = OFTEN_ONCE;
    if (take(r, "*") || take(r, "?"))
        often = OFTEN_MAYBE;
    else if (take(r, "+"))
        often = OFTEN_MORE;
    else if (!take_counts(r, &often))
        return OFTEN_ONCE;
    if (!take(r, "?"))
        take(r, "+"); /* lazy or possessive */
    return often;
}

static void run_end(struct run *run, struct needs *out)
{
    add_run(out, run);
    run->n = 0;
}

static void run_byte(struct run *run, char byte, struct needs *out)
{
    if (run->n == NEED_WORD_MAX)
        run_end(run, out);
    run->text[run->n++] = fold(byte);
}

static void read_way(struct reader *r, const struct run *before, struct needs *out)
{
    struct run run = *before;
    struct needs inner;
    char byte;
    while (*r->p && *r->p != '|' && *r->p != ')' && !r->lost) {
        enum item item = read_item(r, &run, &inner, &byte);
        enum often often = read_quantifier(r);
        if (item == ITEM_BYTE && often != OFTEN_MAYBE)
            run_byte(&run, byte, out);
        for (size_t i = 0; i < inner.n && often != OFTEN_MAYBE; i++)
            add_need(out, &inner.items[i]);
        if (item == ITEM_GAP || item == ITEM_GROUP || (item == ITEM_BYTE && often != OFTEN_ONCE))
            run_end(&run, out);
    }
    add_run(out, &run);
}

static void read_ways(struct reader *r, const struct run *before, struct needs *out)
{
    struct need any;
    size_t ways = 0;
    bool all = true;
    any.n = 0;
    do {
        out->n = 0;
        read_way(r, before, out);
        const struct need *best = strongest(out);
        all = all && best && join(&any, best);
        ways++;
    } while (!r->lost && take(r, "|"));
    if (ways == 1)
        return;
    out->n = 0;
    if (all)
        add_need(out, &any);
}

void needs_read(const char *source, struct needs *out)
{
    static const struct run none = {.n = 0};
    struct reader r = {.p = source};
    read_ways(&r, &none, out);
    if (r.lost || *r.p)
        out->n = 0;
}
