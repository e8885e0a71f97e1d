/* doctor.c - what each stream's logs can't show as they are set, and what to set.
 *
 * A product that logs one leg's failures only at another level or in another format (blind.def) is
 * blind there until it has shown such a failure: from then on the setting is known to be right. */
#include "query/internal.h"

#include "base/escape.h"

struct blind {
    const char *family;
    enum leg leg;
    const char *hides, *set, *why;
};
static const struct blind blinds[] = {
#define BLIND(family, leg, hides, set, why) {family, LEG_##leg, hides, set, why},
#include "query/blind.def"
#undef BLIND
};
enum { BLINDS = sizeof blinds / sizeof *blinds };

/* What a stream's stored events say of its products. */
struct known {
    struct series *series;
    size_t n;
    struct stream_status status;
};

static bool is_of(const struct event *event, const char *family)
{
    struct str name = str_of(family);
    return str_starts(event->format, name) &&
           (event->format.n == name.n || event->format.p[name.n] == '_');
}

/* The stream has the product, and that never showed a failure of the leg. */
static bool applies(const struct known *k, const struct blind *blind)
{
    bool there = false;
    for (size_t i = 0; i < k->n; i++) {
        const struct event *event = &k->series[i].event;
        if (!is_of(event, blind->family))
            continue;
        there = true;
        if (blind->leg && event->leg == blind->leg)
            return false;
    }
    return there;
}

static int known_of(struct store *s, struct str stream, struct arena *arena, struct known *out,
                    struct err *err)
{
    *out = (struct known){0};
    if (store_status(s, stream, arena, &out->status, err) != 0)
        return err->code;
    if (out->status.damaged.p)
        return 0;
    return store_series(s, stream, arena, &out->series, &out->n, err);
}

struct str doctor_blind(struct store *s, const struct slice *slice, struct arena *arena)
{
    struct known known;
    struct err err;
    struct buf text = {0};
    if (known_of(s, slice->stream, arena, &known, &err) != 0)
        return STR_NONE;
    for (size_t i = 0; i < BLINDS && !text.n; i++)
        if (applies(&known, &blinds[i]))
            buf_printf(&text, "%s %s", blinds[i].family, blinds[i].hides);
    if (!text.n && known.status.lines && !known.n)
        buf_str(&text, STR("no line of it ever reported a failed handshake: its log level or format "
                           "may hide them (tlstrail doctor)"));
    struct str note = text.n ? arena_copy(arena, buf_as_str(&text)) : STR_NONE;
    buf_release(&text);
    return note;
}

static void finding(json_t *list, struct str stream, const char *format, const char *problem,
                    const char *fix)
{
    json_t *row = json_object();
    json_object_set_new(row, "stream", escape_json(stream));
    json_object_set_new(row, "format", escape_json(str_of(format)));
    json_object_set_new(row, "problem", escape_json(str_of(problem)));
    json_object_set_new(row, "fix", escape_json(str_of(fix)));
    json_array_append_new(list, row);
}

static void findings_of(const struct known *known, struct str stream, json_t *list)
{
    for (size_t i = 0; i < BLINDS; i++) {
        struct buf problem = {0};
        if (!applies(known, &blinds[i]))
            continue;
        buf_printf(&problem, "%s %s: %s", blinds[i].family, blinds[i].hides, blinds[i].why);
        buf_char(&problem, '\0');
        finding(list, stream, blinds[i].family, problem.p, blinds[i].set);
        buf_release(&problem);
    }
    if (known->status.lines && !known->n)
        finding(list, stream, NULL,
                "no line ever reported a failed handshake, so its format isn't known: its log "
                "level or format may hide them",
                "nginx: error_log ... info; Apache: LogLevel ssl:info; Traefik, Caddy: DEBUG; "
                "HAProxy: error-log-format; Envoy: access_log on the listener; AWS ALB: connection "
                "logs");
}

int query_doctor(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                 struct err *err)
{
    struct arena arena = {0};
    struct slice *slices = NULL;
    size_t n = 0;
    json_t *list = json_array();
    int rc = slices_open(s, sel, &arena, &slices, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct known known;
        rc = known_of(s, slices[i].stream, &arena, &known, err);
        if (rc == 0)
            findings_of(&known, slices[i].stream, list);
    }
    *nothing = json_array_size(list) == 0;
    *answer = rc == 0 ? json_pack("{s:o}", "findings", list) : NULL;
    if (rc != 0)
        json_decref(list);
    arena_release(&arena);
    return rc;
}
