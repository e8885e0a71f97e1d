/* cmd_events.c - the selected events of all streams, in time order. */
#include "cli/cli.h"

struct printing {
    const struct cli *cli;
    struct buf out;
    uint64_t rows;
};

static int visit(void *context, struct str stream, int64_t id, const struct event *event)
{
    enum { FLUSH = 64 * 1024 };
    struct printing *p = context;
    struct event_place place = {.stream = stream, .id = id, .first = p->rows++ == 0};
    event_row(p->cli, &place, event, NULL, &p->out);
    if (p->out.n >= FLUSH) {
        out_write(buf_as_str(&p->out));
        p->out.n = 0;
    }
    return 0;
}

static int run(struct cli *cli, struct err *err)
{
    struct store *store = NULL;
    struct selection sel = {0};
    struct printing p = {.cli = cli};
    int rc = store_of(cli, STORE_READ, NULL, &store, err);
    if (rc == 0)
        rc = selection_of(cli, store, &sel, err);
    if (rc == 0) {
        event_head(cli, true, &p.out);
        rc = query_events(store, &sel, option_given(cli, OPT_newest), visit, &p, err);
        event_foot(cli, p.rows > 0, &p.out);
        out_write(buf_as_str(&p.out));
    }
    buf_release(&p.out);
    selection_release(&sel);
    store_close(store);
    return rc != 0 ? rc : p.rows ? 0 : 1;
}

const struct command command_events = {
    .name = "events",
    .words = "",
    .summary = "The events themselves, in time order.",
    .example = "tlstrail events --stream ingress --since -1h --class certificate",
    .options = OPTS_READ | OPTS_SELECT | OPT(limit) | OPT(newest),
    .piped = OUTPUT_NDJSON,
    .run = run,
};
