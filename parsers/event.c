/* event.c - the names and numbers of the normal form, all read from the .def tables. */
#include "parsers/event.h"

static const char *const class_names[] = {
    "",
#define CLASS(name) #name,
#include "parsers/reasons.def"
#undef CLASS
};

static const struct {
    const char *name;
    enum tls_class class;
    int rank;
} reasons[] = {
    {"", CLASS_NONE, 0},
#define REASON(name, class, rank) {#name, CLASS_##class, rank},
#include "parsers/reasons.def"
#undef REASON
};

static const char *const leg_names[] = {"", "downstream", "upstream"};
static const char *const side_names[] = {"", "local", "peer"};

static const struct {
    int number;
    const char *name;
    enum reason reason;
} alerts[] = {
#define ALERT(number, name, reason) {number, #name, REASON_##reason},
#include "parsers/alerts.def"
#undef ALERT
};

enum { ALERTS = sizeof alerts / sizeof *alerts };

const char *class_name(enum tls_class c)
{
    return class_names[c];
}
const char *reason_name(enum reason r)
{
    return reasons[r].name;
}
const char *leg_name(enum leg l)
{
    return leg_names[l];
}
const char *side_name(enum side s)
{
    return side_names[s];
}
enum tls_class reason_class(enum reason r)
{
    return reasons[r].class;
}
int reason_rank(enum reason r)
{
    return reasons[r].rank;
}

static int find(const char *const *names, int count, struct str name)
{
    for (int i = 1; i < count; i++)
        if (str_eq(str_of(names[i]), name))
            return i;
    return 0;
}

enum tls_class class_find(struct str name)
{
    return (enum tls_class)find(class_names, CLASS_COUNT, name);
}
enum leg leg_find(struct str name)
{
    return (enum leg)find(leg_names, LEG_COUNT, name);
}
enum side side_find(struct str name)
{
    return (enum side)find(side_names, SIDE_COUNT, name);
}

enum reason reason_find(struct str name)
{
    for (int i = 1; i < REASON_COUNT; i++)
        if (str_eq(str_of(reasons[i].name), name))
            return (enum reason)i;
    return REASON_NONE;
}

const char *alert_name(int alert)
{
    for (int i = 0; i < ALERTS; i++)
        if (alerts[i].number == alert)
            return alerts[i].name;
    return "";
}

static char next_letter(struct str *s)
{
    while (s->n && strchr("_- ", s->p[0]))
        *s = str_from(*s, 1);
    if (s->n == 0)
        return '\0';
    char c = s->p[0];
    *s = str_from(*s, 1);
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same_letters(struct str a, struct str b)
{
    char c;
    while ((c = next_letter(&a)) == next_letter(&b))
        if (c == '\0')
            return true;
    return false;
}

int alert_find(struct str name)
{
    for (int i = 0; i < ALERTS; i++)
        if (same_letters(name, str_of(alerts[i].name)))
            return alerts[i].number;
    return ALERT_NONE;
}

enum reason alert_reason(int alert)
{
    for (int i = 0; i < ALERTS; i++)
        if (alerts[i].number == alert)
            return alerts[i].reason;
    return REASON_NONE;
}
