/* flatten_json.c - a JSON object as pairs, in the order of its text.
 *
 * Not a JSON library's tree: log lines are cut at a length, hold bytes that aren't UTF-8, repeat a
 * key, and are wanted as they were written ("1.50"). So this reads a superset of RFC 8259 and keeps
 * what came before a tear. Depth is a stack of FLATTEN_DEPTH levels; what lies deeper is skipped by
 * counting brackets. */
#include "parsers/flatten.h"

enum { PATH_MAX_BYTES = 256 }; /* of a joined key; the rest is cut: a key is no place for text */

enum outcome {
    OUTCOME_GOING,
    OUTCOME_WHOLE,  /* the outermost brace was closed */
    OUTCOME_TORN,   /* the text ended inside */
    OUTCOME_BROKEN, /* a byte that fits nowhere */
};

struct level {
    size_t path_n; /* of the container's own key */
    char close;
};

struct json {
    struct str text;
    size_t at;
    struct arena *arena;
    struct pairs *out;
    struct level levels[FLATTEN_DEPTH];
    size_t depth;
    char path[PATH_MAX_BYTES];
    size_t path_n;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct json *j)
{
    while (j->at < j->text.n && blank(j->text.p[j->at]))
        j->at++;
}

/* The raw inside of the string whose opening quote is at j->at; false when it isn't closed. */
static bool take_string(struct json *j, struct str *raw)
{
    size_t from = ++j->at;
    while (j->at < j->text.n && j->text.p[j->at] != '"')
        j->at += j->text.p[j->at] == '\\' ? 2 : 1;
    bool closed = j->at < j->text.n;
    if (!closed)
        j->at = j->text.n;
    *raw = str_make(j->text.p + from, j->at - from);
    j->at += closed;
    return closed;
}

static void emit(struct json *j, struct str value)
{
    if (j->out->n == FLATTEN_MAX || j->path_n == 0)
        return;
    struct str key = arena_copy(j->arena, str_make(j->path, j->path_n));
    j->out->items[j->out->n++] = (struct pair){key, value};
}

static void set_path(struct json *j, struct str key)
{
    j->path_n = j->levels[j->depth - 1].path_n;
    if (j->path_n > 0 && j->path_n < sizeof j->path)
        j->path[j->path_n++] = '.';
    size_t room = sizeof j->path - j->path_n;
    size_t n = key.n < room ? key.n : room;
    if (n)
        memcpy(j->path + j->path_n, key.p, n);
    j->path_n += n;
}

/* Over a container that lies too deep: to behind its closing bracket. */
static enum outcome skip_container(struct json *j)
{
    size_t depth = 0;
    while (j->at < j->text.n) {
        char c = j->text.p[j->at];
        struct str ignored;
        if (c == '"') {
            if (!take_string(j, &ignored))
                return OUTCOME_TORN;
            continue;
        }
        j->at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return OUTCOME_GOING;
    }
    return OUTCOME_TORN;
}

static enum outcome open_container(struct json *j, char open)
{
    if (j->depth == FLATTEN_DEPTH)
        return skip_container(j);
    j->levels[j->depth++] = (struct level){j->path_n, open == '{' ? '}' : ']'};
    j->at++;
    return OUTCOME_GOING;
}

/* A number, true, false, null, or what careless writers put there (-, NaN). */
static enum outcome take_bare(struct json *j)
{
    size_t from = j->at;
    while (j->at < j->text.n && !blank(j->text.p[j->at]) &&
           !memchr(",:\"{}[]", j->text.p[j->at], 7))
        j->at++;
    struct str bare = str_make(j->text.p + from, j->at - from);
    if (j->at == j->text.n)
        return OUTCOME_TORN; /* half a number is another number */
    if (bare.n == 0)
        return OUTCOME_BROKEN;
    if (!str_eq(bare, STR("null")))
        emit(j, bare);
    return OUTCOME_GOING;
}

static enum outcome take_value(struct json *j)
{
    char c = j->text.p[j->at];
    if (c == '{' || c == '[')
        return open_container(j, c);
    if (c != '"')
        return take_bare(j);
    struct str raw;
    bool closed = take_string(j, &raw);
    if (j->out->n < FLATTEN_MAX)
        emit(j, flatten_unescape(raw, j->arena));
    return closed ? OUTCOME_GOING : OUTCOME_TORN;
}

