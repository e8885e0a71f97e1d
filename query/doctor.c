/* doctor.c - what each stream's logs can't show as they are set, and what to set; and what fails in
 * them all day.
 *
 * A product that logs one leg's failures only at another level or in another format (blind.def) is
 * blind there until it has shown such a failure: from then on the setting is known to be right.
 * Which products write to a stream is known by its failures; where it never had one, the names of
 * its sources may tell ("/var/log/nginx/error.log"). */
#include "query/internal.h"

#include "base/escape.h"

#include <stdlib.h>

struct blind {
    const char *family;
    enum leg leg;
    const char *hides, *set, *why;
    bool by_default, by_library;
};
static const struct blind blinds[] = {
#define BLIND(family, leg, hides, set, why) {family, LEG_##leg, hides, set, why, true, false},
#define DIM(family, leg, hides, set, why) {family, LEG_##leg, hides, set, why, false, false},
#define LIBRARY(family, leg, hides, set, why) {family, LEG_##leg, hides, set, why, false, true},
#include "query/blind.def"
#undef BLIND
#undef DIM
#undef LIBRARY
};
static const struct hint {
    const char *word, *family;
} hints[] = {
#define HINT(word, family) {word, family},
#include "query/blind.def"
#undef HINT
};
enum { BLINDS = sizeof blinds / sizeof *blinds, HINTS = sizeof hints / sizeof *hints };
enum { FLOORS_SHOWN = 8 };

/* What is known of a stream's products. */
struct known {
    struct str stream;
    struct series *series;
    size_t n;
    struct stream_status status;
};

static bool starts_word(struct str text, const char *word)
{
    struct str w = str_of(word);
    return str_starts(text, w) && (text.n == w.n || text.p[w.n] == '_' || text.p[w.n] == '-');
}

