/* pattern.c - PCRE2 behind pattern.h. Patterns are given to the JIT at their first match, and those
 * that are known to be patterns are compiled only then: most rules are never reached in a run. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "parsers/pattern.h"

#include "base/mem.h"

#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct group {
    uint32_t number;
    int what;
};

struct pattern {
    pcre2_code *code;         /* NULL: not compiled yet */
    atomic_int jitted;        /* 0: not tried yet, 1: it is, -1: the JIT refused */
    bool starts_known;        /* it matches at the text's start only, with one of these bytes */
    unsigned char starts[32]; /* a bit a byte */
    size_t n_groups;
    struct group groups[PATTERN_CAPTURES_MAX];
    char *source;             /* of one that is compiled later */
    int (*table_index)(const void *, struct str);
    const void *context;
    uint32_t captures;
};

struct matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static const char *const capture_names[] = {
#define CAPTURE(name) #name,
#include "parsers/captures.def"
#undef CAPTURE
};

static int capture_find(struct str name)
{
    for (int i = 0; i < CAPTURE_TABLE; i++)
        if (str_eq(name, str_of(capture_names[i])))
            return i;
    return -1;
}

static int capture_of(const struct pattern *p, struct str name, struct err *err)
{
    int what = capture_find(name);
    int index = what < 0 && p->table_index ? p->table_index(p->context, name) : -1;
    if (what < 0 && index < 0)
        return err_set(err, ERR_USAGE, "no field and no table is called '%.*s'", STR_ARG(name));
    return what >= 0 ? what : CAPTURE_TABLE + index;
}

static void note_capture(struct pattern *p, int what)
{
    p->captures |= UINT32_C(1) << (what < CAPTURE_TABLE ? what : CAPTURE_TABLE);
}

/* PCRE2's name table: entries of a fixed size, two bytes of number and then the name. */
static int read_groups(struct pattern *p, struct err *err)
{
    uint32_t count = 0, size = 0;
    PCRE2_SPTR table = NULL;
    pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
    if (count > PATTERN_CAPTURES_MAX)
        return err_set(err, ERR_USAGE, "more than %d named captures", PATTERN_CAPTURES_MAX);
    for (uint32_t i = 0; i < count; i++, table += size) {
        int what = capture_of(p, str_of((const char *)table + 2), err);
        if (what < 0)
            return what;
        note_capture(p, what);
        p->groups[p->n_groups++] = (struct group){(uint32_t)table[0] << 8 | table[1], what};
    }
    return 0;
}

enum { FLAGS = PCRE2_CASELESS | PCRE2_MULTILINE | PCRE2_DUPNAMES | PCRE2_NEVER_BACKSLASH_C };

/* PCRE2 tells the first bytes of a match only for a pattern without the \A that ties it down. */
static void read_starts(struct pattern *p, const char *source)
{
    uint32_t options = 0, type = 0, unit = 0;
    const unsigned char *bits = NULL;
    int code;
    PCRE2_SIZE at;
    pcre2_pattern_info(p->code, PCRE2_INFO_ALLOPTIONS, &options);
    if (!(options & PCRE2_ANCHORED) || strncmp(source, "\\A", 2) != 0)
        return;
    pcre2_code *loose =
        pcre2_compile((PCRE2_SPTR)source + 2, PCRE2_ZERO_TERMINATED, FLAGS, &code, &at, NULL);
    if (!loose)
        return;
    pcre2_pattern_info(loose, PCRE2_INFO_FIRSTCODETYPE, &type);
    pcre2_pattern_info(loose, PCRE2_INFO_FIRSTCODEUNIT, &unit);
    pcre2_pattern_info(loose, PCRE2_INFO_FIRSTBITMAP, &bits);
    if (type == 1) {
        bool letter = (unit | 32) >= 'a' && (unit | 32) <= 'z';
        p->starts[unit / 8] |= (unsigned char)(1 << unit % 8);
        if (letter)
            p->starts[(unit ^ 32) / 8] |= (unsigned char)(1 << (unit ^ 32) % 8);
    } else if (bits) {
        memcpy(p->starts, bits, sizeof p->starts);
    }
    p->starts_known = type == 1 || (type == 0 && bits);
    pcre2_code_free(loose);
}

bool pattern_can_start(const struct pattern *p, unsigned char first)
{
    return !p->starts_known || (p->starts[first / 8] >> first % 8 & 1);
}

static int compile(struct pattern *p, const char *source, struct err *err)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    p->code = pcre2_compile((PCRE2_SPTR)source, PCRE2_ZERO_TERMINATED, FLAGS, &code, &at, NULL);
    if (!p->code) {
        unsigned char why[128];
        pcre2_get_error_message(code, why, sizeof why);
        return err_set(err, ERR_USAGE, "at byte %zu: %s", (size_t)at, (char *)why);
    }
    if (read_groups(p, err) != 0)
        return err->code;
    read_starts(p, source);
    return 0;
}

