/* target.c - what the commands of an answer connect to, from an event whose every byte is hostile.
 *
 * A command is there to be pasted into a shell. So only three shapes ever get into one: a host name
 * of letters, digits, '-', '_' and '.', an IP address that inet_pton() takes, and a number. Where
 * the event has none of these it says HOST, which the reader replaces. */
#include "query/internal.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A name (or an IPv4 address) that means nothing to a shell and is no option. */
static bool is_name(struct str host)
{
    if (host.n == 0 || host.n > TARGET_NAME || !plain(host.p[0]))
        return false;
    for (size_t i = 0; i < host.n; i++)
        if (!plain(host.p[i]) && host.p[i] != '.' && host.p[i] != '-')
            return false;
    return true;
}

/* AF_INET, AF_INET6, or 0 where it is no address. */
static int address_family(struct str text)
{
    char copy[INET6_ADDRSTRLEN], bytes[16];
    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, '\0', text.n))
        return 0;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(AF_INET, copy, bytes) == 1    ? AF_INET
           : inet_pton(AF_INET6, copy, bytes) == 1 ? AF_INET6
                                                   : 0;
}

/* The port behind an address, or 0. */
static int port_of(struct str peer)
{
    struct str address = peer_address(peer);
    struct str rest = str_from(peer, (size_t)(address.p - peer.p) + address.n);
    if (str_starts(rest, STR("]")))
        rest = str_from(rest, 1);
    if (!str_starts(rest, STR(":")))
        return 0;
    int64_t port = str_number(str_from(rest, 1), 65535);
    return port > 0 ? (int)port : 0;
}

/* Takes the peer as what to connect to: on the upstream leg it is the server; elsewhere only where
 * it is the address that was dialled. A client's port is never one to connect to. */
static bool peer_is_server(const struct event *event)
{
    struct str address = peer_address(event->peer);
    if (!address_family(address))
        return false;
    return event->leg == LEG_upstream ||
           (event->leg == LEG_NONE && event->host.n && str_eq(address, event->host));
}

void target_of(const struct event *event, int default_port, struct target *out)
{
    struct str address = peer_address(event->peer);
    int family = address_family(event->host);
    *out = (struct target){.port = default_port};
    if (family || is_name(event->host))
        out->host_n = (size_t)snprintf(out->host, sizeof out->host, "%.*s", STR_ARG(event->host));
    out->host_is_address = family != 0;
    if (!out->host_n)
        out->host_n = (size_t)snprintf(out->host, sizeof out->host, "HOST");
    if (peer_is_server(event)) {
        int port = port_of(event->peer);
        out->port = port ? port : default_port;
        family = address_family(address);
        out->address_is_known = true;
    } else {
        address = str_make(out->host, out->host_n);
    }
    snprintf(out->address, sizeof out->address, "%.*s", STR_ARG(address));
    snprintf(out->connect, sizeof out->connect, family == AF_INET6 ? "[%.*s]:%d" : "%.*s:%d",
             STR_ARG(address), out->port);
    if (event->leg != LEG_upstream && address_family(peer_address(event->peer)))
        snprintf(out->client, sizeof out->client, "%.*s", STR_ARG(peer_address(event->peer)));
}

void target_sni(const struct target *t, struct buf *out)
{
    if (t->host_is_address)
        buf_str(out, STR("-noservername"));
    else
        buf_printf(out, "-servername %s", t->host);
}

void target_curl(const struct target *t, struct buf *out)
{
    bool resolve = t->address_is_known && !t->host_is_address && strcmp(t->host, "HOST") != 0;
    bool six = strchr(t->address, ':') != NULL;
    buf_str(out, STR("curl -v --max-time 10 "));
    if (resolve)
        buf_printf(out, "--resolve %s:%d:%s%s%s https://%s:%d/", t->host, t->port, six ? "[" : "",
                   t->address, six ? "]" : "", t->host, t->port);
    else if (t->port == 443 && !six)
        buf_printf(out, "https://%s/", t->address);
    else
        buf_printf(out, "https://%s/", t->connect);
}

void target_filter(const struct target *t, struct buf *out)
{
    const char *end = *t->client ? t->client : strcmp(t->address, "HOST") ? t->address : "";
    buf_printf(out, "%s%s%sport %d", *end ? "host " : "", end, *end ? " and " : "", t->port);
}
