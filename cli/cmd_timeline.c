/* cmd_timeline.c - counts over time. */
#include "cli/cli.h"

static int step_of(const struct cli *cli, int64_t *out, struct err *err)
{
    const char *text = option_value(cli, OPT_step);
    if (!text)
        return 0; /* the query chooses */
    if (duration_parse(str_of(text), out, err) != 0)
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

/* One row a step and series: what a spreadsheet wants. */
static void print_csv(const struct cli *cli, json_t *answer, const char *by)
{
    json_t *rows = json_array(), *series = NULL, *count = NULL;
    size_t i = 0, j = 0;
    int64_t from_us = TIME_NONE;
    struct err err = {0};
    char time[CIVIL_TEXT];
    (void)time_parse(NULL, str_of(json_text(answer, "from")), cli->now_us, &from_us, &err);
    double step_s = json_number_value(json_object_get(answer, "step_s"));
    json_array_foreach(json_object_get(answer, "series"), i, series) {
        json_array_foreach(json_object_get(series, "counts"), j, count) {
            json_t *row = json_object();
            int64_t at_us = from_us + (int64_t)((double)j * step_s * 1e6);
            json_object_set_new(row, "time", json_string(civil_format(at_us, time)));
            if (by)
                json_object_set(row, by, json_object_get(series, by));
            json_object_set(row, "count", count);
            json_array_append_new(rows, row);
        }
    }
    struct column columns[] = {{"time", "time", false}, {"count", "count", true}, {by, by, false}};
    json_t *table = json_pack("{s:o}", "rows", rows);
    answer_print(cli, table, &(struct view){"rows", columns, by ? 3 : 2, NULL});
    json_decref(table);
}

static void print(const struct cli *cli, json_t *answer, enum field by)
{
    const char *name = by == FIELD_NONE ? NULL : field_name(by);
    if (cli->output == OUTPUT_CSV)
        print_csv(cli, answer, name);
    else
        answer_print(cli, answer, &(struct view){"series", NULL, 0, plot_timeline});
}

static int run(struct cli *cli, struct err *err)
{
    struct store *store = NULL;
    struct selection sel = {0};
    json_t *answer = NULL;
    bool nothing = false;
    enum field by = FIELD_NONE;
    int64_t step_us = 0;
    int rc = field_of(cli, &by, err);
    if (rc == 0)
        rc = step_of(cli, &step_us, err);
    if (rc == 0)
        rc = store_of(cli, STORE_READ, NULL, &store, err);
    if (rc == 0)
        rc = selection_of(cli, store, &sel, err);
    if (rc == 0)
        rc = query_timeline(store, &sel, by, step_us, &answer, &nothing, err);
    if (rc == 0)
        print(cli, answer, by);
    json_decref(answer);
    selection_release(&sel);
    store_close(store);
    return rc != 0 ? rc : nothing;
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
