/* playbook.c - the YAML schema of playbook.yaml, which is built in. */
#include "query/playbook.h"

#include "base/schema.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct embedded {
    const char *name, *bytes;
    size_t n;
};
extern const struct embedded embedded_playbook[];

#define TEXT(key, type, member)                                                                    \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, CYAML_UNLIMITED)
#define MAYBE(key, type, member)                                                                   \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1,         \
                           CYAML_UNLIMITED)
#define LIST(key, type, member, schema)                                                            \
    CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member,        \
                               member##_count, &(schema), 0, CYAML_UNLIMITED)
#define ROW(type, fields) {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, type, fields)}

static const cyaml_schema_value_t word = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t reason_fields[] = {
    TEXT("reason", struct playbook_reason, reason),
    MAYBE("leg", struct playbook_reason, leg),
    MAYBE("by", struct playbook_reason, by),
    TEXT("meaning", struct playbook_reason, meaning),
    TEXT("look_at", struct playbook_reason, look_at),
    LIST("fix", struct playbook_reason, fix, word),
    LIST("next", struct playbook_reason, next, word),
    LIST("next_client", struct playbook_reason, next_client, word),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t reason_row = ROW(struct playbook_reason, reason_fields);

static const cyaml_schema_field_t command_fields[] = {
    MAYBE("id", struct playbook_command, id),
    MAYBE("what", struct playbook_command, what),
    TEXT("run", struct playbook_command, run),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t command_row = ROW(struct playbook_command, command_fields);

static const cyaml_schema_field_t fix_fields[] = {
    TEXT("what", struct playbook_fix, what),
    TEXT("as", struct playbook_fix, as),
    TEXT("any", struct playbook_fix, text[HOP_any]),
    MAYBE("edge", struct playbook_fix, text[HOP_edge]),
    MAYBE("lb", struct playbook_fix, text[HOP_lb]),
    MAYBE("proxy", struct playbook_fix, text[HOP_proxy]),
    MAYBE("mesh", struct playbook_fix, text[HOP_mesh]),
    MAYBE("app", struct playbook_fix, text[HOP_app]),
    TEXT("other", struct playbook_fix, other),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t fix_row = ROW(struct playbook_fix, fix_fields);

static const cyaml_schema_field_t hop_fields[] = {
    TEXT("hop", struct playbook_hop, hop),
    LIST("words", struct playbook_hop, words, word),
    TEXT("owner", struct playbook_hop, owner),
    LIST("next", struct playbook_hop, next, command_row),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t hop_row = ROW(struct playbook_hop, hop_fields);

static const cyaml_schema_field_t setting_fields[] = {
    TEXT("what", struct playbook_setting, what),
    TEXT("as", struct playbook_setting, as),
    TEXT("set", struct playbook_setting, set),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t setting_row = ROW(struct playbook_setting, setting_fields);

static const cyaml_schema_field_t product_fields[] = {
    TEXT("product", struct playbook_product, product),
    TEXT("hop", struct playbook_product, hop),
    LIST("formats", struct playbook_product, formats, word),
    LIST("libraries", struct playbook_product, libraries, word),
    MAYBE("port", struct playbook_product, port),
    MAYBE("starttls", struct playbook_product, starttls),
    LIST("settings", struct playbook_product, settings, setting_row),
    LIST("next", struct playbook_product, next, command_row),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t product_row = ROW(struct playbook_product, product_fields);

static const cyaml_schema_field_t playbook_fields[] = {
    LIST("reasons", struct playbook, reasons, reason_row),
    LIST("commands", struct playbook, commands, command_row),
    LIST("fixes", struct playbook, fixes, fix_row),
    LIST("hops", struct playbook, hops, hop_row),
    LIST("products", struct playbook, products, product_row),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t playbook_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct playbook, playbook_fields),
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct playbook *loaded;

/* The file is part of the program: that it is right is the tests' business. */
static void load(void)
{
    struct err err;
    struct str yaml = str_make(embedded_playbook->bytes, embedded_playbook->n);
    if (schema_load(yaml, &playbook_schema, (void **)&loaded, &err) == 0)
        return;
    fprintf(stderr, "tlstrail: the built-in playbook.yaml is broken: %s\n", err.text);
    abort();
}

const struct playbook *playbook(void)
{
    pthread_once(&once, load);
    return loaded;
}
