/* str.c - searching and comparing borrowed bytes. */
#include "base/str.h"

#include "base/mem.h"

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_ieq(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

ptrdiff_t str_find(struct str s, struct str needle, size_t from)
{
    if (from > s.n || needle.n > s.n - from)
        return -1;
    if (needle.n == 0)
        return (ptrdiff_t)from;
    const char *at = memmem(s.p + from, s.n - from, needle.p, needle.n);
    return at ? at - s.p : -1;
}

ptrdiff_t str_ifind(struct str s, struct str needle, size_t from)
{
    for (size_t i = from; i + needle.n <= s.n; i++) {
        size_t k = 0;
        while (k < needle.n && lower(s.p[i + k]) == needle.p[k])
            k++;
        if (k == needle.n)
            return (ptrdiff_t)i;
    }
    return -1;
}

ptrdiff_t str_findc(struct str s, char c, size_t from)
{
    if (from >= s.n)
        return -1;
    const char *at = memchr(s.p + from, c, s.n - from);
    return at ? at - s.p : -1;
}

struct str str_after(struct str s, struct str mark)
{
    ptrdiff_t at = str_find(s, mark, 0);
    return at < 0 ? STR_NONE : str_from(s, (size_t)at + mark.n);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.n && blank(s.p[0]))
        s = str_from(s, 1);
    while (s.n && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

size_t str_digits(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

int64_t str_number(struct str s, int64_t max)
{
    int64_t value = 0;
    size_t i = 0;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        int digit = s.p[i] - '0';
        if (value > (max - digit) / 10)
            return -1;
        value = value * 10 + digit;
    }
    return i ? value : -1;
}

char *str_dup(struct str s)
{
    char *copy = xcalloc(1, s.n + 1);
    if (s.n)
        memcpy(copy, s.p, s.n);
    return copy;
}
