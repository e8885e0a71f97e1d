/* test_flatten.c - structured lines become plain pairs. */
#include "parsers/flatten.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct pairs pairs;

static void release(void)
{
    arena_release(&arena);
}
TestSuite(flatten, .fini = release);

/* All pairs as "key=value|key=value", to compare order and all. */
static const char *joined(void)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < pairs.n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s=%.*s", i ? "|" : "",
                              STR_ARG(pairs.items[i].key), STR_ARG(pairs.items[i].value));
    return text;
}

static void expect_json(const char *text, bool want_torn, const char *want)
{
    bool torn = !want_torn;
    cr_expect(flatten_json(str_of(text), &arena, &pairs, &torn), "%s", text);
    cr_expect_str_eq(joined(), want);
    cr_expect_eq(torn, want_torn, "torn: %s", text);
}

static void expect_logfmt(const char *text, const char *want)
{
    cr_expect(flatten_logfmt(str_of(text), &arena, &pairs), "%s", text);
    cr_expect_str_eq(joined(), want);
}

Test(flatten, json_keeps_the_order_and_the_spelling_of_values)
{
    expect_json(
        "{\"z\":\"last\",\"a\":1.50,\"b\":true,\"c\":null,\"n\":123456789012345678901234567890}",
        false, "z=last|a=1.50|b=true|n=123456789012345678901234567890");
    expect_json(" \t{ \"a\" : \"b\" } \r\n", false, "a=b");
    expect_json("{}", false, "");
    expect_json("{\"a\":1,\"a\":2}", false, "a=1|a=2");
}

Test(flatten, json_joins_nested_keys_and_leaves_indexes_out)
{
    expect_json("{\"error\":{\"code\":7,\"inner\":{\"x\":\"y\"}},\"l\":[\"p\",{\"q\":1},[2,\"r\"]],"
                "\"t\":0}",
                false, "error.code=7|error.inner.x=y|l=p|l.q=1|l=2|l=r|t=0");
}

Test(flatten, json_unescapes_to_utf8)
{
    expect_json("{\"a\":\"q\\\" b\\\\ s\\/ \\u00e9 \\ud83d\\ude00\"}", false,
                "a=q\" b\\ s/ \xc3\xa9 \xf0\x9f\x98\x80");
    expect_json("{\"a\":\"\\ud83d x\"}", false, "a=\xef\xbf\xbd x");
    expect_json("{\"a\":\"\\x22q\\x22\"}", false, "a=\"q\""); /* nginx writes \x22 into JSON */
    bool torn;
    cr_assert(flatten_json(STR("{\"a\":\"x\\u0000y\"}"), &arena, &pairs, &torn));
    cr_expect(str_eq(pairs.items[0].value, STR("x\0y")));
}

Test(flatten, json_takes_bytes_that_are_no_utf8)
{
    expect_json("{\"a\":\"\xff\xc3\",\"b\":\"c\"}", false, "a=\xff\xc3|b=c");
}

Test(flatten, a_torn_object_gives_the_pairs_before_the_tear)
{
    expect_json("{\"level\":\"debug\",\"msg\":\"handshake err", true,
                "level=debug|msg=handshake err");
    expect_json("{\"a\":\"b\\", true, "a=b");
    expect_json("{\"a\":\"b\\u00", true, "a=b");
    expect_json("{\"a\":\"b\",\"port\":44", true, "a=b");
    expect_json("{\"a\":\"b\",\"po", true, "a=b");
    expect_json("{\"a\":\"b\",\"c\":", true, "a=b");
    expect_json("{\"a\":{\"b\":\"c\"}", true, "a.b=c");
    expect_json("{\"a\":\"b\",}{", true, "a=b");
    expect_json("{\"a\":\"b\" oops \"c\":\"d\"}", true, "a=b");
}

Test(flatten, what_is_no_object_is_refused)
{
    static const char *const texts[] = {
        "", "{", "[1]", "plain", "{bad_crls,no_relevant_crls}", "x {\"a\":1}", "  "};
    bool torn;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_not(flatten_json(str_of(texts[i]), &arena, &pairs, &torn), "%s", texts[i]);
    cr_expect_not(flatten_json(STR_NONE, &arena, &pairs, &torn));
}

