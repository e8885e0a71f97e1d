/* schema.h - YAML by libcyaml: a text and a schema to structs, and in one line why not.
 * (libyaml has the prefix yaml_.) */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include "base/err.h"
#include "base/str.h"

#include <cyaml/cyaml.h>

/* An optional text of a mapping. */
#define SCHEMA_TEXT(key, type, member)                                                             \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0,         \
                           CYAML_UNLIMITED)

/* The caller owns *out and ends it with schema_free() of the same schema. ERR_USAGE: what libcyaml says
 * of it, with the place in the text; *out is NULL then. */
int schema_load(struct str yaml, const cyaml_schema_value_t *schema, void **out, struct err *err);
void schema_free(const cyaml_schema_value_t *schema, void *data); /* NULL is fine */

#endif
