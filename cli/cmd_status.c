/* cmd_status.c - the streams: what was read, what is stored, how far each source is. */
#include "cli/cli.h"

static const struct column columns[] = {
    {"stream", "stream", false}, {"lines", "lines", true},   {"events", "events", true},
    {"other", "other", true},    {"quarantined", "quarantined", true},
    {"stored", "stored", true},  {"pruned", "pruned", true}, {"bytes", "bytes", true},
    {"file_bytes", "on disk", true}, {"last", "last event", false},
};
static const struct view view = {"streams", columns, sizeof columns / sizeof *columns, NULL};

static int run(struct cli *cli, struct err *err)
{
    struct store *store = NULL;
    json_t *answer = NULL;
    bool nothing = false;
    int rc = store_of(cli, STORE_READ, NULL, &store, err);
    if (rc == 0)
        rc = query_status(store, &answer, &nothing, err);
    if (rc == 0)
        answer_print(cli, answer, &view);
    json_decref(answer);
    store_close(store);
    return rc != 0 ? rc : nothing;
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
