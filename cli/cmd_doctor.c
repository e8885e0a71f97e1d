/* cmd_doctor.c - what each stream can't show as its logs are set, and what to set. */
#include "cli/cli.h"

static const struct column columns[] = {
    {"stream", "stream", false},
    {"format", "format", false},
    {"problem", "problem", false},
    {"fix", "what to do", false},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void findings_table(const struct cli *cli, json_t *answer, struct buf *out)
{
    const json_t *rows = json_object_get(answer, "findings");
    if (json_array_size(rows))
        table_rows(&cli->screen, rows, columns, COLUMNS, out);
    else
        buf_str(out, STR("nothing is known to be hidden by how these logs are set\n"));
}

static const struct view view = {"findings", columns, COLUMNS, findings_table};

static int ask(struct question *q, struct err *err)
{
    return query_doctor(q->store, &q->sel, &q->answer, &q->nothing, err);
}

static int run(struct cli *cli, struct err *err)
{
    struct question q = {.cli = cli, .view = view};
    return question_run(&q, ask, err);
}

const struct command command_doctor = {
    .name = "doctor",
    .words = "",
    .summary = "What each stream's logs can't show as they are set, and what to set.",
    .example = "tlstrail doctor --stream lb",
    .options = OPTS_READ | OPTS_SELECT,
    .piped = OUTPUT_JSON,
    .run = run,
};
