/* verdict.c - first-spike for the eye: what somebody who was woken up at 3 AM needs, on one screen.
 * The answer gives who, when and how sure; what it adds is asked of the store about the first
 * stream since its onset: the leg and side, the hosts, what is new, and what to do. */
#include "cli/cli.h"

#include <stdlib.h>

enum { HOSTS_SHOWN = 5, NEXT_SHOWN = 3, LABEL_WIDE = 9 };

struct verdict_out {
    const struct cli *cli;
    struct store *store;
    const struct selection *sel;
    struct buf out;
    const json_t *first;
    struct event event; /* the first one of the spike; texts in arena */
    bool found;
    struct arena arena;
};

static void label(struct verdict_out *v, const char *text)
{
    size_t n = strlen(text);
    paint(&v->out, &v->cli->screen, PAINT_DIM, str_of(text));
    for (; n < LABEL_WIDE; n++)
        buf_char(&v->out, ' ');
}

static void line(struct verdict_out *v, const char *name, struct str text)
{
    label(v, name);
    escape_terminal(&v->out, text);
    buf_char(&v->out, '\n');
}

static void line_format(struct verdict_out *v, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void line_format(struct verdict_out *v, const char *name, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    line(v, name, str_of(text));
}

static int64_t time_of(const struct verdict_out *v, const json_t *object, const char *key)
{
    struct err err = {0};
    int64_t time_us = TIME_NONE;
    const char *text = json_text(object, key);
    if (*text)
        (void)time_parse(NULL, str_of(text), v->cli->now_us, &time_us, &err);
    return time_us;
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* "04:11:58.127" of an RFC 3339 time; the day is said once. */
static const char *clock_of(const char *time, char out[CIVIL_TEXT])
{
    size_t n = strlen(time);
    if (n < 20)
        return time;
    snprintf(out, CIVIL_TEXT, "%.*s", (int)(n - 12), time + 11);
    return out;
}

/* ---- asking the store ---- */

/* The question's selection, narrowed to the first stream, its class and its reason since onset. */
static void about_first(const struct verdict_out *v, struct selection *out)
{
    struct err err = {0};
    selection_init(out, v->cli->now_us);
    out->since_us = time_of(v, v->first, "earliest");
    out->until_us = v->sel->until_us;
    for (int f = 1; f < FIELD_COUNT; f++)
        for (size_t i = 0; i < v->sel->n_values[f] && f != FIELD_stream; i++)
            (void)selection_add(out, (enum field)f, v->sel->values[f][i], &err);
    (void)selection_add(out, FIELD_stream, str_of(json_text(v->first, "stream")), &err);
    if (!out->n_values[FIELD_reason] && *json_text(v->first, "reason"))
        (void)selection_add(out, FIELD_reason, str_of(json_text(v->first, "reason")), &err);
}

static int keep_first(void *context, struct str stream, int64_t id, const struct event *event)
{
    struct verdict_out *v = context;
    (void)stream;
    (void)id;
    v->event = *event;
    struct str *const texts[] = {&v->event.host,   &v->event.peer,    &v->event.tls_version,
                                 &v->event.cipher, &v->event.format,  &v->event.library,
                                 &v->event.raw};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]->p)
            *texts[i] = arena_copy(&v->arena, *texts[i]);
    v->found = true;
    return 1;
}

/* The commonest leg and side of the spike's events, then one event with them. */
static void ask_event(struct verdict_out *v)
{
    struct selection sel = {0};
    struct err err = {0};
    json_t *answer = NULL;
    bool nothing = false;
    const enum field by[] = {FIELD_leg, FIELD_rejected_by, FIELD_alert};
    about_first(v, &sel);
    sel.limit = 1;
    if (query_groups(v->store, &sel, by, 3, &answer, &nothing, &err) == 0) {
        const json_t *top = json_array_get(json_object_get(answer, "groups"), 0);
        for (size_t i = 0; i < 2; i++) {
            const char *value = json_text(top, field_name(by[i]));
            if (*value && !sel.n_values[by[i]])
                (void)selection_add(&sel, by[i], str_of(value), &err);
        }
    }
    json_decref(answer);
    (void)query_events(v->store, &sel, false, keep_first, v, &err);
    selection_release(&sel);
}

