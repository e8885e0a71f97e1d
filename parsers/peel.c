/* peel.c - takes envelopes off a record, layer by layer, until what the component itself wrote is
 * left: structured loggers (flatten.h) and the envelope rules of the packs.
 *
 *   {"log":"2022/12/01 http: TLS handshake error …\n","stream":"stderr"}   Docker
 *     → 2022/12/01 http: TLS handshake error …                             Go's log
 *     → text "http: TLS handshake error …" LF "stream=stderr"
 */
#include "parsers/internal.h"
#include "parsers/time.h"

enum { LAYERS_MAX = 8, QUALITY_ZONE = 4, QUALITY_YEAR = 2, QUALITY_FRACTION = 1 };

/* Where loggers put the message, the time and the program; the first that is there counts. */
static const struct str message_keys[] = {
    STR("message"), STR("msg"),         STR("log"),         STR("MESSAGE"),
    STR("@message"), STR("short_message"), STR("textPayload"), STR("jsonPayload.message"),
    STR("body"),    STR("event.original"), STR("line"),        STR("error.message"),
};
static const struct str time_keys[] = {
    STR("time"), STR("ts"), STR("@timestamp"), STR("timestamp"), STR("start_time"), STR("t"),
    STR("EdgeStartTimestamp"), STR("datetime"), STR("date"), STR("asctime"),
    STR("_SOURCE_REALTIME_TIMESTAMP"), STR("__REALTIME_TIMESTAMP"), STR("eventTime"),
};
static const struct str program_keys[] = {
    STR("SYSLOG_IDENTIFIER"), STR("_COMM"), STR("kubernetes.container_name"),
    STR("container_name"), STR("process.name"), STR("service.name"), STR("app"),
};

static struct str first_of(const struct pairs *pairs, const struct str *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str value = pairs_get(pairs, keys[i]);
        if (value.p && str_trim(value).n)
            return value;
    }
    return STR_NONE;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What a time, as written, says for sure. */
static int quality(struct str s)
{
    int q = 0, run = 0;
    bool plain = s.n > 0;
    s = str_trim(s);
    for (size_t i = 0; i < s.n; i++) {
        run = digit(s.p[i]) ? run + 1 : 0;
        if (run == 4)
            q |= QUALITY_YEAR;
        if ((s.p[i] == '.' || s.p[i] == ',') && i + 1 < s.n && digit(s.p[i + 1]))
            q |= QUALITY_FRACTION;
        plain = plain && (digit(s.p[i]) || s.p[i] == '.');
        bool sign = (s.p[i] == '+' || s.p[i] == '-') && i >= 8 && s.n - i >= 5 && s.n - i <= 6;
        if (sign && digit(s.p[i + 1]) && digit(s.p[s.n - 1]) && str_findc(s, ':', 0) >= 0)
            q |= QUALITY_ZONE;
    }
    if (plain || (s.n && s.p[s.n - 1] == 'Z') || str_ends(s, STR("UTC")) || str_ends(s, STR("GMT")))
        q |= QUALITY_ZONE | QUALITY_YEAR;
    return q;
}

void peel_time(struct peeled *out, struct str text, const struct reading *reading)
{
    int64_t time_us;
    size_t took = time_read(text, reading, &time_us);
    if (took == 0)
        return;
    int q = quality(str_head(text, took));
    if (out->time_us != TIME_NONE && q < out->time_quality)
        return;
    out->time_us = time_us;
    out->time_quality = q;
}

/* A time further in, as access logs have it; only one that is more than a number. */
static void peel_inner_time(struct peeled *out, struct str text, const struct reading *reading)
{
    enum { SEARCHED = 240 };
    for (size_t i = 1; i < text.n && i < SEARCHED && text.p[i] != '\n'; i++) {
        bool begins = text.p[i - 1] == ' ' || text.p[i - 1] == '[' || text.p[i - 1] == '"' ||
                      text.p[i - 1] == '=' || text.p[i - 1] == '\t';
        int64_t time_us;
        size_t took = begins ? time_read(str_from(text, i), reading, &time_us) : 0;
        if (took == 0 || str_findc(str_head(str_from(text, i), took), ':', 0) < 0)
            continue;
        out->time_us = time_us;
        out->time_quality = quality(str_head(str_from(text, i), took));
        return;
    }
}

