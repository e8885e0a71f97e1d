/* test_str.c - searching and comparing borrowed bytes. */
#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(str, parts_stay_inside)
{
    struct str s = STR("abc");
    cr_expect(str_eq(str_from(s, 1), STR("bc")));
    cr_expect(str_eq(str_from(s, 3), STR("")));
    cr_expect_eq(str_from(s, 99).p, s.p + 3, "the end, not past it");
    cr_expect(str_eq(str_head(s, 2), STR("ab")));
    cr_expect(str_eq(str_head(s, 99), s));
    cr_expect_null(str_from(STR_NONE, 0).p);
    cr_expect_null(str_from(STR_NONE, 5).p);
    cr_expect_null(str_of(NULL).p);
}

Test(str, equality_is_of_bytes)
{
    cr_expect(str_eq(STR_NONE, STR("")));
    cr_expect(str_eq(STR("a\0b"), STR("a\0b")));
    cr_expect_not(str_eq(STR("a\0b"), STR("a\0c")));
    cr_expect_not(str_eq(STR("a"), STR("ab")));
    cr_expect(str_ieq(STR("TLS_1.3"), STR("tls_1.3")));
    cr_expect_not(str_ieq(STR("@"), STR("`")), "only letters fold");
    cr_expect_not(str_ieq(STR("[a]"), STR("{a}")));
    cr_expect_not(str_ieq(STR("\xc3\x84"), STR("\xc3\xa4")), "only ASCII folds");
}

Test(str, starts_and_ends)
{
    cr_expect(str_starts(STR("abc"), STR("ab")));
    cr_expect_not(str_starts(STR("a"), STR("ab")));
    cr_expect(str_starts(STR_NONE, STR("")));
    cr_expect(str_ends(STR("abc"), STR("bc")));
    cr_expect_not(str_ends(STR("c"), STR("bc")));
    cr_expect(str_ends(STR_NONE, STR("")));
}

Test(str, order_is_bytewise_and_the_shorter_comes_first)
{
    cr_expect_lt(str_cmp(STR("a"), STR("b")), 0);
    cr_expect_lt(str_cmp(STR("a"), STR("ab")), 0);
    cr_expect_gt(str_cmp(STR("\xff"), STR("a")), 0, "bytes are unsigned");
    cr_expect_eq(str_cmp(STR("ab"), STR("ab")), 0);
    cr_expect_lt(str_cmp(STR_NONE, STR("a")), 0);
}

Test(str, finding_starts_where_it_is_told)
{
    struct str s = STR("SSL ssl SSL");
    cr_expect_eq(str_find(s, STR("SSL"), 0), 0);
    cr_expect_eq(str_find(s, STR("SSL"), 1), 8);
    cr_expect_eq(str_find(s, STR("SSL"), 9), -1);
    cr_expect_eq(str_find(s, STR("SSL"), 99), -1);
    cr_expect_eq(str_find(s, STR(""), 3), 3);
    cr_expect_eq(str_find(STR("ab"), STR("abc"), 0), -1);
    cr_expect_eq(str_ifind(s, STR("ssl"), 1), 4);
    cr_expect_eq(str_ifind(s, STR("tls"), 0), -1);
    cr_expect_eq(str_ifind(STR("x"), STR("xyz"), 0), -1);
    cr_expect_eq(str_findc(s, 'l', 0), 6);
    cr_expect_eq(str_findc(s, 'l', 11), -1);
    cr_expect_eq(str_findc(STR_NONE, 'l', 0), -1);
}

Test(str, what_follows_a_mark)
{
    cr_expect(str_eq(str_after(STR("alert number 48"), STR("number ")), STR("48")));
    struct str end = str_after(STR("alert number"), STR("number"));
    cr_expect_eq(end.n, 0);
    cr_expect_not_null(end.p, "there, and empty");
    cr_expect_null(str_after(STR("alert"), STR("number")).p);
}

Test(str, trimming_takes_blanks_and_line_ends)
{
    cr_expect(str_eq(str_trim(STR(" \t\r\na b\r\n ")), STR("a b")));
    cr_expect_eq(str_trim(STR(" \n ")).n, 0);
    cr_expect_eq(str_trim(STR_NONE).n, 0);
}

Test(str, numbers_have_a_limit)
{
    cr_expect_eq(str_number(STR("48)"), 255), 48);
    cr_expect_eq(str_number(STR("255"), 255), 255);
    cr_expect_eq(str_number(STR("256"), 255), -1);
    cr_expect_eq(str_number(STR("00000000000000000000255"), 255), 255);
    cr_expect_eq(str_number(STR("9223372036854775807"), INT64_MAX), INT64_MAX);
    cr_expect_eq(str_number(STR("9223372036854775808"), INT64_MAX), -1);
    cr_expect_eq(str_number(STR("x1"), 255), -1);
    cr_expect_eq(str_number(STR("-1"), 255), -1);
    cr_expect_eq(str_number(STR(""), 255), -1);
}

Test(str, a_copy_ends_in_nul)
{
    char *copy = str_dup(STR("abc"));
    cr_expect_str_eq(copy, "abc");
    free(copy);
    copy = str_dup(STR_NONE);
    cr_expect_str_eq(copy, "");
    free(copy);
}
