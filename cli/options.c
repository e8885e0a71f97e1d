/* options.c - the words of the command line: --name VALUE, --name=VALUE, anywhere among the rest. */
#include "cli/cli.h"

#include <stdlib.h>

static const struct {
    const char *id;
    const char *value;
    const char *help;
} options[] = {
    {"", NULL, ""},
#define FIELD(name) {#name, "VALUE[,VALUE]", NULL},
#include "query/fields.def"
#undef FIELD
#define OPTION(id, value, help) {#id, value, help},
#include "cli/options.def"
#undef OPTION
};

const char *option_name(enum opt opt, char out[32])
{
    size_t n = 0;
    for (const char *p = options[opt].id; *p && n < 31; p++)
        out[n++] = *p == '_' ? '-' : *p;
    out[n] = 0;
    return out;
}

const char *option_metavar(enum opt opt)
{
    return options[opt].value;
}

const char *option_help(enum opt opt)
{
    return options[opt].help;
}

const char *option_value(const struct cli *cli, enum opt opt)
{
    for (size_t i = cli->n_given; i--;)
        if (cli->given[i].opt == opt)
            return cli->given[i].value;
    return NULL;
}

bool option_given(const struct cli *cli, enum opt opt)
{
    for (size_t i = 0; i < cli->n_given; i++)
        if (cli->given[i].opt == opt)
            return true;
    return false;
}

int option_number(const struct cli *cli, enum opt opt, uint64_t *out, struct err *err)
{
    const char *text = option_value(cli, opt);
    if (!text)
        return 0;
    struct str s = str_of(text);
    int64_t number = s.n && strspn(text, "0123456789") == s.n ? str_number(s, INT64_MAX) : -1;
    if (number < 1)
        return err_set(err, ERR_USAGE, "--%s %s: not a whole number of 1 or more",
                       option_name(opt, (char[32]){0}), text);
    *out = (uint64_t)number;
    return 0;
}

/* ---- "did you mean" ---- */

enum { TYPED_MAX = 24 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance: insert, delete, replace, swap neighbours. */
static size_t distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), d[TYPED_MAX + 1][TYPED_MAX + 1];
    if (na > TYPED_MAX || nb > TYPED_MAX)
        return SIZE_MAX;
    for (size_t i = 0; i <= na; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= nb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++) {
            d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
                            least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[na][nb];
}

