/* cmd_timeline.c - counts over time. */
#include "cli/cli.h"

#include "base/amount.h"

static int step_of(const struct cli *cli, int64_t *out, struct err *err)
{
    const char *text = option_value(cli, OPT_step);
    if (!text)
        return 0; /* the query chooses */
    if (amount_duration(str_of(text), out, err) != 0)
        return err_wrap(err, "--step");
    if (*out < US_PER_S)
        return err_set(err, ERR_USAGE, "--step %s: at least 1s", text);
    return 0;
}

static int field_of(const struct cli *cli, enum field *by, struct err *err)
{
    enum field fields[FIELD_COUNT] = {FIELD_NONE};
    size_t n = 0;
    if (fields_of(cli, fields, &n, err) != 0)
        return err->code;
    if (n > 1)
        return err_set(err, ERR_USAGE, "--by: a timeline is by one field, not %zu", n);
    *by = n ? fields[0] : FIELD_NONE;
    return 0;
}

/* One row a step and series, what a spreadsheet wants, in place of the answer. */
static json_t *as_rows(const struct cli *cli, json_t *answer, const char *by)
{
    json_t *rows = json_array(), *series = NULL, *count = NULL;
    size_t i = 0, j = 0;
    int64_t from_us = TIME_NONE;
    struct err err = {0};
    char time[CIVIL_TEXT];
    (void)time_parse(NULL, str_of(json_text(answer, "from")), cli->now_us, &from_us, &err);
    double step_s = json_number_value(json_object_get(answer, "step_s"));
    json_array_foreach(json_object_get(answer, "series"), i, series)
    {
        json_array_foreach(json_object_get(series, "counts"), j, count)
        {
            json_t *row = json_object();
            int64_t at_us = from_us + (int64_t)((double)j * step_s * 1e6);
            json_object_set_new(row, "time", json_string(civil_format(at_us, time)));
            if (by)
                json_object_set(row, by, json_object_get(series, by));
            json_object_set(row, "count", count);
            json_array_append_new(rows, row);
        }
    }
    json_decref(answer);
    return json_pack("{s:o}", "rows", rows);
}

struct plotting {
    struct question q; /* first: a question is cast to it */
    enum field by;
    int64_t step_us;
    struct column columns[3];
};

static int ask(struct question *q, struct err *err)
{
    struct plotting *p = (struct plotting *)q;
    const char *by = p->by == FIELD_NONE ? NULL : field_name(p->by);
    if (query_timeline(q->store, &q->sel, p->by, p->step_us, &q->answer, &q->nothing, err) != 0)
        return err->code;
    if (q->cli->output != OUTPUT_CSV)
        return 0;
    p->columns[0] = (struct column){"time", "time", false};
    p->columns[1] = (struct column){"count", "count", true};
    p->columns[2] = (struct column){by, by, false};
    q->view = (struct view){"rows", p->columns, by ? 3 : 2, NULL};
    q->answer = as_rows(q->cli, q->answer, by);
    return 0;
}

static int run(struct cli *cli, struct err *err)
{
    struct plotting p = {.q = {.cli = cli, .view = {"series", NULL, 0, plot_timeline}}};
    if (field_of(cli, &p.by, err) != 0 || step_of(cli, &p.step_us, err) != 0)
        return err->code;
    return question_run(&p.q, ask, err);
}

const struct command command_timeline = {
    .name = "timeline",
    .words = "",
    .summary = "Counts over time, as a plot in the terminal.",
    .example = "tlstrail timeline --by stream --since -2h --step 1m",
    .options = OPTS_READ | OPTS_SELECT | OPT(limit) | OPT(by) | OPT(step),
    .piped = OUTPUT_JSON,
    .run = run,
};
