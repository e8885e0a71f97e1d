/* err.h - what went wrong, in one line: the callee says what, each caller adds where. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Functions return 0 or one of these. */
enum err_code {
    ERR_USAGE = -2,   /* the words of the call are wrong: exit status 2 */
    ERR_FAILED = -3,  /* the store, a source or the system failed: exit status 3 */
    ERR_BUSY = -4,    /* somebody else holds it; status 3 */
    ERR_CORRUPT = -5, /* a file is damaged or isn't ours; status 3 */
    ERR_FULL = -6,    /* no space left; status 3 */
};

enum { ERR_TEXT = 768 };
struct err {
    int code;
    char text[ERR_TEXT]; /* one line, no LF; bytes of a log or a name are escaped by err_set() */
};

/* Sets the line and returns code, so that a failing call reads `return err_set(err, ...)`. */
int err_set(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "where: " in front of what is there and returns its code. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* err_set() with ": strerror(errno)" behind it; ENOSPC and EDQUOT become ERR_FULL. */
int err_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
