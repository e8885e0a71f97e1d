/* verdict.c - first-spike for the eye: what somebody who was woken up at 3 AM needs, on one screen.
 *
 *   mesh broke first, on 2026-04-18 at 04:11:58.127 UTC
 *
 *   what     certificate/unknown_ca, from 0.04 to 90 a minute
 *   who      upstream leg: it was the TLS client; it refused
 *   when     between 04:11:57.9 and 04:11:58.4; ...
 *   then     ingress     +4.400 s  transport/reset
 */
#include "cli/cli.h"

enum { HOSTS_SHOWN = 5, NEW_SHOWN = 6, NEXT_SHOWN = 3, LABEL_WIDE = 9 };

struct verdict_view {
    const struct cli *cli;
    struct buf *out;
    const json_t *answer, *first;
};

static void line(struct verdict_view *v, const char *label, struct str text)
{
    size_t n = strlen(label);
    paint(v->out, &v->cli->screen, PAINT_DIM, str_of(label));
    for (; n < LABEL_WIDE; n++)
        buf_char(v->out, ' ');
    escape_terminal(v->out, text);
    buf_char(v->out, '\n');
}

/* Prints and empties text. */
static void line_of(struct verdict_view *v, const char *label, struct buf *text)
{
    if (text->n)
        line(v, label, buf_as_str(text));
    buf_release(text);
    *text = (struct buf){0};
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* "04:11:58.127" of an RFC 3339 time: the day is said once, a microsecond helps nobody. */
static const char *clock_of(const char *time, char out[CIVIL_TEXT])
{
    enum { DAY = 11, CLOCK = 12 }; /* "2026-04-18T", "04:11:58.127" */
    size_t n = strlen(time);
    if (n < 20 || n >= CIVIL_TEXT)
        return time;
    snprintf(out, CIVIL_TEXT, "%.*s", n - DAY - 1 < CLOCK ? (int)(n - DAY - 1) : CLOCK, time + DAY);
    return out;
}

static void headline(struct verdict_view *v)
{
    char at[CIVIL_TEXT];
    const char *onset = json_text(v->first, "onset");
    size_t ties = json_array_size(json_object_get(v->first, "tied_with"));
    paint(v->out, &v->cli->screen, PAINT_RED, str_of(json_text(v->first, "stream")));
    paint(v->out, &v->cli->screen, PAINT_BOLD, ties ? STR(" was among the first to break")
                                                    : STR(" broke first"));
    buf_printf(v->out, ", on %.10s at ", onset);
    paint(v->out, &v->cli->screen, PAINT_BOLD, str_of(clock_of(onset, at)));
    buf_str(v->out, STR(" UTC\n\n"));
}

static void what(struct verdict_view *v)
{
    struct buf text = {0};
    buf_printf(&text, "%s/%s, from %.3g to %.3g a minute, %.0f in all", json_text(v->first, "class"),
               json_text(v->first, "reason"), number_of(v->first, "rate_before") * 60,
               number_of(v->first, "rate_after") * 60, number_of(v->first, "events"));
    line_of(v, "what", &text);
    struct event event = {.leg = leg_find(str_of(json_text(v->first, "leg"))),
                          .rejected_by = side_find(str_of(json_text(v->first, "rejected_by"))),
                          .alert = ALERT_NONE};
    side_sentence(&event, &text);
    line_of(v, "who", &text);
}

static void when(struct verdict_view *v)
{
    char a[CIVIL_TEXT], b[CIVIL_TEXT];
    struct buf text = {0};
    double p = number_of(v->first, "p_value");
    buf_printf(&text, "between %s and %s", clock_of(json_text(v->first, "earliest"), a),
               clock_of(json_text(v->first, "latest"), b));
    if (json_is_true(json_object_get(v->first, "slow")))
        buf_str(&text, STR(", growing slowly"));
    if (json_is_string(json_object_get(v->first, "ended")))
        buf_printf(&text, ", over at %s", clock_of(json_text(v->first, "ended"), a));
    if (p < 1e-12)
        buf_str(&text, STR("; chance alone: less than 1 in 10^12"));
    else
        buf_printf(&text, "; chance alone: p = %.2g", p);
    line_of(v, "when", &text);
}

static void then(struct verdict_view *v)
{
    struct buf text = {0};
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(v->answer, "order"), i, row) {
        if (i == 0)
            continue;
        buf_printf(&text, "%-10s +%.3f s  %s/%s", json_text(row, "stream"), number_of(row, "lag_s"),
                   json_text(row, "class"), json_text(row, "reason"));
        if (*json_text(row, "leg"))
            buf_printf(&text, "  %s", json_text(row, "leg"));
        line_of(v, i == 1 ? "then" : "", &text);
    }
}

