/* selection.c - from options to what the libraries take: selections, stores, rules, zones. */
#include "cli/cli.h"

#include <stdlib.h>

static int span_of(const struct cli *cli, struct store *store, struct selection *sel,
                   struct err *err)
{
    const char *since = option_value(cli, OPT_since), *until = option_value(cli, OPT_until);
    if (since && time_parse(store, str_of(since), cli->now_us, &sel->since_us, err) != 0)
        return err_wrap(err, "--since");
    if (until && time_parse(store, str_of(until), cli->now_us, &sel->until_us, err) != 0)
        return err_wrap(err, "--until");
    if (since && until && sel->since_us >= sel->until_us)
        return err_set(err, ERR_USAGE, "--since %s is not before --until %s", since, until);
    return 0;
}

int selection_of(const struct cli *cli, struct store *store, struct selection *sel,
                 struct err *err)
{
    char name[32];
    selection_init(sel, cli->now_us);
    for (size_t i = 0; i < cli->n_given; i++) {
        enum opt opt = cli->given[i].opt;
        if ((int)opt < FIELD_COUNT &&
            selection_add(sel, (enum field)opt, str_of(cli->given[i].value), err) != 0)
            return err_wrap(err, "--%s", option_name(opt, name));
    }
    int rc = span_of(cli, store, sel, err);
    return rc == 0 ? option_number(cli, OPT_limit, &sel->limit, err) : rc;
}

bool selection_holds(const struct selection *sel, struct str stream, const struct event *event)
{
    if ((sel->since_us != TIME_NONE && event->time_us < sel->since_us) ||
        (sel->until_us != TIME_NONE && event->time_us >= sel->until_us))
        return false;
    for (int f = 1; f < FIELD_COUNT; f++) {
        char number[8];
        struct str value = field_value((enum field)f, event, stream, number);
        if (!selection_field_matches(sel, (enum field)f, value))
            return false;
    }
    return true;
}

bool stream_wanted(const struct selection *sel, struct str stream)
{
    for (size_t i = 0; i < sel->n_values[FIELD_stream]; i++)
        if (str_eq(sel->values[FIELD_stream][i], stream))
            return true;
    return sel->n_values[FIELD_stream] == 0;
}

const char *store_dir_of(const struct cli *cli, const char *fallback)
{
    const char *dir = option_value(cli, OPT_store);
    if (!dir)
        dir = fallback;
    if (!dir || !*dir)
        dir = getenv("TLSTRAIL_STORE");
    return dir && *dir ? dir : "tlstrail-store";
}

int store_of(const struct cli *cli, enum store_mode mode, const char *fallback,
             struct store **out, struct err *err)
{
    int rc = store_open(store_dir_of(cli, fallback), mode, out, err);
    if (rc != 0)
        return rc;
    const char *const *lines = NULL;
    size_t n = store_warnings(*out, &lines);
    for (size_t i = 0; i < n; i++)
        complain("%s", lines[i]);
    return 0;
}

int rules_of(const struct cli *cli, const char *fallback, struct rules **out, struct err *err)
{
    const char *dir = option_value(cli, OPT_rules);
    if (!dir)
        dir = fallback;
    if (!dir)
        dir = getenv("TLSTRAIL_RULES");
    return rules_load(dir && *dir ? dir : NULL, out, err);
}

int zone_of(const struct cli *cli, struct str stream, struct zone **out, struct err *err)
{
    struct str any = STR_NONE, own = STR_NONE;
    *out = NULL;
    for (size_t i = 0; i < cli->n_given; i++) {
        if (cli->given[i].opt != OPT_tz)
            continue;
        struct str value = str_of(cli->given[i].value);
        ptrdiff_t equals = str_findc(value, '=', 0);
        if (equals < 0)
            any = value;
        else if (str_eq(str_head(value, (size_t)equals), stream))
            own = str_from(value, (size_t)equals + 1);
    }
    struct str best = own.p ? own : any;
    return best.p && zone_open(best, out, err) != 0 ? err_wrap(err, "--tz") : 0;
}
