/* pack.c - the YAML schema of a rule pack, read by libcyaml. */
#include "parsers/pack.h"

#include "base/mem.h"

#include <cyaml/cyaml.h>
#include <stdio.h>

#define TEXT(key, type, member)                                                                    \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0,         \
                           CYAML_UNLIMITED)
#define NUMBER(key, type, member)                                                                  \
    CYAML_FIELD_INT_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t rule_fields[] = {
    CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, struct pack_rule, id, 1, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("find", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct pack_rule,
                               find, find_count, &text_value, 0, CYAML_UNLIMITED),
    TEXT("match", struct pack_rule, match),
    TEXT("unless", struct pack_rule, unless),
    TEXT("program", struct pack_rule, program),
    TEXT("failure", struct pack_rule, failure),
    TEXT("context", struct pack_rule, context),
    TEXT("reason", struct pack_rule, reason),
    TEXT("leg", struct pack_rule, leg),
    TEXT("by", struct pack_rule, by),
    TEXT("library", struct pack_rule, library),
    TEXT("for", struct pack_rule, for_leg),
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
    TEXT("leg", struct pack_code, leg),
    TEXT("by", struct pack_code, by),
    NUMBER("alert", struct pack_code, alert),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t code_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct pack_code, code_fields),
};

static const cyaml_schema_field_t sample_fields[] = {
    CYAML_FIELD_STRING_PTR("line", CYAML_FLAG_POINTER, struct pack_sample, line, 0,
                           CYAML_UNLIMITED),
    TEXT("failure", struct pack_sample, failure),
    TEXT("reason", struct pack_sample, reason),
    TEXT("leg", struct pack_sample, leg),
    TEXT("by", struct pack_sample, by),
    TEXT("alert", struct pack_sample, alert),
    TEXT("host", struct pack_sample, host),
    TEXT("peer", struct pack_sample, peer),
    TEXT("tls_version", struct pack_sample, tls_version),
    TEXT("cipher", struct pack_sample, cipher),
    TEXT("format", struct pack_sample, format),
    TEXT("library", struct pack_sample, library),
    TEXT("time", struct pack_sample, time),
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

/* libcyaml tells what is wrong, and where, only to its log: the lines are put together here. */
static void collect(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct buf *said = context;
    char line[256];
    (void)level;
    int n = vsnprintf(line, sizeof line, format, args);
    if (n < 0)
        return;
    struct str text = str_trim(str_of(line));
    if (str_starts(text, STR("Load: ")))
        text = str_from(text, 6);
    if (said->n)
        buf_str(said, STR("; "));
    buf_str(said, text);
}

static const cyaml_config_t *config_for(struct buf *said, cyaml_config_t *config)
{
    *config = (cyaml_config_t){
        .log_fn = collect,
        .log_ctx = said,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
    };
    return config;
}

int pack_read(struct str name, struct str yaml, struct pack **out, struct err *err)
{
    struct buf said = {0};
    cyaml_config_t config;
    *out = NULL;
    cyaml_err_t code = cyaml_load_data((const uint8_t *)yaml.p, yaml.n, config_for(&said, &config),
                                       &pack_value, (cyaml_data_t **)out, NULL);
    if (code == CYAML_OK && *out) {
        buf_release(&said);
        return 0;
    }
    int result = err_set(err, ERR_USAGE, "rule pack %.*s: %s%s%.*s; see parsers/packs/README.md",
                         STR_ARG(name), code == CYAML_OK ? "empty" : cyaml_strerror(code),
                         said.n ? ": " : "", STR_ARG(buf_as_str(&said)));
    buf_release(&said);
    return result;
}

void pack_free(struct pack *pack)
{
    cyaml_config_t config;
    cyaml_free(config_for(NULL, &config), &pack_value, pack, 0);
}
