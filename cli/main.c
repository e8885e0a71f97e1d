/* main.c - the tlstrail command: finds the subcommand, runs it, says what went wrong. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMAND(symbol) extern const struct command command_##symbol;
#include "cli/commands.def"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(symbol) &command_##symbol,
#include "cli/commands.def"
#undef COMMAND
    NULL,
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int run(struct cli *cli, struct err *err)
{
    if (option_given(cli, OPT_version)) {
        out_write(STR("tlstrail " TLSTRAIL_VERSION "\n"));
        return 0;
    }
    if (option_given(cli, OPT_help)) {
        if (cli->command)
            help_command(cli->command);
        else
            help_all();
        return 0;
    }
    return cli->command->run(cli, err);
}

int main(int argc, char **argv)
{
    struct cli cli = {.screen = screen_of()};
    struct err err = {0};
    signal(SIGPIPE, SIG_IGN); /* out_write() ends quietly by EPIPE, with the store closed */
    int status = options_parse(&cli, argc, argv, &err);
    if (status == 0)
        status = run(&cli, &err);
    if (status < 0) {
        complain("%s", err.text);
        status = status == ERR_USAGE ? 2 : 3;
    }
    out_flush();
    options_release(&cli);
    return status;
}
