/* escape.c - see escape.h. */
#include "base/escape.h"

/* Length of the UTF-8 sequence at s (RFC 3629), with its code point; 0 when it is not one. */
static size_t utf8_at(struct str s, uint32_t *cp)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (n == 1) {
        *cp = p[0];
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4 || s.n < n)
        return 0;
    uint32_t c = p[0] & (0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *cp = c;
    return n;
}

static bool hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

void escape_terminal(struct buf *out, struct str s)
{
    while (s.n) {
        uint32_t c = 0;
        size_t n = utf8_at(s, &c);
        if (n == 0 || (n == 1 && hidden(c)))
            buf_printf(out, "\\x%02x", (unsigned char)s.p[0]);
        else if (hidden(c))
            buf_printf(out, "\\u{%x}", c);
        else
            buf_add(out, s.p, n);
        s = str_from(s, n ? n : 1);
    }
}

void escape_csv(struct buf *out, struct str s)
{
    struct buf safe = {0};
    if (s.n && memchr("=+-@\t", s.p[0], 5))
        buf_char(&safe, '\'');
    escape_terminal(&safe, s);
    bool quote = false;
    for (size_t i = 0; i < safe.n; i++)
        quote = quote || safe.p[i] == ',' || safe.p[i] == '"' || safe.p[i] == ' ';
    if (quote)
        buf_char(out, '"');
    for (size_t i = 0; i < safe.n; i++) {
        if (safe.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, safe.p[i]);
    }
    if (quote)
        buf_char(out, '"');
    buf_release(&safe);
}

json_t *escape_json(struct str s)
{
    if (!s.p)
        return json_null();
    json_t *plain = json_stringn(s.p, s.n);
    if (plain)
        return plain;
    struct buf valid = {0};
    while (s.n) {
        uint32_t c = 0;
        size_t n = utf8_at(s, &c);
        if (n)
            buf_add(&valid, s.p, n);
        else
            buf_str(&valid, STR("\xef\xbf\xbd"));
        s = str_from(s, n ? n : 1);
    }
    json_t *mended = json_stringn(valid.p, valid.n);
    buf_release(&valid);
    return mended;
}

static void json_escaped(struct buf *out, uint32_t c)
{
    static const char short_for[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *p = short_for; *p; p += 2)
        if ((uint32_t)*p == c) {
            buf_char(out, '\\');
            buf_char(out, p[1]);
            return;
        }
    if (c > 0xffff) /* RFC 8259, section 7: a pair of surrogates */
        buf_printf(out, "\\u%04X\\u%04X", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
    else
        buf_printf(out, "\\u%04X", c);
}

void escape_json_text(struct buf *out, struct str s)
{
    if (!s.p) {
        buf_str(out, STR("null"));
        return;
    }
    buf_char(out, '"');
    while (s.n) {
        size_t plain = 0;
        while (plain < s.n && s.p[plain] >= 0x20 && s.p[plain] < 0x7f && s.p[plain] != '"' &&
               s.p[plain] != '\\')
            plain++;
        buf_add(out, s.p, plain);
        s = str_from(s, plain);
        if (!s.n)
            break;
        uint32_t c = 0xfffd;
        size_t n = utf8_at(s, &c);
        json_escaped(out, n ? c : 0xfffd);
        s = str_from(s, n ? n : 1);
    }
    buf_char(out, '"');
}
