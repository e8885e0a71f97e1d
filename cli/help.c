/* help.c - the help texts, made from the tables of commands and options. */
#include "cli/cli.h"

static void option_line(enum opt opt, struct buf *out)
{
    char left[64], name[32];
    const char *value = option_metavar(opt);
    struct buf text = {0};
    buf_printf(&text, "  --%s%s%s", option_name(opt, name), value ? " " : "", value ? value : "");
    size_t n = text.n < sizeof left - 1 ? text.n : sizeof left - 1;
    memcpy(left, text.p, n);
    left[n] = 0;
    buf_release(&text);
    buf_printf(out, "%-30s %s\n", left, option_help(opt) ? option_help(opt) : "");
}

static void field_lines(uint64_t options, struct buf *out)
{
    size_t column = 0;
    char name[32];
    buf_str(out, STR("\nSelection (repeat an option or use commas for \"any of these\"):\n "));
    for (int opt = 1; opt < FIELD_COUNT; opt++) {
        if (!(options >> opt & 1))
            continue;
        if (column++ % 6 == 0 && column > 1)
            buf_str(out, STR("\n "));
        buf_printf(out, " --%s V", option_name((enum opt)opt, name));
    }
    buf_char(out, '\n');
}

static void options_lines(const struct command *command, struct buf *out)
{
    const uint64_t fields = (UINT64_C(1) << FIELD_COUNT) - 2;
    if ((command->options & fields) == fields)
        field_lines(command->options, out);
    buf_str(out, STR("\nOptions:\n"));
    for (int opt = 1; opt < OPT_COUNT; opt++) {
        bool listed = (command->options & fields) == fields && opt < FIELD_COUNT;
        if (((command->options | OPT(help)) >> opt & 1) && !listed)
            option_line((enum opt)opt, out);
    }
}

void help_command(const struct command *command)
{
    struct buf out = {0};
    buf_printf(&out, "tlstrail %s%s%s\n\n%s\n", command->name, *command->words ? " " : "",
               command->words, command->summary);
    if (command->details)
        buf_printf(&out, "%s\n", command->details);
    options_lines(command, &out);
    buf_printf(&out, "\nExample:\n  %s\n", command->example);
    out_write(buf_as_str(&out));
    buf_release(&out);
}

void help_all(void)
{
    struct buf out = {0};
    buf_str(&out, STR("tlstrail tells which hop broke the TLS handshake first, and what to do "
                      "about it.\n\nCommands:\n"));
    for (size_t i = 0; commands[i]; i++)
        buf_printf(&out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    buf_str(&out, STR("\nStart with:\n"
                      "  tlstrail ingest edge=/var/log/nginx/error.log* lb=/var/log/haproxy.log*\n"
                      "  tlstrail first-spike\n\n"
                      "`tlstrail help COMMAND` tells more, with an example.\n"
                      "Exit status: 0 answered, 1 the answer is \"nothing\", 2 usage, 3 the store "
                      "or a source failed.\n"));
    out_write(buf_as_str(&out));
    buf_release(&out);
}
