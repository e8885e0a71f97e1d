/* cmd_deploy.c - marks deploys, and lists them. */
#include "cli/cli.h"

static const struct column columns[] = {{"at", "at", false}, {"name", "name", false}};
static const struct view view = {"deploys", columns, sizeof columns / sizeof *columns, NULL};

static void add_row(json_t *rows, struct str name, int64_t at_us)
{
    char time[CIVIL_TEXT];
    json_t *row = json_object();
    json_object_set_new(row, "name", escape_json(name));
    json_object_set_new(row, "at", json_string(civil_format(at_us, time)));
    json_array_append_new(rows, row);
}

static int add(const struct cli *cli, struct store *store, json_t *rows, struct err *err)
{
    const char *at = option_value(cli, OPT_at);
    int64_t at_us = cli->now_us;
    struct str name = str_of(cli->words[1]);
    if (at && time_parse(store, str_of(at), cli->now_us, &at_us, err) != 0)
        return err_wrap(err, "--at");
    if (store_deploy_add(store, name, at_us, err) != 0)
        return err->code;
    add_row(rows, name, at_us);
    return 0;
}

static void list(struct store *store, json_t *rows)
{
    struct arena arena = {0};
    struct deploy *deploys = NULL;
    size_t n = store_deploys(store, &arena, &deploys);
    for (size_t i = 0; i < n; i++)
        add_row(rows, deploys[i].name, deploys[i].at_us);
    arena_release(&arena);
}

static int check_words(const struct cli *cli, bool *adds, struct err *err)
{
    *adds = strcmp(cli->words[0], "add") == 0;
    if (*adds && cli->n_words == 2 && *cli->words[1])
        return 0;
    if (!*adds && strcmp(cli->words[0], "list") == 0 && cli->n_words == 1)
        return option_given(cli, OPT_at)
                   ? err_set(err, ERR_USAGE, "--at goes with deploy add")
                   : 0;
    return err_set(err, ERR_USAGE, "deploy: it is: tlstrail deploy add NAME [--at TIME], or: "
                                   "tlstrail deploy list");
}

static int run(struct cli *cli, struct err *err)
{
    struct store *store = NULL;
    bool adds = false;
    int rc = check_words(cli, &adds, err);
    if (rc != 0)
        return rc;
    json_t *answer = json_pack("{s:[]}", "deploys");
    json_t *rows = json_object_get(answer, "deploys");
    rc = store_of(cli, adds ? STORE_WRITE : STORE_READ, NULL, &store, err);
    if (rc == 0 && adds)
        rc = add(cli, store, rows, err);
    else if (rc == 0)
        list(store, rows);
    if (rc == 0)
        answer_print(cli, answer, &view);
    rc = rc == 0 && json_array_size(rows) == 0 ? 1 : rc;
    json_decref(answer);
    store_close(store);
    return rc;
}

const struct command command_deploy = {
    .name = "deploy",
    .words = "add NAME | list",
    .summary = "Marks a deploy, so that other commands can ask what is new since then.",
    .example = "tlstrail deploy add mesh-policy-7 --at 2026-04-18T04:11:30Z",
    .options = OPTS_READ | OPT(at),
    .words_least = 1,
    .words_most = 2,
    .piped = OUTPUT_JSON,
    .run = run,
};
