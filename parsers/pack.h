/* pack.h - a rule pack as it stands in its YAML file (packs/README.md), before it is compiled. */
#ifndef PARSERS_PACK_H
#define PARSERS_PACK_H

#include "base/err.h"
#include "base/str.h"

/* Absent scalars are NULL. The strings are those of the file. */
struct pack_rule {
    char *id;
    char **find, **with;
    unsigned find_count, with_count;
    char *match, *unless, *program;
    char *failure, *context, *reason, *leg, *by, *library, *for_leg;
    int *alert, *rank;
};

struct pack_code { /* one row of a table of error numbers */
    char *table;
    int64_t code;
    char *reason, *leg, *by;
    int *alert;
};

struct pack_sample {
    char *line;
    char *failure, *reason, *leg, *by, *alert, *host, *peer, *tls_version, *cipher, *format, *library,
        *time;
};

struct pack {
    char *pack, *kind;
    struct pack_rule *rules;
    unsigned rules_count;
    struct pack_code *codes;
    unsigned codes_count;
    struct pack_sample *samples;
    unsigned samples_count;
};

/* Reads a pack; name is for *err. The caller owns *out. ERR_USAGE with the line of the file. */
int pack_read(struct str name, struct str yaml, struct pack **out, struct err *err);
void pack_free(struct pack *pack); /* NULL is fine */

#endif
