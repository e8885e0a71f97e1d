/* cli.h - what the commands share: options, output, the screen. Private to cli/.
 *
 * A command's run() returns the exit status 0 (answered) or 1 (the answer is "nothing"), or a
 * negative enum err_code with its line in *err; main.c prints the line and makes it 2 or 3. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/escape.h"
#include "ingest/ingest.h"
#include "query/query.h"

#include <stdio.h>

/* A field's option has the field's number: OPT_stream == FIELD_stream. */
enum opt {
    OPT_NONE,
#define FIELD(name) OPT_##name,
#include "query/fields.def"
#undef FIELD
#define OPTION(id, value, help) OPT_##id,
#include "cli/options.def"
#undef OPTION
    OPT_COUNT
};
#define OPT(id) (UINT64_C(1) << OPT_##id)
#define OPTS_ALWAYS (OPT(help) | OPT(version))
#define OPTS_READ (OPT(store) | OPT(now) | OPT(output)) /* whatever reads a store */
#define OPTS_SELECT ((OPT(since) - 2) | OPT(since) | OPT(until)) /* every field, and the span */
#define OPTS_CLASSIFY (OPT(rules) | OPT(tz) | OPT(now))

enum output { OUTPUT_DEFAULT, OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NDJSON, OUTPUT_CSV };

struct given {
    enum opt opt;
    const char *value; /* NULL for an option that takes none */
};

struct screen {
    bool terminal; /* standard output is one */
    bool colour, utf8;
    int width; /* columns; 100 when it isn't a terminal */
};

struct command;
struct cli {
    const struct command *command;
    struct given *given; /* given[0..n_given), in the order of the command line */
    size_t n_given;
    char **words; /* what isn't an option, behind the command */
    size_t n_words;
    enum output output;
    int64_t now_us;
    struct screen screen;
};

struct command {
    const char *name;
    const char *words; /* for the help: "STREAM=PATH..." */
    const char *summary;
    const char *details; /* further lines of the help, or NULL */
    const char *example;
    uint64_t options; /* bits of OPT() */
    size_t words_least, words_most;
    enum output piped; /* when standard output isn't a terminal */
    int (*run)(struct cli *cli, struct err *err);
};
extern const struct command *const commands[]; /* ends with NULL */
const struct command *command_find(const char *name);
int no_such_command(const char *name, struct err *err); /* options.c */

/* ---- options.c ---- */
int options_parse(struct cli *cli, int argc, char **argv, struct err *err);
void options_release(struct cli *cli);
const char *option_name(enum opt opt, char out[32]);
const char *option_metavar(enum opt opt); /* NULL: takes no value */
const char *option_help(enum opt opt);
/* The last value given, or NULL. */
const char *option_value(const struct cli *cli, enum opt opt);
bool option_given(const struct cli *cli, enum opt opt);
/* A whole number from least on, or fallback when the option isn't there. */
int option_number(const struct cli *cli, enum opt opt, uint64_t *out, struct err *err);
/* The nearest of the names to a mistyped one, or NULL when none is near. */
const char *nearest_name(const char *typed, const char *(*name)(size_t i, void *context),
                         void *context);

/* ---- selection.c ---- */
int selection_of(const struct cli *cli, struct store *store, struct selection *sel,
                 struct err *err);
bool selection_holds(const struct selection *sel, struct str stream, const struct event *event);
bool stream_wanted(const struct selection *sel, struct str stream);
/* Opens the store of --store or the default (fallback: of a configuration, or NULL) and prints
 * what it warns of. */
int store_of(const struct cli *cli, enum store_mode mode, const char *fallback,
             struct store **out, struct err *err);
/* The folder that store_of() opens. */
const char *store_dir_of(const struct cli *cli, const char *fallback);
int rules_of(const struct cli *cli, const char *fallback, struct rules **out, struct err *err);
/* The zone of --tz that goes for the stream (absent: any); *out is NULL for UTC. */
int zone_of(const struct cli *cli, struct str stream, struct zone **out, struct err *err);

/* ---- screen.c ---- */
struct screen screen_of(void);
enum paint { PAINT_BOLD, PAINT_DIM, PAINT_RED, PAINT_YELLOW, PAINT_GREEN };
/* Adds text, escaped for a terminal and coloured where colours are wanted. */
void paint(struct buf *out, const struct screen *screen, enum paint how, struct str text);
size_t text_columns(struct str escaped); /* of text that escape_terminal() made */
/* Writes to standard output. A reader that went away ends the process quietly. */
void out_write(struct str bytes);
void out_flush(void);
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern volatile int stop_flag;
void stop_on_signals(void); /* SIGINT and SIGTERM set stop_flag; the second one kills */

