/* selection.c - which events a question is about: "a,b" = any of them, fields together = all. */
#include "query/internal.h"

#include <stdlib.h>

void selection_init(struct selection *sel, int64_t now_us)
{
    *sel = (struct selection){.since_us = TIME_NONE, .until_us = TIME_NONE, .now_us = now_us};
}

void selection_release(struct selection *sel)
{
    for (int f = 0; f < FIELD_COUNT; f++) {
        for (size_t i = 0; i < sel->n_values[f]; i++)
            free((char *)sel->values[f][i].p);
        free(sel->values[f]);
    }
    selection_init(sel, sel->now_us);
}

/* Fields whose values are a closed list; a name is "" past its end. */
static const char *listed(enum field f, int i)
{
    switch (f) {
    case FIELD_class:
        return i < CLASS_COUNT ? class_name((enum tls_class)i) : "";
    case FIELD_reason:
        return i < REASON_COUNT ? reason_name((enum reason)i) : "";
    case FIELD_leg:
        return i < LEG_COUNT ? leg_name((enum leg)i) : "";
    case FIELD_rejected_by:
        return i < SIDE_COUNT ? side_name((enum side)i) : "";
    default:
        return "";
    }
}

static int refuse_listed(enum field f, struct str value, struct err *err)
{
    struct buf known = {0};
    for (int i = 1; *listed(f, i); i++)
        buf_printf(&known, "%s%s", i > 1 ? ", " : "", listed(f, i));
    if (field_optional(f))
        buf_str(&known, STR(", none"));
    err_set(err, ERR_USAGE, "%s \"%.*s\" isn't known; it is one of: %.*s", field_name(f),
            STR_ARG(str_head(value, 80)), STR_ARG(buf_as_str(&known)));
    buf_release(&known);
    return ERR_USAGE;
}

bool field_optional(enum field f)
{
    return f != FIELD_stream && f != FIELD_class && f != FIELD_reason;
}

/* Alerts may be given by name; the stored value is always the number. */
static int check_alert(struct str value, char number[8], struct str *out, struct err *err)
{
    int64_t n = str_number(value, ALERT_MAX);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < '0' || value.p[i] > '9')
            n = -1;
    if (n < 0)
        n = alert_find(value);
    if (n < 0)
        return err_set(err, ERR_USAGE,
                       "alert \"%.*s\" isn't known; give 0 to 255, or a name of RFC 8446 such as "
                       "unknown_ca",
                       STR_ARG(str_head(value, 80)));
    struct event event = {.alert = (int)n};
    *out = field_value(FIELD_alert, &event, STR_NONE, number);
    return 0;
}

/* *out is value, or what it is stored as. */
static int check(enum field f, struct str value, char number[8], struct str *out, struct err *err)
{
    *out = value;
    if (value.n == 0)
        return err_set(err, ERR_USAGE, "an empty value for %s", field_name(f));
    if (field_optional(f) && str_ieq(value, STR("none")))
        return 0;
    if (f == FIELD_alert)
        return check_alert(value, number, out, err);
    if (f == FIELD_stream && !stream_name_valid(value))
        return err_set(err, ERR_USAGE,
                       "stream \"%.*s\" isn't a name: a-z, 0-9, '.', '_' and '-', at most %d, "
                       "starting with a letter or digit",
                       STR_ARG(str_head(value, 80)), STREAM_NAME_MAX);
    if (!*listed(f, 1))
        return 0;
    for (int i = 1; *listed(f, i); i++)
        if (str_ieq(value, str_of(listed(f, i))))
            return 0;
    return refuse_listed(f, value, err);
}

static void add(struct selection *sel, enum field f, struct str value)
{
    size_t n = sel->n_values[f];
    sel->values[f] = xrealloc(sel->values[f], (n + 1) * sizeof *sel->values[f]);
    sel->values[f][n] = (struct str){str_dup(value), value.n};
    sel->n_values[f] = n + 1;
}

int selection_add(struct selection *sel, enum field f, struct str values, struct err *err)
{
    if (f <= FIELD_NONE || f >= FIELD_COUNT)
        return err_set(err, ERR_USAGE, "no such field");
    for (struct str rest = values;;) {
        ptrdiff_t comma = str_findc(rest, ',', 0);
        struct str value = str_trim(comma < 0 ? rest : str_head(rest, (size_t)comma));
        char number[8];
        if (check(f, value, number, &value, err) != 0)
            return err->code;
        add(sel, f, value);
        if (comma < 0)
            return 0;
        rest = str_from(rest, (size_t)comma + 1);
    }
}

/* "*.example.net" is any name below it, not example.net itself. */
static bool host_matches(struct str want, struct str host)
{
    if (!str_starts(want, STR("*.")))
        return str_ieq(want, host);
    struct str tail = str_from(want, 1);
    return host.n > tail.n && str_ieq(tail, str_from(host, host.n - tail.n));
}

struct str peer_address(struct str peer)
{
    if (peer.n && peer.p[0] == '[') {
        ptrdiff_t end = str_findc(peer, ']', 1);
        return end < 0 ? peer : str_make(peer.p + 1, (size_t)end - 1);
    }
    ptrdiff_t colon = str_findc(peer, ':', 0);
    if (colon < 0 || str_findc(peer, ':', (size_t)colon + 1) >= 0)
        return peer; /* IPv6 without brackets has no port */
    return str_head(peer, (size_t)colon);
}

static bool value_matches(enum field f, struct str want, struct str value)
{
    if (field_optional(f) && str_ieq(want, STR("none")))
        return value.p == NULL;
    if (f == FIELD_host)
        return host_matches(want, value);
    if (f == FIELD_peer && str_ieq(peer_address(value), peer_address(want)))
        return want.n == peer_address(want).n || str_ieq(want, value);
    return value.p && str_ieq(want, value);
}

bool selection_field_matches(const struct selection *sel, enum field f, struct str value)
{
    for (size_t i = 0; i < sel->n_values[f]; i++)
        if (value_matches(f, sel->values[f][i], value))
            return true;
    return sel->n_values[f] == 0;
}

bool selection_series_matches(const struct selection *sel, const struct event *event)
{
    for (int f = FIELD_NONE + 1; f < FIELD_COUNT; f++) {
        char number[8];
        if (f == FIELD_stream || f == FIELD_peer || sel->n_values[f] == 0)
            continue;
        if (!selection_field_matches(sel, (enum field)f,
                                     field_value((enum field)f, event, STR_NONE, number)))
            return false;
    }
    return true;
}