static bool is_of(const struct event *event, const struct blind *blind)
{
    return starts_word(blind->by_library ? event->library : event->format, blind->family);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool has_word(struct str text, struct str word)
{
    for (ptrdiff_t at = 0; (at = str_ifind(text, word, (size_t)at)) >= 0; at++) {
        size_t end = (size_t)at + word.n;
        if ((at == 0 || !is_letter(text.p[at - 1])) && (end == text.n || !is_letter(text.p[end])))
            return true;
    }
    return false;
}

static bool hinted(const struct known *k, const char *family)
{
    for (size_t i = 0; i < HINTS; i++) {
        struct str word = str_of(hints[i].word);
        if (strcmp(hints[i].family, family) != 0)
            continue;
        if (has_word(k->stream, word))
            return true;
        for (size_t c = 0; c < k->status.n_cursors; c++)
            if (has_word(k->status.cursors[c].key, word) ||
                has_word(k->status.cursors[c].detail, word))
                return true;
    }
    return false;
}

/* The stream has the product, and that never showed a failure of the leg. */
static bool applies(const struct known *k, const struct blind *blind)
{
    bool there = false;
    for (size_t i = 0; i < k->n; i++) {
        const struct event *event = &k->series[i].event;
        if (!is_of(event, blind))
            continue;
        there = true;
        if (blind->leg && event->leg == blind->leg)
            return false;
    }
    return there || (k->n == 0 && k->status.lines > 0 && hinted(k, blind->family));
}

static int known_of(struct store *s, struct str stream, struct arena *arena, struct known *out,
                    struct err *err)
{
    *out = (struct known){.stream = stream};
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
        if (blinds[i].by_default && applies(&known, &blinds[i]))
            buf_printf(&text, "%s %s", blinds[i].family, blinds[i].hides);
    if (!text.n && known.status.lines && !known.n)
        buf_str(&text, STR("no line of it ever reported a failed handshake: its log level or "
                           "format may hide them (tlstrail doctor)"));
    struct str note = text.n ? arena_copy(arena, buf_as_str(&text)) : STR_NONE;
    buf_release(&text);
    return note;
}

struct str doctor_floor(struct store *s, const struct slice *slice, struct arena *arena)
{
    struct floor *floors = NULL;
    size_t n = 0;
    struct err err;
    struct buf text = {0};
    if (floors_find(s, slice, arena, &floors, &n, &err) != 0 || n == 0)
        return STR_NONE;
    floor_text(&floors[0], &text);
    if (n > 1)
        buf_printf(&text, " (and %zu more like it)", n - 1);
    struct str note = arena_copy(arena, buf_as_str(&text));
    buf_release(&text);
    return note;
}

/* ---- the answer ---- */

static json_t *finding(const struct known *known, const char *kind, const char *format,
                       struct buf *problem, const char *fix)
{
    json_t *row = json_object();
    json_object_set_new(row, "stream", escape_json(known->stream));
    json_object_set_new(row, "kind", escape_json(str_of(kind)));
    json_object_set_new(row, "format", escape_json(str_of(format)));
    json_object_set_new(row, "problem", escape_json(buf_as_str(problem)));
    json_object_set_new(row, "fix", escape_json(str_of(fix)));
    buf_release(problem);
    return row;
}

static void add_blind(const struct known *known, json_t *list)
{
    bool any = false;
    for (size_t i = 0; i < BLINDS; i++) {
        struct buf problem = {0};
        if (!applies(known, &blinds[i]))
            continue;
        any = true;
        buf_printf(&problem, "%s %s: %s", blinds[i].family, blinds[i].hides, blinds[i].why);
        json_array_append_new(
            list, finding(known, "blind", blinds[i].family, &problem, blinds[i].set));
    }
    if (any || known->n || !known->status.lines)
        return;
    struct buf problem = {0};
    buf_printf(&problem, "none of %llu lines reported a failed handshake, so its format isn't "
                         "known: its log level or format may hide them",
               (unsigned long long)known->status.lines);
    json_array_append_new(
        list, finding(known, "blind", NULL, &problem,
                      "nginx: error_log ... info; Apache: LogLevel ssl:info; Traefik, Caddy: "
                      "DEBUG; HAProxy: error-log-format; Envoy: access_log on the listener; AWS "
                      "ALB: connection logs"));
}

static const char *floor_fix(const struct floor *f)
{
    if (f->leg == LEG_upstream)
        return "if it is a health check of this hop, check with TLS and the right name; else mend "
               "that upstream: it has failed all along";
    return "if it is a health checker, let it finish the handshake or check another port; if a "
           "scanner, nothing. first-spike takes it for the usual rate";
}

static void add_floors(const struct known *known, const struct floor *floors, size_t n,
                       json_t *list)
{
    for (size_t i = 0; i < n && i < FLOORS_SHOWN; i++) {
        struct buf problem = {0};
        floor_text(&floors[i], &problem);
        json_t *row = finding(known, "floor", NULL, &problem, floor_fix(&floors[i]));
        json_object_set_new(row, "peer", escape_json(floors[i].peer));
        json_object_set_new(row, "reason", json_string(reason_name(floors[i].reason)));
        json_object_set_new(row, "count", json_integer((json_int_t)floors[i].count));
        json_object_set_new(row, "per_hour", json_number(floors[i].per_hour, 3));
        json_array_append_new(list, row);
    }
}

static int findings_of(struct store *s, const struct slice *slice, struct arena *arena,
                       json_t *list, struct err *err)
{
    struct known known;
    struct floor *floors = NULL;
    size_t n = 0;
    if (known_of(s, slice->stream, arena, &known, err) != 0 ||
        floors_find(s, slice, arena, &floors, &n, err) != 0)
        return err_wrap(err, "stream %.*s", STR_ARG(slice->stream));
    add_blind(&known, list);
    add_floors(&known, floors, n, list);
    return 0;
}

int query_doctor(struct store *s, const struct selection *sel, json_t **answer, bool *nothing,
                 struct err *err)
{
    struct arena arena = {0};
    struct slice *slices = NULL;
    size_t n = 0;
    json_t *list = json_array();
    int rc = slices_open(s, sel, &arena, &slices, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = findings_of(s, &slices[i], &arena, list, err);
    *nothing = json_array_size(list) == 0;
    *answer = rc == 0 ? json_pack("{s:o}", "findings", list) : NULL;
    if (rc != 0)
        json_decref(list);
    arena_release(&arena);
    return rc;
}