/* Whether the key's last letters are word, '_' and '-' left out: "http_user_agent", "UserAgent". */
static bool key_ends(struct str key, struct str word)
{
    size_t k = key.n, w = word.n;
    while (k > 0 && w > 0) {
        char c = key.p[k - 1];
        if (c == '_' || c == '-') {
            k--;
            continue;
        }
        if ((c | 32) != word.p[w - 1])
            return false;
        k--;
        w--;
    }
    return w == 0;
}

/* What a client typed: its agent, where it came from, which path it asked for. Words of failure in
 * there say nothing of the connection. */
static bool clients_words(const struct pair *pair)
{
    if (key_ends(pair->key, STR("useragent")) || key_ends(pair->key, STR("referer")) ||
        key_ends(pair->key, STR("referrer")))
        return true;
    if (key_ends(pair->key, STR("request")))
        return str_find(pair->value, STR(" HTTP/"), 0) > 0;
    bool path = key_ends(pair->key, STR("uri")) || key_ends(pair->key, STR("path")) ||
                key_ends(pair->key, STR("url")) || key_ends(pair->key, STR("query"));
    return path && str_starts(pair->value, STR("/"));
}

/* One line a pair, behind the message; values that span lines stay as they are. */
static void add_pairs(struct buf *fields, const struct pairs *pairs, struct str message)
{
    for (size_t i = 0; i < pairs->n && fields->n < RECORD_MAX; i++) {
        if (pairs->items[i].value.p == message.p || clients_words(&pairs->items[i]))
            continue;
        buf_char(fields, '\n');
        buf_str(fields, pairs->items[i].key);
        buf_char(fields, '=');
        buf_str(fields, pairs->items[i].value);
    }
}

static struct str take_pairs(struct classifier *c, const struct pairs *pairs, struct buf *fields,
                             const struct reading *reading, struct peeled *out)
{
    struct str message = first_of(pairs, message_keys, sizeof message_keys / sizeof *message_keys);
    struct str program = first_of(pairs, program_keys, sizeof program_keys / sizeof *program_keys);
    struct str when = first_of(pairs, time_keys, sizeof time_keys / sizeof *time_keys);
    if (when.p)
        peel_time(out, when, reading);
    if (program.p)
        out->program = program;
    add_pairs(fields, pairs, message);
    return message.p ? str_trim(message) : arena_copy(&c->arena, STR(""));
}

/* The messages of further lines that are objects of the same logger (Docker writes a line of a
 * stack trace as an object each). */
static struct str join_objects(struct classifier *c, struct str message, struct str rest)
{
    struct buf joined = {0};
    buf_str(&joined, message);
    while (rest.n) {
        ptrdiff_t end = str_findc(rest, '\n', 0);
        struct str line = end < 0 ? rest : str_head(rest, (size_t)end);
        rest = end < 0 ? str_from(rest, rest.n) : str_from(rest, (size_t)end + 1);
        struct pairs *pairs = &c->pairs;
        bool torn;
        struct str text = line;
        if (flatten_json(line, &c->arena, pairs, &torn))
            text = first_of(pairs, message_keys, sizeof message_keys / sizeof *message_keys);
        buf_char(&joined, '\n');
        while (text.n && text.p[text.n - 1] == '\n')
            text.n--;
        buf_str(&joined, text);
    }
    struct str kept = arena_copy(&c->arena, buf_as_str(&joined));
    buf_release(&joined);
    return kept;
}

static bool peel_json(struct classifier *c, struct str *text, struct buf *fields,
                      const struct reading *reading, struct peeled *out)
{
    struct pairs *pairs = &c->pairs;
    bool torn = false;
    struct str whole = str_trim(*text), rest = STR_NONE;
    if (whole.n == 0 || whole.p[0] != '{')
        return false;
    ptrdiff_t end = str_findc(whole, '\n', 0);
    if (end > 0 && whole.p[end - 1] == '}') {
        rest = str_from(whole, (size_t)end + 1);
        whole = str_head(whole, (size_t)end);
    }
    if (!flatten_json(whole, &c->arena, pairs, &torn) || pairs->n == 0)
        return false;
    *text = take_pairs(c, pairs, fields, reading, out);
    if (rest.n)
        *text = join_objects(c, *text, rest);
    return true;
}

