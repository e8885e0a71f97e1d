/* cmd_help.c - the list of commands, or one command's help. */
#include "cli/cli.h"

static int run(struct cli *cli, struct err *err)
{
    if (!cli->n_words) {
        help_all();
        return 0;
    }
    const struct command *command = command_find(cli->words[0]);
    if (!command)
        return no_such_command(cli->words[0], err);
    help_command(command);
    return 0;
}

const struct command command_help = {
    .name = "help",
    .words = "[COMMAND]",
    .summary = "Lists the commands, or tells about one, with an example.",
    .example = "tlstrail help first-spike",
    .words_most = 1,
    .run = run,
};
