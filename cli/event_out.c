/* event_out.c - one event a row: ndjson, a JSON array, CSV or a line for the eye. JSON is written
 * straight, without a tree: `classify` does millions of rows. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

static void key(struct buf *out, const char *name)
{
    buf_str(out, STR(",\""));
    buf_str(out, str_of(name));
    buf_str(out, STR("\":"));
}

static void text_field(struct buf *out, const char *name, struct str value)
{
    key(out, name);
    escape_json_text(out, value);
}

/* Names out of our own tables: nothing to escape. */
static void name_field(struct buf *out, const char *name, const char *value)
{
    key(out, name);
    if (!*value) {
        buf_str(out, STR("null"));
        return;
    }
    buf_char(out, '"');
    buf_str(out, str_of(value));
    buf_char(out, '"');
}

static void event_fields(struct buf *out, const struct event *event)
{
    char time[CIVIL_TEXT];
    name_field(out, "class", class_name(reason_class(event->reason)));
    name_field(out, "reason", reason_name(event->reason));
    name_field(out, "leg", leg_name(event->leg));
    name_field(out, "rejected_by", side_name(event->rejected_by));
    key(out, "alert");
    if (event->alert == ALERT_NONE)
        buf_str(out, STR("null"));
    else
        buf_printf(out, "%d", event->alert);
    text_field(out, "host", event->host);
    text_field(out, "peer", event->peer);
    text_field(out, "tls_version", event->tls_version);
    text_field(out, "cipher", event->cipher);
    name_field(out, "time", civil_format(event->time_us, time));
    text_field(out, "format", event->format);
    text_field(out, "library", event->library);
    if (event->truncated)
        buf_str(out, STR(",\"truncated\":true"));
}

static void more_fields(struct buf *out, const json_t *more)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)more, name, value) {
        char *text = json_dumps(value, JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_COMPACT);
        key(out, name);
        buf_str(out, text ? str_of(text) : STR("null"));
        free(text);
    }
}

static void json_row(const struct event_place *place, const struct event *event,
                     const json_t *more, struct buf *out)
{
    char number[32];
    if (place->line) {
        buf_str(out, STR("{\"line\":"));
        buf_add(out, number, (size_t)snprintf(number, sizeof number, "%llu",
                                              (unsigned long long)place->line));
    } else {
        buf_str(out, STR("{\"stream\":"));
        escape_json_text(out, place->stream);
        buf_printf(out, ",\"id\":%lld", (long long)place->id);
    }
    if (!event) {
        buf_str(out, STR(",\"failure\":false"));
        if (place->why)
            text_field(out, "quarantined", str_of(place->why));
    } else {
        buf_str(out, STR(",\"failure\":true"));
        event_fields(out, event);
        if (!place->line)
            text_field(out, "raw", event->raw);
        more_fields(out, more);
    }
    buf_char(out, '}');
}

/* ---- CSV ---- */

static const char csv_head[] = "failure,class,reason,leg,rejected_by,alert,host,peer,tls_version,"
                               "cipher,time,format,library";

static void csv_field(struct buf *out, struct str value)
{
    buf_char(out, ',');
    escape_csv(out, value);
}

static void csv_row(const struct event_place *place, const struct event *event, struct buf *out)
{
    char time[CIVIL_TEXT], number[8];
    if (place->line)
        buf_printf(out, "%llu,%s", (unsigned long long)place->line, event ? "true" : "false");
    else
        buf_printf(out, "%.*s,%lld,true", STR_ARG(place->stream), (long long)place->id);
    if (!event) {
        buf_str(out, STR(",,,,,,,,,,,,"));
    } else {
        for (int f = FIELD_class; f <= FIELD_cipher; f++)
            csv_field(out, field_value((enum field)f, event, place->stream, number));
        csv_field(out, str_of(civil_format(event->time_us, time)));
        csv_field(out, event->format);
        csv_field(out, event->library);
        if (!place->line)
            csv_field(out, event->raw);
    }
    buf_char(out, '\r');
}

/* ---- for the eye ---- */

static void word(struct buf *out, struct str text)
{
    if (!text.n)
        return;
    buf_str(out, STR("  "));
    escape_terminal(out, text);
}

static void where_from(const struct event_place *place, struct buf *out)
{
    if (place->line)
        buf_printf(out, "%6llu", (unsigned long long)place->line);
    else
        buf_printf(out, "%-10.*s", STR_ARG(place->stream));
}

static void eye_row(const struct cli *cli, const struct event_place *place,
                    const struct event *event, struct buf *out)
{
    char time[CIVIL_TEXT], what[96], number[32] = "";
    if (!event) {
        where_from(place, out);
        word(out, place->why ? STR("quarantined:") : STR("no TLS failure"));
        word(out, str_of(place->why));
        return;
    }
    paint(out, &cli->screen, PAINT_DIM, str_of(civil_format(event->time_us, time)));
    buf_str(out, STR("  "));
    where_from(place, out);
    snprintf(what, sizeof what, "%s/%s", class_name(reason_class(event->reason)),
             reason_name(event->reason));
    buf_str(out, STR("  "));
    paint(out, &cli->screen, PAINT_RED, str_of(what));
    if (event->leg != LEG_NONE)
        buf_printf(out, "  %s", leg_name(event->leg));
    if (event->rejected_by != SIDE_NONE)
        buf_printf(out, "  %s refused", event->rejected_by == SIDE_local ? "this side" : "peer");
    if (event->alert != ALERT_NONE)
        snprintf(number, sizeof number, "alert %d", event->alert);
    word(out, str_of(*number ? number : NULL));
    word(out, event->host);
    word(out, event->peer);
    word(out, event->tls_version);
    word(out, event->cipher);
    if (!place->line)
        buf_printf(out, "  #%lld", (long long)place->id);
}

void event_row(const struct cli *cli, const struct event_place *place, const struct event *event,
               const json_t *more, struct buf *out)
{
    switch (cli->output) {
    case OUTPUT_CSV:
        csv_row(place, event, out);
        break;
    case OUTPUT_TABLE:
        eye_row(cli, place, event, out);
        break;
    case OUTPUT_JSON:
        buf_str(out, place->first ? STR("[\n") : STR(",\n"));
        json_row(place, event, more, out);
        return;
    default:
        json_row(place, event, more, out);
        break;
    }
    buf_char(out, '\n');
}

void event_head(const struct cli *cli, bool stored, struct buf *out)
{
    if (cli->output == OUTPUT_CSV)
        buf_printf(out, "%s,%s%s\r\n", stored ? "stream,id" : "line", csv_head,
                   stored ? ",raw" : "");
}

void event_foot(const struct cli *cli, bool any, struct buf *out)
{
    if (cli->output == OUTPUT_JSON)
        buf_str(out, any ? STR("\n]\n") : STR("[]\n"));
}

void side_sentence(const struct event *event, struct buf *out)
{
    static const char *const legs[] = {
        "the line doesn't tell the leg",
        "downstream leg: this hop was the TLS server",
        "upstream leg: this hop was the TLS client",
    };
    static const char *const sides[] = {
        "the line doesn't tell who refused",
        "this hop refused",
        "the other end refused",
    };
    buf_printf(out, "%s; %s", legs[event->leg], sides[event->rejected_by]);
    if (event->alert != ALERT_NONE)
        buf_printf(out, ", alert %d%s%s%s", event->alert, *alert_name(event->alert) ? " (" : "",
                   alert_name(event->alert), *alert_name(event->alert) ? ")" : "");
}