static bool peel_logfmt(struct classifier *c, struct str *text, struct buf *fields,
                        const struct reading *reading, struct peeled *out)
{
    struct pairs *pairs = &c->pairs;
    struct str whole = str_trim(*text);
    if (!flatten_logfmt(whole, &c->arena, pairs) && !flatten_brackets(whole, &c->arena, pairs))
        return false;
    *text = take_pairs(c, pairs, fields, reading, out);
    return true;
}

/* zap's console encoder: the fields stand as an object behind the message. */
static bool peel_trailing(struct classifier *c, struct str *text, struct buf *fields)
{
    struct pairs *pairs = &c->pairs;
    struct str before;
    if (str_findc(*text, '{', 0) < 0 || !flatten_trailing_json(*text, &c->arena, pairs, &before) ||
        pairs->n == 0 || str_trim(before).n == 0)
        return false;
    *text = before;
    add_pairs(fields, pairs, STR_NONE);
    return true;
}

/* klog's structured calls: "message" err="…" key="value". */
static bool peel_quoted(struct classifier *c, struct str *text, struct buf *fields)
{
    struct pairs *pairs = &c->pairs;
    size_t end = 1;
    if (text->n < 4 || text->p[0] != '"')
        return false;
    while (end < text->n && text->p[end] != '"')
        end += text->p[end] == '\\' ? 2 : 1;
    struct str rest = str_trim(str_from(*text, end + 1));
    if (end >= text->n || rest.n == 0 || !flatten_logfmt(rest, &c->arena, pairs)) {
        ptrdiff_t equals = str_find(rest, STR("=\""), 0);
        if (equals <= 0 || str_findc(str_head(rest, (size_t)equals), ' ', 0) >= 0)
            return false;
        pairs->n = 1;
        struct str quoted = str_from(rest, (size_t)equals + 2);
        if (quoted.n && quoted.p[quoted.n - 1] == '"')
            quoted.n--;
        pairs->items[0] = (struct pair){str_head(rest, (size_t)equals),
                                        flatten_unescape(quoted, &c->arena)};
    }
    *text = flatten_unescape(str_make(text->p + 1, end - 1), &c->arena);
    add_pairs(fields, pairs, STR_NONE);
    return true;
}

static struct str captured(const struct captures *captures, enum capture what)
{
    for (size_t i = 0; i < captures->n; i++)
        if (captures->items[i].what == (int)what)
            return captures->items[i].text;
    return STR_NONE;
}

/* The first line's envelope comes off every further line that has it. */
static struct str strip_lines(struct classifier *c, const struct rule *rule, struct str first,
                              struct str rest)
{
    struct buf joined = {0};
    struct captures captures;
    buf_str(&joined, first);
    while (rest.n) {
        ptrdiff_t end = str_findc(rest, '\n', 0);
        struct str line = end < 0 ? rest : str_head(rest, (size_t)end);
        rest = end < 0 ? str_from(rest, rest.n) : str_from(rest, (size_t)end + 1);
        if (ways_match(c, &rule->match, line, &captures) == MATCH_YES) {
            struct str inner = captured(&captures, CAPTURE_text);
            line = inner.p ? inner : line;
        }
        buf_char(&joined, '\n');
        buf_str(&joined, line);
    }
    struct str kept = arena_copy(&c->arena, buf_as_str(&joined));
    buf_release(&joined);
    return kept;
}

