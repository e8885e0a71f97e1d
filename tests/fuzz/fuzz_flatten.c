/* fuzz_flatten.c - any bytes as JSON, logfmt, brackets and coloured text. Where jansson reads an
 * object too, it must be one, untorn, with the same strings at its top. */
#include "fuzz.h"
#include "parsers/flatten.h"

#include <jansson.h>

static void check_pairs(const struct pairs *pairs, size_t text_n)
{
    HOLDS(pairs->n <= FLATTEN_MAX);
    for (size_t i = 0; i < pairs->n; i++) {
        HOLDS(pairs->items[i].key.n > 0);
        HOLDS(pairs->items[i].value.n <= text_n);
        free(str_dup(pairs->items[i].value)); /* reads it all */
    }
}

static bool has_pair(const struct pairs *pairs, struct str key, struct str value)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (str_eq(pairs->items[i].key, key) && str_eq(pairs->items[i].value, value))
            return true;
    return false;
}

static void compare(struct str text, const struct pairs *pairs, bool flat, bool torn)
{
    json_error_t error;
    json_t *root = json_loadb(text.p, text.n, JSON_ALLOW_NUL, &error);
    if (json_is_object(root)) {
        HOLDS(flat && !torn);
        const char *key;
        json_t *value;
        json_object_foreach(root, key, value)
        {
            size_t n = strlen(key);
            if (json_is_string(value) && n > 0 && n < 200 && pairs->n < FLATTEN_MAX)
                HOLDS(has_pair(pairs, str_make(key, n),
                               str_make(json_string_value(value), json_string_length(value))));
        }
    }
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pairs pairs;
    struct arena arena = {0};
    struct str text = fuzz_copy(data, size), before;
    bool torn = false;
    bool flat = flatten_json(text, &arena, &pairs, &torn);
    check_pairs(&pairs, size);
    compare(text, &pairs, flat, torn);
    if (flatten_logfmt(text, &arena, &pairs))
        HOLDS(pairs.n >= 2);
    check_pairs(&pairs, size);
    if (flatten_brackets(text, &arena, &pairs))
        HOLDS(pairs.n >= 4);
    check_pairs(&pairs, size);
    if (flatten_trailing_json(text, &arena, &pairs, &before)) {
        HOLDS(pairs.n > 0 && fuzz_within(before, text));
        check_pairs(&pairs, size);
    }
    HOLDS(flatten_ansi(text, &arena).n <= size);
    HOLDS(flatten_unescape(text, &arena).n <= size);
    arena_release(&arena);
    free((void *)text.p);
    return 0;
}
