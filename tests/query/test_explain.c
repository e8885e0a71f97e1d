/* test_explain.c - the playbook: complete for every event, right about who is who, safe. */
#include "query/internal.h"
#include "query/playbook.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const streams[] = {"", "prod-edge-1", "lb", "ingress", "mesh", "app"};
static const char *const formats[] = {NULL, "nginx_error", "envoy_access", "postgres_log"};

static const char *text_of(const json_t *answer, const char *key)
{
    return json_string_value(json_object_get(answer, key));
}

/* All commands, one a line. The caller frees it. */
static char *commands_of(const json_t *answer)
{
    struct buf all = {0};
    const json_t *next = json_object_get(answer, "next");
    for (size_t i = 0; i < json_array_size(next); i++)
        buf_printf(&all, "%s\n", json_string_value(json_array_get(next, i)));
    buf_char(&all, '\0');
    return all.p;
}

static char *commands_for(const struct event *event, const char *stream)
{
    json_t *answer = explain_event(event, str_of(stream));
    char *commands = commands_of(answer);
    json_decref(answer);
    return commands;
}

/* curl's -w has braces of its own: %{time_connect}. */
static bool has_placeholder(const char *text)
{
    for (const char *p = strchr(text, '{'); p; p = strchr(p + 1, '{'))
        if (p == text || p[-1] != '%')
            return true;
    return false;
}

static void expect_whole(const struct event *event, const char *stream)
{
    static const char *const keys[] = {"meaning", "look_at", "fix_at"};
    json_t *answer = explain_event(event, str_of(stream));
    char *commands = commands_of(answer);
    const char *reason = reason_name(event->reason);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = text_of(answer, keys[i]);
        cr_assert(text && strlen(text) > 10, "%s: %s", reason, keys[i]);
        cr_assert(!has_placeholder(text), "%s: %s", reason, text);
    }
    cr_assert(json_array_size(json_object_get(answer, "next")) >= 3, "%s", reason);
    cr_assert(!has_placeholder(commands), "%s: %s", reason, commands);
    cr_assert(strstr(commands, "openssl s_client -connect 192.0.2.7:8443") != NULL ||
                  event->leg != LEG_upstream, "%s: %s", reason, commands);
    cr_assert(strstr(commands, "-noservername") && strstr(commands, "-tls1_2") &&
                  strstr(commands, "-tls1_3") && strstr(commands, "-showcerts"), "%s", commands);
    free(commands);
    json_decref(answer);
}

static void expect_every_hop(struct event *event)
{
    for (size_t s = 0; s < sizeof streams / sizeof *streams; s++)
        for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
            event->format = str_of(formats[f]);
            expect_whole(event, streams[s]);
        }
}

Test(explain, no_reason_leg_side_and_hop_is_left_without_an_answer)
{
    struct event event = {
        .alert = ALERT_NONE, .host = STR("shop.example.com"), .peer = STR("192.0.2.7:8443")};
    for (int r = 1; r < REASON_COUNT; r++)
        for (int leg = 0; leg < LEG_COUNT; leg++)
            for (int side = 0; side < SIDE_COUNT; side++) {
                event.reason = (enum reason)r;
                event.leg = (enum leg)leg;
                event.rejected_by = (enum side)side;
                expect_every_hop(&event);
            }
}

static bool has_command(const char *id)
{
    for (unsigned i = 0; i < playbook()->commands_count; i++)
        if (strcmp(playbook()->commands[i].id, id) == 0)
            return true;
    return false;
}

Test(explain, the_playbook_names_nothing_that_is_not_there)
{
    const struct playbook *b = playbook();
    cr_assert_eq(b->hops_count, (unsigned)HOP_COUNT);
    for (unsigned i = 0; i < b->reasons_count; i++) {
        const struct playbook_reason *row = &b->reasons[i];
        cr_expect(reason_find(str_of(row->reason)) != REASON_NONE, "%s", row->reason);
        cr_expect(!row->leg || leg_find(str_of(row->leg)), "%s: %s", row->reason, row->leg);
        cr_expect(!row->by || side_find(str_of(row->by)), "%s: %s", row->reason, row->by);
        for (unsigned k = 0; k < row->next_count; k++)
            cr_expect(has_command(row->next[k]), "%s: %s", row->reason, row->next[k]);
        for (unsigned k = 0; k < row->next_client_count; k++)
            cr_expect(has_command(row->next_client[k]), "%s: %s", row->reason, row->next_client[k]);
    }
}

