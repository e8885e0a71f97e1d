/* cmd_classify.c - one result for each line of the input, in order, or for each record (--null). A block of lines is cut into as
 * many parts as there are cores; each part has its own thread, classifier and output. */
#include "cli/cli.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORKERS_MAX = 8, PART_LEAST = 64 * 1024 };

struct worker {
    const struct cli *cli;
    struct classifier *classifier;
    struct reading reading;
    struct str part; /* whole lines */
    char end;        /* of a line */
    uint64_t first_line;
    uint64_t lines, events, quarantined; /* of the part */
    struct buf out;
};

struct team {
    struct worker workers[WORKERS_MAX];
    size_t n;
    char end; /* of a line: LF, or NUL with --null */
    struct rules *rules;
    struct zone *zone;
    uint64_t lines, events, quarantined, bytes;
    char why[160]; /* of the first quarantined line */
    uint64_t why_line;
};

static void classify_record(struct worker *w, struct str record)
{
    struct event event;
    struct event_place place = {.line = w->first_line + w->lines, .stream = STR_NONE};
    enum verdict verdict = classifier_record(w->classifier, record, &w->reading, &event);
    w->events += verdict == VERDICT_EVENT;
    w->quarantined += verdict == VERDICT_QUARANTINED;
    if (verdict == VERDICT_QUARANTINED)
        place.why = classifier_why(w->classifier);
    place.first = place.line == 1;
    event_row(w->cli, &place, verdict == VERDICT_EVENT ? &event : NULL, NULL, &w->out);
    w->lines++;
}

static void *classify_part(void *context)
{
    struct worker *w = context;
    struct str left = w->part;
    w->lines = w->events = w->quarantined = 0;
    w->out.n = 0;
    while (left.n) {
        const char *end = memchr(left.p, w->end, left.n);
        size_t n = end ? (size_t)(end - left.p) : left.n;
        classify_record(w, str_head(left, n));
        left = str_from(left, n + 1);
    }
    return NULL;
}

static uint64_t count_lines(struct str s, char end)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == end;
    return n + (s.n && s.p[s.n - 1] != end);
}

/* Cuts the block behind a line's end into parts of about the same size; returns how many. */
static size_t deal(struct team *team, struct str block, int64_t now_us)
{
    size_t used = 0, share = block.n / team->n > PART_LEAST ? block.n / team->n : PART_LEAST;
    uint64_t line = team->lines + 1;
    while (block.n) {
        const char *end = used + 1 < team->n && block.n > share
                              ? memchr(block.p + share, team->end, block.n - share)
                              : NULL;
        size_t n = end ? (size_t)(end + 1 - block.p) : block.n;
        struct worker *w = &team->workers[used++];
        w->part = str_head(block, n);
        w->end = team->end;
        w->first_line = line;
        w->reading.now_us = now_us;
        block = str_from(block, n);
        line += block.n ? count_lines(w->part, team->end) : 0;
    }
    return used;
}

static void add_up(struct team *team, struct worker *w)
{
    if (w->quarantined && !team->quarantined) {
        team->why_line = w->first_line;
        snprintf(team->why, sizeof team->why, "%s", classifier_why(w->classifier));
    }
    team->lines += w->lines;
    team->events += w->events;
    team->quarantined += w->quarantined;
    team->bytes += w->part.n;
    out_write(buf_as_str(&w->out));
}

static void classify_block(struct team *team, struct str block, int64_t now_us)
{
    pthread_t threads[WORKERS_MAX];
    bool started[WORKERS_MAX] = {false};
    size_t n = deal(team, block, now_us);
    for (size_t i = 1; i < n; i++)
        started[i] = pthread_create(&threads[i], NULL, classify_part, &team->workers[i]) == 0;
    for (size_t i = 0; i < n; i++)
        if (!started[i]) /* the first part, and any that no thread was left for */
            classify_part(&team->workers[i]);
    for (size_t i = 0; i < n; i++) {
        if (started[i])
            pthread_join(threads[i], NULL);
        add_up(team, &team->workers[i]);
    }
}

