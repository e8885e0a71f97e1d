/* fuzz_classifier.c - any bytes as a record and as a chunk, by the built-in packs: an event's
 * fields lie in their ranges, a chunk's ledger closes, and the short cuts give the verdict that all
 * patterns give. */
#include "fuzz.h"
#include "parsers/internal.h"

static void check_event(const struct event *event, struct str record)
{
    HOLDS(event->reason > REASON_NONE && event->reason < REASON_COUNT);
    HOLDS(event->leg < LEG_COUNT && event->rejected_by < SIDE_COUNT);
    HOLDS(event->alert >= ALERT_NONE && event->alert <= ALERT_MAX);
    HOLDS(event->time_us != TIME_NONE);
    HOLDS(event->raw.n <= RECORD_MAX && event->raw.n <= record.n);
    const struct str texts[] = {event->host,   event->peer,    event->tls_version, event->cipher,
                                event->format, event->library, event->raw};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *copy = str_dup(texts[i]); /* reads it all */
        HOLDS(texts[i].n <= RECORD_MAX);
        free(copy);
    }
}

struct walk {
    struct str chunk;
    size_t from;
    uint64_t events, quarantined;
};

static void on_record(void *context, const struct event *event, size_t offset, struct str record,
                      const char *why)
{
    struct walk *walk = context;
    HOLDS(offset >= walk->from && offset + record.n <= walk->chunk.n);
    HOLDS(record.p == walk->chunk.p + offset);
    HOLDS((event != NULL) != (why != NULL));
    walk->from = offset + record.n;
    walk->events += event != NULL;
    walk->quarantined += event == NULL;
    if (event)
        check_event(event, record);
}

/* A pattern that isn't needed can't exceed its budget, so only the long way may be quarantined alone. */
static void check_thorough(struct classifier *c, struct str text, const struct reading *reading)
{
    struct event quick, slow;
    c->ungated = true;
    enum verdict is = classifier_record(c, text, reading, &quick);
    c->thorough = true;
    enum verdict wanted = classifier_record(c, text, reading, &slow);
    c->ungated = c->thorough = false;
    HOLDS(is == wanted || wanted == VERDICT_QUARANTINED);
    HOLDS(is != VERDICT_EVENT || wanted != VERDICT_EVENT || quick.reason == slow.reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rules *rules;
    static struct classifier *c;
    struct err err;
    if (!rules)
        HOLDS(rules_load(NULL, &rules, &err) == 0 && classifier_open(rules, &c, &err) == 0);
    struct str text = fuzz_copy(data, size);
    struct reading reading = {.now_us = INT64_C(1718452800000000)};
    struct event event;
    if (classifier_record(c, text, &reading, &event) == VERDICT_EVENT)
        check_event(&event, text);
    check_thorough(c, text, &reading);
    struct walk walk = {.chunk = text};
    struct chunk_count count = {0};
    classifier_chunk(c, text, &reading, on_record, &walk, &count);
    HOLDS(count.lines == count.events + count.other + count.quarantined);
    HOLDS(count.events == walk.events && count.quarantined == walk.quarantined);
    HOLDS(classifier_open_tail(text) <= size);
    free((void *)text.p);
    return 0;
}