static enum match peel_rule(struct classifier *c, struct str *text, const struct reading *reading,
                            struct peeled *out)
{
    const struct rules *rules = c->rules;
    struct captures captures;
    ptrdiff_t end = str_findc(*text, '\n', 0);
    struct str first = end < 0 ? *text : str_head(*text, (size_t)end);
    if (first.n == 0)
        return MATCH_NO;
    const uint32_t *from = &rules->first_envelopes[(unsigned char)first.p[0]];
    for (size_t i = from[0]; i < from[1]; i++) {
        const struct rule *rule = &rules->items[rules->envelopes[i]];
        enum match match = ways_match(c, &rule->match, first, &captures);
        struct str inner = captured(&captures, CAPTURE_text);
        if (match == MATCH_NO || (match == MATCH_YES && (!inner.p || inner.n >= first.n)))
            continue;
        if (match == MATCH_BUDGET)
            return match;
        struct str when = captured(&captures, CAPTURE_time);
        struct str program = captured(&captures, CAPTURE_program);
        if (when.p)
            peel_time(out, when, reading);
        if (program.p)
            out->program = program;
        *text = end < 0 ? inner : strip_lines(c, rule, inner, str_from(*text, (size_t)end + 1));
        return MATCH_YES;
    }
    return MATCH_NO;
}

/* ---- what a request asks for ---- */

static bool ends_path(char b)
{
    return b == ':' || strchr(" \t\n\"'`<>(){}[],;|", b);
}

/* Where the path of the URL begins that has "://" at text[mark]; n when it has none. Without a host
 * it is a file's or a name for the resolver: "dns:///a.example.org:443". */
static size_t path_start(const char *text, size_t n, size_t mark)
{
    size_t i = mark + 3;
    if (i < n && text[i] == '/')
        return n;
    while (i < n && text[i] != '/' && text[i] != '?' && (text[i] == ':' || !ends_path(text[i])))
        i++;
    return i < n && (text[i] == '/' || text[i] == '?') ? i + 1 : n;
}

/* Whether the '/' at text[slash] begins what is requested: "GET /a HTTP/1.1", GET "/a". */
static bool is_target(const char *text, size_t slash)
{
    static const struct str methods[] = {STR("GET "),    STR("POST "),  STR("PUT "),    STR("HEAD "),
                                         STR("DELETE "), STR("PATCH "), STR("OPTIONS ")};
    struct str before = str_make(text, slash - (text[slash - 1] == '"'));
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (str_ends(before, methods[i]))
            return true;
    return false;
}

/* What a URL or a request line asks for says nothing of the connection: its path and query become
 * letters that no rule knows. Scheme, host, port and the first slash stay. */
static void blank_paths(char *text, size_t n)
{
    const char *slash;
    for (size_t i = 0; (slash = memchr(text + i, '/', n - i)); i++) {
        i = (size_t)(slash - text);
        bool url = i > 0 && i + 1 < n && text[i - 1] == ':' && text[i + 1] == '/';
        if (!url && !(i > 0 && (text[i - 1] == ' ' || text[i - 1] == '"') && is_target(text, i)))
            continue;
        size_t from = url ? path_start(text, n, i - 1) : i + 1;
        for (size_t at = from; at < n && !ends_path(text[at]); at++)
            text[at] = 'x';
        i += url; /* a path that there is has no slash left */
    }
}

/* The message and its fields as one text. */
static struct str joined(struct arena *arena, struct str text, struct str fields)
{
    char *to = arena_alloc(arena, text.n + fields.n + 1);
    if (text.n)
        memcpy(to, text.p, text.n);
    if (fields.n)
        memcpy(to + text.n, fields.p, fields.n);
    blank_paths(to, text.n + fields.n);
    return str_make(to, text.n + fields.n);
}

enum match peel(struct classifier *c, struct str record, const struct reading *reading,
                struct peeled *out)
{
    struct buf *fields = &c->fields;
    struct str text = flatten_ansi(record, &c->arena);
    enum match match = MATCH_YES;
    fields->n = 0;
    *out = (struct peeled){.time_us = TIME_NONE};
    for (int layer = 0; layer < LAYERS_MAX && match == MATCH_YES; layer++) {
        if (peel_json(c, &text, fields, reading, out) ||
            peel_logfmt(c, &text, fields, reading, out) || peel_quoted(c, &text, fields) ||
            peel_trailing(c, &text, fields))
            continue;
        match = peel_rule(c, &text, reading, out);
    }
    peel_time(out, text, reading);
    if (out->time_us == TIME_NONE)
        peel_inner_time(out, text, reading);
    out->text = joined(&c->arena, text, buf_as_str(fields));
    return match == MATCH_BUDGET ? match : MATCH_YES;
}
