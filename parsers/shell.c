/* shell.c - see shell.h. A reader (take_…) cuts what it knows off the front, or changes nothing. */
#include "parsers/shell.h"

enum { PREFIX_MAX = 256, TAIL_MAX = 1024 };

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool word_byte(char c)
{
    return digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == '-' || c == '_';
}

static size_t word_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && n < PREFIX_MAX && word_byte(s.p[n]))
        n++;
    return n;
}

/* The bytes up to the next blank, which is cut off too; absent when there is none in reach. */
static struct str take_token(struct str *s)
{
    ptrdiff_t at = str_findc(str_head(*s, PREFIX_MAX), ' ', 0);
    if (at <= 0)
        return STR_NONE;
    struct str token = str_head(*s, (size_t)at);
    *s = str_from(*s, (size_t)at + 1);
    return token;
}

static bool take_str(struct str *s, struct str want)
{
    if (!str_starts(*s, want))
        return false;
    *s = str_from(*s, want.n);
    return true;
}

/* Whether s has the shape: 0 a digit, a a letter, others themselves. */
static bool shaped(struct str s, const char *shape)
{
    size_t i = 0;
    for (; shape[i]; i++) {
        if (i == s.n)
            return false;
        bool letter = (s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z';
        if (shape[i] == '0' ? !digit(s.p[i]) : shape[i] == 'a' ? !letter : s.p[i] != shape[i])
            return false;
    }
    return true;
}

static bool is_iso(struct str s)
{
    return shaped(s, "0000-00-00T00:00:00");
}

static bool is_cri(struct str line, struct shell *out)
{
    struct str s = line;
    if (!is_iso(s))
        return false;
    take_token(&s);
    out->id = take_token(&s);
    if (!str_eq(out->id, STR("stdout")) && !str_eq(out->id, STR("stderr")))
        return false;
    out->partial = take_str(&s, STR("P "));
    if (!out->partial && !take_str(&s, STR("F ")) && !str_eq(s, STR("F")))
        return false;
    out->inner = s;
    return true;
}

static bool is_docker(struct str line, struct shell *out)
{
    struct str s = line;
    if (!take_str(&s, STR("{\"log\":\"")))
        return false;
    struct str tail = s.n > TAIL_MAX ? str_from(s, s.n - TAIL_MAX) : s;
    ptrdiff_t end = str_find(tail, STR("\",\"stream\":\""), 0);
    if (end < 0)
        return false;
    struct str stream = str_from(tail, (size_t)end + 12);
    ptrdiff_t quote = str_findc(stream, '"', 0);
    out->id = str_head(stream, quote < 0 ? 0 : (size_t)quote);
    out->inner = str_head(s, s.n - tail.n + (size_t)end);
    out->partial = !str_ends(out->inner, STR("\\n"));
    if (!out->partial)
        out->inner.n -= 2;
    return true;
}

static bool is_kubectl(struct str line, struct shell *out)
{
    if (!str_starts(line, STR("[pod/")))
        return false;
    ptrdiff_t end = str_find(str_head(line, PREFIX_MAX), STR("] "), 0);
    if (end < 0)
        return false;
    out->id = str_head(line, (size_t)end);
    out->inner = str_from(line, (size_t)end + 2);
    return true;
}

static bool is_compose(struct str line, struct shell *out)
{
    size_t n = word_length(line), at = n;
    while (at < line.n && at < PREFIX_MAX && line.p[at] == ' ')
        at++;
    struct str rest = str_from(line, at);
    if (n == 0 || at == n || !take_str(&rest, STR("|")))
        return false;
    take_str(&rest, STR(" "));
    out->id = str_head(line, n);
    out->inner = rest;
    return true;
}

static bool is_erlang(struct str line, struct shell *out)
{
    struct str s = line;
    if (shaped(s, "0000-00-00 00:00:00")) {
        take_token(&s);
        take_token(&s);
    }
    struct str level = take_token(&s), process = take_token(&s);
    if (!str_starts(level, STR("[")) || !str_ends(level, STR("]")) ||
        !str_starts(process, STR("<0.")) || !str_ends(process, STR(">")))
        return false;
    out->id = process;
    out->inner = s;
    return true;
}

/* A classic or ISO time, in front of the host of a syslog line. */
static bool take_syslog_time(struct str *s)
{
    if (shaped(*s, "aaa 00 00:00:00 ") || shaped(*s, "aaa  0 00:00:00 ")) {
        *s = str_from(*s, 16);
        return true;
    }
    return is_iso(*s) && take_token(s).p;
}

static bool is_syslog(struct str line, struct shell *out)
{
    struct str s = line;
    if (str_starts(s, STR("<"))) {
        ptrdiff_t end = str_findc(str_head(s, 5), '>', 0);
        s = str_from(s, end < 0 ? s.n : (size_t)end + 1);
    }
    bool v1 = take_str(&s, STR("1 ")); /* RFC 5424: time host app pid msgid - text */
    if (!take_syslog_time(&s))
        return false;
    size_t host_n = word_length(s);
    const char *from = s.p;
    if (host_n == 0 || take_token(&s).n != host_n)
        return false;
    struct str tag = take_token(&s);
    if (v1) {
        struct str process = take_token(&s), id = take_token(&s);
        if (!process.p || !id.p)
            return false;
        out->id = str_make(from, (size_t)(s.p - from));
        take_str(&s, STR("- "));
    } else {
        if (!str_ends(tag, STR(":")))
            return false;
        out->id = str_make(from, (size_t)(s.p - from));
    }
    out->inner = s;
    return true;
}

/* Two plain words in lower case, the first with a dash and a digit as pods' names have them. */
static bool is_stern(struct str line, struct shell *out)
{
    struct str s = line, pod = take_token(&s), container = take_token(&s);
    bool dash = false, number = false;
    if (!container.p || word_length(pod) != pod.n || word_length(container) != container.n)
        return false;
    for (size_t i = 0; i < pod.n; i++) {
        dash = dash || pod.p[i] == '-';
        number = number || digit(pod.p[i]);
    }
    if (!dash || !number)
        return false;
    out->id = str_head(line, pod.n + 1 + container.n);
    out->inner = s;
    return true;
}

static bool is_timed(struct str line, struct shell *out)
{
    static const char shape[] = "0000-00-00T00:00:00.000000000Z ";
    if (!shaped(line, shape))
        return false;
    out->inner = str_from(line, sizeof shape - 1);
    return true;
}

/* Which readers a line can be for, by its first byte. */
enum starts { WITH_DIGIT = 1, WITH_LETTER = 2, WITH_BRACKET = 4, WITH_BRACE = 8, WITH_ANGLE = 16, WITH_MARK = 32 };

static enum starts start_of(char c)
{
    if (digit(c))
        return WITH_DIGIT;
    return c == '[' ? WITH_BRACKET : c == '{' ? WITH_BRACE : c == '<' ? WITH_ANGLE
           : word_byte(c) && c != '.' && c != '-' && c != '_' ? WITH_LETTER : WITH_MARK;
}

struct shell shell_of(struct str line)
{
    static const struct {
        bool (*read)(struct str, struct shell *);
        unsigned starts;
    } readers[] = {
        [SHELL_CRI] = {is_cri, WITH_DIGIT},
        [SHELL_DOCKER] = {is_docker, WITH_BRACE},
        [SHELL_KUBECTL] = {is_kubectl, WITH_BRACKET},
        [SHELL_COMPOSE] = {is_compose, WITH_DIGIT | WITH_LETTER | WITH_MARK},
        [SHELL_SYSLOG] = {is_syslog, WITH_DIGIT | WITH_LETTER | WITH_ANGLE},
        [SHELL_ERLANG] = {is_erlang, WITH_DIGIT | WITH_BRACKET},
        [SHELL_STERN] = {is_stern, WITH_LETTER | WITH_MARK},
        [SHELL_TIMED] = {is_timed, WITH_DIGIT},
    };
    if (line.n && line.p[0] != ' ' && line.p[0] != '\t') {
        enum starts start = start_of(line.p[0]);
        for (enum shell_kind kind = SHELL_CRI; kind <= SHELL_TIMED; kind++) {
            struct shell shell = {.kind = kind};
            if ((readers[kind].starts & start) && readers[kind].read(line, &shell))
                return shell;
        }
    }
    return (struct shell){.kind = SHELL_NONE, .inner = line};
}
