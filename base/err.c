/* err.c - see err.h. The line goes to a terminal, so it is escaped as anything that does. */
#include "base/err.h"

#include "base/escape.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void make_safe(char text[ERR_TEXT])
{
    struct buf safe = {0};
    escape_terminal(&safe, str_of(text));
    size_t n = safe.n < ERR_TEXT ? safe.n : ERR_TEXT - 1;
    while (n < safe.n && n > 0 && (safe.p[n] & 0xc0) == 0x80)
        n--; /* not half a character at the cut */
    if (n)
        memcpy(text, safe.p, n);
    text[n] = '\0';
    buf_release(&safe);
}

int err_set(struct err *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    make_safe(err->text);
    return err->code = code;
}

int err_wrap(struct err *err, const char *format, ...)
{
    char was[sizeof err->text];
    memcpy(was, err->text, sizeof was);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %.*s", (int)sizeof was - n, was);
    make_safe(err->text);
    return err->code;
}

int err_errno(struct err *err, const char *format, ...)
{
    int why = errno;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", strerror(why));
    make_safe(err->text);
    return err->code = why == ENOSPC || why == EDQUOT ? ERR_FULL : ERR_FAILED;
}
