/* cmd_ingest.c - reads files to their end into the store, then says what it read. */
#include "cli/cli.h"

#include <stdlib.h>

static const struct column columns[] = {
    {"stream", "stream", false},
    {"lines", "lines", true},
    {"events", "events", true},
    {"quarantined", "quarantined", true},
    {"bytes", "bytes", true},
};
static const struct view view_ledger = {"streams", columns, sizeof columns / sizeof *columns, NULL};

void ledger_print(const struct cli *cli, const struct ingest_total *totals, size_t n)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            rows, json_pack("{s:s, s:I, s:I, s:I, s:I}", "stream", totals[i].stream, "lines",
                            (json_int_t)totals[i].lines, "events", (json_int_t)totals[i].events,
                            "quarantined", (json_int_t)totals[i].quarantined, "bytes",
                            (json_int_t)totals[i].bytes));
    json_t *answer = json_pack("{s:o}", "streams", rows);
    answer_print(cli, answer, &view_ledger);
    json_decref(answer);
}

struct source { /* one word of the command line */
    struct str stream;
    const char *pattern;
};

struct ingesting {
    const struct cli *cli;
    struct store *store;
    struct rules *rules;
    struct ingest_total *totals; /* one a stream, in the order of the command line */
    size_t n_totals;
    struct progress progress;
};

static int source_of(const char *word, struct source *out, struct err *err)
{
    const char *equals = strchr(word, '=');
    if (!equals || !equals[1])
        return err_set(err, ERR_USAGE, "%s: write STREAM=PATH, for example edge=%s", word,
                       equals ? "/var/log/nginx/error.log" : word);
    *out = (struct source){str_make(word, (size_t)(equals - word)), equals + 1};
    if (!stream_name_valid(out->stream))
        return err_set(err, ERR_USAGE,
                       "%.*s: not a stream's name: a-z, 0-9, '.', '_' and '-', at most 64, "
                       "beginning with a letter or digit",
                       STR_ARG(out->stream));
    return 0;
}

/* Every word, and every --tz, before anything is read. */
static int check(const struct cli *cli, struct source *sources, struct err *err)
{
    for (size_t i = 0; i < cli->n_words; i++) {
        struct zone *zone = NULL;
        if (source_of(cli->words[i], &sources[i], err) != 0 ||
            zone_of(cli, sources[i].stream, &zone, err) != 0)
            return err->code;
        zone_close(zone);
    }
    return 0;
}

static struct ingest_total *total_of(struct ingesting *x, struct str stream)
{
    for (size_t i = 0; i < x->n_totals; i++)
        if (str_eq(str_of(x->totals[i].stream), stream))
            return &x->totals[i];
    struct ingest_total *total = &x->totals[x->n_totals++];
    memcpy(total->stream, stream.p, stream.n);
    return total;
}

static void show_progress(void *context, uint64_t done, uint64_t total, uint64_t events)
{
    progress_draw(context, done, total, events);
}

static void show_warning(void *context, const char *line)
{
    struct progress *progress = context;
    progress_end(progress);
    complain("%s", line);
}

static int ingest(struct ingesting *x, const struct source *source, struct err *err)
{
    struct zone *zone = NULL;
    struct ingest_total got = {0};
    if (zone_of(x->cli, source->stream, &zone, err) != 0)
        return err->code;
    struct ingest_options options = {
        .rules = x->rules,
        .zone = zone,
        .now_us = option_given(x->cli, OPT_now) ? x->cli->now_us : TIME_NONE,
        .progress = show_progress,
        .progress_context = &x->progress,
        .warn = show_warning,
        .warn_context = &x->progress,
    };
    char *name = str_dup(source->stream);
    progress_begin(&x->progress, name);
    int rc = ingest_files(x->store, source->stream, source->pattern, &options, &stop_flag, &got,
                          err);
    progress_end(&x->progress);
    free(name);
    zone_close(zone);
    struct ingest_total *total = total_of(x, source->stream);
    total->lines += got.lines;
    total->events += got.events;
    total->quarantined += got.quarantined;
    total->bytes += got.bytes;
    return rc;
}

/* A source that fails is told, and the others are still read. */
static int ingest_all(struct ingesting *x, const struct source *sources, struct err *err)
{
    int worst = 0;
    for (size_t i = 0; i < x->cli->n_words && !stop_flag; i++) {
        int rc = ingest(x, &sources[i], err);
        if (rc == 0)
            continue;
        complain("%s", err->text);
        worst = worst != 0 ? worst : rc;
        if (rc == ERR_FULL)
            break; /* the others would only say the same */
    }
    return worst;
}

static int run(struct cli *cli, struct err *err)
{
    struct source *sources = xcalloc(cli->n_words, sizeof *sources);
    struct ingesting x = {.cli = cli, .totals = xcalloc(cli->n_words, sizeof *x.totals)};
    int rc = check(cli, sources, err);
    if (rc == 0)
        rc = rules_of(cli, NULL, &x.rules, err);
    if (rc == 0)
        rc = store_of(cli, STORE_WRITE, NULL, &x.store, err);
    if (rc == 0) {
        stop_on_signals();
        rc = ingest_all(&x, sources, err);
        ledger_print(cli, x.totals, x.n_totals);
        rc = rc == 0 ? 0 : rc == ERR_USAGE ? 2 : 3; /* told already */
    }
    store_close(x.store);
    rules_close(x.rules);
    free(x.totals);
    free(sources);
    return rc;
}

const struct command command_ingest = {
    .name = "ingest",
    .words = "STREAM=PATH...",
    .summary = "Reads log files into the store; again, it reads only what is new.",
    .details = "PATH is a file, a glob in quotes, or - for standard input; .gz and .zst are read as\n"
               "they are. STREAM names the hop that the logs are from.",
    .example = "tlstrail ingest edge='/var/log/nginx/error.log*' app=client.log --tz app=Europe/Berlin",
    .options = OPTS_CLASSIFY | OPT(store) | OPT(output),
    .words_least = 1,
    .words_most = SIZE_MAX,
    .piped = OUTPUT_JSON,
    .run = run,
};