static enum outcome take_key(struct json *j)
{
    if (j->text.p[j->at] != '"')
        return OUTCOME_BROKEN;
    struct str raw;
    if (!take_string(j, &raw))
        return OUTCOME_TORN;
    set_path(j, flatten_unescape(raw, j->arena));
    skip_blanks(j);
    if (j->at == j->text.n)
        return OUTCOME_TORN;
    if (j->text.p[j->at] != ':')
        return OUTCOME_BROKEN;
    j->at++;
    skip_blanks(j);
    return j->at == j->text.n ? OUTCOME_TORN : OUTCOME_GOING;
}

/* One member, element, comma or closing bracket. */
static enum outcome step(struct json *j)
{
    while (j->at < j->text.n && (blank(j->text.p[j->at]) || j->text.p[j->at] == ','))
        j->at++;
    if (j->at == j->text.n)
        return OUTCOME_TORN;
    const struct level *level = &j->levels[j->depth - 1];
    if (j->text.p[j->at] == level->close) {
        j->at++;
        return --j->depth == 0 ? OUTCOME_WHOLE : OUTCOME_GOING;
    }
    enum outcome got = OUTCOME_GOING;
    if (level->close == '}')
        got = take_key(j);
    else
        j->path_n = level->path_n;
    return got == OUTCOME_GOING ? take_value(j) : got;
}

/* Reads the object that text starts with; *end is where it stopped. */
static enum outcome read_object(struct str text, struct arena *arena, struct pairs *out,
                                size_t *end)
{
    struct json j = {.text = text, .arena = arena, .out = out};
    out->n = 0;
    open_container(&j, '{');
    enum outcome got = OUTCOME_GOING;
    while (got == OUTCOME_GOING)
        got = step(&j);
    *end = j.at;
    return got;
}

/* Where the object starts whose brace is the first byte that isn't blank; -1 when none does. */
static ptrdiff_t object_at(struct str text)
{
    size_t i = 0;
    while (i < text.n && blank(text.p[i]))
        i++;
    if (i == text.n || text.p[i] != '{')
        return -1;
    size_t next = i + 1;
    while (next < text.n && blank(text.p[next]))
        next++;
    bool object = next < text.n && (text.p[next] == '"' || text.p[next] == '}');
    return object ? (ptrdiff_t)i : -1;
}

bool flatten_json(struct str text, struct arena *arena, struct pairs *out, bool *torn)
{
    out->n = 0;
    *torn = false;
    ptrdiff_t start = object_at(text);
    if (start < 0)
        return false;
    struct str object = str_from(text, (size_t)start);
    size_t end;
    bool whole = read_object(object, arena, out, &end) == OUTCOME_WHOLE;
    *torn = !whole || str_trim(str_from(object, end)).n > 0;
    return true;
}

/* Whether what follows the object leaves it at the end of its line. */
static bool ends_line(struct str rest)
{
    size_t i = 0;
    while (i < rest.n && (rest.p[i] == ' ' || rest.p[i] == '\t' || rest.p[i] == '\r'))
        i++;
    return i == rest.n || rest.p[i] == '\n';
}

bool flatten_trailing_json(struct str text, struct arena *arena, struct pairs *out,
                           struct str *before)
{
    enum { TRIES = 8 }; /* each costs a scan: a text of nothing but braces stays linear */
    size_t at = 0;
    out->n = 0;
    for (int tries = 0; tries < TRIES; tries++) {
        ptrdiff_t brace = str_findc(text, '{', at);
        while (brace >= 0 && (object_at(str_from(text, (size_t)brace)) < 0 ||
                              (brace > 0 && !blank(text.p[brace - 1]))))
            brace = str_findc(text, '{', (size_t)brace + 1);
        if (brace <= 0)
            break;
        at = (size_t)brace + 1;
        struct str object = str_from(text, (size_t)brace);
        size_t end;
        enum outcome got = read_object(object, arena, out, &end);
        struct str rest = str_from(object, end);
        if (out->n == 0 || got == OUTCOME_BROKEN || (got == OUTCOME_WHOLE && !ends_line(rest)))
            continue;
        *before = str_trim(str_head(text, (size_t)brace));
        rest = str_trim(rest);
        if (rest.n > 0 && out->n < FLATTEN_MAX)
            out->items[out->n++] = (struct pair){STR("stacktrace"), rest};
        return true;
    }
    out->n = 0;
    return false;
}
