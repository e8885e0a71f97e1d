/* json.c - the small pieces that answers are made of. */
#include "query/internal.h"

#include "base/escape.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

json_t *json_time(int64_t time_us)
{
    char text[CIVIL_TEXT];
    return time_us == TIME_NONE ? json_null() : json_string(civil_format(time_us, text));
}

json_t *json_field(enum field f, struct str value)
{
    if (f == FIELD_alert && value.p)
        return json_integer(str_number(value, ALERT_MAX));
    return escape_json(value);
}

json_t *json_number(double value, int digits)
{
    char text[64];
    if (!isfinite(value))
        return json_null();
    snprintf(text, sizeof text, "%.*g", digits, value);
    return json_real(strtod(text, NULL));
}

void json_note(json_t *notes, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(notes, escape_json(str_of(text)));
}
