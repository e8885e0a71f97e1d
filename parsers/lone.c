/* lone.c - peer and host where no rule says where they stand: a record that names a single address
 * names the peer's, but for our own (listening on it), a client's where we are one ourselves, the
 * one that a certificate was checked for, and what only looks like one. The same goes for a single
 * name, but for those in certificates, mailboxes, paths and pages to read. */
#include "parsers/internal.h"

struct found {
    struct str address, port;
    const char *end; /* right behind it, port included */
};

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == ':' || c == '%' || c == '_' || c == '-';
}

static bool has(struct str text, const struct str *marks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_ifind(text, marks[i], 0) >= 0)
            return true;
    return false;
}

/* The end of the line that stands before a word. */
static struct str near_before(struct str before)
{
    enum { NEAR = 24 };
    size_t from = before.n;
    while (from > 0 && before.n - from < NEAR && before.p[from - 1] != '\n')
        from--;
    return str_from(before, from);
}

/* "listening on ", "local=", "L:/": our own end, or nobody's. On the upstream leg also the
 * client's, whose request it was. */
static bool is_another(struct str before, enum leg leg)
{
    static const struct str ours[] = {STR("listen"), STR("local"),     STR("bind"),
                                      STR("bound"),  STR("forwarded"), STR("nameserver"),
                                      STR("version")};
    static const struct str clients[] = {STR("client"),    STR("request"),  STR("remote ip"),
                                         STR("remote_ip"), STR("remoteip"), STR("downstream")};
    struct str near = near_before(before);
    return has(near, ours, sizeof ours / sizeof *ours) || str_ends(near, STR("L:/")) ||
           str_ends(near, STR("l=/")) ||
           (leg == LEG_upstream && has(near, clients, sizeof clients / sizeof *clients));
}

/* Whom we called is named with its port, or in brackets behind its name; an address alone may be
 * the one that the certificate should have had. "from " says whose it is where the leg isn't known. */
static bool is_called(const struct found *found, struct str before, struct str rest,
                      enum leg leg)
{
    return found->port.p || (before.n && strchr("[(", before.p[before.n - 1])) ||
           (str_ends(before, STR("<")) && str_starts(rest, STR(">: "))) ||
           (leg == LEG_NONE && str_ends(before, STR(" from ")));
}

/* The port behind an address that has none: "(51820)", " port 853", "] and port [53120". */
static struct str port_behind(struct str *rest)
{
    static const struct str marks[] = {STR("("), STR(" port "), STR("] and port ["),
                                       STR("#"), STR("]:"),     STR(" and port ")};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        struct str number = str_from(*rest, marks[i].n);
        size_t n = 0;
        if (!str_starts(*rest, marks[i]))
            continue;
        while (n < number.n && number.p[n] >= '0' && number.p[n] <= '9')
            n++;
        if (n < 2 || n > 5)
            continue;
        *rest = str_from(number, n);
        return str_head(number, n);
    }
    return STR_NONE;
}

/* The word at text[from..to) as the peer's address, when it can be. */
static bool take(struct str text, size_t from, size_t to, enum leg leg, struct found *out)
{
    while (to > from && (text.p[to - 1] == '.' || text.p[to - 1] == ':'))
        to--;
    struct str word = str_make(text.p + from, to - from), rest = str_from(text, to);
    struct str before = str_head(text, from);
    out->address = value_address(word, &out->port);
    if (!out->address.p || (rest.n > 1 && rest.p[0] == '/' && rest.p[1] >= '0' && rest.p[1] <= '9'))
        return false;
    bool slash = before.n > 1 && before.p[before.n - 1] == '/' && is_word(before.p[before.n - 2]);
    bool node = before.n && before.p[before.n - 1] == '@';
    if (!out->port.p && (slash || node)) /* "Chrome/120.0.0.0", "rabbit@10.0.0.1" */
        return false;
    if (!out->port.p)
        out->port = port_behind(&rest);
    out->end = rest.p;
    return !is_another(before, leg) && (leg == LEG_downstream || is_called(out, before, rest, leg));
}

/* "A -> B": the client's and the server's. */
static bool is_arrow(const struct found *a, const struct found *b)
{
    struct str between = str_trim(str_make(a->end, (size_t)(b->address.p - a->end)));
    return str_eq(between, STR("->")) || str_eq(between, STR("=>")) || str_eq(between, STR("-> ["));
}

struct str lone_address(struct str text, enum leg leg, struct arena *arena)
{
    struct found all[2];
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        size_t from = i;
        while (i < text.n && is_word(text.p[i]))
            i++;
        struct found found;
        if (i - from < 3 || !take(text, from, i, leg, &found))
            continue;
        size_t same = 0;
        while (same < n && !str_eq(all[same].address, found.address))
            same++;
        if (same < n) {
            all[same].port = all[same].port.p ? all[same].port : found.port;
            continue;
        }
        if (n == 2)
            return STR_NONE;
        all[n++] = found;
    }
    if (n == 0 || (n == 2 && (leg == LEG_NONE || !is_arrow(&all[0], &all[1]))))
        return STR_NONE;
    const struct found *peer = n == 2 && leg == LEG_upstream ? &all[1] : &all[0];
    return value_peer(peer->address, peer->port, arena);
}

/* ---- names ---- */

static bool is_label(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
}

