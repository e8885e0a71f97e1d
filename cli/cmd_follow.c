/* cmd_follow.c - follows the sources of a configuration until SIGTERM, then says what it read. */
#include "cli/cli.h"

#include <stdlib.h>

static int run(struct cli *cli, struct err *err)
{
    const char *path = option_value(cli, OPT_config);
    struct follow_config *config = NULL;
    struct rules *rules = NULL;
    struct store *store = NULL;
    struct ingest_total *totals = NULL;
    size_t n = 0;
    int rc = 0;
    stop_on_signals(); /* a stop while it starts ends it as cleanly as later on */
    if (!path)
        return err_set(err, ERR_USAGE, "follow: needs --config FILE; see docs/config.md");
    if ((rc = follow_config_load(path, &config, err)) == 0 &&
        (rc = rules_of(cli, follow_config_rules(config), &rules, err)) == 0 &&
        (rc = store_of(cli, STORE_WRITE, follow_config_store(config), &store, err)) == 0)
        rc = follow_run(store, config, rules, &stop_flag, &totals, &n, err);
    if (store && (rc == 0 || n))
        ledger_print(cli, totals, n);
    free(totals);
    store_close(store);
    rules_close(rules);
    follow_config_close(config);
    return rc;
}

const struct command command_follow = {
    .name = "follow",
    .words = "",
    .summary = "Follows files and Kafka topics as a configuration says, until SIGTERM.",
    .example = "tlstrail follow --config /etc/tlstrail.yaml",
    .options = OPT(config) | OPT(store) | OPT(rules) | OPT(output),
    .piped = OUTPUT_JSON,
    .run = run,
};
