/* flatten.c - logfmt and bracketed loggers as pairs; escapes and terminal colours off a text. */
#include "parsers/flatten.h"

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool key_byte(char c)
{
    return alnum(c) || (c && strchr("_.@/-", c));
}

struct str pairs_get(const struct pairs *pairs, struct str key)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (str_ieq(pairs->items[i].key, key))
            return pairs->items[i].value;
    return STR_NONE;
}

static void add(struct pairs *out, struct str key, struct str value)
{
    if (out->n < FLATTEN_MAX)
        out->items[out->n++] = (struct pair){key, value};
}

/* ---- escapes ---- */

/* Exactly `digits` hex digits at the start of s, or -1. */
static int64_t hex(struct str s, size_t digits)
{
    int64_t value = 0;
    if (s.n < digits)
        return -1;
    for (size_t i = 0; i < digits; i++) {
        char c = s.p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Writes a code point as UTF-8; half a surrogate pair and what lies past U+10FFFF as U+FFFD. */
static size_t put_utf8(char *to, int64_t cp)
{
    unsigned char *u = (unsigned char *)to;
    if ((cp >= 0xd800 && cp <= 0xdfff) || cp > 0x10ffff)
        cp = 0xfffd;
    if (cp < 0x80) {
        u[0] = (unsigned char)cp;
        return 1;
    }
    if (cp < 0x800) {
        u[0] = (unsigned char)(0xc0 | cp >> 6);
        u[1] = (unsigned char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        u[0] = (unsigned char)(0xe0 | cp >> 12);
        u[1] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
        u[2] = (unsigned char)(0x80 | (cp & 0x3f));
        return 3;
    }
    u[0] = (unsigned char)(0xf0 | cp >> 18);
    u[1] = (unsigned char)(0x80 | (cp >> 12 & 0x3f));
    u[2] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
    u[3] = (unsigned char)(0x80 | (cp & 0x3f));
    return 4;
}

/* A \x, \u or \U escape at the start of s; its digits may be cut off by the end. */
static size_t put_hex(struct str s, char *to, size_t *wrote)
{
    size_t digits = s.p[1] == 'x' ? 2 : s.p[1] == 'u' ? 4 : 8;
    int64_t cp = hex(str_from(s, 2), digits);
    if (cp < 0) {
        bool torn = s.n < 2 + digits;
        *wrote = torn ? 0 : 2;
        memcpy(to, s.p, *wrote);
        return torn ? s.n : 2;
    }
    if (digits == 2) {
        *to = (char)cp;
        *wrote = 1;
        return 4;
    }
    size_t took = 2 + digits;
    struct str next = str_from(s, took);
    if (cp >= 0xd800 && cp <= 0xdbff && str_starts(next, STR("\\u"))) {
        int64_t low = hex(str_from(next, 2), 4);
        if (low >= 0xdc00 && low <= 0xdfff) {
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            took += 6;
        }
    }
    *wrote = put_utf8(to, cp);
    return took;
}

/* One escape at the start of s: how many bytes it took of s and *wrote to `to`. It never grows. */
static size_t put_escape(struct str s, char *to, size_t *wrote)
{
    static const char names[] = "nrtbfav\"\\/'", bytes[] = "\n\r\t\b\f\a\v\"\\/'";
    *wrote = 0;
    if (s.n < 2)
        return s.n;
    if (s.p[1] == 'x' || s.p[1] == 'u' || s.p[1] == 'U')
        return put_hex(s, to, wrote);
    const char *name = memchr(names, s.p[1], sizeof names - 1);
    if (name) {
        *to = bytes[name - names];
        *wrote = 1;
        return 2;
    }
    memcpy(to, s.p, 2);
    *wrote = 2;
    return 2;
}

struct str flatten_unescape(struct str raw, struct arena *arena)
{
    ptrdiff_t first = str_findc(raw, '\\', 0);
    if (first < 0)
        return raw;
    char *to = arena_alloc(arena, raw.n + 1);
    size_t n = (size_t)first, at = n;
    memcpy(to, raw.p, n);
    while (at < raw.n) {
        if (raw.p[at] != '\\') {
            to[n++] = raw.p[at++];
            continue;
        }
        size_t wrote;
        at += put_escape(str_from(raw, at), to + n, &wrote);
        n += wrote;
    }
    return str_make(to, n);
}

/* ---- logfmt ---- */

/* Bytes of the key that s starts with when a '=' follows it, else 0. */
static size_t key_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && key_byte(s.p[n]))
        n++;
    return n > 0 && n < s.n && s.p[n] == '=' ? n : 0;
}

static struct str skip_blanks(struct str s)
{
    while (s.n && blank(s.p[0]))
        s = str_from(s, 1);
    return s;
}

/* Whether a quote may end here: at the end of the text or before the next pair. Writers that do
 * not escape (desc = "transport: "x"") have quotes inside. */
static bool value_ends(struct str rest)
{
    struct str next = skip_blanks(rest);
    return next.n == 0 || key_length(next) > 0;
}

/* The value behind an opening quote; *rest is what follows it. Torn: up to the end. */
static struct str take_quoted(struct str s, struct str *rest)
{
    size_t first = 0; /* where the first plain quote is, when no quote ends as it should */
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\') {
            i++;
            continue;
        }
        if (s.p[i] != '"')
            continue;
        first = first ? first : i;
        if (!value_ends(str_from(s, i + 1)))
            continue;
        *rest = str_from(s, i + 1);
        return str_make(s.p + 1, i - 1);
    }
    size_t end = first ? first : s.n;
    *rest = str_from(s, first ? end + 1 : end);
    return str_make(s.p + 1, end - 1);
}