/* ---- the lines ---- */

static void headline(struct verdict_out *v)
{
    char at[CIVIL_TEXT];
    const char *onset = json_text(v->first, "onset");
    paint(&v->out, &v->cli->screen, PAINT_RED, str_of(json_text(v->first, "stream")));
    paint(&v->out, &v->cli->screen, PAINT_BOLD, STR(" broke first"));
    buf_printf(&v->out, ", on %.10s at ", onset);
    paint(&v->out, &v->cli->screen, PAINT_BOLD, str_of(clock_of(onset, at)));
    buf_str(&v->out, STR(" UTC\n\n"));
}

static const char *chance(double p, char out[32])
{
    if (p < 1e-12)
        return "less than 1 in 10^12";
    snprintf(out, 32, "p = %.2g", p);
    return out;
}

static void when(struct verdict_out *v)
{
    char a[CIVIL_TEXT], b[CIVIL_TEXT], p[32];
    line_format(v, "when", "between %s and %s; chance of such a jump by accident: %s",
                clock_of(json_text(v->first, "earliest"), a),
                clock_of(json_text(v->first, "latest"), b),
                chance(number_of(v->first, "p_value"), p));
}

static void what(struct verdict_out *v)
{
    struct buf who = {0};
    line_format(v, "what", "%s/%s, from %.3g to %.3g a minute", json_text(v->first, "class"),
                json_text(v->first, "reason"), number_of(v->first, "rate_before") * 60,
                number_of(v->first, "rate_after") * 60);
    if (v->found) {
        side_sentence(&v->event, &who);
        line(v, "who", buf_as_str(&who));
    }
    buf_release(&who);
}

static void then(struct verdict_out *v, const json_t *order)
{
    const char *name = "then";
    size_t i = 0;
    json_t *row = NULL;
    int64_t latest_us = time_of(v, v->first, "latest"), onset_us = time_of(v, v->first, "onset");
    json_array_foreach((json_t *)order, i, row) {
        if (strcmp(json_text(row, "stream"), json_text(v->first, "stream")) == 0)
            continue;
        double lag_s = (double)(time_of(v, row, "onset") - onset_us) / 1e6;
        bool overlap = time_of(v, row, "earliest") <= latest_us;
        line_format(v, name, "%-10s %+9.3f s  %s/%s%s", json_text(row, "stream"), lag_s,
                    json_text(row, "class"), json_text(row, "reason"),
                    overlap ? "  (too close to say which was first)" : "");
        name = "";
    }
}

static void hosts(struct verdict_out *v)
{
    struct selection sel = {0};
    struct err err = {0};
    json_t *answer = NULL, *row = NULL;
    bool nothing = false;
    struct buf text = {0};
    const enum field by = FIELD_host;
    size_t i = 0;
    about_first(v, &sel);
    sel.limit = HOSTS_SHOWN;
    if (query_groups(v->store, &sel, &by, 1, &answer, &nothing, &err) == 0)
        json_array_foreach(json_object_get(answer, "groups"), i, row) {
            const char *host = json_text(row, "host");
            buf_printf(&text, "%s%s %.0f", i ? ", " : "", *host ? host : "(no name)",
                       number_of(row, "count"));
        }
    if (text.n)
        line(v, "hosts", buf_as_str(&text));
    buf_release(&text);
    json_decref(answer);
    selection_release(&sel);
}

