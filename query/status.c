/* status.c - what the store holds: streams, how far their sources are read, the ledger, deploys. */
#include "query/internal.h"

#include "base/escape.h"

static json_t *cursors_json(const struct stream_status *status)
{
    json_t *list = json_array();
    for (size_t i = 0; i < status->n_cursors; i++) {
        const struct cursor *c = &status->cursors[i];
        json_t *detail = c->detail.p ? json_loadb(c->detail.p, c->detail.n, 0, NULL) : NULL;
        json_t *row = json_object();
        json_object_set_new(row, "source", escape_json(c->key));
        json_object_set_new(row, "position", json_integer(c->position));
        json_object_set_new(row, "detail", detail ? detail : escape_json(c->detail));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *stream_json(const struct stream_status *status)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"lines", status->lines},   {"events", status->events},
        {"other", status->other},   {"quarantined", status->quarantined},
        {"bytes", status->bytes},   {"pruned", status->pruned},
        {"stored", status->stored}, {"file_bytes", (uint64_t)status->file_bytes},
    };
    json_t *row = json_object();
    json_object_set_new(row, "stream", escape_json(status->name));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(row, numbers[i].name, json_integer((json_int_t)numbers[i].value));
    json_object_set_new(row, "closed",
                        json_boolean(status->lines ==
                                     status->events + status->other + status->quarantined));
    json_object_set_new(row, "first", json_time(status->first_us));
    json_object_set_new(row, "last", json_time(status->last_us));
    json_object_set_new(row, "last_line", json_time(status->last_line_us));
    json_object_set_new(row, "damaged", escape_json(status->damaged));
    json_object_set_new(row, "cursors", cursors_json(status));
    return row;
}

/* ---- Kafka's partitions, from what each stream's cursor says of its partition ---- */

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static json_t *partition_row(json_t *rows, const json_t *detail)
{
    size_t i;
    json_t *row;
    const char *topic = json_string_value(json_object_get(detail, "topic"));
    json_array_foreach(rows, i, row)
    {
        if (number(row, "partition") == number(detail, "partition") &&
            strcmp(json_string_value(json_object_get(row, "topic")), topic) == 0)
            return row;
    }
    row = json_pack("{s:s, s:I, s:i}", "topic", topic, "partition", number(detail, "partition"),
                    "at_ms", -1);
    json_array_append_new(rows, row);
    return row;
}

/* The newest detail tells: an idle stream's is old. */
static void add_partition(json_t *rows, const json_t *detail)
{
    static const char *const same[] = {"rate", "gaps", "gap", "replayed", "at_ms"};
    if (!json_is_string(json_object_get(detail, "topic")))
        return;
    json_t *row = partition_row(rows, detail);
    if (number(detail, "at_ms") < number(row, "at_ms"))
        return;
    json_object_set(row, "position", json_object_get(detail, "read"));
    json_object_set(row, "end", json_object_get(detail, "end"));
    json_object_set_new(row, "lag", json_integer(number(detail, "end") - number(detail, "read")));
    json_object_set_new(row, "at", json_time(number(detail, "at_ms") * 1000));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (json_object_get(detail, same[i]))
            json_object_set(row, same[i], json_object_get(detail, same[i]));
}

static void add_partitions(json_t *rows, const struct stream_status *status)
{
    for (size_t i = 0; i < status->n_cursors; i++) {
        struct str key = status->cursors[i].key, detail = status->cursors[i].detail;
        json_t *object = str_starts(key, STR("kafka:")) && detail.p
                             ? json_loadb(detail.p, detail.n, 0, NULL)
                             : NULL;
        add_partition(rows, object);
        json_decref(object);
    }
}

static json_t *deploys_json(struct store *s, struct arena *arena)
{
    struct deploy *deploys = NULL;
    size_t n = store_deploys(s, arena, &deploys);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_object();
        json_object_set_new(row, "name", escape_json(deploys[i].name));
        json_object_set_new(row, "at", json_time(deploys[i].at_us));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *waiting_json(struct store *s, struct arena *arena)
{
    struct trouble *troubles;
    size_t n = store_troubles(s, arena, &troubles);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "source",
                                              escape_json(troubles[i].source), "since",
                                              json_time(troubles[i].since_us), "why",
                                              escape_json(troubles[i].line)));
    return list;
}

int query_status(struct store *s, json_t **answer, bool *nothing, struct err *err)
{
    struct arena arena = {0};
    struct str *names = NULL;
    size_t n = store_streams(s, &arena, &names), n_warnings;
    const char *const *warnings = NULL;
    json_t *streams = json_array(), *partitions = json_array(), *told = json_array();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct stream_status status = {0};
        rc = store_status(s, names[i], &arena, &status, err);
        if (rc == 0)
            json_array_append_new(streams, stream_json(&status));
        if (rc == 0)
            add_partitions(partitions, &status);
    }
    n_warnings = store_warnings(s, &warnings);
    for (size_t i = 0; i < n_warnings; i++)
        json_array_append_new(told, escape_json(str_of(warnings[i])));
    json_t *waiting = waiting_json(s, &arena);
    *nothing = n == 0 && json_array_size(waiting) == 0;
    size_t i;
    json_t *row;
    json_array_foreach(partitions, i, row)
    {
        json_object_del(row, "at_ms");
    }
    *answer = json_pack("{s:o, s:o, s:o, s:o, s:o}", "streams", streams, "partitions", partitions,
                        "waiting", waiting, "deploys", deploys_json(s, &arena), "warnings", told);
    if (rc != 0)
        json_decref(*answer);
    arena_release(&arena);
    return rc;
}