/* A progress bar on standard error, when that is a terminal and more than a second has gone by. */
struct progress {
    bool wanted, shown;
    int64_t start_us, drawn_us;
    const char *what;
};
void progress_begin(struct progress *p, const char *what);
void progress_draw(struct progress *p, uint64_t done, uint64_t total, uint64_t events);
void progress_end(struct progress *p);

/* ---- table.c ---- */
struct column {
    const char *key;
    const char *title;
    bool right; /* numbers */
};
/* Rows are JSON objects; a missing or null value is "-" in a table and empty in CSV. */
void table_rows(const struct screen *screen, const json_t *rows, const struct column *columns,
                size_t n, struct buf *out);
void csv_rows(const json_t *rows, const struct column *columns, size_t n, struct buf *out);

/* One answer as JSON, as the rows under key one a line, as CSV of them, or by table(). */
struct view {
    const char *key; /* of the answer's array */
    const struct column *columns;
    size_t n_columns;
    void (*table)(const struct cli *cli, json_t *answer, struct buf *out); /* NULL: the columns */
};
void answer_print(const struct cli *cli, json_t *answer, const struct view *view);
const char *json_text(const json_t *object, const char *key); /* "" when it isn't a string */

/* ---- question.c ---- */
struct question {
    struct cli *cli;
    struct view view; /* how the answer is printed; ask() may set it */
    struct store *store;
    struct selection sel; /* of the options */
    json_t *answer;
    bool nothing;
};
/* Sets the answer, from store and selection. */
typedef int question_ask(struct question *q, struct err *err);
/* A command's run(): begins with the command line and the view set, all else zero. */
int question_run(struct question *q, question_ask *ask, struct err *err);

/* ---- event_out.c ---- */
struct event_place { /* where an event comes from: a line of the input or a row of a stream */
    uint64_t line; /* 0: none */
    struct str stream;
    int64_t id;
    const char *why; /* of a quarantined record, else NULL */
    bool first;      /* of all rows */
};
/* One row in the command's format, LF included. event NULL: no failure. more: keys to add, or
 * NULL. */
void event_row(const struct cli *cli, const struct event_place *place, const struct event *event,
               const json_t *more, struct buf *out);
/* What goes before the first row (stored: of a stream's events) and behind the last one. */
void event_head(const struct cli *cli, bool stored, struct buf *out);
void event_foot(const struct cli *cli, bool any, struct buf *out);

/* ---- lines.c ---- */
struct lines;
/* NULL or "-": standard input; .gz and .zst by their first bytes. The caller owns *out. */
int lines_open(const char *path, struct lines **out, struct err *err);
void lines_close(struct lines *in); /* NULL is fine */
void lines_end_with(struct lines *in, char end); /* before the first is read; else LF */
/* The next block of whole lines, empty at the end; good until the next call. A line of more than
 * 1 MiB is cut to a little more than RECORD_MAX. */
int lines_next(struct lines *in, struct str *block, struct err *err);
/* All of the input, cut at most bytes. */
int lines_all(struct lines *in, size_t most, struct buf *out, struct err *err);
uint64_t lines_size(const struct lines *in); /* bytes of a plain file, else 0 */

/* ---- plot.c ---- */
void plot_timeline(const struct cli *cli, json_t *answer, struct buf *out);

/* ---- verdict.c ---- */
void verdict_table(const struct cli *cli, json_t *answer, struct buf *out);

/* ---- shared by a few commands ---- */
/* The fields of --by, in by[0..*n); room for FIELD_COUNT. cmd_groups.c */
int fields_of(const struct cli *cli, enum field *by, size_t *n, struct err *err);
/* What was read, of ingest and follow. cmd_ingest.c */
void ledger_print(const struct cli *cli, const struct ingest_total *totals, size_t n);
/* "upstream leg (it was the TLS client); the peer refused, alert 48 (unknown_ca)". event_out.c */
void side_sentence(const struct event *event, struct buf *out);

/* ---- help.c ---- */
void help_command(const struct command *command);
void help_all(void);

#endif
