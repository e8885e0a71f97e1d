/* codes.c - error numbers. OpenSSL packs a library and a reason into one number (openssl/err.h):
 *
 *   1.0, 1.1   LLFFFRRR  library 8 bits, function 12, reason 12     SSL is library 0x14
 *   3.x        library 8 bits from bit 23, reason 23 bits           SSL is 0x0A......
 *   BoringSSL  LL000RRR  library 8 bits, reason 12                  SSL is 0x10
 *
 * In each, an SSL reason of 1000 + n is the alert n that the peer sent, and library 2 ("system")
 * holds an errno. An HRESULT is hex, or decimal with its sign (0x80090326, -2146893018). Other numbers
 * are looked up as they are, hex where "0x" says so (mbed TLS: -0x7780). */
#include "parsers/internal.h"

#include <stdlib.h>

enum { ALERT_OFFSET = 1000 };

static bool parse_number(struct str text, int base, int64_t *out)
{
    char digits[24];
    text = str_trim(text);
    if (text.n == 0 || text.n >= sizeof digits)
        return false;
    memcpy(digits, text.p, text.n);
    digits[text.n] = '\0';
    char *end;
    *out = strtoll(digits, &end, base);
    return *end == '\0';
}

static struct code_row look_up(const struct rules *rules, const char *table, int64_t code)
{
    int index = rules_table(rules, str_of(table));
    const struct code_row *row = index < 0 ? NULL : rules_code(rules, index, code);
    return row ? *row : (struct code_row){.alert = ALERT_NONE};
}

static struct code_row ssl_reason(const struct rules *rules, const char *table, int64_t reason)
{
    if (reason < ALERT_OFFSET || reason > ALERT_OFFSET + ALERT_MAX)
        return look_up(rules, table, reason);
    int alert = (int)reason - ALERT_OFFSET;
    return (struct code_row){.reason = alert_reason(alert), .by = SIDE_peer, .alert = alert};
}

static struct code_row packed(const struct rules *rules, int64_t number)
{
    uint32_t n = (uint32_t)number;
    if (n & 0x80000000U)
        return look_up(rules, "errno", n & 0x7fffffff);
    if (n >> 24 == 0x14)
        return ssl_reason(rules, "openssl", n & 0xfff);
    if (n >> 23 == 0x14)
        return ssl_reason(rules, "openssl", n & 0x7fffff);
    if (n >> 24 == 0x10 && (n & 0xfff000) == 0)
        return ssl_reason(rules, "boringssl", n & 0xfff);
    if (n >> 24 == 0x02)
        return look_up(rules, "errno", n & 0xfff);
    return (struct code_row){.alert = ALERT_NONE};
}

struct code_row code_meaning(const struct rules *rules, int table, struct str number)
{
    struct str name = rules->tables[table];
    bool hex = str_eq(name, STR("openssl")) || str_eq(name, STR("schannel"));
    hex = hex && !str_starts(number, STR("-"));
    hex = hex || str_starts(number, STR("0x")) || str_starts(number, STR("0X")) ||
          str_starts(number, STR("-0x")) || str_starts(number, STR("-0X"));
    int64_t value = 0;
    if (!parse_number(number, hex ? 16 : 10, &value))
        return (struct code_row){.alert = ALERT_NONE};
    if (str_eq(name, STR("schannel")))
        value &= 0xffffffff;
    if (str_eq(name, STR("openssl")) || str_eq(name, STR("boringssl")))
        return packed(rules, value);
    const struct code_row *row = rules_code(rules, table, value);
    return row ? *row : (struct code_row){.alert = ALERT_NONE};
}
