/* cmd_compare.c - two streams side by side, or one before and after a moment. */
#include "cli/cli.h"

static const struct column columns[] = {
    {"class", "class", false},    {"reason", "reason", false}, {"a", "a", true},
    {"b", "b", true},             {"rate_a", "a/s", true},     {"rate_b", "b/s", true},
    {"g2", "G2", true},           {"p_value", "p", true},      {"verdict", "verdict", false},
};

static const char *side_name_of(const json_t *side)
{
    return json_is_string(side) ? json_string_value(side) : json_text(side, "stream");
}

static void table(const struct cli *cli, json_t *answer, struct buf *out)
{
    const char *a = side_name_of(json_object_get(answer, "a"));
    const char *b = side_name_of(json_object_get(answer, "b"));
    buf_str(out, STR("a is "));
    paint(out, &cli->screen, PAINT_BOLD, str_of(*a ? a : "before"));
    buf_str(out, STR(", b is "));
    paint(out, &cli->screen, PAINT_BOLD, str_of(*b ? b : "after"));
    buf_char(out, '\n');
    table_rows(&cli->screen, json_object_get(answer, "rows"), columns,
               sizeof columns / sizeof *columns, out);
}

static const struct view view = {"rows", columns, sizeof columns / sizeof *columns, table};

/* One stream: --since is the moment between before and after. */
static int moment_of(struct cli *cli, struct selection *sel, int64_t *at_us, struct err *err)
{
    if (cli->n_words == 2)
        return 0;
    if (sel->since_us == TIME_NONE)
        return err_set(err, ERR_USAGE,
                       "compare: give two streams, or one and --since: tlstrail compare %s "
                       "--since deploy",
                       cli->words[0]);
    *at_us = sel->since_us;
    sel->since_us = TIME_NONE;
    return 0;
}

static int ask(struct question *q, struct err *err)
{
    int64_t at_us = TIME_NONE;
    struct str a = str_of(q->cli->words[0]);
    struct str b = q->cli->n_words == 2 ? str_of(q->cli->words[1]) : STR_NONE;
    if (moment_of(q->cli, &q->sel, &at_us, err) != 0)
        return err->code;
    return query_compare(q->store, &q->sel, a, b, at_us, &q->answer, &q->nothing, err);
}

static int run(struct cli *cli, struct err *err)
{
    struct question q = {.cli = cli, .view = view};
    return question_run(&q, ask, err);
}

const struct command command_compare = {
    .name = "compare",
    .words = "STREAM [STREAM]",
    .summary = "Two streams side by side, or one before and after a moment such as a deploy.",
    .details = "The verdict of a row is only_a, more_a, same, more_b or only_b; p is corrected for\n"
               "the number of rows.",
    .example = "tlstrail compare ingress --since deploy",
    .options = OPTS_READ | (OPTS_SELECT & ~OPT(stream)),
    .words_least = 1,
    .words_most = 2,
    .piped = OUTPUT_JSON,
    .run = run,
};
