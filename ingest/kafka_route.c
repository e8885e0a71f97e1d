/* kafka_route.c - which stream a record belongs to, and which records can't be log lines. */
#include "ingest/kafka_internal.h"
#include "parsers/flatten.h"

#include <fnmatch.h>
#include <stdlib.h>

enum { JSON_DEPTH_MAX = 64, BINARY_SAMPLE = 512 };

static struct str header_of(const rd_kafka_message_t *m, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &n) != RD_KAFKA_RESP_ERR_NO_ERROR || !value)
        return STR_NONE;
    return str_make(value, n);
}

static struct str field_of(const rd_kafka_message_t *m, const char *name, struct arena *arena)
{
    struct pairs *pairs = arena_alloc(arena, sizeof *pairs);
    struct str text = str_trim(str_make(m->payload, m->len));
    bool torn;
    struct unpacked_record inner = {0};
    if (otlp_unpack(text, &inner))
        text = arena_copy(arena, str_make(inner.bytes.p, inner.ends[0]));
    buf_release(&inner.bytes);
    free(inner.ends);
    pairs->n = 0;
    if (text.n == 0 || text.p[0] != '{' || !flatten_json(text, arena, pairs, &torn))
        return STR_NONE;
    return pairs_get(pairs, str_of(name));
}

/* A name from outside becomes one that a stream can have: lower case, others '-'. */
static struct str as_name(struct str s, struct arena *arena)
{
    char name[STREAM_NAME_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < sizeof name; i++) {
        char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && n == 0)
            continue;
        name[n++] = word || c == '.' || c == '_' || c == '-' ? c : '-';
    }
    return n ? arena_copy(arena, str_make(name, n)) : STR_NONE;
}

struct str kafka_route(const struct kafka_config *config, const char *topic,
                       const rd_kafka_message_t *m, struct arena *arena)
{
    struct str name = STR_NONE;
    if (config->stream_header)
        name = as_name(header_of(m, config->stream_header), arena);
    if (!name.p && config->stream_field)
        name = as_name(field_of(m, config->stream_field, arena), arena);
    for (unsigned i = 0; !name.p && i < config->streams_count; i++)
        if (fnmatch(config->streams[i].topic, topic, 0) == 0)
            name = str_of(config->streams[i].stream);
    if (!name.p && config->stream)
        name = str_of(config->stream);
    if (!name.p)
        name = as_name(str_of(topic), arena);
    return name.p ? name : STR("kafka");
}

/* Nesting outside strings; a parser that recurses must not see more. */
static bool too_deep(struct str s)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\\' && quoted)
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        if (depth > JSON_DEPTH_MAX)
            return true;
    }
    return false;
}

/* Eight bytes at a time: is one of them below 0x20? */
static bool any_control(const char *p, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t found = 0, word;
    for (size_t i = 0; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        found |= (word - ones * 0x20) & ~word & high;
    }
    for (size_t i = n & ~(size_t)7; i < n; i++)
        found |= (unsigned char)p[i] < 0x20;
    return found != 0;
}

/* A log line may hold a stray NUL or an escape sequence, but isn't made of them. */
static bool binary(struct str s)
{
    size_t controls = 0, n = s.n < BINARY_SAMPLE ? s.n : BINARY_SAMPLE;
    if (!any_control(s.p, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        controls += c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != 0x1b;
    }
    return controls * 10 > n;
}

const char *kafka_poison(const rd_kafka_message_t *m)
{
    struct str s = str_make(m->payload, m->len);
    if (!m->payload)
        return "a Kafka record without a value";
    if (s.n == 0)
        return "an empty Kafka record";
    if (s.n > CHUNK_BYTES)
        return "a Kafka record of more than 1 MiB";
    if (binary(s))
        return "a Kafka record of binary data";
    if ((s.p[0] == '{' || s.p[0] == '[') && too_deep(s))
        return "a Kafka record of JSON nested deeper than 64";
    return NULL;
}
