/* test_values.c - captures as fields: hosts, addresses, versions, ciphers, error numbers, names. */
#include "parsers/internal.h"

#include <criterion/criterion.h>

#define EXPECT_STR(got, want)                                                                      \
    do {                                                                                           \
        struct str got_ = (got);                                                                   \
        cr_expect(str_eq(got_, STR(want)), "got '%.*s', want '%s'", STR_ARG(got_), want);          \
    } while (0)

Test(values, a_host_loses_its_port_and_its_quotes)
{
    EXPECT_STR(value_host(STR("greeter.dev.example:443")), "greeter.dev.example");
    EXPECT_STR(value_host(STR("\"a.example.net\",")), "a.example.net");
    EXPECT_STR(value_host(STR("[2001:db8::1]:443")), "2001:db8::1");
    EXPECT_STR(value_host(STR("192.0.2.1:443")), "192.0.2.1");
    EXPECT_STR(value_host(STR("a.example.net/path")), "a.example.net");
}

Test(values, a_wildcard_listener_is_no_host)
{
    static const char *const none[] = {"-", "_", "", "[::]:443", "0.0.0.0:443", "null", "a b", "443"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_null(value_host(str_of(none[i])).p, "%s", none[i]);
}

Test(values, a_peer_is_an_address_and_never_a_name)
{
    struct arena arena = {0};
    EXPECT_STR(value_peer(STR("192.0.2.1:5000"), STR_NONE, &arena), "192.0.2.1:5000");
    EXPECT_STR(value_peer(STR("[::1]:5000"), STR_NONE, &arena), "[::1]:5000");
    EXPECT_STR(value_peer(STR("2001:db8::1"), STR("443"), &arena), "[2001:db8::1]:443");
    EXPECT_STR(value_peer(STR("/192.0.2.1"), STR("443"), &arena), "192.0.2.1:443");
    cr_expect_null(value_peer(STR("example.net:443"), STR_NONE, &arena).p);
    cr_expect_null(value_peer(STR("300.0.2.1"), STR_NONE, &arena).p);
    cr_expect_null(value_peer(STR("0.0.0.0:1"), STR_NONE, &arena).p);
    cr_expect_null(value_peer(STR(""), STR_NONE, &arena).p);
    arena_release(&arena);
}

Test(values, a_version_has_one_spelling)
{
    EXPECT_STR(value_tls_version(STR("TLSv1.3")), "TLSv1.3");
    EXPECT_STR(value_tls_version(STR("TLS 1.2")), "TLSv1.2");
    EXPECT_STR(value_tls_version(STR("TLSv1_2")), "TLSv1.2");
    EXPECT_STR(value_tls_version(STR("0x0303")), "TLSv1.2");
    EXPECT_STR(value_tls_version(STR("SSLv3")), "SSLv3");
    cr_expect_null(value_tls_version(STR("unknown")).p);
    cr_expect_null(value_tls_version(STR("TLSv1.2 and a very long tail")).p);
}

Test(values, a_cipher_is_one_word)
{
    EXPECT_STR(value_cipher(STR("TLS_AES_128_GCM_SHA256")), "TLS_AES_128_GCM_SHA256");
    cr_expect_null(value_cipher(STR("(NONE)")).p);
    cr_expect_null(value_cipher(STR("-")).p);
    cr_expect_null(value_cipher(STR("a b c")).p);
}

Test(event, names_and_numbers_agree)
{
    for (int r = 1; r < REASON_COUNT; r++) {
        cr_expect_eq(reason_find(str_of(reason_name((enum reason)r))), (enum reason)r);
        cr_expect_neq(reason_class((enum reason)r), CLASS_NONE);
        cr_expect_gt(reason_rank((enum reason)r), 0);
    }
    cr_expect_eq(reason_find(STR("no_such_reason")), REASON_NONE);
    cr_expect_eq(leg_find(STR("upstream")), LEG_upstream);
    cr_expect_eq(side_find(STR("peer")), SIDE_peer);
}

Test(event, an_alert_is_found_by_any_spelling)
{
    cr_expect_eq(alert_find(STR("bad certificate")), 42);
    cr_expect_eq(alert_find(STR("BadCertificate")), 42);
    cr_expect_eq(alert_find(STR("BAD_CERTIFICATE")), 42);
    cr_expect_eq(alert_find(STR("UnknownCA")), 48);
    cr_expect_eq(alert_find(STR("bad certificates")), ALERT_NONE);
    cr_expect_eq(alert_find(STR("expired certificate")), 45, "as Go spells it");
    cr_expect_eq(alert_find(STR("Unrecognised Name")), 112, "as Erlang spells it");
    cr_expect_str_eq(alert_name(45), "certificate_expired");
    cr_expect_eq(alert_find(STR("")), ALERT_NONE);
    cr_expect_eq(alert_reason(70), REASON_unsupported_version);
    cr_expect_eq(alert_reason(200), REASON_NONE);
}

static struct rules *load(void)
{
    struct rules *rules;
    struct err err;
    cr_assert_eq(rules_load(NULL, &rules, &err), 0, "%s", err.text);
    return rules;
}

Test(codes, a_packed_number_is_read_as_each_openssl_packs_it)
{
    struct rules *rules = load();
    int table = rules_table(rules, STR("openssl"));
    cr_assert_geq(table, 0);
    static const struct {
        const char *number;
        enum reason reason;
        int alert;
    } cases[] = {
        {"0A000416", REASON_certificate_unknown, 46}, {"1409442E", REASON_unsupported_version, 70},
        {"0A0000C1", REASON_no_shared_cipher, ALERT_NONE},
        {"1417A0C1", REASON_no_shared_cipher, ALERT_NONE},
        {"100000f7", REASON_not_tls, ALERT_NONE},     {"80000068", REASON_reset, ALERT_NONE},
        {"not hex", REASON_NONE, ALERT_NONE},         {"", REASON_NONE, ALERT_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct code_row row = code_meaning(rules, table, str_of(cases[i].number));
        cr_expect_eq(row.reason, cases[i].reason, "%s", cases[i].number);
        cr_expect_eq(row.alert, cases[i].alert, "%s", cases[i].number);
    }
    rules_close(rules);
}

Test(codes, a_signed_number_is_hex_or_decimal_as_its_library_prints_it)
{
    struct rules *rules = load();
    static const struct {
        const char *table, *number;
        enum reason reason;
    } cases[] = {
        {"schannel", "0x80090322", REASON_name_mismatch},
        {"schannel", "-2146893022", REASON_name_mismatch},
        {"mbedtls", "-0x2700", REASON_verify_failed},
        {"mbedtls", "-9984", REASON_verify_failed},
        {"gnutls", "-15", REASON_not_tls},
        {"gnutls", "15", REASON_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int table = rules_table(rules, str_of(cases[i].table));
        cr_assert_geq(table, 0, "%s", cases[i].table);
        struct code_row row = code_meaning(rules, table, str_of(cases[i].number));
        cr_expect_eq(row.reason, cases[i].reason, "%s %s", cases[i].table, cases[i].number);
    }
    rules_close(rules);
}
