/* pattern.c - PCRE2 behind pattern.h. Patterns are compiled when the packs are loaded and given to
 * the JIT at their first match: most rules are never reached in a run. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "parsers/pattern.h"

#include "base/mem.h"

#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct group {
    uint32_t number;
    int what;
};

struct pattern {
    pcre2_code *code;
    atomic_int jitted;        /* 0: not tried yet, 1: it is, -1: the JIT refused */
    bool starts_known;        /* it matches at the text's start only, with one of these bytes */
    unsigned char starts[32]; /* a bit a byte */
    size_t n_groups;
    struct group groups[PATTERN_CAPTURES_MAX];
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

/* PCRE2's name table: entries of a fixed size, two bytes of number and then the name. */
static int read_groups(struct pattern *p, int (*table_index)(const void *, struct str),
                       const void *context, struct err *err)
{
    uint32_t count = 0, size = 0;
    PCRE2_SPTR table = NULL;
    pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
    if (count > PATTERN_CAPTURES_MAX)
        return err_set(err, ERR_USAGE, "more than %d named captures", PATTERN_CAPTURES_MAX);
    for (uint32_t i = 0; i < count; i++, table += size) {
        struct str name = str_of((const char *)table + 2);
        int what = capture_find(name);
        int index = what < 0 && table_index ? table_index(context, name) : -1;
        if (what < 0 && index < 0)
            return err_set(err, ERR_USAGE, "no field and no table is called '%.*s'", STR_ARG(name));
        p->groups[p->n_groups++] = (struct group){
            .number = (uint32_t)table[0] << 8 | table[1],
            .what = what >= 0 ? what : CAPTURE_TABLE + index,
        };
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

int pattern_open(const char *source, int (*table_index)(const void *, struct str),
                 const void *context, struct pattern **out, struct err *err)
{
    struct pattern *p = xcalloc(1, sizeof *p);
    int code = 0;
    PCRE2_SIZE at = 0;
    p->code = pcre2_compile((PCRE2_SPTR)source, PCRE2_ZERO_TERMINATED, FLAGS, &code, &at, NULL);
    if (!p->code) {
        unsigned char why[128];
        pcre2_get_error_message(code, why, sizeof why);
        pattern_close(p);
        return err_set(err, ERR_USAGE, "at byte %zu: %s", (size_t)at, (char *)why);
    }
    if (read_groups(p, table_index, context, err) != 0) {
        pattern_close(p);
        return err->code;
    }
    read_starts(p, source);
    *out = p;
    return 0;
}

void pattern_close(struct pattern *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    free(p);
}

uint32_t pattern_captures(const struct pattern *p)
{
    uint32_t set = 0;
    for (size_t i = 0; i < p->n_groups; i++) {
        int what = p->groups[i].what;
        set |= UINT32_C(1) << (what < CAPTURE_TABLE ? what : CAPTURE_TABLE);
    }
    return set;
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
static void jit_once(struct pattern *p)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!atomic_load_explicit(&p->jitted, memory_order_relaxed)) {
        int is = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0 ? 1 : -1;
        atomic_store_explicit(&p->jitted, is, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
}

/* pcre2_jit_match() is pcre2_match() without the checks of what we never pass. */
static int run(struct pattern *p, struct matcher *m, struct str text)
{
    PCRE2_SPTR bytes = (PCRE2_SPTR)(text.p ? text.p : "");
    if (!atomic_load_explicit(&p->jitted, memory_order_acquire))
        jit_once(p);
    if (atomic_load_explicit(&p->jitted, memory_order_acquire) > 0)
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
    if (text.n && !pattern_can_start(p, (unsigned char)text.p[0]))
        return MATCH_NO;
    int rc = run((struct pattern *)p, m, text); /* whether it is compiled is all that ever changes */
    if (rc == PCRE2_ERROR_NOMATCH)
        return MATCH_NO;
    if (rc < 0)
        return MATCH_BUDGET;
    if (out)
        take_groups(p, m, text, rc, out);
    return MATCH_YES;
}
