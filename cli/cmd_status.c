/* cmd_status.c - the streams: what was read, what is stored, how far each source is. */
#include "cli/cli.h"

static const struct column columns[] = {
    {"stream", "stream", false}, {"lines", "lines", true},   {"events", "events", true},
    {"other", "other", true},    {"quarantined", "quarantined", true},
    {"stored", "stored", true},  {"pruned", "pruned", true}, {"bytes", "bytes", true},
    {"file_bytes", "on disk", true}, {"last", "last event", false},
};
static const struct column partition_columns[] = {
    {"topic", "topic", false}, {"partition", "partition", true}, {"position", "position", true},
    {"end", "end", true},      {"lag", "lag", true},             {"rate", "records/s", true},
    {"gaps", "gaps", true},    {"at", "as of", false},
};

static const struct column waiting_columns[] = {
    {"source", "waits for", false}, {"since", "since", false}, {"why", "why", false},
};

static void more_rows(const struct cli *cli, const json_t *rows, const struct column *of, size_t n,
                      struct buf *out)
{
    if (json_array_size(rows) == 0)
        return;
    buf_char(out, '\n');
    table_rows(&cli->screen, rows, of, n, out);
}

static void tables(const struct cli *cli, json_t *answer, struct buf *out)
{
    table_rows(&cli->screen, json_object_get(answer, "streams"), columns,
               sizeof columns / sizeof *columns, out);
    more_rows(cli, json_object_get(answer, "partitions"), partition_columns,
              sizeof partition_columns / sizeof *partition_columns, out);
    more_rows(cli, json_object_get(answer, "waiting"), waiting_columns,
              sizeof waiting_columns / sizeof *waiting_columns, out);
}

static const struct view view = {"streams", columns, sizeof columns / sizeof *columns, tables};

static int ask(struct question *q, struct err *err)
{
    return query_status(q->store, &q->answer, &q->nothing, err);
}

static int run(struct cli *cli, struct err *err)
{
    struct question q = {.cli = cli, .view = view};
    return question_run(&q, ask, err);
}

const struct command command_status = {
    .name = "status",
    .words = "",
    .summary = "The streams: lines read, events stored, how far each source is.",
    .details = "The ledger closes: lines = events + other + quarantined.",
    .example = "tlstrail status --output json",
    .options = OPTS_READ,
    .piped = OUTPUT_JSON,
    .run = run,
};
