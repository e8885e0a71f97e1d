/* kafka_otlp.c - OpenTelemetry's JSON, as its collector writes it to Kafka: many log records in one.
 *
 *   {"resourceLogs":[{"resource":{"attributes":[{"key":"k8s.pod.name","value":{"stringValue":"a"}}]},
 *     "scopeLogs":[{"logRecords":[{"timeUnixNano":"1776485522000000000",
 *       "body":{"stringValue":"the line"},"attributes":[]}]}]}]}
 *
 * becomes, for each log record, an object as a JSON logger writes it:
 *
 *   {"k8s.pod.name":"a","@timestamp":"2026-04-18T04:12:02.000000Z","message":"the line"} */
#include "ingest/kafka_internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* {"stringValue":"a"}, {"intValue":"1"}, {"boolValue":true}: the value itself, borrowed. */
static json_t *value_of(json_t *any)
{
    return json_is_object(any) ? json_object_iter_value(json_object_iter(any)) : NULL;
}

static void add_pairs(json_t *out, json_t *pairs)
{
    size_t i;
    json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *key = json_string_value(json_object_get(pair, "key"));
        json_t *value = value_of(json_object_get(pair, "value"));
        if (key && value)
            json_object_set(out, key, value);
    }
}

static void add_time(json_t *out, json_t *record)
{
    const char *names[] = {"timeUnixNano", "observedTimeUnixNano"};
    for (int i = 0; i < 2; i++) {
        json_t *value = json_object_get(record, names[i]);
        int64_t ns = json_is_string(value) ? str_number(str_of(json_string_value(value)), INT64_MAX)
                                           : json_integer_value(value);
        if (ns <= 0)
            continue;
        char text[CIVIL_TEXT];
        civil_format(ns / 1000, text);
        json_object_set_new(out, "@timestamp", json_string(text));
        return;
    }
}

static void add_body(json_t *out, json_t *body)
{
    json_t *list = json_object_get(json_object_get(body, "kvlistValue"), "values");
    if (list)
        add_pairs(out, list); /* an object: its own "message" is found like any logger's */
    else if (value_of(body))
        json_object_set(out, "message", value_of(body));
    else if (json_is_string(body))
        json_object_set(out, "message", body);
}

static void add_record(struct unpacked_record *out, json_t *resource, json_t *record)
{
    json_t *flat = json_object();
    add_pairs(flat, json_object_get(resource, "attributes"));
    add_pairs(flat, json_object_get(record, "attributes"));
    add_time(flat, record);
    if (json_object_get(record, "severityText"))
        json_object_set(flat, "level", json_object_get(record, "severityText"));
    add_body(flat, json_object_get(record, "body"));
    char *text = json_dumps(flat, JSON_COMPACT);
    if (text)
        buf_str(&out->bytes, str_of(text));
    free(text);
    json_decref(flat);
    out->ends = xgrow(out->ends, out->n, &out->cap, sizeof *out->ends);
    out->ends[out->n++] = out->bytes.n;
}

static void add_resource(struct unpacked_record *out, json_t *logs)
{
    size_t i, j;
    json_t *scope, *record;
    json_array_foreach(json_object_get(logs, "scopeLogs"), i, scope)
    {
        json_array_foreach(json_object_get(scope, "logRecords"), j, record)
        {
            bool room = out->bytes.n < OTLP_BYTES_MAX;
            add_record(out, room ? json_object_get(logs, "resource") : NULL, record);
        }
    }
}

bool otlp_unpack(struct str record, struct unpacked_record *out)
{
    size_t i;
    json_t *logs;
    out->n = out->bytes.n = 0;
    if (!str_starts(str_trim(record), STR("{\"resourceLogs\"")))
        return false;
    json_t *root = json_loadb(record.p, record.n, 0, NULL);
    json_array_foreach(json_object_get(root, "resourceLogs"), i, logs)
    {
        add_resource(out, logs);
    }
    json_decref(root);
    return out->n > 0;
}
