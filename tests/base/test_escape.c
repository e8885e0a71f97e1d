/* test_escape.c - no byte of a log reaches a screen, a CSV field or a JSON text as it is. */
#include "base/escape.h"

#include <criterion/criterion.h>
#include <stdlib.h>

typedef void escaper(struct buf *out, struct str s);

static void expect_escaped(escaper *escape, struct str text, const char *want)
{
    struct buf out = {0};
    escape(&out, text);
    cr_expect(str_eq(buf_as_str(&out), str_of(want)), "\"%.*s\", not \"%s\"", (int)out.n,
              out.p ? out.p : "", want);
    buf_release(&out);
}

Test(escape, a_terminal_gets_printable_text)
{
    expect_escaped(escape_terminal, STR("plain \xc3\xa9 \xf0\x9f\x98\x80"),
                   "plain \xc3\xa9 \xf0\x9f\x98\x80");
    expect_escaped(escape_terminal, STR("\x1b[31m\a\0\x7f\n\t"),
                   "\\x1b[31m\\x07\\x00\\x7f\\x0a\\x09");
    expect_escaped(escape_terminal,
                   STR("\xc2\x9b"
                       "31m"),
                   "\\u{9b}31m"); /* C1's CSI */
    expect_escaped(escape_terminal,
                   STR("a\xe2\x80\xae"
                       "b\xe2\x81\xa6"),
                   "a\\u{202e}b\\u{2066}");
    expect_escaped(escape_terminal, STR("\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\x81"),
                   "\\u{200b}\\u{feff}\\u{e0041}");
    expect_escaped(escape_terminal, STR_NONE, "");
}

Test(escape, what_is_no_utf8_goes_out_byte_by_byte)
{
    static const char *const cases[][2] = {
        {"\xff", "\\xff"},
        {"\xc3", "\\xc3"},
        {"\xc0\xaf", "\\xc0\\xaf"},                   /* overlong */
        {"\xe0\x80\x8a", "\\xe0\\x80\\x8a"},          /* overlong */
        {"\xf0\x80\x80\x8a", "\\xf0\\x80\\x80\\x8a"}, /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* past U+10FFFF */
        {"\xe2\x80", "\\xe2\\x80"},                   /* cut */
        {"\x9b"
         "31m",
         "\\x9b31m"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_escaped(escape_terminal, str_of(cases[i][0]), cases[i][1]);
}

Test(escape, every_byte_alone_is_safe)
{
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        struct buf out = {0};
        escape_terminal(&out, str_make(&byte, 1));
        for (size_t i = 0; i < out.n; i++)
            cr_expect(out.p[i] >= 0x20 && out.p[i] < 0x7f, "byte %d", c);
        buf_release(&out);
    }
}

Test(escape, a_csv_field_is_quoted_and_is_no_formula)
{
    expect_escaped(escape_csv, STR("plain"), "plain");
    expect_escaped(escape_csv, STR("a,b"), "\"a,b\"");
    expect_escaped(escape_csv, STR("say \"x\""), "\"say \"\"x\"\"\"");
    expect_escaped(escape_csv, STR("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    expect_escaped(escape_csv, STR("+1"), "'+1");
    expect_escaped(escape_csv, STR("-1"), "'-1");
    expect_escaped(escape_csv, STR("@x"), "'@x");
    expect_escaped(escape_csv, STR("\t=x"), "'\\x09=x");
    expect_escaped(escape_csv, STR("a\r\nb"), "a\\x0d\\x0ab");
    expect_escaped(escape_csv, STR("1-2=3"), "1-2=3");
    expect_escaped(escape_csv, STR(""), "");
}

static void expect_json(struct str text, const char *want)
{
    json_t *value = escape_json(text);
    char *got = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    cr_assert_not_null(got);
    cr_expect_str_eq(got, want);
    free(got);
    json_decref(value);
}

Test(escape, json_takes_any_bytes)
{
    expect_json(STR_NONE, "null");
    expect_json(STR(""), "\"\"");
    expect_json(STR("a\"\\\n\x1b"), "\"a\\\"\\\\\\n\\u001B\"");
    expect_json(STR("\xff"
                    "a\xc3"),
                "\"\\uFFFDa\\uFFFD\"");
    expect_json(STR("\xed\xa0\x80"), "\"\\uFFFD\\uFFFD\\uFFFD\"");
    expect_json(STR("a\0b"), "\"a\\u0000b\"");
    expect_json(STR("\xf0\x9f\x98\x80"), "\"\\uD83D\\uDE00\"");
}
