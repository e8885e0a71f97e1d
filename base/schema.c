/* schema.c - see schema.h. */
#include "base/schema.h"

#include "base/mem.h"

#include <stdio.h>

/* libcyaml tells what is wrong, and where, only to its log: the lines are put together here. */
static void collect(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct buf *said = context;
    char line[256];
    (void)level;
    if (!said || vsnprintf(line, sizeof line, format, args) < 0)
        return;
    struct str text = str_trim(str_of(line));
    if (str_starts(text, STR("Load: ")))
        text = str_from(text, 6);
    if (said->n)
        buf_str(said, STR("; "));
    buf_str(said, text);
}

static cyaml_config_t setup(struct buf *said)
{
    return (cyaml_config_t){
        .log_fn = collect,
        .log_ctx = said,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
    };
}

int schema_load(struct str yaml, const cyaml_schema_value_t *schema, void **out, struct err *err)
{
    struct buf said = {0};
    cyaml_config_t config = setup(&said);
    *out = NULL;
    cyaml_err_t code = cyaml_load_data((const uint8_t *)yaml.p, yaml.n, &config, schema,
                                       (cyaml_data_t **)out, NULL);
    int rc = 0;
    if (code != CYAML_OK || !*out)
        rc = err_set(err, ERR_USAGE, "%s%s%.*s", code == CYAML_OK ? "empty" : cyaml_strerror(code),
                     said.n ? ": " : "", STR_ARG(buf_as_str(&said)));
    buf_release(&said);
    return rc;
}

void schema_free(const cyaml_schema_value_t *schema, void *data)
{
    cyaml_config_t config = setup(NULL);
    cyaml_free(&config, schema, data, 0);
}
