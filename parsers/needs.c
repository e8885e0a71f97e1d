/* needs.c - see needs.h. Reads the source from left to right. `run` holds the plain texts, one of which
 * stands in front of where it is, without a gap; a group goes on with the run, in each of its ways,
 * and ends it unless all its ways are plain.
 *
 *   pattern  = way { "|" way }        of several ways one need: the strongest of each
 *   way      = { item [ quantifier ] }
 *   item     = byte | class | "." | "^" | "$" | escape | group
 *
 *   SSL[ _](?:accept|connect) error: \d     run: "ssl "; "ssl accept", "ssl connect"; "ssl accept error: ", …
 *
 * Where in doubt something is no need: that costs time, never an answer. */
#include "parsers/needs.h"

#include "parsers/words.h"

#include <string.h>

enum { DEPTH_MAX = 24, RUN_TEXTS_MAX = 16 };

struct reader {
    const char *p;
    int depth;
    bool lost; /* something that isn't known here */
};

struct run {
    struct need texts; /* at least one, which may be empty */
    bool whole;        /* nothing of the way stands in front of them */
};

/* BYTE goes on with the run, NOTHING stands between two bytes, GAP may be any bytes; TEXTS is a group
 * of plain ways, GROUP any other: a gap with needs; LOOK is a group that takes no bytes. */
enum item { ITEM_BYTE, ITEM_NOTHING, ITEM_GAP, ITEM_TEXTS, ITEM_GROUP, ITEM_LOOK };
enum often { OFTEN_ONCE, OFTEN_MORE /* once at least */, OFTEN_MAYBE /* or not */, OFTEN_ANY };

/* What was read between two brackets: its needs, and the texts when it is nothing but plain. */
struct inside {
    struct needs needs;
    struct need texts;
    bool plain;
};

struct item_read {
    enum item item;
    enum often often;
    char byte;
    struct inside inside;
};

static void read_ways(struct reader *r, const struct run *before, struct inside *out);

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

/* Most have a word or two: all the room would be copied otherwise. */
static void need_copy(struct need *to, const struct need *from)
{
    to->n = from->n;
    memcpy(to->words, from->words, from->n * sizeof *from->words);
}

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
            need_copy(&out->items[i], need);
            return;
        }
        if (strength(&out->items[i]) < strength(&out->items[weakest]))
            weakest = i;
    }
    if (out->n < NEEDS_MAX)
        need_copy(&out->items[out->n++], need);
    else if (strength(need) > strength(&out->items[weakest]))
        need_copy(&out->items[weakest], need);
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

/* ---- runs ---- */

static void run_copy(struct run *to, const struct run *from)
{
    need_copy(&to->texts, &from->texts);
    to->whole = from->whole;
}

static void run_start(struct run *run)
{
    run->texts.n = 1;
    run->texts.words[0][0] = '\0';
    run->whole = false;
}

static void run_end(struct run *run, struct needs *out)
{
    add_need(out, &run->texts);
    run_start(run);
}

static void run_byte(struct run *run, char byte, struct needs *out)
{
    for (size_t i = 0; i < run->texts.n; i++) {
        if (strlen(run->texts.words[i]) == NEED_WORD_MAX) {
            run_end(run, out);
            break;
        }
    }
    for (size_t i = 0; i < run->texts.n; i++) {
        size_t n = strlen(run->texts.words[i]);
        run->texts.words[i][n] = word_fold(byte);
        run->texts.words[i][n + 1] = '\0';
    }
}

/* False when there is no room: then *to isn't what it was. */
static bool texts_add(struct need *to, const struct need *more)
{
    for (size_t i = 0; i < more->n; i++) {
        if (to->n == RUN_TEXTS_MAX)
            return false;
        memcpy(to->words[to->n++], more->words[i], sizeof more->words[i]);
    }
    return true;
}

/* The run goes on with the texts, which begin as it does; maybe: or stays what it is. */
static void run_texts(struct run *run, const struct run *next, bool maybe, struct needs *out)
{
    struct run both;
    run_copy(&both, next);
    both.whole = both.whole && run->whole;
    if (!maybe || texts_add(&both.texts, &run->texts))
        run_copy(run, &both);
    else
        run_end(run, out);
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
        one = one && item == ITEM_BYTE && (first || word_fold(c) == only) &&
              !(*r->p == '-' && r->p[1] != ']');
        only = word_fold(c);
    }
    if (!take(r, "]"))
        r->lost = true;
    *byte = only;
    return one && !first ? ITEM_BYTE : ITEM_GAP;
}

