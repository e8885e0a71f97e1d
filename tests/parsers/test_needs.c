/* test_needs.c - what is read off a pattern's source as the words that a text can't be without. */
#include "parsers/needs.h"

#include "base/mem.h"

#include <criterion/criterion.h>

/* "a|b & c": the needs in the order of their finding. */
static void expect_needs(const char *pattern, const char *want)
{
    struct needs needs;
    struct buf got = {0};
    needs_read(pattern, &needs);
    for (size_t i = 0; i < needs.n; i++)
        for (size_t k = 0; k < needs.items[i].n; k++)
            buf_printf(&got, "%s%s", k ? "|" : i ? " & " : "", needs.items[i].words[k]);
    buf_char(&got, '\0');
    cr_expect_str_eq(got.p, want, "'%s' gives '%s', not '%s'", pattern, got.p, want);
    buf_release(&got);
}

Test(needs, plain_text_is_needed_as_it_is_folded)
{
    expect_needs("no shared cipher", "no shared cipher");
    expect_needs("SSL_do_Handshake\\(\\)", "ssl do handshake()");
    expect_needs("\\bSSL[ _]routines\\b", "ssl routines");
    expect_needs("(?s)\\Afailed$", "failed");
}

Test(needs, a_gap_ends_a_word)
{
    expect_needs("alert.number\\d+seen", "alert & number & seen");
    expect_needs("ab.cd", "");
    expect_needs("one[a-z]two[^x]three", "one & two & three");
    expect_needs("tab\\thex\\x41end", "tab & hex & end");
}

Test(needs, what_may_be_missing_is_not_needed)
{
    expect_needs("https?://", "https://|http://");
    expect_needs("alert(?: number)? seen", "alert number seen|alert seen");
    expect_needs("alert(?: number)* seen", "alert &  seen");
    expect_needs("first(?:second)*third", "first & third");
    expect_needs("first(?:second){0,2}third", "first & third");
    expect_needs("first(?:second){2}third", "firstsecond & third");
    expect_needs("soon+er", "soon");
    expect_needs("re*ad me", "ad me");
}

Test(needs, of_several_ways_one_is_needed)
{
    expect_needs("cat|mouse", "cat|mouse");
    expect_needs("SSL (?:accept|connect) failed", "ssl accept failed|ssl connect failed");
    expect_needs("error(?:| code)", "error");
    expect_needs("(?:read|write)[ _]error: (?:a|b) c", "read error: a c|write error: a c|read error: b c|write error: b c");
    expect_needs("(?:read \\d|write) error", "read |write &  error");
    expect_needs("(?:\\d+|error)", "");
    expect_needs("(?<host>[a-z.]+|(?:none|null)) is unknown", " is unknown");
}

Test(needs, a_look_ahead_is_needed_and_one_that_denies_is_not)
{
    expect_needs("\\A(?=.*certificate)(?s:.*?)expired", "certificate & expired");
    expect_needs("alert(?! number)", "alert");
    expect_needs("(?<!no )error", "error");
    expect_needs("(?<=read )error", "read  & error");
    expect_needs("verify(?= failed) failed", "verify failed");
}

Test(needs, an_unknown_source_needs_nothing)
{
    static const char *const patterns[] = {"(?x) a b c", "(error)\\1", "\\Qerror\\E.", "(?R)error",
                                           "error(*SKIP)", "(?(1)error|fail)", "error(", "error)",
                                           "[error", "\\p{L}error", "error\\"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        expect_needs(patterns[i], "");
}
