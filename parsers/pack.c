/* pack.c - the YAML schema of a rule pack, read by libcyaml. */
#include "parsers/pack.h"

#include "base/schema.h"

#define NUMBER(key, type, member)                                                                  \
    CYAML_FIELD_INT_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t rule_fields[] = {
    CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, struct pack_rule, id, 1, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("find", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct pack_rule,
                               find, find_count, &text_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("with", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct pack_rule,
                               with, with_count, &text_value, 0, CYAML_UNLIMITED),
    SCHEMA_TEXT("match", struct pack_rule, match),
    SCHEMA_TEXT("unless", struct pack_rule, unless),
    SCHEMA_TEXT("program", struct pack_rule, program),
    SCHEMA_TEXT("failure", struct pack_rule, failure),
    SCHEMA_TEXT("context", struct pack_rule, context),
    SCHEMA_TEXT("reason", struct pack_rule, reason),
    SCHEMA_TEXT("leg", struct pack_rule, leg),
    SCHEMA_TEXT("by", struct pack_rule, by),
    SCHEMA_TEXT("library", struct pack_rule, library),
    SCHEMA_TEXT("for", struct pack_rule, for_leg),
    NUMBER("alert", struct pack_rule, alert),
    NUMBER("rank", struct pack_rule, rank),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t rule_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct pack_rule, rule_fields),
};

static const cyaml_schema_field_t code_fields[] = {
    CYAML_FIELD_STRING_PTR("table", CYAML_FLAG_POINTER, struct pack_code, table, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_INT("code", CYAML_FLAG_DEFAULT, struct pack_code, code),
    CYAML_FIELD_STRING_PTR("reason", CYAML_FLAG_POINTER, struct pack_code, reason, 1,
                           CYAML_UNLIMITED),
    SCHEMA_TEXT("leg", struct pack_code, leg),
    SCHEMA_TEXT("by", struct pack_code, by),
    NUMBER("alert", struct pack_code, alert),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t code_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct pack_code, code_fields),
};

static const cyaml_schema_field_t sample_fields[] = {
    CYAML_FIELD_STRING_PTR("line", CYAML_FLAG_POINTER, struct pack_sample, line, 0,
                           CYAML_UNLIMITED),
    SCHEMA_TEXT("failure", struct pack_sample, failure),
    SCHEMA_TEXT("reason", struct pack_sample, reason),
    SCHEMA_TEXT("leg", struct pack_sample, leg),
    SCHEMA_TEXT("by", struct pack_sample, by),
    SCHEMA_TEXT("alert", struct pack_sample, alert),
    SCHEMA_TEXT("host", struct pack_sample, host),
    SCHEMA_TEXT("peer", struct pack_sample, peer),
    SCHEMA_TEXT("tls_version", struct pack_sample, tls_version),
    SCHEMA_TEXT("cipher", struct pack_sample, cipher),
    SCHEMA_TEXT("format", struct pack_sample, format),
    SCHEMA_TEXT("library", struct pack_sample, library),
    SCHEMA_TEXT("time", struct pack_sample, time),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t sample_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct pack_sample, sample_fields),
};

static const cyaml_schema_field_t pack_fields[] = {
    CYAML_FIELD_STRING_PTR("pack", CYAML_FLAG_POINTER, struct pack, pack, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("kind", CYAML_FLAG_POINTER, struct pack, kind, 1, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("rules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct pack,
                               rules, rules_count, &rule_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("codes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct pack,
                               codes, codes_count, &code_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("samples", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct pack,
                               samples, samples_count, &sample_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t pack_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct pack, pack_fields),
};

int pack_read(struct str name, struct str yaml, struct pack **out, struct err *err)
{
    struct err why = {0};
    if (schema_load(yaml, &pack_value, (void **)out, &why) == 0)
        return 0;
    return err_set(err, ERR_USAGE, "rule pack %.*s: %s; see parsers/packs/README.md", STR_ARG(name),
                   why.text);
}

void pack_free(struct pack *pack)
{
    schema_free(&pack_value, pack);
}
