/* values.c - host names, addresses, TLS versions and ciphers, cleaned the same way for every rule. */
#include "parsers/internal.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool is_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static bool is_address(struct str s)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char binary[16];
    ptrdiff_t scope = str_findc(s, '%', 0);
    struct str bare = scope > 0 ? str_head(s, (size_t)scope) : s;
    if (bare.n == 0 || bare.n >= sizeof text)
        return false;
    memcpy(text, bare.p, bare.n);
    text[bare.n] = '\0';
    return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

/* Quotes, brackets and punctuation that a capture may have taken along. */
static struct str strip(struct str s)
{
    s = str_trim(s);
    while (s.n && strchr("\"'`<(/=", s.p[0]))
        s = str_from(s, 1);
    while (s.n && strchr("\"'`>),;./\\", s.p[s.n - 1]))
        s.n--;
    return s;
}

/* "a:1" → "a" and "1"; "[::1]:1" → "::1" and "1"; "::1" → itself. */
static struct str split_port(struct str s, struct str *port)
{
    *port = STR_NONE;
    if (s.n && s.p[0] == '[') {
        ptrdiff_t end = str_findc(s, ']', 0);
        if (end < 0)
            return s;
        struct str rest = str_from(s, (size_t)end + 1);
        if (rest.n > 1 && rest.p[0] == ':')
            *port = str_from(rest, 1);
        return str_make(s.p + 1, (size_t)end - 1);
    }
    ptrdiff_t colon = str_findc(s, ':', 0);
    if (colon >= 0 && str_findc(s, ':', (size_t)colon + 1) < 0) {
        *port = str_from(s, (size_t)colon + 1);
        return str_head(s, (size_t)colon);
    }
    return s;
}

static bool is_none(struct str s)
{
    static const struct str none[] = {STR("-"),       STR("_"),    STR("*"),     STR("::"),
                                      STR("0.0.0.0"), STR("null"), STR("(null)"), STR("nil"),
                                      STR("none"),    STR("unknown"), STR("(none)"), STR("undefined")};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (str_ieq(s, none[i]))
            return true;
    return s.n == 0;
}

struct str value_host(struct str s)
{
    struct str port;
    s = split_port(strip(s), &port);
    ptrdiff_t slash = str_findc(s, '/', 0);
    if (slash >= 0)
        s = str_head(s, (size_t)slash);
    if (is_none(s) || s.n > 253)
        return STR_NONE;
    if (is_address(s))
        return s;
    bool letter = false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool alpha = (c | 32) >= 'a' && (c | 32) <= 'z';
        letter = letter || alpha || c >= 0x80;
        if (!alpha && c < 0x80 && !(c >= '0' && c <= '9') && !strchr(".-_*", c))
            return STR_NONE;
    }
    return letter ? s : STR_NONE;
}

struct str value_peer(struct str s, struct str port, struct arena *arena)
{
    struct str own_port;
    s = strip(s);
    struct str address = split_port(s, &own_port);
    if (!is_address(address)) {
        /* An IPv6 address with its port behind a further colon, as HAProxy writes it. */
        ptrdiff_t last = (ptrdiff_t)s.n - 1;
        while (last > 0 && s.p[last] != ':')
            last--;
        if (last <= 0 || !is_address(str_head(s, (size_t)last)))
            return STR_NONE;
        address = str_head(s, (size_t)last);
        own_port = str_from(s, (size_t)last + 1);
    }
    if (str_eq(address, STR("0.0.0.0")) || str_eq(address, STR("::")))
        return STR_NONE;
    bool bracketed_v4 = s.p[0] == '[' && str_findc(address, ':', 0) < 0;
    if (is_digits(own_port) && !bracketed_v4)
        return s;
    if (bracketed_v4 && own_port.p)
        port = own_port;
    if (!is_digits(port))
        return own_port.p ? address : s;
    bool v6 = str_findc(address, ':', 0) >= 0;
    size_t room = address.n + port.n + sizeof "[]:";
    char *to = arena_alloc(arena, room);
    int n = snprintf(to, room, v6 ? "[%.*s]:%.*s" : "%.*s:%.*s", STR_ARG(address), STR_ARG(port));
    return str_make(to, (size_t)n);
}

