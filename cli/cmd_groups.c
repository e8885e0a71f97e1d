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

struct grouping {
    struct question q; /* first: a question is cast to it */
    enum field by[BY_MAX];
    size_t n;
    struct column columns[BY_MAX + 3];
};

static int ask(struct question *q, struct err *err)
{
    struct grouping *g = (struct grouping *)q;
    for (size_t i = 0; i < g->n; i++)
        g->columns[i] = (struct column){field_name(g->by[i]), field_name(g->by[i]), false};
    g->columns[g->n] = (struct column){"count", "count", true};
    g->columns[g->n + 1] = (struct column){"first", "first", false};
    g->columns[g->n + 2] = (struct column){"last", "last", false};
    q->view = (struct view){"groups", g->columns, g->n + 3, NULL};
    return query_groups(q->store, &q->sel, g->by, g->n, &q->answer, &q->nothing, err);
}

static int run(struct cli *cli, struct err *err)
{
    struct grouping g = {.q = {.cli = cli}, .by = {FIELD_class, FIELD_reason}};
    if (fields_of(cli, g.by, &g.n, err) != 0)
        return err->code;
    g.n = g.n ? g.n : 2;
    return question_run(&g.q, ask, err);
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