static void hosts(struct verdict_view *v)
{
    struct buf text = {0};
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(v->first, "hosts"), i, row) {
        const char *host = json_text(row, "host");
        if (i < HOSTS_SHOWN)
            buf_printf(&text, "%s%s (%.0f)", i ? ", " : "", *host ? host : "no name",
                       number_of(row, "count"));
    }
    line_of(v, "hosts", &text);
}

static void since_deploy(struct verdict_view *v)
{
    const json_t *deploy = json_object_get(v->answer, "deploy");
    const json_t *fresh = json_object_get(v->answer, "new");
    struct buf text = {0};
    char at[CIVIL_TEXT];
    size_t i = 0;
    json_t *row = NULL;
    if (!json_is_object(deploy))
        return;
    buf_printf(&text, "%s at %s, %.3g s before it began", json_text(deploy, "name"),
               clock_of(json_text(deploy, "at"), at), number_of(deploy, "onset_after_s"));
    line_of(v, "deploy", &text);
    json_array_foreach(fresh, i, row) {
        const char *host = json_text(row, "host");
        if (i == NEW_SHOWN)
            break;
        buf_printf(&text, "%s %s/%s%s%s (%.0f)", json_text(row, "stream"), json_text(row, "class"),
                   json_text(row, "reason"), *host ? " for " : "", host, number_of(row, "count"));
        line_of(v, i ? "" : "new", &text);
    }
    if (!json_array_size(fresh))
        line(v, "new", STR("nothing that wasn't there before the deploy"));
}

static void lines(struct verdict_view *v, const char *label, const json_t *value)
{
    if (json_is_string(value))
        line(v, label, str_of(json_string_value(value)));
    for (size_t i = 0; i < json_array_size(value); i++)
        line(v, i ? "" : label, str_of(json_string_value(json_array_get(value, i))));
}

static void advice(struct verdict_view *v)
{
    const json_t *next = json_object_get(v->first, "next");
    struct buf text = {0};
    buf_char(v->out, '\n');
    lines(v, "means", json_object_get(v->first, "meaning"));
    lines(v, "look at", json_object_get(v->first, "look_at"));
    lines(v, "fix at", json_object_get(v->first, "fix_at"));
    buf_char(v->out, '\n');
    for (size_t i = 0; i < json_array_size(next) && i < NEXT_SHOWN; i++) {
        buf_printf(&text, "%zu. %s", i + 1, json_string_value(json_array_get(next, i)));
        line_of(v, i ? "" : "next", &text);
    }
}

static void notes(struct verdict_view *v)
{
    struct buf text = {0};
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(v->answer, "quiet"), i, row) {
        buf_printf(&text, "%s: %s", json_text(row, "stream"), json_text(row, "why"));
        line_of(v, i ? "" : "quiet", &text);
    }
    lines(v, "notes", json_object_get(v->answer, "notes"));
}

void verdict_table(const struct cli *cli, json_t *answer, struct buf *out)
{
    struct verdict_view v = {cli, out, answer, json_object_get(answer, "first")};
    if (json_is_object(v.first)) {
        headline(&v);
        what(&v);
        when(&v);
        then(&v);
        hosts(&v);
        since_deploy(&v);
        advice(&v);
    } else {
        buf_str(out, STR("nothing began: no stream fails more often than it did before\n"));
    }
    buf_char(out, '\n');
    notes(&v);
    while (out->n > 1 && out->p[out->n - 1] == '\n' && out->p[out->n - 2] == '\n')
        out->n--;
}
