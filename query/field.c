/* field.c - the fields that events are selected and grouped by. */
#include "query/query.h"

#include <stdio.h>

static const char *const names[] = {
    "",
#define FIELD(name) #name,
#include "query/fields.def"
#undef FIELD
};

const char *field_name(enum field f)
{
    return names[f];
}

enum field field_find(struct str name)
{
    for (int f = FIELD_NONE + 1; f < FIELD_COUNT; f++)
        if (str_ieq(str_of(names[f]), name))
            return (enum field)f;
    return FIELD_NONE;
}

/* "" is how the tables of the normal form name nothing. */
static struct str named(const char *name)
{
    return *name ? str_of(name) : STR_NONE;
}

struct str field_value(enum field f, const struct event *event, struct str stream, char number[8])
{
    switch (f) {
    case FIELD_stream:
        return stream;
    case FIELD_class:
        return named(class_name(reason_class(event->reason)));
    case FIELD_reason:
        return named(reason_name(event->reason));
    case FIELD_leg:
        return named(leg_name(event->leg));
    case FIELD_rejected_by:
        return named(side_name(event->rejected_by));
    case FIELD_alert:
        if (event->alert < 0)
            return STR_NONE;
        snprintf(number, 8, "%d", event->alert % 1000);
        return str_of(number);
    case FIELD_host:
        return event->host;
    case FIELD_peer:
        return event->peer;
    case FIELD_tls_version:
        return event->tls_version;
    case FIELD_cipher:
        return event->cipher;
    case FIELD_format:
        return event->format;
    case FIELD_library:
        return event->library;
    case FIELD_NONE:
    case FIELD_COUNT:
        break;
    }
    return STR_NONE;
}