static size_t word_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && !blank(s.p[n]))
        n++;
    return n;
}

/* An unquoted value; the words behind it that start no pair belong to it (msg=tls: bad record). */
static struct str take_bare(struct str s, struct str *rest)
{
    size_t end = word_length(s), at = end;
    while (end > 0 && at < s.n) {
        struct str next = skip_blanks(str_from(s, at));
        size_t n = word_length(next);
        if (n == 0 || key_length(next) > 0)
            break;
        at = end = (size_t)(next.p - s.p) + n;
    }
    *rest = str_from(s, end);
    return str_head(s, end);
}

bool flatten_logfmt(struct str text, struct arena *arena, struct pairs *out)
{
    out->n = 0;
    struct str s = skip_blanks(text);
    /* The second word must be a pair too: "a=b and prose" isn't logfmt. */
    size_t key_n = key_length(s), pairs = 0;
    if (key_n == 0)
        return false;
    if (key_n + 1 < s.n && s.p[key_n + 1] != '"') {
        struct str next = skip_blanks(str_from(s, word_length(s)));
        if (key_length(next) == 0)
            return false;
    }
    while (s.n && (key_n = key_length(s)) > 0) {
        struct str key = str_head(s, key_n), rest, value;
        s = str_from(s, key_n + 1);
        if (s.n && s.p[0] == '"')
            value = flatten_unescape(take_quoted(s, &rest), arena);
        else
            value = take_bare(s, &rest);
        add(out, key, value);
        pairs++;
        s = skip_blanks(rest);
    }
    if (pairs < 2) {
        out->n = 0;
        return false;
    }
    if (s.n)
        add(out, STR("text"), s); /* words that belong to no pair: not to be lost */
    return true;
}

/* ---- [time] [LEVEL] [file:line] ["message"] [key=value] ---- */

/* The inside of the group that s starts with; *rest follows its bracket. Quoted parts may hold
 * brackets. Absent when there is no group. */
static struct str take_group(struct str s, struct str *rest)
{
    if (s.n == 0 || s.p[0] != '[')
        return STR_NONE;
    bool quoted = false;
    for (size_t i = 1; i < s.n; i++) {
        if (quoted && s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && s.p[i] == ']') {
            *rest = skip_blanks(str_from(s, i + 1));
            return str_make(s.p + 1, i - 1);
        }
    }
    *rest = str_from(s, s.n); /* torn: what there is */
    return str_from(s, 1);
}

