/* record.c - which lines belong together.
 *
 * Whether a line goes on with the one above is told by these two and the one below; only the last
 * line of a Python traceback needs the look back to its head. Every look is at the front of a line,
 * so that the whole stays linear in the length of the chunk. */
#include "parsers/record.h"

#include "parsers/shell.h"

enum { LOOK_MAX = 1024, SHELLS_MAX = 4 };

/* A line and the one above, shells off, and where to find the one below: few lines need it. */
struct place {
    struct str prev, line;
    struct str chunk;
    size_t next; /* chunk.n when there is none */
};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool starts_with_any(struct str s, const char *const *words)
{
    for (; s.n && *words; words++)
        if (s.p[0] == **words && str_starts(s, str_of(*words)))
            return true;
    return false;
}

static bool has(struct str s, struct str what)
{
    return str_find(str_head(s, LOOK_MAX), what, 0) >= 0;
}

/* Blanks, also as Docker's JSON (\t) and rsyslog (#011) write a tab. */
static size_t indent(struct str s)
{
    size_t n = 0;
    for (;;) {
        struct str rest = str_from(s, n);
        if (str_starts(rest, STR(" ")) || str_starts(rest, STR("\t")))
            n++;
        else if (str_starts(rest, STR("\\t")))
            n += 2;
        else if (str_starts(rest, STR("#011")))
            n += 4;
        else
            return n;
        if (n > LOOK_MAX)
            return n;
    }
}

static bool is_blank(struct str s)
{
    return str_from(s, indent(s)).n == 0;
}

/* An ordinary line whose writer puts blanks in front: a level to the right (" INFO "), a date. */
static bool starts_like_a_record(struct str s)
{
    static const char *const levels[] = {"TRACE ", "DEBUG ", "INFO ",  "NOTICE ",
                                         "WARN ",  "ERROR ", "FATAL ", NULL};
    if (s.n && s.p[0] == '[')
        s = str_from(s, 1);
    bool dated = s.n > 10 && digit(s.p[0]) && digit(s.p[1]) && digit(s.p[2]) && digit(s.p[3]) &&
                 (s.p[4] == '-' || s.p[4] == '/') && digit(s.p[5]) && digit(s.p[6]) &&
                 s.p[7] == s.p[4];
    return dated || starts_with_any(s, levels);
}

/* "at a.b.C.d(C.java:1)", "... 12 more", "#0 /a.php(1): f()", "/a.rb:1:in `b'", "from a.rb:1:in" */
static bool is_frame(struct str s)
{
    if (str_starts(s, STR("at ")))
        return s.n > 3 && (letter(s.p[3]) || s.p[3] == '<') &&
               (has(s, STR("(")) || has(s, STR(":")));
    if (str_starts(s, STR("... ")))
        return s.n > 4 && digit(s.p[4]);
    if (str_starts(s, STR("#")))
        return s.n > 2 && digit(s.p[1]) && (s.p[2] == ' ' || digit(s.p[2]));
    return (str_starts(s, STR("/")) || str_starts(s, STR("from /"))) && has(s, STR(":in "));
}

static bool is_python_chain(struct str s)
{
    static const char *const words[] = {"During handling of the above exception",
                                        "The above exception was the direct cause", NULL};
    return starts_with_any(s, words);
}

/* Nothing but closing brackets, as the last line of a printed object. */
static bool only_closes(struct str s)
{
    size_t n = 0;
    while (n < s.n && n < 8 && memchr("}]),;", s.p[n], 5))
        n++;
    return n > 0 && str_trim(str_from(s, n)).n == 0;
}

/* asyncio's context: "protocol: <…>", "transport: <…>", "handle: <…>" */
static bool is_python_object(struct str s)
{
    size_t n = 0;
    while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || s.p[n] == '_'))
        n++;
    return n > 2 && n < 32 && str_starts(str_from(s, n), STR(": <"));
}

static bool continues_by_itself(struct str s)
{
    static const char *const words[] = {"Caused by:",
                                        "Caused by ",
                                        "Suppressed: ",
                                        "Wrapped by: ",
                                        "Traceback (most recent call last)",
                                        "---> ",
                                        "--- End of ",
                                        "HINT:",
                                        "DETAIL:",
                                        "CONTEXT:",
                                        "STATEMENT:",
                                        "QUERY:",
                                        "problem:",
                                        "Stack trace:",
                                        "Stack backtrace:",
                                        "stack backtrace:",
                                        "goroutine ",
                                        "note: run with `RUST_BACKTRACE",
                                        "(Use `node --trace-",
                                        "Emitted 'error' event",
                                        "Object created at (most recent call last)",
                                        "ORA-06512: ",
                                        NULL};
    size_t blanks = indent(s);
    struct str text = str_from(s, blanks);
    if (text.n == 0)
        return false;
    if (blanks > 0)
        return !starts_like_a_record(text);
    return starts_with_any(text, words) || is_frame(text) || is_python_chain(text) ||
           only_closes(text) || is_python_object(text);
}

