/* err.c - see err.h. Control bytes in the line become '?': it goes to a terminal. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void make_safe(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
            *p = '?';
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