static void expect_in(const char *text, const char *words)
{
    cr_expect(text && strstr(text, words), "'%s' is not in '%s'", words, text);
}

Test(explain, who_must_change_follows_from_leg_and_side)
{
    struct event event = {.reason = REASON_unknown_ca, .leg = LEG_upstream,
                          .rejected_by = SIDE_local, .alert = ALERT_NONE};
    json_t *a = explain_event(&event, STR("ingress"));
    expect_in(text_of(a, "fix_at"), "reverse proxy/ingress: CA file");
    expect_in(text_of(a, "fix_at"), "the upstream: the chain it serves");
    json_decref(a);
    event.leg = LEG_downstream;
    event.rejected_by = SIDE_peer;
    a = explain_event(&event, STR("lb"));
    expect_in(text_of(a, "fix_at"), "load balancer: listener certificate");
    expect_in(text_of(a, "fix_at"), "the client: its truststore");
    json_decref(a);
    event.leg = LEG_upstream; /* the upstream refused our client certificate */
    a = explain_event(&event, STR("mesh"));
    expect_in(text_of(a, "meaning"), "The upstream doesn't trust the CA that issued this hop's");
    expect_in(text_of(a, "fix_at"), "the upstream: the CA bundle with which it checks client");
    json_decref(a);
    event.leg = LEG_NONE;
    event.rejected_by = SIDE_local;
    a = explain_event(&event, STR(""));
    expect_in(text_of(a, "meaning"), "This hop doesn't trust the CA that issued the other end's");
    json_decref(a);
}

Test(explain, an_assumption_is_said)
{
    struct event event = {.reason = REASON_expired, .leg = LEG_upstream, .alert = ALERT_NONE};
    json_t *a = explain_event(&event, STR("lb"));
    expect_in(text_of(a, "meaning"), "The upstream's certificate");
    expect_in(text_of(a, "meaning"), "doesn't say which end refused");
    json_decref(a);
    event.rejected_by = SIDE_local;
    a = explain_event(&event, STR("lb"));
    cr_expect_null(strstr(text_of(a, "meaning"), "usual case"));
    json_decref(a);
}

