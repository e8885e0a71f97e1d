/* test_err.c - what went wrong, in one line that is safe for a terminal. */
#include "base/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(err, each_caller_adds_where)
{
    struct err err;
    cr_expect_eq(err_set(&err, ERR_CORRUPT, "page %d is damaged", 7), ERR_CORRUPT);
    cr_expect_eq(err_wrap(&err, "read"), ERR_CORRUPT);
    cr_expect_eq(err_wrap(&err, "open %s", "x.db"), ERR_CORRUPT);
    cr_expect_str_eq(err.text, "open x.db: read: page 7 is damaged");
    cr_expect_eq(err.code, ERR_CORRUPT);
}

Test(err, errno_is_told_and_a_full_disk_has_its_code)
{
    struct err err;
    errno = ENOENT;
    cr_expect_eq(err_errno(&err, "open %s", "a.log"), ERR_FAILED);
    cr_expect_str_eq(err.text, "open a.log: No such file or directory");
    errno = ENOSPC;
    cr_expect_eq(err_errno(&err, "write"), ERR_FULL);
    errno = EDQUOT;
    cr_expect_eq(err_errno(&err, "write"), ERR_FULL);
}

Test(err, control_bytes_do_not_reach_the_terminal)
{
    struct err err;
    err_set(&err, ERR_USAGE, "no stream \"%s\"",
            "a\x1b[31m\nb\x7f\xc2\x9b"
            "c\x9b\xc3\xa9");
    cr_expect_str_eq(err.text, "no stream \"a\\x1b[31m\\x0ab\\x7f\\u{9b}c\\x9b\xc3\xa9\"");
    err_wrap(&err, "in\n%s", "\a");
    cr_expect_eq(strncmp(err.text, "in\\x0a\\x07: no stream", 20), 0, "%s", err.text);
}

Test(err, a_line_too_long_is_cut)
{
    struct err err;
    char text[4 * sizeof err.text];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_expect_eq(err_set(&err, ERR_FAILED, "%s", text), ERR_FAILED);
    cr_expect_eq(strlen(err.text), sizeof err.text - 1);
    cr_expect_eq(err_wrap(&err, "where"), ERR_FAILED);
    cr_expect_eq(strncmp(err.text, "where: xxx", 10), 0);
    cr_expect_eq(strlen(err.text), sizeof err.text - 1);
    cr_expect_eq(err_wrap(&err, "%s", text), ERR_FAILED);
    cr_expect_eq(strlen(err.text), sizeof err.text - 1);
    memset(text, '\xa9', sizeof text - 1);
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        text[i] = '\xc3';
    err_set(&err, ERR_FAILED, "\n%s", text);
    cr_expect_eq(err.text[strlen(err.text) - 1] & 0x80, 0x80);
    cr_expect_eq(strlen(err.text) % 2, 0, "no character is cut in half");
    errno = EIO;
    cr_expect_eq(err_errno(&err, "%s", text), ERR_FAILED);
}
