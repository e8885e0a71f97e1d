/* cmd_first_spike.c - which stream broke first, and when. As a table it is the whole verdict. */
#include "cli/cli.h"

static const struct column columns[] = {
    {"stream", "stream", false},     {"class", "class", false},
    {"reason", "reason", false},     {"onset", "onset", false},
    {"earliest", "earliest", false}, {"latest", "latest", false},
    {"lag_s", "lag_s", true},        {"rate_before", "rate_before", true},
    {"rate_after", "rate_after", true}, {"p_value", "p_value", true},
};
static const struct view view = {"order", columns, sizeof columns / sizeof *columns,
                                 verdict_table};

static int ask(struct question *q, struct err *err)
{
    return query_first_spike(q->store, &q->sel, &q->answer, &q->nothing, err);
}

static int run(struct cli *cli, struct err *err)
{
    struct question q = {.cli = cli, .view = view};
    return question_run(&q, ask, err);
}

const struct command command_first_spike = {
    .name = "first-spike",
    .words = "",
    .summary = "Which stream broke first and when, what refused, where the fix belongs, what to run.",
    .details = "\"Before\" is said only where the intervals don't overlap. No incident: exit status 1.",
    .example = "tlstrail first-spike --since -3h",
    .options = OPTS_READ | OPTS_SELECT,
    .piped = OUTPUT_JSON,
    .run = run,
};
