/* test_lone.c - the only address and the only name in a record. */
#include "parsers/internal.h"

#include <criterion/criterion.h>

static void expect(struct str got, const char *want, const char *text)
{
    cr_expect(str_eq(got, str_of(want)), "%s: %.*s", text, STR_ARG(got));
}

Test(lone, a_single_address_is_the_peers)
{
    static const struct {
        enum leg leg;
        const char *text, *peer;
    } rows[] = {
        {LEG_downstream, "TLS handshake error, addr 192.0.2.7", "192.0.2.7"},
        {LEG_downstream, "route handshake: 10.1.8.3:6222 - rid:44", "10.1.8.3:6222"},
        {LEG_downstream, "[203.0.113.9]: and again 203.0.113.9:4711", "203.0.113.9:4711"},
        {LEG_downstream, "LOG: could not accept 10.90.0.5(51820)", "10.90.0.5:51820"},
        {LEG_downstream, "handshake failed 192.0.2.53 port 853", "192.0.2.53:853"},
        {LEG_downstream, "from IP address [198.51.100.64] and port [53120]", "198.51.100.64:53120"},
        {LEG_downstream, "x [2001:db8::5]:443 y", "[2001:db8::5]:443"},
        {LEG_downstream, "(10.3.2.1:47002 -> 10.3.2.9:5671)", "10.3.2.1:47002"},
        {LEG_upstream, "(10.3.2.1:47002 -> 10.3.2.9:5671)", "10.3.2.9:5671"},
        {LEG_upstream, "relay=mx.example.org. [198.51.100.150]", "198.51.100.150"},
        {LEG_NONE, "(10.3.2.1:47002 -> 10.3.2.9:5671)", NULL},
        {LEG_downstream, "192.0.2.1 and 192.0.2.2", NULL},
        {LEG_downstream, "listening on 10.0.0.5:8443", NULL},
        {LEG_downstream, "L:/10.0.0.1:8443 - R:/10.0.0.2:50010", "10.0.0.2:50010"},
        {LEG_downstream, "couchdb@127.0.0.1 <0.2301.0> TLS server", NULL},
        {LEG_downstream, "0.0.0.0:443", NULL},
        {LEG_downstream, "Mozilla/5.0 Chrome/120.0.0.0", NULL},
        {LEG_downstream, "allowed 10.0.0.0/8", NULL},
        {LEG_upstream, "failed, client: 10.0.3.9", NULL},
        {LEG_upstream, "cannot validate certificate for 172.31.0.45 because", NULL},
        {LEG_downstream, "", NULL},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(lone_address(str_of(rows[i].text), rows[i].leg, &arena), rows[i].peer, rows[i].text);
    arena_release(&arena);
}

Test(lone, a_single_name_is_whom_we_called)
{
    static const struct {
        const char *text, *host;
    } rows[] = {
        {"could not send via smtp.example.eu:587: wrong version number", "smtp.example.eu"},
        {"fetch of https://oai.example.nl/x failed", "oai.example.nl"},
        {"{~c\"mds.example.org\", 443}", "mds.example.org"},
        {"relay=mx.example.com.", "mx.example.com"},
        {"addr=web.emoji.svc.cluster.local:80 web.emoji.svc.cluster.local",
         "web.emoji.svc.cluster.local"},
        {"a.example.com, then b.example.com", NULL},
        {"subject=CN=shop.example.com", NULL},
        {"x509: certificate is valid for old.example.com", NULL},
        {"java.net.http.HttpTimeoutException at handshake.go:42 in server.py", NULL},
        {"mail of someone@example.com", NULL},
        {"/etc/ssl/shop.example.com/key.pem", NULL},
        {"see https://docs.example.com/errors", NULL},
        {"try https://www.rsyslog.com/e/2083", NULL},
        {"[be[corp.example]] [sdap_connect_done] could not start TLS", NULL},
        {"could not start TLS with [dc1.corp.example]", "dc1.corp.example"},
        {"TLS failed on the connection from mail.example.net", NULL},
        {"no answer from mail.example.net", "mail.example.net"},
        {"plugin/errors: 2 www.example.org. AAAA: remote error", NULL},
        {"EHLO mail.example.net, then STARTTLS failed", NULL},
        {"TLS client pc7.example.net refused us", NULL},
        {"no name", NULL},
        {"..com -.-.net", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(lone_host(str_of(rows[i].text)), rows[i].host, rows[i].text);
}

Test(lone, a_name_or_the_words_before_an_address_tell_the_leg)
{
    static const struct {
        const char *text, *host, *peer;
        enum leg leg;
    } rows[] = {
        {"handshake failed with shop.example.com", "shop.example.com", NULL, LEG_upstream},
        {"handshake failed, from 192.0.2.7:1", NULL, "192.0.2.7:1", LEG_downstream},
        {"no TLS with client '192.0.2.7'", NULL, "192.0.2.7", LEG_downstream},
        {"no TLS connection to 192.0.2.7:443", NULL, "192.0.2.7:443", LEG_upstream},
        {"no TLS with 192.0.2.7:443", NULL, "192.0.2.7:443", LEG_NONE},
        {"invalid certificate from 192.0.2.7", NULL, "192.0.2.7", LEG_NONE},
        {"handshake failed", NULL, NULL, LEG_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(lone_leg(str_of(rows[i].text), str_of(rows[i].host), str_of(rows[i].peer)),
                     rows[i].leg, "%s", rows[i].text);
}