Test(explain, the_stream_names_the_hop_and_else_the_product_does)
{
    struct event event = {.reason = REASON_unsupported_version, .leg = LEG_downstream,
                          .rejected_by = SIDE_local, .alert = ALERT_NONE,
                          .format = STR("haproxy_connection_error")};
    static const struct {
        const char *stream, *owner;
    } rows[] = {
        {"prod-edge-1", "CDN/edge: TLS policy"},
        {"payments.lb2", "load balancer: security policy"},
        {"api-gateway", "reverse proxy/ingress: protocol"},
        {"mesh", "service mesh: mesh TLS policy"},
        {"hedge", "load balancer: security policy"},
        {"", "load balancer: security policy of the listener (haproxy: ssl-min-ver"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *a = explain_event(&event, str_of(rows[i].stream));
        expect_in(text_of(a, "fix_at"), rows[i].owner);
        json_decref(a);
    }
}

Test(explain, the_upstream_is_tested_at_its_own_address_and_name)
{
    struct event event = {.reason = REASON_unknown_ca, .leg = LEG_upstream, .alert = ALERT_NONE,
                          .host = STR("shop.example.com"), .peer = STR("10.244.2.19:8443")};
    char *c = commands_for(&event, "ingress");
    expect_in(c, "openssl s_client -connect 10.244.2.19:8443 -servername shop.example.com "
                 "-showcerts");
    expect_in(c, "--resolve shop.example.com:8443:10.244.2.19 https://shop.example.com:8443/");
    free(c);
    event.peer = STR("[2001:db8::7]:8443");
    c = commands_for(&event, "ingress");
    expect_in(c, "-connect [2001:db8::7]:8443 -servername shop.example.com");
    expect_in(c, "--resolve shop.example.com:8443:[2001:db8::7] https://");
    free(c);
    event.peer = STR("2001:db8::7");
    event.host = STR_NONE;
    c = commands_for(&event, "ingress");
    expect_in(c, "-connect [2001:db8::7]:443 -servername HOST");
    free(c);
}

Test(explain, a_clients_port_is_never_connected_to)
{
    struct event event = {.reason = REASON_reset, .leg = LEG_downstream, .alert = ALERT_NONE,
                          .host = STR("shop.example.com"), .peer = STR("203.0.113.9:53112")};
    char *c = commands_for(&event, "edge");
    expect_in(c, "-connect shop.example.com:443 ");
    expect_in(c, "tcpdump -ni any -w tls.pcap host 203.0.113.9 and port 443");
    cr_expect_null(strstr(c, "53112"));
    free(c);
    event.leg = LEG_NONE;
    c = commands_for(&event, "edge");
    cr_expect_null(strstr(c, "53112"));
    free(c);
    event.host = STR_NONE;
    c = commands_for(&event, "");
    expect_in(c, "-connect HOST:443 -servername HOST ");
    free(c);
}

Test(explain, a_product_has_its_port_and_its_starttls)
{
    struct event event = {.reason = REASON_expired, .leg = LEG_downstream, .alert = ALERT_NONE,
                          .host = STR("db.example.net"), .format = STR("postgres")};
    char *c = commands_for(&event, "");
    expect_in(c, "-connect db.example.net:5432 -servername db.example.net -starttls postgres");
    cr_expect_null(strstr(c, "curl"));
    free(c);
}

/* What a log may hold to be run by whoever pastes the command. */
Test(explain, a_hostile_name_never_gets_into_a_command)
{
    static const char *const hostile[] = {
        "a;id", "$(id)", "`id`", "a b", "a\nid", "-oProxyCommand=id", "a|id", "a&id", "a'b", "a\"b",
        "*.example.com", "a/../b", "{curl}", "a>b", "\xe2\x80\xae", "!", "a\\b", "~", "#", "[::1]"};
    static const char *const peers[] = {"192.0.2.1;id:443", "$(id):443", "[::1;id]:443", "::1`",
                                        "192.0.2.1:44;3", "192.0.2.1:443;id", "[2001:db8::1]x:44"};
    struct event event = {.reason = REASON_unknown_ca, .leg = LEG_upstream, .alert = ALERT_NONE};
    for (int leg = 0; leg < LEG_COUNT; leg++) {
        event.leg = (enum leg)leg;
        event.peer = STR_NONE;
        for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
            event.host = str_of(hostile[i]);
            char *c = commands_for(&event, hostile[i]);
            cr_expect(strstr(c, hostile[i]) == NULL || strlen(hostile[i]) < 2, "%s", hostile[i]);
            expect_in(c, "-connect HOST:443 -servername HOST ");
            free(c);
        }
        event.host = STR_NONE;
        for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
            event.peer = str_of(peers[i]);
            char *c = commands_for(&event, "lb");
            cr_expect_null(strstr(c, ";id"));
            cr_expect_null(strstr(c, "$("));
            cr_expect_null(strstr(c, "::1`"));
            cr_expect_null(strstr(c, ";3"));
            free(c);
        }
    }
}

Test(explain, a_name_that_is_too_long_is_left_out)
{
    char name[400];
    memset(name, 'a', sizeof name);
    struct event event = {.reason = REASON_unknown_ca, .leg = LEG_upstream, .alert = ALERT_NONE,
                          .host = {name, sizeof name}, .peer = {name, sizeof name}};
    char *c = commands_for(&event, "lb");
    expect_in(c, "-connect HOST:443 -servername HOST ");
    free(c);
    event.host.n = 253;
    c = commands_for(&event, "lb");
    cr_expect_null(strstr(c, "HOST"));
    free(c);
}
