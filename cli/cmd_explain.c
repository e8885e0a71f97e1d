/* cmd_explain.c - what pasted lines mean, which side refused, who owns the fix, what to run next. */
#include "cli/cli.h"

#include <stdlib.h>

enum { PASTED_MAX = 16 * 1024 * 1024 };

struct explaining {
    const struct cli *cli;
    struct str all;     /* the input */
    size_t done;        /* bytes of it that a row was printed for */
    uint64_t line;      /* the number of the line at done */
    struct str stream;  /* --stream, or absent */
    struct buf out;
    struct buf seen;    /* "reason leg by host" LF, of what was explained */
    uint64_t rows, events, others, repeats;
};

static void row(struct explaining *x, const struct event *event, const char *why,
                const json_t *more)
{
    struct event_place place = {.line = x->line, .why = why, .first = x->rows++ == 0};
    event_row(x->cli, &place, event, more, &x->out);
}

/* The lines before byte `end` that no event covers. */
static void pass_over(struct explaining *x, size_t end)
{
    while (x->done < end) {
        struct str left = str_make(x->all.p + x->done, end - x->done);
        const char *lf = memchr(left.p, '\n', left.n);
        x->others++;
        if (x->cli->output != OUTPUT_TABLE)
            row(x, NULL, NULL, NULL);
        x->done += lf ? (size_t)(lf + 1 - left.p) : left.n;
        x->line++;
    }
}

static void jump(struct explaining *x, size_t end)
{
    for (; x->done < end; x->done++)
        x->line += x->all.p[x->done] == '\n';
    if (x->done < x->all.n && x->all.p[x->done] == '\n') {
        x->done++;
        x->line++;
    }
}

/* ---- for the eye ---- */

static bool seen_before(struct explaining *x, const struct event *event)
{
    struct buf mark = {0};
    buf_printf(&mark, "\n%d %d %d ", (int)event->reason, (int)event->leg, (int)event->rejected_by);
    buf_str(&mark, event->host);
    buf_char(&mark, '\n');
    bool seen = str_find(buf_as_str(&x->seen), buf_as_str(&mark), 0) >= 0;
    if (!seen)
        buf_str(&x->seen, buf_as_str(&mark));
    buf_release(&mark);
    return seen;
}

static void labelled(struct explaining *x, const char *label, struct str text)
{
    if (!text.n)
        return;
    buf_printf(&x->out, "  %-8s", label);
    escape_terminal(&x->out, text);
    buf_char(&x->out, '\n');
}

static void labelled_json(struct explaining *x, const char *label, const json_t *value)
{
    if (json_is_string(value))
        labelled(x, label, str_of(json_string_value(value)));
    for (size_t i = 0; i < json_array_size(value); i++)
        labelled(x, i ? "" : label, str_of(json_string_value(json_array_get(value, i))));
}

static void block(struct explaining *x, const struct event *event, const json_t *more)
{
    char what[96], time[CIVIL_TEXT];
    struct buf who = {0};
    snprintf(what, sizeof what, "%s/%s", class_name(reason_class(event->reason)),
             reason_name(event->reason));
    buf_printf(&x->out, "%sline %llu: ", x->events > 1 ? "\n" : "", (unsigned long long)x->line);
    paint(&x->out, &x->cli->screen, PAINT_RED, str_of(what));
    buf_char(&x->out, '\n');
    side_sentence(event, &who);
    labelled(x, "who", buf_as_str(&who));
    buf_release(&who);
    labelled(x, "when", event->time_is_read ? STR("the line has no time")
                                            : str_of(civil_format(event->time_us, time)));
    labelled(x, "host", event->host);
    labelled(x, "peer", event->peer);
    labelled(x, "tls", event->tls_version);
    labelled(x, "cipher", event->cipher);
    labelled_json(x, "means", json_object_get(more, "meaning"));
    labelled_json(x, "look at", json_object_get(more, "look_at"));
    labelled_json(x, "fix at", json_object_get(more, "fix_at"));
    labelled_json(x, "next", json_object_get(more, "next"));
}