static struct str unquote(struct str s, struct arena *arena)
{
    if (s.n == 0 || s.p[0] != '"')
        return s;
    s = str_from(s, 1);
    if (str_ends(s, STR("\"")))
        s.n--;
    return flatten_unescape(s, arena);
}

static bool is_level(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 'A' || s.p[i] > 'Z')
            return false;
    return s.n >= 3 && s.n <= 8;
}

/* Where a group's key ends: the '=' outside its quotes, or -1. */
static ptrdiff_t group_equals(struct str group)
{
    if (group.n == 0 || group.p[0] != '"')
        return str_findc(group, '=', 0);
    ptrdiff_t at = str_find(group, STR("\"="), 1);
    return at < 0 ? -1 : at + 1;
}

bool flatten_brackets(struct str text, struct arena *arena, struct pairs *out)
{
    static const struct str names[] = {STR("time"), STR("level"), STR("caller"), STR("message")};
    struct str rest = skip_blanks(text), first[4];
    out->n = 0;
    for (size_t i = 0; i < 4; i++) {
        first[i] = take_group(rest, &rest);
        if (!first[i].p)
            return false;
    }
    bool dated = first[0].n > 4 && first[0].p[0] >= '0' && first[0].p[0] <= '9';
    if (!dated || !is_level(first[1]) ||
        (str_findc(first[2], ':', 0) < 0 && !str_starts(first[2], STR("<"))))
        return false;
    for (size_t i = 0; i < 4; i++)
        add(out, names[i], i == 3 ? unquote(first[i], arena) : first[i]);
    for (struct str group; (group = take_group(rest, &rest)).p;) {
        ptrdiff_t equals = group_equals(group);
        if (equals > 0)
            add(out, unquote(str_head(group, (size_t)equals), arena),
                unquote(str_from(group, (size_t)equals + 1), arena));
    }
    return true;
}

/* ---- terminal colours ---- */

/* Bytes of the control sequence that s starts with (ECMA-48, 5.4: ESC [ parameters intermediates
 * final), of an OSC string up to BEL or ESC \, of rsyslog's "#033[" spelling; 0 for none. */
static size_t ansi_length(struct str s)
{
    enum { LOOK = 256 }; /* no honest sequence is longer, and the scan stays linear */
    size_t start = s.p[0] == '\x1b' ? 1 : str_starts(s, STR("#033")) ? 4 : 0;
    if (start == 0)
        return 0;
    struct str body = str_head(str_from(s, start), LOOK);
    size_t i = 1;
    if (body.n > 0 && body.p[0] == '[') {
        while (i < body.n && body.p[i] >= 0x20 && body.p[i] <= 0x3f)
            i++;
        return i < body.n && body.p[i] >= 0x40 && body.p[i] <= 0x7e ? start + i + 1 : start == 1;
    }
    if (start != 1)
        return 0;
    if (body.n == 0 || body.p[0] != ']')
        return 1;
    for (; i < body.n && body.p[i] != '\n'; i++) {
        if (body.p[i] == '\a')
            return start + i + 1;
        if (body.p[i] == '\x1b' && i + 1 < body.n && body.p[i + 1] == '\\')
            return start + i + 2;
    }
    return 1; /* never closed: only the escape byte goes, no text hides behind it */
}

struct str flatten_ansi(struct str text, struct arena *arena)
{
    if (str_findc(text, '\x1b', 0) < 0 && str_find(text, STR("#033["), 0) < 0)
        return text;
    char *to = arena_alloc(arena, text.n + 1);
    size_t n = 0;
    for (size_t at = 0; at < text.n;) {
        size_t skip = ansi_length(str_from(text, at));
        if (skip == 0)
            to[n++] = text.p[at++];
        at += skip;
    }
    return str_make(to, n);
}