struct str value_address(struct str word, struct str *port)
{
    struct str address = split_port(word, port);
    if (!is_address(address) || str_eq(address, STR("0.0.0.0")) || str_eq(address, STR("::")))
        return STR_NONE;
    return address;
}

struct str value_tls_version(struct str s)
{
    static const struct {
        struct str from, to;
    } known[] = {
        {STR("tlsv1.3"), STR("TLSv1.3")}, {STR("tls1.3"), STR("TLSv1.3")},
        {STR("0x0304"), STR("TLSv1.3")},  {STR("0x304"), STR("TLSv1.3")},
        {STR("304"), STR("TLSv1.3")},     {STR("772"), STR("TLSv1.3")},
        {STR("1.3"), STR("TLSv1.3")},     {STR("13"), STR("TLSv1.3")},
        {STR("tlsv13"), STR("TLSv1.3")},  {STR("tls13"), STR("TLSv1.3")},
        {STR("tlsv1.2"), STR("TLSv1.2")}, {STR("tls1.2"), STR("TLSv1.2")},
        {STR("0x0303"), STR("TLSv1.2")},  {STR("0x303"), STR("TLSv1.2")},
        {STR("303"), STR("TLSv1.2")},     {STR("771"), STR("TLSv1.2")},
        {STR("1.2"), STR("TLSv1.2")},     {STR("12"), STR("TLSv1.2")},
        {STR("tlsv12"), STR("TLSv1.2")},  {STR("tls12"), STR("TLSv1.2")},
        {STR("tlsv1.1"), STR("TLSv1.1")}, {STR("tls1.1"), STR("TLSv1.1")},
        {STR("0x0302"), STR("TLSv1.1")},  {STR("0x302"), STR("TLSv1.1")},
        {STR("302"), STR("TLSv1.1")},     {STR("770"), STR("TLSv1.1")},
        {STR("1.1"), STR("TLSv1.1")},     {STR("11"), STR("TLSv1.1")},
        {STR("tlsv11"), STR("TLSv1.1")},  {STR("tls11"), STR("TLSv1.1")},
        {STR("tlsv1.0"), STR("TLSv1")},   {STR("tls1.0"), STR("TLSv1")},
        {STR("tlsv1"), STR("TLSv1")},     {STR("tls1"), STR("TLSv1")},
        {STR("0x0301"), STR("TLSv1")},    {STR("0x301"), STR("TLSv1")},
        {STR("301"), STR("TLSv1")},       {STR("769"), STR("TLSv1")},
        {STR("1.0"), STR("TLSv1")},       {STR("10"), STR("TLSv1")},
        {STR("tlsv10"), STR("TLSv1")},    {STR("tls10"), STR("TLSv1")},
        {STR("sslv3"), STR("SSLv3")},     {STR("ssl3"), STR("SSLv3")},
        {STR("ssl3.0"), STR("SSLv3")},    {STR("sslv3.0"), STR("SSLv3")},
        {STR("0x0300"), STR("SSLv3")},    {STR("0x300"), STR("SSLv3")},
        {STR("300"), STR("SSLv3")},       {STR("768"), STR("SSLv3")},
        {STR("sslv2"), STR("SSLv2")},     {STR("ssl2"), STR("SSLv2")},
        {STR("sslv2.0"), STR("SSLv2")},
    };
    char plain[16];
    size_t n = 0;
    s = strip(s);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == ' ' || c == '-')
            continue;
        if (n == sizeof plain)
            return STR_NONE;
        plain[n++] = c == '_' ? '.' : c;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_ieq(str_make(plain, n), known[i].from))
            return known[i].to;
    return STR_NONE;
}

struct str value_cipher(struct str s)
{
    s = strip(s);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool word = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!word && !strchr("-_+:.", c))
            return STR_NONE;
    }
    return s.n < 3 || is_none(s) || str_eq(s, STR("0x0000")) ? STR_NONE : s;
}
