/* config.c - reads and checks the YAML configuration of `follow`: see docs/config.md. */
#include "ingest/config.h"

#include "base/amount.h"
#include "base/schema.h"
#include "parsers/time.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };

static const cyaml_schema_value_t path_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};
static const cyaml_schema_field_t stream_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct follow_stream, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("files", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct follow_stream,
                         files, &path_value, 0, CYAML_UNLIMITED),
    SCHEMA_TEXT("tz", struct follow_stream, tz),
    SCHEMA_TEXT("start", struct follow_stream, start),
    SCHEMA_TEXT("keep", struct follow_stream, keep),
    SCHEMA_TEXT("keep_bytes", struct follow_stream, keep_bytes_text),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t stream_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct follow_stream, stream_fields),
};
static const cyaml_schema_field_t property_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct kafka_pair, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("value", CYAML_FLAG_POINTER, struct kafka_pair, value, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t property_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct kafka_pair, property_fields),
};
static const cyaml_schema_field_t topic_fields[] = {
    CYAML_FIELD_STRING_PTR("topic", CYAML_FLAG_POINTER, struct kafka_topic, topic, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("stream", CYAML_FLAG_POINTER, struct kafka_topic, stream, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t topic_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct kafka_topic, topic_fields),
};
static const cyaml_schema_field_t kafka_fields[] = {
    CYAML_FIELD_STRING_PTR("brokers", CYAML_FLAG_POINTER, struct kafka_config, brokers, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("group", CYAML_FLAG_POINTER, struct kafka_config, group, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("topics", CYAML_FLAG_POINTER, struct kafka_config, topics, &path_value, 1,
                         CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("streams", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct kafka_config,
                         streams, &topic_value, 0, CYAML_UNLIMITED),
    SCHEMA_TEXT("stream", struct kafka_config, stream),
    SCHEMA_TEXT("stream_header", struct kafka_config, stream_header),
    SCHEMA_TEXT("stream_field", struct kafka_config, stream_field),
    SCHEMA_TEXT("start", struct kafka_config, start),
    SCHEMA_TEXT("tz", struct kafka_config, tz),
    CYAML_FIELD_SEQUENCE("properties", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct kafka_config, properties, &property_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t kafka_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct kafka_config, kafka_fields),
};
static const cyaml_schema_field_t config_fields[] = {
    SCHEMA_TEXT("store", struct follow_config, store),
    SCHEMA_TEXT("rules", struct follow_config, rules),
    CYAML_FIELD_INT("poll_ms", CYAML_FLAG_OPTIONAL, struct follow_config, poll_ms),
    CYAML_FIELD_SEQUENCE("streams", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct follow_config,
                         streams, &stream_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("kafka", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct follow_config,
                         kafka, &kafka_value, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t config_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct follow_config, config_fields),
};

/* A wrong name is the caller's mistake, a disk that fails isn't. */
static int unreadable(const char *path, struct err *err)
{
    static const int names[] = {ENOENT, ENOTDIR, EACCES, EISDIR, ELOOP, ENAMETOOLONG};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (errno == names[i])
            return err_set(err, ERR_USAGE,
                           "config %s: %s: name a file that can be read after --config; see"
                           " docs/config.md", path, strerror(errno));
    return err_errno(err, "config %s", path);
}

static int read_whole(const char *path, struct buf *out, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return unreadable(path, err);
    size_t n = 1;
    while (n > 0 && out->n < CONFIG_BYTES_MAX) {
        buf_reserve(out, 4096);
        n = fread(out->p + out->n, 1, 4096, file);
        out->n += n;
    }
    int r = ferror(file) ? unreadable(path, err) : 0;
    fclose(file);
    if (r == 0 && out->n >= CONFIG_BYTES_MAX)
        r = err_set(err, ERR_USAGE, "config %s: over 1 MiB: that is no configuration", path);
    return r;
}

/* The first line behind line `after` that holds what: libcyaml keeps no places. 0: none. */
static int line_of(struct str yaml, struct str what, int after)
{
    int line = 1;
    size_t at = 0;
    while (at < yaml.n) {
        ptrdiff_t end = str_findc(yaml, '\n', at);
        size_t n = end < 0 ? yaml.n - at : (size_t)end - at;
        if (line > after && str_find(str_make(yaml.p + at, n), what, 0) >= 0)
            return line;
        line++;
        at += n + 1;
    }
    return 0;
}

struct checking {
    const char *path;
    struct str yaml;
    int line; /* of the stream's name */
    bool kafka; /* streams may be fed by it alone */
};

static int wrong(const struct checking *x, const char *key, const char *value, const char *advice,
                 struct err *err)
{
    int line = line_of(x->yaml, str_of(value), x->line > 0 ? x->line - 1 : 0);
    if (line == 0)
        line = x->line;
    return err_set(err, ERR_USAGE, "config %s, line %d: %s: '%s' %s", x->path, line, key, value, advice);
}

static int check_stream(struct checking *x, struct follow_stream *s, struct err *err)
{
    struct err why;
    x->line = line_of(x->yaml, str_of(s->name), 0);
    if (!stream_name_valid(str_of(s->name)))
        return wrong(x, "name", s->name, "is no name: use a-z, 0-9, '.', '_' and '-', at most 64", err);
    if (s->files_count == 0 && !x->kafka)
        return wrong(x, "stream", s->name, "has no files: add `files: [/var/log/…/*.log]`", err);
    for (unsigned i = 0; i < s->files_count; i++) {
        if (s->files[i][0] == '\0' || strcmp(s->files[i], "-") == 0)
            return wrong(x, "files", s->files[i], "can't be followed: name a file or a glob", err);
    }
    if (s->tz && zone_open(str_of(s->tz), &s->zone, err) != 0)
        return wrong(x, "tz", s->tz, "is no zone: use UTC, +02:00, Europe/Berlin or local", err);
    if (s->start && strcmp(s->start, "beginning") != 0 && strcmp(s->start, "end") != 0)
        return wrong(x, "start", s->start, "is neither beginning nor end", err);
    s->from_end = s->start && strcmp(s->start, "end") == 0;
    if (s->keep &&
        (amount_duration(str_of(s->keep), &s->keep_us, &why) != 0 || s->keep_us == 0))
        return wrong(x, "keep", s->keep, "is no length of time: write 30d, 12h or 90m", err);
    if (s->keep_bytes_text && amount_bytes(str_of(s->keep_bytes_text), &s->keep_bytes, &why) != 0)
        return wrong(x, "keep_bytes", s->keep_bytes_text, "is no size: write 2GiB or 500MB", err);
    return 0;
}

/* start: beginning, end, or a time. */
static int check_start(struct checking *x, struct kafka_config *k, struct err *err)
{
    struct reading reading = {.now_us = civil_now_us()};
    if (!k->start || strcmp(k->start, "beginning") == 0 || strcmp(k->start, "end") == 0)
        return 0;
    if (time_read(str_of(k->start), &reading, &k->start_us) == strlen(k->start))
        return 0;
    return wrong(x, "start", k->start, "is neither beginning, nor end, nor a time", err);
}

static int check_kafka(struct checking *x, struct kafka_config *k, struct err *err)
{
    const char *at = k->brokers;
    struct err why = {0};
    x->line = line_of(x->yaml, str_of(k->brokers), 0);
    if (kafka_check(k, &at, &why) != 0) {
        int line = line_of(x->yaml, str_of(at), x->line > 0 ? x->line - 1 : 0);
        return err_set(err, ERR_USAGE, "config %s, line %d: kafka: %s", x->path,
                       line > 0 ? line : x->line, why.text);
    }
    if (k->tz && zone_open(str_of(k->tz), &k->zone, &why) != 0)
        return wrong(x, "tz", k->tz, "is no zone: use UTC, +02:00, Europe/Berlin or local", err);
    return check_start(x, k, err);
}

static int check(struct checking *x, struct follow_config *config, struct err *err)
{
    if (config->streams_count == 0 && config->kafka_count == 0)
        return err_set(err, ERR_USAGE, "config %s, line 1: nothing to follow: add `streams:` or"
                       " `kafka:`; see docs/config.md", x->path);
    for (unsigned i = 0; i < config->kafka_count; i++)
        if (check_kafka(x, &config->kafka[i], err) != 0)
            return err->code;
    if (config->poll_ms != 0 && (config->poll_ms < POLL_MS_MIN || config->poll_ms > POLL_MS_MAX))
        return err_set(err, ERR_USAGE, "config %s, line %d: poll_ms: %d is not between %d and %d",
                       x->path, line_of(x->yaml, STR("poll_ms"), 0), config->poll_ms, POLL_MS_MIN,
                       POLL_MS_MAX);
    for (unsigned i = 0; i < config->streams_count; i++) {
        if (check_stream(x, &config->streams[i], err) != 0)
            return err->code;
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(config->streams[i].name, config->streams[j].name) == 0)
                return wrong(x, "name", config->streams[i].name,
                             "is there twice: put all its files under one stream", err);
        }
    }
    return 0;
}

/* What libcyaml said, with its first place in front. */
static int not_yaml(const char *path, const char *why, struct err *err)
{
    int64_t line = str_number(str_trim(str_after(str_of(why), STR("line:"))), INT32_MAX);
    return err_set(err, ERR_USAGE, "config %s, line %lld: %s: see docs/config.md", path,
                   line < 0 ? 1LL : (long long)line, why);
}

int follow_config_load(const char *path, struct follow_config **out, struct err *err)
{
    struct buf yaml = {0};
    struct err why = {0};
    struct follow_config *config = NULL;
    int r = read_whole(path, &yaml, err);
    if (r == 0 && str_trim(buf_as_str(&yaml)).n == 0)
        r = err_set(err, ERR_USAGE, "config %s, line 1: it is empty: see docs/config.md", path);
    if (r == 0 && schema_load(buf_as_str(&yaml), &config_value, (void **)&config, &why) != 0)
        r = not_yaml(path, why.text, err);
    if (r == 0) {
        struct checking x = {
            .path = path, .yaml = buf_as_str(&yaml), .kafka = config->kafka_count > 0};
        r = check(&x, config, err);
    }
    buf_release(&yaml);
    if (r != 0) {
        follow_config_close(config);
        return r;
    }
    *out = config;
    return 0;
}

void follow_config_close(struct follow_config *config)
{
    if (!config)
        return;
    for (unsigned i = 0; i < config->streams_count; i++)
        zone_close(config->streams[i].zone);
    for (unsigned i = 0; i < config->kafka_count; i++)
        zone_close(config->kafka[i].zone);
    schema_free(&config_value, config);
}

const char *follow_config_store(const struct follow_config *config)
{
    return config->store;
}

const char *follow_config_rules(const struct follow_config *config)
{
    return config->rules;
}