Test(flatten, hostile_depth_is_skipped_and_the_rest_still_read)
{
    struct buf text = {0};
    buf_str(&text, STR("{\"a\":"));
    for (int i = 0; i < 100000; i++)
        buf_char(&text, '[');
    buf_str(&text, STR("\"deep ] \\\" }\""));
    for (int i = 0; i < 100000; i++)
        buf_char(&text, ']');
    buf_str(&text, STR(",\"b\":\"c\"}"));
    bool torn;
    cr_assert(flatten_json(buf_as_str(&text), &arena, &pairs, &torn));
    cr_expect_not(torn);
    cr_expect_str_eq(joined(), "b=c");
    buf_release(&text);
}

Test(flatten, pairs_past_the_limit_are_left_out)
{
    struct buf text = {0};
    buf_char(&text, '{');
    for (int i = 0; i < FLATTEN_MAX + 50; i++)
        buf_printf(&text, "%s\"k%d\":%d", i ? "," : "", i, i);
    buf_char(&text, '}');
    bool torn;
    cr_assert(flatten_json(buf_as_str(&text), &arena, &pairs, &torn));
    cr_expect_eq(pairs.n, FLATTEN_MAX);
    cr_expect_not(torn);
    cr_expect(str_eq(pairs_get(&pairs, STR("k255")), STR("255")));
    buf_release(&text);
}

Test(flatten, a_key_is_found_whatever_its_case)
{
    bool torn;
    cr_assert(flatten_json(STR("{\"Error\":{\"Msg\":\"x\"}}"), &arena, &pairs, &torn));
    cr_expect(str_eq(pairs_get(&pairs, STR("error.msg")), STR("x")));
    cr_expect_null(pairs_get(&pairs, STR("error")).p);
}

Test(flatten, logfmt_reads_quoted_and_bare_values)
{
    expect_logfmt("time=\"2021-06-29T07:20:44Z\" level=debug msg=\"a \\\"b\\\"\\tc\\\\\"",
                  "time=2021-06-29T07:20:44Z|level=debug|msg=a \"b\"\tc\\");
    expect_logfmt("level=warn ts=2021 err= msg=\"\"", "level=warn|ts=2021|err=|msg=");
    expect_logfmt("a.b=1 c/d-e@f=2\n", "a.b=1|c/d-e@f=2");
}

Test(flatten, logfmt_loses_no_words)
{
    expect_logfmt("level=error msg=tls: bad record MAC host=x",
                  "level=error|msg=tls: bad record MAC|host=x");
    expect_logfmt("level=error err=\"desc = \"transport: EOF\"\" peer=1.2.3.4",
                  "level=error|err=desc = \"transport: EOF\"|peer=1.2.3.4");
    expect_logfmt("level=error msg=\"one\" two three", "level=error|msg=one|text=two three");
    expect_logfmt("level=error msg=\"cut of", "level=error|msg=cut of");
    expect_logfmt("a=\"b\"c=\"d\"", "a=b|c=d");
}