const char *nearest_name(const char *typed, const char *(*name)(size_t i, void *context),
                         void *context)
{
    const char *best = NULL;
    size_t best_distance = strlen(typed) / 3 + 2;
    const char *candidate = NULL;
    for (size_t i = 0; (candidate = name(i, context)); i++) {
        size_t n = strlen(typed);
        bool begun = n >= 3 && strncmp(typed, candidate, n) == 0;
        size_t d = begun ? 1 : distance(typed, candidate);
        if (d < best_distance) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

/* ---- parsing ---- */

struct names {
    uint64_t options;
    char name[32];
};

static const char *nth_option(size_t i, void *context)
{
    struct names *names = context;
    size_t seen = 0;
    for (int opt = 1; opt < OPT_COUNT; opt++)
        if ((names->options >> opt & 1) && seen++ == i) {
            /* Kept per option: the caller remembers the best one. */
            static char kept[OPT_COUNT][32];
            return option_name((enum opt)opt, kept[opt]);
        }
    return NULL;
}

static const char *nth_command(size_t i, void *context)
{
    (void)context;
    return commands[i] ? commands[i]->name : NULL;
}

static enum opt option_find(struct str name)
{
    char text[32];
    for (int opt = 1; opt < OPT_COUNT; opt++)
        if (str_eq(str_of(option_name((enum opt)opt, text)), name))
            return (enum opt)opt;
    return OPT_NONE;
}

static int no_such_option(const struct cli *cli, const char *typed, struct err *err)
{
    struct names names = {.options = cli->command ? cli->command->options | OPTS_ALWAYS : UINT64_MAX};
    const char *equals = strchr(typed, '=');
    char *name = str_dup(str_make(typed, equals ? (size_t)(equals - typed) : strlen(typed)));
    const char *near = nearest_name(name + strspn(name, "-"), nth_option, &names);
    err_set(err, ERR_USAGE, "%s: no such option%s%s%s; see: tlstrail help%s%s", name,
            near ? "; did you mean --" : "", near ? near : "", near ? "?" : "",
            cli->command ? " " : "", cli->command ? cli->command->name : "");
    free(name);
    return ERR_USAGE;
}

static void give(struct cli *cli, enum opt opt, const char *value)
{
    cli->given = xrealloc(cli->given, (cli->n_given + 1) * sizeof *cli->given);
    cli->given[cli->n_given++] = (struct given){opt, value};
}

static void word(struct cli *cli, char *text)
{
    cli->words = xrealloc(cli->words, (cli->n_words + 1) * sizeof *cli->words);
    cli->words[cli->n_words++] = text;
}

/* Takes argv[*i], an option, and its value. */
static int take_option(struct cli *cli, int argc, char **argv, int *i, struct err *err)
{
    const char *text = argv[*i];
    if (strcmp(text, "-f") == 0)
        return give(cli, OPT_follow, NULL), 0;
    if (strcmp(text, "-h") == 0)
        return give(cli, OPT_help, NULL), 0;
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    enum opt opt = str_starts(str_of(text), STR("--")) ? option_find(str_make(text + 2, n - 2))
                                                       : OPT_NONE;
    if (opt == OPT_NONE)
        return no_such_option(cli, text, err);
    if (!options[opt].value) {
        give(cli, opt, NULL);
        return equals ? err_set(err, ERR_USAGE, "%s: takes no value", text) : 0;
    }
    if (!equals && *i + 1 >= argc)
        return err_set(err, ERR_USAGE, "%s: needs a value: %s %s", text, text,
                       options[opt].value);
    give(cli, opt, equals ? equals + 1 : argv[++*i]);
    return 0;
}

int no_such_command(const char *name, struct err *err)
{
    const char *near = nearest_name(name, nth_command, NULL);
    return err_set(err, ERR_USAGE, "%s: no such command%s%s%s; see: tlstrail help", name,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static int take_command(struct cli *cli, const char *name, struct err *err)
{
    cli->command = command_find(name);
    return cli->command ? 0 : no_such_command(name, err);
}

static int check_given(const struct cli *cli, struct err *err)
{
    char name[36] = "--";
    for (size_t i = 0; i < cli->n_given; i++) {
        enum opt opt = cli->given[i].opt;
        option_name(opt, name + 2);
        if (!((cli->command->options | OPTS_ALWAYS) >> opt & 1))
            return no_such_option(cli, name, err);
    }
    return 0;
}

static int check_words(const struct cli *cli, struct err *err)
{
    const struct command *command = cli->command;
    if (cli->n_words < command->words_least)
        return err_set(err, ERR_USAGE, "%s: needs %s; for example: %s", command->name,
                       command->words, command->example);
    if (cli->n_words > command->words_most)
        return err_set(err, ERR_USAGE, "%s: %s: too many words; it is: tlstrail %s %s",
                       command->name, cli->words[command->words_most], command->name,
                       command->words);
    return 0;
}

static int output_of(struct cli *cli, struct err *err)
{
    static const char *const names[] = {"", "table", "json", "ndjson", "csv"};
    const char *text = option_value(cli, OPT_output);
    cli->output = cli->screen.terminal ? OUTPUT_TABLE : cli->command->piped;
    if (!text)
        return 0;
    for (int i = OUTPUT_TABLE; i <= OUTPUT_CSV; i++)
        if (strcmp(text, names[i]) == 0) {
            cli->output = (enum output)i;
            return 0;
        }
    return err_set(err, ERR_USAGE, "--output %s: not one of table, json, ndjson, csv", text);
}

static int now_of(struct cli *cli, struct err *err)
{
    const char *text = option_value(cli, OPT_now);
    cli->now_us = civil_now_us();
    if (!text)
        return 0;
    if (strncmp(text, "deploy", 6) == 0) /* needs a store, and is itself a relative time */
        return err_set(err, ERR_USAGE, "--now %s: give a time, such as 2026-04-18T04:30:00Z", text);
    return time_parse(NULL, str_of(text), cli->now_us, &cli->now_us, err) == 0
               ? 0
               : err_wrap(err, "--now");
}

int options_parse(struct cli *cli, int argc, char **argv, struct err *err)
{
    bool only_words = false;
    for (int i = 1; i < argc; i++) {
        char *text = argv[i];
        int rc = 0;
        if (!only_words && strcmp(text, "--") == 0)
            only_words = true;
        else if (!only_words && text[0] == '-' && text[1])
            rc = take_option(cli, argc, argv, &i, err);
        else if (!cli->command)
            rc = take_command(cli, text, err);
        else
            word(cli, text);
        if (rc != 0)
            return rc;
    }
    if (option_given(cli, OPT_help) || option_given(cli, OPT_version))
        return 0;
    if (!cli->command)
        return err_set(err, ERR_USAGE, "no command; see: tlstrail help");
    int rc = check_given(cli, err);
    if (rc == 0)
        rc = check_words(cli, err);
    if (rc == 0)
        rc = output_of(cli, err);
    return rc == 0 ? now_of(cli, err) : rc;
}

void options_release(struct cli *cli)
{
    free(cli->given);
    free(cli->words);
}
