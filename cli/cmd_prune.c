/* cmd_prune.c - deletes old events, by age or until a stream's file is small enough. */
#include "cli/cli.h"

#include "base/amount.h"

#include <stdlib.h>

static const struct column columns[] = {{"stream", "stream", false}, {"deleted", "deleted", true}};
static const struct view view = {"streams", columns, sizeof columns / sizeof *columns, NULL};

static int bounds_of(const struct cli *cli, int64_t *before_us, int64_t *max_bytes,
                     struct err *err)
{
    const char *age = option_value(cli, OPT_older_than), *size = option_value(cli, OPT_max_size);
    int64_t age_us = 0;
    if (!age && !size)
        return err_set(err, ERR_USAGE, "prune: give --older-than 90d, --max-size 2G or both");
    if (age && amount_duration(str_of(age), &age_us, err) != 0)
        return err_wrap(err, "--older-than");
    if (age && age_us == 0)
        return err_set(err, ERR_USAGE, "--older-than %s: that is everything; at least 1s", age);
    *before_us = age ? cli->now_us - age_us : 0;
    if (size && amount_bytes(str_of(size), max_bytes, err) != 0)
        return err_wrap(err, "--max-size");
    return 0;
}

static int prune(const struct cli *cli, struct store *store, json_t *rows, struct err *err)
{
    struct selection sel = {0};
    struct arena arena = {0};
    struct str *streams = NULL;
    int64_t before_us = 0, max_bytes = 0;
    int rc = bounds_of(cli, &before_us, &max_bytes, err);
    if (rc == 0)
        rc = selection_of(cli, store, &sel, err);
    size_t n = rc == 0 ? store_streams(store, &arena, &streams) : 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        uint64_t deleted = 0;
        if (!stream_wanted(&sel, streams[i]))
            continue;
        rc = store_prune(store, streams[i], before_us, max_bytes, &deleted, err);
        json_t *row = json_object();
        json_object_set_new(row, "stream", escape_json(streams[i]));
        json_object_set_new(row, "deleted", json_integer((json_int_t)deleted));
        json_array_append_new(rows, row);
    }
    arena_release(&arena);
    selection_release(&sel);
    return rc;
}

static int run(struct cli *cli, struct err *err)
{
    struct store *store = NULL;
    int64_t before_us = 0, max_bytes = 0;
    json_t *answer = json_pack("{s:[]}", "streams");
    int rc = bounds_of(cli, &before_us, &max_bytes, err); /* before the store is touched */
    if (rc == 0)
        rc = store_of(cli, STORE_WRITE, NULL, &store, err);
    if (rc == 0)
        rc = prune(cli, store, json_object_get(answer, "streams"), err);
    if (rc == 0)
        answer_print(cli, answer, &view);
    json_decref(answer);
    store_close(store);
    return rc;
}

const struct command command_prune = {
    .name = "prune",
    .words = "",
    .summary = "Deletes old events, by age or by the size of a stream's file.",
    .example = "tlstrail prune --older-than 90d --max-size 2G",
    .options = OPTS_READ | OPT(stream) | OPT(older_than) | OPT(max_size),
    .piped = OUTPUT_JSON,
    .run = run,
};