int pattern_open(const char *source, int (*table_index)(const void *, struct str),
                 const void *context, struct pattern **out, struct err *err)
{
    struct pattern *p = xcalloc(1, sizeof *p);
    p->table_index = table_index;
    p->context = context;
    if (compile(p, source, err) != 0) {
        pattern_close(p);
        return err->code;
    }
    *out = p;
    return 0;
}

const char *pattern_next(const char *p)
{
    if (*p == '\\')
        return p[1] ? p + 2 : p + 1;
    if (*p++ != '[')
        return p;
    if (*p == '^')
        p++;
    for (const char *first = p; *p && (*p != ']' || p == first);) {
        const char *end = *p == '[' && p[1] && strchr(":.=", p[1]) ? strstr(p, ":]") : NULL;
        p = end ? end + 2 : *p == '\\' && p[1] ? p + 2 : p + 1;
    }
    return *p ? p + 1 : p;
}

int pattern_open_later(const char *source, int (*table_index)(const void *, struct str),
                       const void *context, struct pattern **out, struct err *err)
{
    struct pattern *p = xcalloc(1, sizeof *p);
    p->table_index = table_index;
    p->context = context;
    p->source = str_dup(str_of(source));
    for (const char *at = source; *at; at = pattern_next(at)) {
        if (strncmp(at, "(?<", 3) != 0 || at[3] == '=' || at[3] == '!')
            continue;
        const char *end = strchr(at, '>');
        int what = capture_of(p, str_make(at + 3, end ? (size_t)(end - at) - 3 : 0), err);
        if (what < 0) {
            pattern_close(p);
            return what;
        }
        note_capture(p, what);
    }
    *out = p;
    return 0;
}

void pattern_close(struct pattern *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    free(p->source);
    free(p);
}

uint32_t pattern_captures(const struct pattern *p)
{
    return p->captures;
}

struct matcher *matcher_open(void)
{
    struct matcher *m = xcalloc(1, sizeof *m);
    m->data = pcre2_match_data_create(128, NULL);
    m->context = pcre2_match_context_create(NULL);
    m->stack = pcre2_jit_stack_create(32 * 1024, 1024 * 1024, NULL);
    pcre2_set_match_limit(m->context, PATTERN_MATCH_LIMIT);
    pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return m;
}

void matcher_close(struct matcher *m)
{
    if (!m)
        return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    free(m);
}

/* Where memory may not be made executable the JIT refuses, and the interpreter does the work. */
int pattern_make(struct pattern *p, struct err *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int rc = 0;
    pthread_mutex_lock(&lock);
    if (!p->code)
        rc = compile(p, p->source, err);
    if (rc == 0 && !atomic_load_explicit(&p->jitted, memory_order_relaxed)) {
        int is = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0 ? 1 : -1;
        atomic_store_explicit(&p->jitted, is, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static void make_ready(struct pattern *p)
{
    struct err err;
    if (pattern_make(p, &err) == 0)
        return;
    fprintf(stderr, "tlstrail: a built-in pattern is none: %s: %s\n", err.text, p->source);
    abort();
}

/* pcre2_jit_match() is pcre2_match() without the checks of what we never pass. */
static int run(const struct pattern *p, struct matcher *m, struct str text)
{
    PCRE2_SPTR bytes = (PCRE2_SPTR)(text.p ? text.p : "");
    if (atomic_load_explicit(&p->jitted, memory_order_relaxed) > 0)
        return pcre2_jit_match(p->code, bytes, text.n, 0, 0, m->data, m->context);
    return pcre2_match(p->code, bytes, text.n, 0, 0, m->data, m->context);
}

static void take_groups(const struct pattern *p, struct matcher *m, struct str text, int groups,
                        struct captures *out)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(m->data);
    out->start = at[0];
    for (size_t i = 0; i < p->n_groups; i++) {
        uint32_t g = p->groups[i].number;
        if ((int)g >= groups || at[2 * g] == PCRE2_UNSET || at[2 * g + 1] < at[2 * g])
            continue;
        struct str value = {text.p + at[2 * g], at[2 * g + 1] - at[2 * g]};
        out->items[out->n++] = (struct captured){p->groups[i].what, value};
    }
}

enum match pattern_match(const struct pattern *p, struct matcher *m, struct str text,
                         struct captures *out)
{
    if (out)
        out->n = 0;
    if (!atomic_load_explicit(&p->jitted, memory_order_acquire))
        make_ready((struct pattern *)p); /* this is all that ever changes */
    if (text.n && !pattern_can_start(p, (unsigned char)text.p[0]))
        return MATCH_NO;
    int rc = run(p, m, text);
    if (rc == PCRE2_ERROR_NOMATCH)
        return MATCH_NO;
    if (rc < 0)
        return MATCH_BUDGET;
    if (out)
        take_groups(p, m, text, rc, out);
    return MATCH_YES;
}