/* Reasons that the stream has since the deploy and hadn't before. */
static void new_in_stream(struct verdict_out *v, const char *stream, int64_t at_us,
                          struct buf *out)
{
    struct selection sel = {0};
    struct err err = {0};
    json_t *answer = NULL, *row = NULL;
    bool nothing = false;
    size_t i = 0;
    selection_init(&sel, v->cli->now_us);
    if (query_compare(v->store, &sel, str_of(stream), STR_NONE, at_us, &answer, &nothing,
                      &err) == 0)
        json_array_foreach(json_object_get(answer, "rows"), i, row) {
            if (strcmp(json_text(row, "verdict"), "only_b") == 0)
                buf_printf(out, "%s%s %s/%s", out->n ? ", " : "", stream,
                           json_text(row, "class"), json_text(row, "reason"));
        }
    json_decref(answer);
    selection_release(&sel);
}

static void since_deploy(struct verdict_out *v, const json_t *order)
{
    struct deploy *deploys = NULL, *last = NULL;
    size_t n = store_deploys(v->store, &v->arena, &deploys), i = 0;
    int64_t latest_us = time_of(v, v->first, "latest");
    json_t *row = NULL;
    char time[CIVIL_TEXT], at[CIVIL_TEXT];
    struct buf text = {0};
    for (size_t d = 0; d < n; d++)
        last = deploys[d].at_us <= latest_us ? &deploys[d] : last;
    if (!last)
        return;
    json_array_foreach((json_t *)order, i, row)
        new_in_stream(v, json_text(row, "stream"), last->at_us, &text);
    line_format(v, "deploy", "%.*s at %s, %.0f s before the first failure", STR_ARG(last->name),
                clock_of(civil_format(last->at_us, time), at),
                (double)(time_of(v, v->first, "onset") - last->at_us) / 1e6);
    line(v, "new", text.n ? buf_as_str(&text) : STR("nothing that wasn't there before it"));
    buf_release(&text);
}

static void advice(struct verdict_out *v)
{
    if (!v->found)
        return;
    json_t *more = explain_event(&v->event, str_of(json_text(v->first, "stream")));
    const json_t *next = json_object_get(more, "next");
    line(v, "means", str_of(json_text(more, "meaning")));
    line(v, "look at", str_of(json_text(more, "look_at")));
    line(v, "fix at", str_of(json_text(more, "fix_at")));
    buf_char(&v->out, '\n');
    for (size_t i = 0; i < json_array_size(next) && i < NEXT_SHOWN; i++)
        line_format(v, i ? "" : "next", "%zu. %s", i + 1,
                    json_string_value(json_array_get(next, i)));
    json_decref(more);
}

static void names_of(const json_t *list, struct buf *out)
{
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach((json_t *)list, i, one) {
        const char *name = json_is_string(one) ? json_string_value(one) : json_text(one, "stream");
        buf_printf(out, "%s%s", i ? ", " : "", name);
    }
}

static void notes(struct verdict_out *v, const json_t *answer)
{
    struct buf quiet = {0};
    size_t i = 0;
    json_t *note = NULL;
    names_of(json_object_get(answer, "quiet"), &quiet);
    if (quiet.n)
        line(v, "quiet", buf_as_str(&quiet));
    json_array_foreach(json_object_get(answer, "notes"), i, note)
        line(v, i ? "" : "notes", str_of(json_string_value(note)));
    buf_release(&quiet);
}

int verdict_print(const struct cli *cli, struct store *store, const struct selection *sel,
                  json_t *answer, struct err *err)
{
    struct verdict_out v = {.cli = cli, .store = store, .sel = sel};
    const json_t *order = json_object_get(answer, "order");
    (void)err;
    v.first = json_object_get(answer, "first");
    if (json_is_object(v.first)) {
        ask_event(&v);
        headline(&v);
        what(&v);
        when(&v);
        then(&v, order);
        hosts(&v);
        since_deploy(&v, order);
        buf_char(&v.out, '\n');
        advice(&v);
        buf_char(&v.out, '\n');
    } else {
        buf_str(&v.out, STR("nothing began: no stream fails more often than it did before\n"));
    }
    notes(&v, answer);
    out_write(buf_as_str(&v.out));
    buf_release(&v.out);
    arena_release(&v.arena);
    return 0;
}
