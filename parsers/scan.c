/* scan.c - a chunk of lines: one pass of the gate finds the lines worth a look, and only the records
 * around those are put together and classified.
 *
 * In a storm of failures that pass finds a dozen words a line and costs as much as a third of what
 * comes after it. There lines are looked at one by one until their first word: the same words, so the
 * same lines. */
#include "parsers/internal.h"
#include "parsers/record.h"

/* Records in a row, without a line between them, that are a storm; lines without a word that end it. */
enum { STORM_BEGINS = 16, STORM_ENDS = 4 };

struct scan {
    struct classifier *c;
    struct str chunk;
    struct reading reading;
    const struct record_list *records; /* NULL: lines */
    size_t next_record;
    chunk_visit *visit;
    void *context;
    struct chunk_count *count;
    size_t from;     /* where in the chunk the gate's pass began */
    size_t done;     /* bytes of the chunk whose records have been dealt with */
    size_t in_a_row; /* records, up to there */
};

static void classify_at(struct scan *scan, size_t start, struct str record)
{
    struct event event;
    enum verdict verdict = classify_candidate(scan->c, record, &scan->reading, &event);
    if (verdict == VERDICT_EVENT) {
        scan->count->events++;
        scan->visit(scan->context, &event, start, record, NULL);
    } else if (verdict == VERDICT_QUARANTINED) {
        scan->count->quarantined++;
        scan->visit(scan->context, NULL, start, record, scan->c->why);
    }
}

/* The lines of the record around the one that starts at `line`. */
static void take_lines(struct scan *scan, size_t line)
{
    size_t start;
    struct str left = str_from(scan->chunk, scan->done);
    struct str record = record_around(left, line - scan->done, &start);
    start += scan->done;
    scan->in_a_row = start == scan->done ? scan->in_a_row + 1 : 1;
    scan->done = start + record.n + 1;
    classify_at(scan, start, record);
}

static void take_listed(struct scan *scan, size_t at)
{
    const struct record_list *list = scan->records;
    size_t i = scan->next_record;
    while (i + 1 < list->n && list->ends[i] <= at)
        i++;
    size_t start = i ? list->ends[i - 1] : 0;
    scan->next_record = i + 1;
    scan->done = list->ends[i];
    scan->reading.now_us = list->now_us[i];
    classify_at(scan, start, str_make(scan->chunk.p + start, list->ends[i] - start));
}

static bool on_hit(void *context, size_t hit)
{
    struct scan *scan = context;
    size_t at = scan->from + hit;
    if (at < scan->done)
        return false;
    if (scan->records) {
        take_listed(scan, at);
        return false;
    }
    const char *p = scan->chunk.p;
    const char *lf = memrchr(p + scan->done, '\n', at - scan->done);
    take_lines(scan, lf ? (size_t)(lf - p) + 1 : scan->done);
    return scan->in_a_row >= STORM_BEGINS && !scan->c->thorough;
}

/* Line by line from where the records have been dealt with; gives where to go on behind the gate. */
static size_t weather_storm(struct scan *scan)
{
    size_t at = scan->done, misses = 0;
    while (at < scan->chunk.n && misses < STORM_ENDS) {
        struct str rest = str_from(scan->chunk, at);
        ptrdiff_t lf = str_findc(rest, '\n', 0);
        struct str line = lf < 0 ? rest : str_head(rest, (size_t)lf);
        bool hit = gate_line(scan->c, line);
        misses = hit ? 0 : misses + 1;
        if (hit)
            take_lines(scan, at);
        at = hit ? scan->done : at + line.n + 1;
    }
    scan->in_a_row = 0;
    return at;
}

/* In blocks short enough for a byte to count them: the compiler turns the loop into vectors. */
static uint64_t count_lines(struct str chunk)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < chunk.n;) {
        size_t end = chunk.n - i < 255 * 32 ? chunk.n : i + 255 * 32;
        uint8_t lanes[32] = {0};
        for (; i + 32 <= end; i += 32)
            for (size_t k = 0; k < 32; k++)
                lanes[k] = (uint8_t)(lanes[k] + (chunk.p[i + k] == '\n'));
        for (; i < end; i++)
            lines += chunk.p[i] == '\n';
        for (size_t k = 0; k < 32; k++)
            lines += lanes[k];
    }
    return lines + (chunk.n && chunk.p[chunk.n - 1] != '\n');
}

static void run(struct scan *scan, uint64_t lines, struct chunk_count *count)
{
    struct chunk_count here = {.lines = lines};
    scan->count = &here;
    while (gate_pass(scan->c, str_from(scan->chunk, scan->from), on_hit, scan))
        scan->from = weather_storm(scan);
    here.other = here.lines - here.events - here.quarantined;
    count->lines += here.lines;
    count->events += here.events;
    count->other += here.other;
    count->quarantined += here.quarantined;
}

void classifier_chunk(struct classifier *c, struct str chunk, const struct reading *reading,
                      chunk_visit *visit, void *context, struct chunk_count *count)
{
    struct scan scan = {
        .c = c, .chunk = chunk, .reading = *reading, .visit = visit, .context = context};
    run(&scan, count_lines(chunk), count);
}

void classifier_records(struct classifier *c, struct str bytes, const struct record_list *records,
                        const struct zone *zone, chunk_visit *visit, void *context,
                        struct chunk_count *count)
{
    struct scan scan = {.c = c,
                        .chunk = bytes,
                        .reading = {.zone = zone},
                        .records = records,
                        .visit = visit,
                        .context = context};
    run(&scan, records->n, count);
}

size_t classifier_open_tail(struct str chunk)
{
    return chunk.n - record_open(chunk);
}