/* Whether the last label can be a domain's, and isn't a file's or a module's ending. */
static bool is_domain(struct str last)
{
    static const struct str domains[] = {
        STR("com"),    STR("net"),     STR("org"),         STR("edu"),      STR("gov"),
        STR("int"),    STR("mil"),     STR("info"),        STR("biz"),      STR("app"),
        STR("dev"),    STR("cloud"),   STR("local"),       STR("internal"), STR("lan"),
        STR("corp"),   STR("home"),    STR("intra"),       STR("svc"),      STR("example"),
        STR("test"),   STR("invalid"), STR("localdomain"), STR("online"),   STR("site"),
        STR("shop"),   STR("tech"),    STR("xyz"),         STR("top"),      STR("private"),
        STR("consul"), STR("cluster"), STR("store"),       STR("news"),     STR("blog")};
    static const struct str endings[] = {STR("go"), STR("py"), STR("js"), STR("rs"), STR("rb"),
                                         STR("sh"), STR("pl"), STR("cc"), STR("so"), STR("md"),
                                         STR("ts"), STR("db"), STR("in"), STR("cs"), STR("pm")};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        if (str_ieq(last, domains[i]))
            return true;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (str_ieq(last, endings[i]))
            return false;
    return last.n == 2 && last.p[0] >= 'a' && last.p[0] <= 'z' && last.p[1] >= 'a' &&
           last.p[1] <= 'z';
}

/* Whether a name in a DNS server's log is what somebody asked for: "www.example.org. AAAA: …". */
static bool is_question(struct str behind)
{
    static const struct str types[] = {STR(". A"), STR(". AAAA"), STR(". HTTPS"), STR(". SRV"),
                                       STR(". MX"), STR(". TXT"), STR(". PTR")};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_starts(behind, types[i]) && str_starts(str_from(behind, types[i].n), STR(": ")))
            return true;
    return false;
}

/* The name that a certificate has, a mailbox, a path, a page to read, a client, or what part of the
 * program writes ("[be[corp.example]]"): not who was called. */
static bool is_no_host(struct str before, struct str behind)
{
    static const struct str marks[] = {
        STR("cn="),      STR("cn ="),    STR("cn:"),    STR("dns:"),      STR("dnsname"),
        STR("computer"), STR("subject"), STR("issuer"), STR("dns names"), STR("valid for"),
        STR("user"),     STR("o="),      STR("see "),   STR("see: "),     STR("module"),
        STR("request"),  STR("client"),  STR("referer"), STR("accept"),   STR("rhost"),
        STR("helo"),     STR("ehlo"),    STR("connect from"), STR("connection from"),
        STR("session from")};
    struct str near = near_before(before);
    if (before.n && strchr("@/\\$*", before.p[before.n - 1]) && !str_ends(near, STR("://")))
        return true;
    if (behind.n && strchr("/\\(@=", behind.p[0]) && !str_ends(near, STR("://")))
        return true;
    if (is_question(behind) || (str_starts(behind, STR("]]")) && str_ends(before, STR("["))))
        return true;
    return has(near, marks, sizeof marks / sizeof *marks);
}

/* A page that explains the error. */
static bool is_manual(struct str name)
{
    static const struct str sites[] = {
        STR("rsyslog.com"), STR("curl.se"),     STR("haxx.se"),       STR("aka.ms"),
        STR("nodejs.org"),  STR("w3.org"),      STR("microsoft.com"), STR("golang.org"),
        STR("go.dev"),      STR("ietf.org"),    STR("openssl.org"),   STR("readthedocs.io"),
        STR("python.org"),  STR("mozilla.org"), STR("kubernetes.io"), STR("stackoverflow.com")};
    static const struct str heads[] = {STR("docs."),    STR("doc."),   STR("help."),
                                       STR("support."), STR("learn."), STR("developer.")};
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++)
        if (str_ends(name, sites[i]))
            return true;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (str_starts(name, heads[i]))
            return true;
    return false;
}

static bool is_name(struct str word)
{
    size_t labels = 1, from = 0;
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == '.') {
            if (i == from || word.p[from] == '-')
                return false;
            labels++;
            from = i + 1;
        } else if (!is_label(word.p[i]) || (word.p[i] >= 'A' && word.p[i] <= 'Z')) {
            return false;
        }
    }
    return labels > 1 && is_domain(str_from(word, from));
}

struct str lone_host(struct str text)
{
    struct str name = STR_NONE;
    for (size_t i = 0; i < text.n; i++) {
        size_t from = i;
        while (i < text.n && (is_label(text.p[i]) || text.p[i] == '.'))
            i++;
        struct str word = str_make(text.p + from, i - from);
        while (word.n && (word.p[word.n - 1] == '.' || word.p[word.n - 1] == '-'))
            word.n--;
        if (word.n < 4 || !is_name(word) || is_manual(word))
            continue;
        if (is_no_host(str_head(text, from), str_from(text, from + word.n)))
            continue;
        if (name.p && !str_ieq(name, word))
            return STR_NONE;
        name = word;
    }
    return value_host(name);
}

enum leg lone_leg(struct str text, struct str host, struct str peer)
{
    static const struct str from[] = {STR("from "), STR("client"), STR("accept")};
    static const struct str to[] = {STR("dial"), STR("connect")};
    static const struct str no[] = {STR("certificate"), STR("received"), STR("accepted")};
    struct str port;
    if (host.p)
        return LEG_upstream;
    ptrdiff_t at = peer.p ? str_find(text, value_address(peer, &port), 0) : -1;
    if (at < 0)
        return LEG_NONE;
    struct str near = near_before(str_head(text, (size_t)at));
    bool is_from = has(near, from, sizeof from / sizeof *from);
    bool is_to = has(near, to, sizeof to / sizeof *to);
    if (has(near, no, sizeof no / sizeof *no))
        return LEG_NONE;
    return is_from == is_to ? LEG_NONE : is_from ? LEG_downstream : LEG_upstream;
}