/* ---- lines of a chunk ---- */

static struct str line_at(struct str chunk, size_t at)
{
    ptrdiff_t end = str_findc(chunk, '\n', at);
    size_t n = (end < 0 ? chunk.n : (size_t)end) - at;
    if (n && chunk.p[at + n - 1] == '\r')
        n--;
    return str_make(chunk.p + at, n);
}

/* Where the line above starts; at > 0. */
static size_t above(struct str chunk, size_t at)
{
    const char *lf = at > 1 ? memrchr(chunk.p, '\n', at - 1) : NULL;
    return lf ? (size_t)(lf - chunk.p) + 1 : 0;
}

/* Where the line below starts; chunk.n when there is none. */
static size_t below(struct str chunk, size_t at)
{
    ptrdiff_t end = str_findc(chunk, '\n', at);
    return end < 0 ? chunk.n : (size_t)end + 1;
}

static struct str inner_of(struct str line)
{
    struct shell shell = shell_of(line);
    for (int i = 1; i < SHELLS_MAX && shell.kind != SHELL_NONE; i++)
        shell = shell_of(shell.inner);
    return shell.inner;
}

/* Without its shells; absent when there is none. */
static struct str next_line(const struct place *at)
{
    return at->next < at->chunk.n ? inner_of(line_at(at->chunk, at->next)) : STR_NONE;
}

/* ---- what the lines around decide ---- */

/* Fields of a Windows event that was copied as text. */
static bool is_event_field(struct str s)
{
    static const char *const names[] = {
        "Source:", "Date:",     "Event ID:",    "Task Category:", "Level:", "Keywords:",
        "User:",   "Computer:", "Description:", "OpCode:",        NULL};
    return starts_with_any(s, names);
}

static bool goes_on_an_event(const struct place *at)
{
    if (str_starts(at->line, STR("Log Name:")))
        return false;
    if (is_event_field(at->line))
        return is_event_field(at->prev) || str_starts(at->prev, STR("Log Name:"));
    return str_eq(str_trim(at->prev), STR("Description:"));
}

/* A head that has nothing of its own: what it announces stands below. */
static bool announces(struct str s)
{
    struct str end = str_trim(s.n > LOOK_MAX ? str_from(s, s.n - LOOK_MAX) : s);
    bool colon = str_ends(end, STR(":"));
    return (str_starts(s, STR("=")) && has(s, STR(" REPORT===="))) || /* OTP before 21 */
           str_eq(end, STR("Response Verify Failure")) ||             /* openssl ocsp */
           (colon && str_starts(s, STR("thread '")) && has(s, STR("' panicked at "))) ||
           (colon && has(s, STR("cannot verify ")) && has(s, STR("issued by "))); /* wget */
}

/* Bytes of an exception's name ("ssl.SSLError") with ':' or the end behind it, else 0. *of_class:
 * it is a class in a package, as Java and .NET spell it ("javax.net.ssl.SSLException"). */
static size_t exception_length(struct str s, bool *of_class)
{
    size_t n = 0, last = 0;
    while (n < s.n && n < LOOK_MAX && (letter(s.p[n]) || digit(s.p[n]) || memchr("_$.", s.p[n], 3)))
        last = s.p[n++] == '.' ? n : last;
    bool ends = n == s.n || s.p[n] == '\r' ||
                (s.p[n] == ':' && (n + 1 == s.n || memchr(" \r", s.p[n + 1], 2)));
    *of_class = last > 0 && last < n && s.p[last] >= 'A' && s.p[last] <= 'Z';
    return n > 2 && letter(s.p[0]) && ends ? n : 0;
}

/* The exception that Java's and .NET's loggers put under their message, with its frames below. At
 * the end of what was read the frames may still come. */
static bool is_logged_exception(const struct place *at)
{
    bool of_class;
    if (exception_length(at->line, &of_class) == 0 || !of_class)
        return false;
    if (is_blank(at->prev) || indent(at->prev) > 0 || continues_by_itself(at->prev))
        return false;
    struct str next = next_line(at);
    if (!next.p)
        return true;
    next = str_from(next, indent(next));
    return is_frame(next) || str_starts(next, STR("---> ")) || str_starts(next, STR("Caused by"));
}

/* A Go frame is two lines: "host/package.(*Type).Func(…)" and a tab with "file.go:12", which may
 * still come at the end of what was read. */
static bool is_go_frame(const struct place *at)
{
    struct str line = str_head(at->line, LOOK_MAX);
    if (line.n <= 3 || !letter(line.p[0]) || str_findc(line, ' ', 0) >= 0 ||
        str_findc(line, '\t', 0) >= 0 || !has(line, STR(".")))
        return false;
    struct str next = next_line(at);
    return next.p ? indent(next) > 0 && has(next, STR(".go:")) : has(line, STR("/"));
}