Test(flatten, prose_is_no_logfmt)
{
    static const char *const texts[] = {
        "",
        "a=b",
        "a=b and prose c=d",
        "Failed to dial addr=1.2.3.4 err=EOF",
        "depth=0, CN = foo",
        "=x =y",
        "msg=\"only one\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_not(flatten_logfmt(str_of(texts[i]), &arena, &pairs), "%s", texts[i]);
}

Test(flatten, brackets_give_time_level_caller_message_and_pairs)
{
    cr_assert(flatten_brackets(
        STR("[2020/04/15 11:19:37.480 +00:00] [WARN] [config_logging.go:279] [\"rejected "
            "connection\"] "
            "[remote-addr=10.244.8.22:44190] [error=\"tls: \\\"x\\\" ] y\"] [\"a b\"=\"c=d\"]\n"),
        &arena, &pairs));
    cr_expect_str_eq(joined(), "time=2020/04/15 11:19:37.480 +00:00|level=WARN|"
                               "caller=config_logging.go:279|message=rejected connection|"
                               "remote-addr=10.244.8.22:44190|error=tls: \"x\" ] y|a b=c=d");
    cr_expect(flatten_brackets(STR("[2020/04/15 11:19:37] [INFO] [<unknown>] [plain] [torn=\"x"),
                               &arena, &pairs));
    cr_expect_str_eq(joined(),
                     "time=2020/04/15 11:19:37|level=INFO|caller=<unknown>|message=plain|torn=x");
}

Test(flatten, other_brackets_are_refused)
{
    cr_expect_not(flatten_brackets(STR("[2019-09-03 10:49:18.735][126][debug][connection] [a:1] x"),
                                   &arena, &pairs));
    cr_expect_not(flatten_brackets(
        STR("[Thu Sep 30 15:48:37 2021] [ssl:info] [pid 3] [client x] y"), &arena, &pairs));
    cr_expect_not(flatten_brackets(STR("[a] [B"), &arena, &pairs));
}

Test(flatten, json_behind_a_text_is_found)
{
    struct str before;
    cr_assert(flatten_trailing_json(
        STR("2021\tERROR\tlog\tmy message\t{\"a\": \"b\", \"c\": {\"d\": 1}}"), &arena, &pairs,
        &before));
    cr_expect_str_eq(joined(), "a=b|c.d=1");
    cr_expect(str_eq(before, STR("2021\tERROR\tlog\tmy message")));
    cr_assert(flatten_trailing_json(STR("got {x} and {\"no\": } of {\"error\": \"torn off he"),
                                    &arena, &pairs, &before));
    cr_expect_str_eq(joined(), "error=torn off he");
    cr_assert(flatten_trailing_json(STR("msg {\"a\":1}\ngithub.com/x\n\t/y.go:12\n"), &arena,
                                    &pairs, &before));
    cr_expect_str_eq(joined(), "a=1|stacktrace=github.com/x\n\t/y.go:12");
    cr_expect_not(flatten_trailing_json(STR("msg {\"a\":1} and more"), &arena, &pairs, &before));
    cr_expect_not(flatten_trailing_json(STR("{\"a\":1}"), &arena, &pairs, &before));
    cr_expect_not(flatten_trailing_json(STR("none {} here"), &arena, &pairs, &before));
}

Test(flatten, unescape_drops_only_what_is_torn)
{
    cr_expect(
        str_eq(flatten_unescape(STR("\\U0001F600\\q\\x4"), &arena), STR("\xf0\x9f\x98\x80\\q")));
    cr_expect(str_eq(flatten_unescape(STR("\\xZZ\\uD83D\\u0041"), &arena), STR("\\xZZ\xef\xbf\xbd"
                                                                               "A")));
    struct str plain = STR("as it is");
    cr_expect_eq(flatten_unescape(plain, &arena).p, plain.p, "borrowed");
}

Test(flatten, colours_go_and_text_stays)
{
    cr_expect(str_eq(flatten_ansi(STR("\x1b[31mred\x1b[0;1m \x1b[38;5;12mx\x1b[K"), &arena),
                     STR("red x")));
    cr_expect(str_eq(flatten_ansi(STR("\x1b]0;title\atext \x1b]8;;http://x\x1b\\link"), &arena),
                     STR("text link")));
    cr_expect(str_eq(flatten_ansi(STR("#033[31mred#033[0m #033 #0"), &arena), STR("red #033 #0")));
    cr_expect(str_eq(flatten_ansi(STR("a\x1b]never closed\nb"), &arena), STR("a]never closed\nb")));
    cr_expect(str_eq(flatten_ansi(STR("end\x1b["), &arena), STR("end[")));
    cr_expect(str_eq(flatten_ansi(STR("end\x1b"), &arena), STR("end")));
    struct str plain = STR("plain");
    cr_expect_eq(flatten_ansi(plain, &arena).p, plain.p, "borrowed");
}
