/* peer.c - addresses in few bytes: "203.0.113.23:60544" is 6 bytes on disk instead of 18.
 * Only a text that comes back byte for byte is packed. */
#include "store/internal.h"

#include <arpa/inet.h>
#include <stdio.h>

/* A decimal of at most max at *at, without leading zeros; -1 when there is none. */
static int decimal(struct str s, size_t *at, int max)
{
    size_t start = *at;
    int value = 0;
    while (*at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9' && value <= max)
        value = value * 10 + (s.p[(*at)++] - '0');
    size_t digits = *at - start;
    bool canonical = digits > 0 && (digits == 1 || s.p[start] != '0');
    return canonical && value <= max ? value : -1;
}

/* ":PORT" up to the end as 2 bytes. */
static bool pack_port(struct str s, size_t at, unsigned char out[2])
{
    if (at >= s.n || s.p[at++] != ':')
        return false;
    int port = decimal(s, &at, 65535);
    if (port < 0 || at != s.n)
        return false;
    out[0] = (unsigned char)(port >> 8);
    out[1] = (unsigned char)port;
    return true;
}

static size_t pack_ipv4(struct str s, unsigned char out[PEER_PACKED])
{
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && (at >= s.n || s.p[at++] != '.'))
            return 0;
        int byte = decimal(s, &at, 255);
        if (byte < 0)
            return 0;
        out[i] = (unsigned char)byte;
    }
    if (at == s.n)
        return 4;
    return pack_port(s, at, out + 4) ? 6 : 0;
}

static size_t pack_ipv6(struct str s, unsigned char out[PEER_PACKED])
{
    bool bracket = s.p[0] == '[';
    ptrdiff_t close = bracket ? str_findc(s, ']', 0) : (ptrdiff_t)s.n;
    if (close < 0)
        return 0;
    size_t from = bracket ? 1 : 0, n = (size_t)close - from;
    char text[INET6_ADDRSTRLEN + 1], again[INET6_ADDRSTRLEN];
    if (n >= sizeof text || memchr(s.p, '\0', s.n))
        return 0;
    memcpy(text, s.p + from, n);
    text[n] = '\0';
    if (inet_pton(AF_INET6, text, out) != 1 ||
        !inet_ntop(AF_INET6, out, again, sizeof again) || strcmp(text, again) != 0)
        return 0;
    if (!bracket)
        return 16;
    return pack_port(s, (size_t)close + 1, out + 16) ? 18 : 0;
}

size_t peer_pack(struct str peer, unsigned char out[PEER_PACKED])
{
    if (peer.n == 0)
        return 0;
    size_t n = pack_ipv4(peer, out);
    return n ? n : pack_ipv6(peer, out);
}

struct str peer_unpack(const unsigned char *bytes, size_t n, char out[PEER_TEXT])
{
    int len = 0;
    char address[INET6_ADDRSTRLEN];
    if (n == 4 || n == 6)
        len = snprintf(out, PEER_TEXT, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
    else if ((n == 16 || n == 18) && inet_ntop(AF_INET6, bytes, address, sizeof address))
        len = snprintf(out, PEER_TEXT, n == 18 ? "[%s]" : "%s", address);
    else
        return STR_NONE;
    if (n == 6 || n == 18)
        len += snprintf(out + len, PEER_TEXT - (size_t)len, ":%d",
                        bytes[n - 2] << 8 | bytes[n - 1]);
    return str_make(out, (size_t)len);
}
