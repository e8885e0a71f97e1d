/* cmd_rules.c - lists the rule packs, or runs every sample line that they hold. */
#include "cli/cli.h"

static const struct column columns[] = {
    {"pack", "pack", false},  {"kind", "kind", false},      {"rules", "rules", true},
    {"codes", "codes", true}, {"samples", "samples", true},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* For the eye, how many rules a pack has; which, JSON tells. */
static void packs_table(const struct cli *cli, json_t *answer, struct buf *out)
{
    json_t *rows = json_deep_copy(json_object_get(answer, "packs")), *row = NULL;
    size_t i = 0;
    json_array_foreach(rows, i, row)
    {
        size_t n = json_array_size(json_object_get(row, "rules"));
        json_object_set_new(row, "rules", json_integer((json_int_t)n));
    }
    table_rows(&cli->screen, rows, columns, COLUMNS, out);
    json_decref(rows);
}

static int list(const struct cli *cli, const struct rules *rules)
{
    json_t *answer = rules_list(rules);
    answer_print(cli, answer, &(struct view){"packs", columns, COLUMNS, packs_table});
    json_decref(answer);
    return 0;
}

static int check(const struct rules *rules, struct err *err)
{
    struct buf report = {0};
    size_t failed = 0;
    int rc = rules_check(rules, &report, &failed, err);
    struct str left = buf_as_str(&report);
    struct buf safe = {0};
    while (left.n) { /* escaped line by line: a report quotes samples */
        const char *lf = memchr(left.p, '\n', left.n);
        size_t n = lf ? (size_t)(lf - left.p) : left.n;
        escape_terminal(&safe, str_head(left, n));
        buf_char(&safe, '\n');
        left = str_from(left, n + 1);
    }
    out_write(buf_as_str(&safe));
    buf_release(&safe);
    buf_release(&report);
    if (rc == 0 && failed)
        rc = err_set(err, ERR_USAGE,
                     "rules check: %zu sample%s failed; mend the rule or the sample named above",
                     failed, failed == 1 ? "" : "s");
    return rc;
}

static int run(struct cli *cli, struct err *err)
{
    struct rules *rules = NULL;
    bool checks = strcmp(cli->words[0], "check") == 0;
    if (!checks && strcmp(cli->words[0], "list") != 0)
        return err_set(err, ERR_USAGE,
                       "rules %s: it is: tlstrail rules list, or: tlstrail rules "
                       "check",
                       cli->words[0]);
    int rc = rules_of(cli, NULL, &rules, err);
    if (rc == 0)
        rc = checks ? check(rules, err) : list(cli, rules);
    rules_close(rules);
    return rc;
}

const struct command command_rules = {
    .name = "rules",
    .words = "list|check",
    .summary = "Lists the rule packs, or checks every sample line in them.",
    .details = "parsers/packs/README.md says how to write one.",
    .example = "tlstrail rules check --rules ./my-packs",
    .options = OPT(rules) | OPT(output),
    .words_least = 1,
    .words_most = 1,
    .piped = OUTPUT_JSON,
    .run = run,
};
