/* check.c - runs the samples that the packs carry: what `tlstrail rules check` prints. */
#include "parsers/internal.h"

#include "base/escape.h"

#include <stdio.h>

struct check {
    const struct pack *pack;
    const struct pack_sample *sample;
    struct buf *report;
    size_t wrong; /* of this sample */
};

static void expect(struct check *check, const char *field, const char *want, struct str got)
{
    if (!want || str_eq(str_of(want), got))
        return;
    struct buf *out = check->report;
    if (check->wrong++ == 0) {
        buf_printf(out, "%s: ", check->pack->pack);
        escape_terminal(out, str_head(str_of(check->sample->line), 300));
        buf_char(out, '\n');
    }
    buf_printf(out, "    %s: want '%s', got '", field, want);
    escape_terminal(out, got);
    buf_str(out, STR("'\n"));
}

static void expect_event(struct check *check, const struct event *event)
{
    const struct pack_sample *want = check->sample;
    char alert[8] = "", time[CIVIL_TEXT] = "";
    if (event->alert != ALERT_NONE)
        snprintf(alert, sizeof alert, "%d", event->alert);
    if (!event->time_is_read)
        civil_format(event->time_us, time);
    expect(check, "reason", want->reason, str_of(reason_name(event->reason)));
    expect(check, "leg", want->leg, str_of(leg_name(event->leg)));
    expect(check, "by", want->by, str_of(side_name(event->rejected_by)));
    expect(check, "alert", want->alert, str_of(alert));
    expect(check, "host", want->host, event->host);
    expect(check, "peer", want->peer, event->peer);
    expect(check, "tls_version", want->tls_version, event->tls_version);
    expect(check, "cipher", want->cipher, event->cipher);
    expect(check, "format", want->format, event->format);
    expect(check, "library", want->library, event->library);
    expect(check, "time", want->time, str_of(time));
}

static bool check_sample(struct classifier *c, struct check *check)
{
    /* 2030: no sample's time is after the moment of reading. */
    const struct reading reading = {.now_us = INT64_C(1893456000) * US_PER_S};
    const char *failure = check->sample->failure;
    bool wanted = !failure || (strcmp(failure, "false") != 0 && strcmp(failure, "no") != 0);
    struct event event;
    enum verdict verdict = classifier_record(c, str_of(check->sample->line), &reading, &event);
    expect(check, "failure", wanted ? "true" : "false",
           verdict == VERDICT_EVENT         ? STR("true")
           : verdict == VERDICT_QUARANTINED ? STR("quarantined")
                                            : STR("false"));
    if (verdict == VERDICT_EVENT && wanted)
        expect_event(check, &event);
    return check->wrong == 0;
}

/* Built-in patterns are compiled at their first match, which few samples are. */
static size_t check_ways(const struct rule *rule, const struct ways *ways, struct buf *report)
{
    struct err err;
    size_t wrong = 0;
    for (size_t i = 0; i < ways->n; i++) {
        if (pattern_make(ways->items[i].pattern, &err) == 0)
            continue;
        buf_printf(report, "%.*s: rule %.*s: %s\n", STR_ARG(rule->pack), STR_ARG(rule->id), err.text);
        wrong++;
    }
    return wrong;
}

int rules_check(const struct rules *rules, struct buf *report, size_t *failed, struct err *err)
{
    struct classifier *c;
    if (classifier_open(rules, &c, err) != 0)
        return err->code;
    *failed = 0;
    for (size_t i = 0; i < rules->n; i++)
        *failed += check_ways(&rules->items[i], &rules->items[i].match, report) +
                   check_ways(&rules->items[i], &rules->items[i].unless, report);
    for (size_t p = 0; *failed == 0 && p < rules->n_packs; p++) {
        for (unsigned i = 0; i < rules->packs[p]->samples_count; i++) {
            struct check check = {rules->packs[p], &rules->packs[p]->samples[i], report, 0};
            *failed += !check_sample(c, &check);
        }
    }
    classifier_close(c);
    return 0;
}