/* The inside of a group, up to its bracket. */
static void read_inside(struct reader *r, const struct run *before, struct inside *out)
{
    if (++r->depth > DEPTH_MAX)
        r->lost = true;
    if (!r->lost)
        read_ways(r, before, out);
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

static enum item read_group(struct reader *r, const struct run *before, struct inside *inside)
{
    struct run none;
    run_start(&none);
    bool looks_on = take(r, "?="), looks_back = !looks_on && take(r, "?<=");
    if (looks_on || looks_back) {
        read_inside(r, looks_on ? before : &none, inside);
        return ITEM_LOOK;
    }
    if (take(r, "?!") || take(r, "?<!")) {
        read_inside(r, &none, inside);
        inside->needs.n = 0;
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
    read_inside(r, before, inside);
    return inside->plain ? ITEM_TEXTS : ITEM_GROUP;
}

static void read_item(struct reader *r, const struct run *before, struct item_read *out)
{
    out->byte = *r->p++;
    out->inside.needs.n = 0;
    out->inside.plain = false;
    switch (out->byte) {
    case '(':
        out->item = read_group(r, before, &out->inside);
        break;
    case '[':
        out->item = read_class(r, &out->byte);
        break;
    case '\\':
        out->item = read_escape(r, &out->byte);
        break;
    case '.':
        out->item = ITEM_GAP;
        break;
    case '^':
    case '$':
        out->item = ITEM_NOTHING;
        break;
    default:
        out->item = ITEM_BYTE;
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
    *often = some ? OFTEN_MORE : OFTEN_ANY;
    r->p = p + 1;
    return true;
}

static enum often read_quantifier(struct reader *r)
{
    enum often often = OFTEN_ONCE;
    if (take(r, "?"))
        often = OFTEN_MAYBE;
    else if (take(r, "*"))
        often = OFTEN_ANY;
    else if (take(r, "+"))
        often = OFTEN_MORE;
    else if (!take_counts(r, &often))
        return OFTEN_ONCE;
    if (!take(r, "?"))
        take(r, "+"); /* lazy or possessive */
    return often;
}

static void run_item(struct run *run, struct item_read *read, struct needs *out)
{
    bool certain = read->often == OFTEN_ONCE || read->often == OFTEN_MORE;
    bool maybe = read->often == OFTEN_MAYBE;
    bool plain = read->item == ITEM_BYTE || read->item == ITEM_TEXTS;
    for (size_t i = 0; i < read->inside.needs.n && certain; i++)
        add_need(out, &read->inside.needs.items[i]);
    if (read->item == ITEM_BYTE && certain) {
        run_byte(run, read->byte, out);
    } else if (read->item == ITEM_BYTE && maybe) {
        struct run next;
        run_copy(&next, run);
        run_byte(&next, read->byte, out);
        run_texts(run, &next, true, out);
    } else if (read->item == ITEM_TEXTS && read->often != OFTEN_ANY) {
        struct run next;
        need_copy(&next.texts, &read->inside.texts);
        next.whole = run->whole;
        run_texts(run, &next, maybe, out);
    }
    bool repeats = read->often == OFTEN_MORE || read->often == OFTEN_ANY;
    if (read->item == ITEM_GAP || read->item == ITEM_GROUP || (plain && repeats))
        run_end(run, out);
}

static void read_way(struct reader *r, const struct run *before, struct inside *out)
{
    struct run run;
    struct item_read read;
    run_copy(&run, before);
    run.whole = true;
    out->needs.n = 0;
    while (*r->p && *r->p != '|' && *r->p != ')' && !r->lost) {
        read_item(r, &run, &read);
        read.often = read_quantifier(r);
        run_item(&run, &read, &out->needs);
    }
    out->plain = run.whole;
    need_copy(&out->texts, &run.texts);
    add_need(&out->needs, &run.texts);
}

static void read_ways(struct reader *r, const struct run *before, struct inside *out)
{
    struct need any, texts;
    size_t ways = 0;
    bool all = true, plain = true;
    any.n = texts.n = 0;
    do {
        read_way(r, before, out);
        const struct need *best = strongest(&out->needs);
        all = all && best && join(&any, best);
        plain = plain && out->plain && texts_add(&texts, &out->texts);
        ways++;
    } while (!r->lost && take(r, "|"));
    if (ways == 1)
        return;
    out->needs.n = 0;
    if (all)
        add_need(&out->needs, &any);
    out->plain = plain;
    need_copy(&out->texts, &texts);
}

void needs_read(const char *source, struct needs *out)
{
    struct run none;
    struct inside inside;
    struct reader r = {.p = source};
    run_start(&none);
    read_ways(&r, &none, &inside);
    out->n = r.lost || *r.p ? 0 : inside.needs.n;
    for (size_t i = 0; i < out->n; i++)
        need_copy(&out->items[i], &inside.needs.items[i]);
}