static void visit(void *context, const struct event *event, size_t offset, struct str record,
                  const char *why)
{
    struct explaining *x = context;
    pass_over(x, offset);
    if (event) {
        json_t *more = explain_event(event, x->stream);
        x->events++;
        if (x->cli->output != OUTPUT_TABLE)
            row(x, event, NULL, more);
        else if (seen_before(x, event))
            x->repeats++;
        else
            block(x, event, more);
        json_decref(more);
    } else {
        complain("line %llu could not be judged: %s", (unsigned long long)x->line, why);
        row(x, NULL, why, NULL);
    }
    jump(x, offset + record.n);
}

static void summary(struct explaining *x)
{
    if (x->cli->output != OUTPUT_TABLE)
        return;
    if (!x->events)
        buf_printf(&x->out, "no failed TLS handshake in %llu line%s\n",
                   (unsigned long long)x->others, x->others == 1 ? "" : "s");
    else if (x->repeats || x->others)
        buf_printf(&x->out, "\n%llu more of the same; %llu other lines report no TLS failure\n",
                   (unsigned long long)x->repeats, (unsigned long long)x->others);
}

static int explain(struct explaining *x, struct classifier *classifier, const struct zone *zone)
{
    struct reading reading = {.now_us = x->cli->now_us, .zone = zone};
    struct chunk_count count = {0};
    event_head(x->cli, false, &x->out);
    if (option_given(x->cli, OPT_record)) {
        struct event event;
        enum verdict v = classifier_record(classifier, x->all, &reading, &event);
        if (v != VERDICT_OTHER)
            visit(x, v == VERDICT_EVENT ? &event : NULL, 0, x->all, classifier_why(classifier));
    } else {
        classifier_chunk(classifier, x->all, &reading, visit, x, &count);
    }
    pass_over(x, x->all.n);
    event_foot(x->cli, x->rows > 0, &x->out);
    summary(x);
    out_write(buf_as_str(&x->out));
    return x->events ? 0 : 1;
}

static int run(struct cli *cli, struct err *err)
{
    struct explaining x = {.cli = cli, .line = 1, .stream = str_of(option_value(cli, OPT_stream))};
    struct rules *rules = NULL;
    struct classifier *classifier = NULL;
    struct zone *zone = NULL;
    struct lines *in = NULL;
    struct buf all = {0};
    int rc = 0;
    if ((rc = lines_open(cli->n_words ? cli->words[0] : NULL, &in, err)) == 0 &&
        (rc = rules_of(cli, NULL, &rules, err)) == 0 &&
        (rc = zone_of(cli, x.stream, &zone, err)) == 0 &&
        (rc = classifier_open(rules, &classifier, err)) == 0 &&
        (rc = lines_all(in, PASTED_MAX, &all, err)) == 0) {
        x.all = buf_as_str(&all);
        rc = explain(&x, classifier, zone);
    }
    buf_release(&all);
    buf_release(&x.out);
    buf_release(&x.seen);
    classifier_close(classifier);
    rules_close(rules);
    zone_close(zone);
    lines_close(in);
    return rc;
}

const struct command command_explain = {
    .name = "explain",
    .words = "[PATH]",
    .summary = "What pasted log lines mean, which side refused, where the fix belongs, what to run.",
    .details = "Reads PATH (plain or .gz) or standard input, at most 16 MiB. The lines of a stack\n"
               "trace are put together; --stream NAME says which hop the lines are from.",
    .example = "grep handshake /var/log/nginx/error.log | tlstrail explain --stream ingress",
    .options = OPTS_CLASSIFY | OPT(output) | OPT(record) | OPT(stream),
    .words_most = 1,
    .piped = OUTPUT_NDJSON,
    .run = run,
};