/* The "[pid]" in the first bytes of a PostgreSQL line, in front of its keyword. */
static struct str process_of(struct str s)
{
    s = str_head(s, 128);
    for (size_t i = 0; i + 2 < s.n; i++) {
        size_t n = 1;
        while (s.p[i] == '[' && i + n < s.n && digit(s.p[i + n]))
            n++;
        if (n > 1 && i + n < s.n && s.p[i + n] == ']')
            return str_make(s.p + i, n + 1);
    }
    return STR_NONE;
}

/* PostgreSQL's HINT and its like, behind the same prefix as the message. */
static bool is_postgres_detail(const struct place *at)
{
    static const char *const words[] = {
        " HINT:  ", " DETAIL:  ", " CONTEXT:  ", " STATEMENT:  ", " QUERY:  ", NULL};
    struct str process = process_of(at->line);
    if (!process.p || !str_eq(process, process_of(at->prev)))
        return false;
    struct str behind = str_from(at->line, (size_t)(process.p - at->line.p) + process.n);
    for (const char *const *word = words; *word; word++)
        if (str_find(str_head(behind, 160), str_of(*word), 0) >= 0)
            return true;
    return false;
}

static bool is_traceback_head(struct str s)
{
    return str_starts(str_from(s, indent(s)), STR("Traceback (most recent call last)"));
}

/* A blank line inside a record: what comes next goes on, or what was said announced more. */
static bool is_inner_blank(const struct place *at)
{
    if (is_blank(at->prev))
        return false;
    struct str next = next_line(at);
    return is_python_chain(at->prev) ||
           (next.p && !is_traceback_head(next) && continues_by_itself(next));
}

/* Whether the lines belong together, the end of a traceback aside. */
static bool place_joins(const struct place *at)
{
    if (is_blank(at->line))
        return is_inner_blank(at);
    return continues_by_itself(at->line) || goes_on_an_event(at) || announces(at->prev) ||
           is_logged_exception(at) || is_go_frame(at) || is_postgres_detail(at);
}

/* Takes the shells off that prev and line share. False when they are of different writers; *cut
 * when the transport cut one line into these two. */
static bool open_shells(struct place *at, bool *cut)
{
    *cut = false;
    for (int i = 0; i < SHELLS_MAX; i++) {
        struct shell prev = shell_of(at->prev), line = shell_of(at->line);
        if (line.kind == SHELL_NONE) {
            at->prev = inner_of(at->prev); /* a line feed inside the first one's message */
            return true;
        }
        if (prev.kind != line.kind || !str_eq(prev.id, line.id))
            return false;
        *cut = prev.partial;
        if (*cut)
            return true;
        at->prev = prev.inner;
        at->line = line.inner;
    }
    return true;
}

/* Whether the line at `at` ends a Python traceback: an exception's name under indented lines under
 * the traceback's head. */
static bool ends_traceback(struct str chunk, size_t at)
{
    bool of_class;
    if (at == 0 || exception_length(inner_of(line_at(chunk, at)), &of_class) == 0)
        return false;
    for (int lines = 0; lines < RECORD_LINES_MAX && at > 0; lines++) {
        at = above(chunk, at);
        struct str line = inner_of(line_at(chunk, at));
        if (is_traceback_head(line))
            return lines > 0;
        if (indent(line) == 0)
            return false;
    }
    return false;
}

/* Whether the line at `at` goes on with the record of the line above it. */
static bool joins(struct str chunk, size_t at)
{
    size_t prev = above(chunk, at);
    struct place place = {line_at(chunk, prev), line_at(chunk, at), chunk, below(chunk, at)};
    bool cut;
    if (!open_shells(&place, &cut))
        return false;
    if (cut)
        return true;
    if (is_traceback_head(place.line) && ends_traceback(chunk, prev))
        return false; /* one traceback after the other, not one because of the other */
    return place_joins(&place) || (indent(place.prev) > 0 && ends_traceback(chunk, at));
}

bool record_continues(struct str line)
{
    return continues_by_itself(inner_of(line));
}

struct str record_around(struct str chunk, size_t at, size_t *start)
{
    size_t first = at, end = at, lines = 1;
    for (; lines < RECORD_LINES_MAX && first > 0 && joins(chunk, first); lines++)
        first = above(chunk, first);
    while (first < at && is_blank(line_at(chunk, first)))
        first = below(chunk, first);
    for (size_t next = below(chunk, at); lines < RECORD_LINES_MAX && next < chunk.n; lines++) {
        if (!joins(chunk, next))
            break;
        end = next;
        next = below(chunk, next);
    }
    *start = first;
    size_t last = below(chunk, end);
    if (last > end && chunk.p[last - 1] == '\n')
        last--;
    return str_make(chunk.p + first, last - first);
}

size_t record_open(struct str chunk)
{
    size_t start = 0, at = chunk.n ? above(chunk, chunk.n) : 0;
    if (at > 0 && is_blank(line_at(chunk, at)))
        at = above(chunk, at); /* the line behind a blank one decides about it */
    if (chunk.n)
        record_around(chunk, at, &start);
    return start;
}
