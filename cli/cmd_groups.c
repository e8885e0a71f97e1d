/* cmd_groups.c - counts of events by any fields. */
#include "cli/cli.h"

enum { BY_MAX = FIELD_COUNT };

/* "class,reason" or the option repeated. */
int fields_of(const struct cli *cli, enum field *by, size_t *n, struct err *err)
{
    for (size_t i = 0; i < cli->n_given; i++) {
        if (cli->given[i].opt != OPT_by)
            continue;
        struct str left = str_of(cli->given[i].value);
        do {
            ptrdiff_t comma = str_findc(left, ',', 0);
            struct str name = comma < 0 ? left : str_head(left, (size_t)comma);
            enum field field = field_find(name);
            if (field == FIELD_NONE || *n == BY_MAX)
                return err_set(err, ERR_USAGE,
                               "--by %.*s: not a field; they are stream, class, reason, leg, "
                               "rejected_by, alert, host, peer, tls_version, cipher, format, "
                               "library",
                               STR_ARG(name));
            by[(*n)++] = field;
            left = comma < 0 ? STR_NONE : str_from(left, (size_t)comma + 1);
        } while (left.p);
    }
    return 0;
}

static void print(const struct cli *cli, json_t *answer, const enum field *by, size_t n)
{
    struct column columns[BY_MAX + 3];
    for (size_t i = 0; i < n; i++)
        columns[i] = (struct column){field_name(by[i]), field_name(by[i]), false};
    columns[n] = (struct column){"count", "count", true};
    columns[n + 1] = (struct column){"first", "first", false};
    columns[n + 2] = (struct column){"last", "last", false};
    answer_print(cli, answer, &(struct view){"groups", columns, n + 3, NULL});
}

static int run(struct cli *cli, struct err *err)
{
    struct store *store = NULL;
    struct selection sel = {0};
    json_t *answer = NULL;
    bool nothing = false;
    enum field by[BY_MAX] = {FIELD_class, FIELD_reason};
    size_t n = 0;
    int rc = fields_of(cli, by, &n, err);
    n = n ? n : 2;
    if (rc == 0)
        rc = store_of(cli, STORE_READ, NULL, &store, err);
    if (rc == 0)
        rc = selection_of(cli, store, &sel, err);
    if (rc == 0)
        rc = query_groups(store, &sel, by, n, &answer, &nothing, err);
    if (rc == 0)
        print(cli, answer, by, n);
    json_decref(answer);
    selection_release(&sel);
    store_close(store);
    return rc != 0 ? rc : nothing;
}

const struct command command_groups = {
    .name = "groups",
    .words = "",
    .summary = "Counts by any fields: by host, by stream and reason and so on.",
    .details = "Fields: stream class reason leg rejected_by alert host peer tls_version cipher\n"
               "format library. Without --by: class,reason.",
    .example = "tlstrail groups --by stream,reason --since -1h",
    .options = OPTS_READ | OPTS_SELECT | OPT(limit) | OPT(by),
    .piped = OUTPUT_JSON,
    .run = run,
};