static int classify_lines(const struct cli *cli, struct team *team, struct lines *in,
                          struct err *err)
{
    struct progress progress;
    struct str block = STR_NONE;
    team->end = option_given(cli, OPT_null) ? '\0' : '\n';
    lines_end_with(in, team->end);
    progress_begin(&progress, "classify");
    int rc = 0;
    while ((rc = lines_next(in, &block, err)) == 0 && block.n) {
        classify_block(team, block, option_given(cli, OPT_now) ? cli->now_us : civil_now_us());
        out_flush();
        progress_draw(&progress, team->bytes, lines_size(in), team->events);
    }
    progress_end(&progress);
    return rc;
}

static int classify_whole(const struct cli *cli, struct team *team, struct lines *in,
                          struct err *err)
{
    struct buf record = {0};
    struct worker *w = &team->workers[0];
    int rc = lines_all(in, RECORD_MAX + 1, &record, err);
    w->reading.now_us = cli->now_us;
    w->first_line = 1;
    while (record.n && (record.p[record.n - 1] == '\n' || record.p[record.n - 1] == '\r'))
        record.n--;
    w->part = buf_as_str(&record);
    if (rc == 0 && record.n) {
        classify_record(w, buf_as_str(&record));
        add_up(team, w);
    }
    buf_release(&record);
    return rc;
}

static int team_open(const struct cli *cli, struct team *team, struct err *err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    team->n = cores < 1 || option_given(cli, OPT_record) ? 1 : (size_t)cores;
    team->n = team->n < WORKERS_MAX ? team->n : WORKERS_MAX;
    int rc = rules_of(cli, NULL, &team->rules, err);
    if (rc == 0)
        rc = zone_of(cli, STR_NONE, &team->zone, err);
    for (size_t i = 0; i < team->n && rc == 0; i++) {
        team->workers[i].cli = cli;
        team->workers[i].reading.zone = team->zone;
        rc = classifier_open(team->rules, &team->workers[i].classifier, err);
    }
    return rc;
}

static void team_close(struct team *team)
{
    for (size_t i = 0; i < team->n; i++) {
        classifier_close(team->workers[i].classifier);
        buf_release(&team->workers[i].out);
    }
    rules_close(team->rules);
    zone_close(team->zone);
}

static void say_quarantined(const struct team *team)
{
    if (team->quarantined)
        complain("%llu of %llu lines could not be judged, the first near line %llu: %s; see "
             "\"quarantined\" in the output",
             (unsigned long long)team->quarantined, (unsigned long long)team->lines,
             (unsigned long long)team->why_line, team->why);
}

static int run(struct cli *cli, struct err *err)
{
    struct team team = {0};
    struct lines *in = NULL;
    struct buf edge = {0};
    int rc = lines_open(cli->n_words ? cli->words[0] : NULL, &in, err);
    if (rc == 0)
        rc = team_open(cli, &team, err);
    if (rc == 0) {
        event_head(cli, false, &edge);
        out_write(buf_as_str(&edge));
        rc = option_given(cli, OPT_record) ? classify_whole(cli, &team, in, err)
                                           : classify_lines(cli, &team, in, err);
        edge.n = 0;
        event_foot(cli, team.lines > 0, &edge);
        out_write(buf_as_str(&edge));
        say_quarantined(&team);
    }
    if (rc == 0)
        rc = team.lines ? 0 : 1;
    buf_release(&edge);
    team_close(&team);
    lines_close(in);
    return rc;
}

const struct command command_classify = {
    .name = "classify",
    .words = "[PATH]",
    .summary = "Says of each line whether it reports a failed TLS handshake, and which.",
    .details = "Reads PATH (plain, .gz or .zst) or standard input; one result a line, in order.",
    .example = "tail -n 1000 /var/log/nginx/error.log | tlstrail classify",
    .options = OPTS_CLASSIFY | OPT(output) | OPT(record) | OPT(null),
    .words_most = 1,
    .piped = OUTPUT_NDJSON,
    .run = run,
};
