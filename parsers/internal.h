/* internal.h - what the files of parsers/ share: compiled rules, and a record without envelopes. */
#ifndef PARSERS_INTERNAL_H
#define PARSERS_INTERNAL_H

#include "base/mem.h"
#include "parsers/classifier.h"
#include "parsers/flatten.h"
#include "parsers/needs.h"
#include "parsers/pack.h"
#include "parsers/pattern.h"
#include "parsers/words.h"

#include <hs/hs.h>

enum rule_kind { KIND_envelope, KIND_format, KIND_cause, KIND_detail, KIND_veto, KIND_COUNT };
/* How far a rule alone says that a handshake failed (packs/README.md). */
enum failure { FAILURE_no, FAILURE_maybe, FAILURE_yes, FAILURE_sure, FAILURE_COUNT };

/* A pattern's needs (needs.h) as numbers of words: rules.need_words[from..ends[0]) and on from each
 * end to the next. */
struct needed {
    uint32_t from, ends[NEEDS_MAX];
    size_t n;
};

/* One of a pattern's alternatives, or all of it. */
struct way {
    struct pattern *pattern;
    struct needed needed;
};

struct ways {
    struct way *items;
    size_t n, cap;     /* 0: no pattern */
    uint32_t captures; /* pattern_captures() of all */
};

struct rule {
    struct str id, library, pack;
    enum rule_kind kind;
    enum failure failure;
    bool context, always; /* always: has no literal, tried on every candidate */
    bool late; /* gives a leg and texts alone: tried once the rest is known, where these are missing */
    bool weak; /* captures nothing: tried after the others, where it would change what they say */
    enum reason reason;
    int rank;
    enum leg leg, for_leg;
    enum side by;
    int alert;
    struct needed with; /* words that have to be in the text too */
    struct ways match, unless;
    struct pattern *program; /* NULL: none */
};

/* What an error number of a library means. */
struct code_row {
    int table;
    int64_t code;
    enum reason reason;
    enum leg leg;
    enum side by;
    int alert;
};

/* Where the word is, the rule is tried. */
struct word_rule {
    uint32_t word, rule;
};

/* In how many packs' words some three bytes are. */
struct three {
    uint16_t packs, last;
};

struct rules {
    struct pack **packs; /* own all strings */
    size_t n_packs, packs_cap, n_built_in;
    struct rule *items;
    size_t n, cap;
    size_t words; /* of a bit set over the rules */
    bool trusted; /* while rules are opened: they are built in, and tested to be patterns */
    uint64_t *always, *vetoes;
    /* Indices of the rules of that kind whose match can begin with a byte, in order:
     * envelopes[first_envelopes[b]..first_envelopes[b + 1]). */
    uint32_t *envelopes;
    size_t n_envelopes, envelopes_cap;
    uint32_t first_envelopes[257];
    struct str *tables;
    size_t n_tables, tables_cap;
    struct code_row *codes; /* sorted by table, code */
    size_t n_codes, codes_cap;
    struct gate *gate;
    struct words *all;   /* on folded text: the rules' words, and what their patterns need */
    size_t all_words;    /* of a bit set over these */
    struct word_rule *word_rules; /* sorted by word */
    size_t n_word_rules, word_rules_cap;
    uint32_t *first_rules; /* of each word, and the end: indices of word_rules */
    struct three *threes; /* by a hash of three bytes */
    uint32_t *need_words;
    size_t n_need_words, need_words_cap;
};

struct classifier {
    const struct rules *rules;
    struct matcher *matcher;
    hs_scratch_t *gate_scratch;
    struct arena arena;
    struct buf folded, fields;
    struct pairs pairs; /* of the envelope that peel() is at */
    uint64_t *found; /* bit set over the words of rules->all */
    uint64_t *tried; /* bit set over the rules */
    bool ungated;    /* tests: try every record, as if the gate had let it through */
    bool thorough;   /* tests: try every pattern, as if the text filled its needs; no line is a storm's */
    char why[160];
};

/* Index of a table of error numbers, or -1; as pattern_open() asks for it. */
int rules_table(const void *rules, struct str name);
const struct code_row *rules_code(const struct rules *rules, int table, int64_t code);

/* classifier_record() behind the gate: the record is known to hold one of its literals. */
enum verdict classify_candidate(struct classifier *c, struct str record,
                                const struct reading *reading, struct event *out);

/* ways.c: a pattern in parts. `from` is the rule that it belongs to; NULL: whole and without needs, for
 * texts whose words aren't known yet. */
/* Counts the words of a rule of the pack; all rules have to be counted before ways are opened. */
void ways_count(struct rules *rules, const struct pack_rule *from, size_t pack);
int ways_open(struct rules *rules, const char *source, const struct pack_rule *from,
              struct ways *out, struct err *err);
void ways_close(struct ways *ways);
/* A need more: words with '|' between them. False when one is shorter than WORD_BYTES_MIN, or the needs are too many. */
bool ways_need(struct rules *rules, const char *words, struct needed *out);
/* As pattern_match() of the whole pattern; text is the one that literals_try() saw. */
enum match ways_match(struct classifier *c, const struct ways *ways, struct str text,
                      struct captures *out);

/* literals.c */
void literals_compile(struct rules *rules);
/* Sets c->found to the words of the folded text, and c->tried to the rules that they belong to and
 * those without any. */
void literals_try(struct classifier *c, struct str text);
/* The text in lower case with the slack of words_find(); it lives until the next text. */
struct str literals_lower(struct classifier *c, struct str text);
/* Whether each need has one of its words among c->found. */
bool literals_fill(const struct classifier *c, const struct needed *needed);

/* gate.c: on raw bytes, whether a record can become an event at all. Begins to compile the words of
 * the rules, whose kinds and failures are known, in a thread of its own, which gate_end() waits for.
 * gate_close() takes it at any stage. */
struct gate *gate_begin(const struct rules *rules);
int gate_end(struct gate *g, struct err *err);
void gate_close(struct gate *g); /* NULL is fine */
int gate_scratch(const struct gate *g, hs_scratch_t **out, struct err *err);
/* Calls hit for a byte of each word, in the order of the text; true when a hit ended it. */
typedef bool gate_hit(void *context, size_t at);
bool gate_pass(struct classifier *c, struct str text, gate_hit *hit, void *context);
bool gate_record(struct classifier *c, struct str raw);
/* For one line, without Vectorscan. */
bool gate_line(struct classifier *c, struct str raw);

/* A record without its envelopes; lives in the classifier's arena. */
struct peeled {
    struct str text;    /* message, then key=value lines */
    struct str program; /* or absent */
    int64_t time_us;    /* TIME_NONE: no time */
    int time_quality;
};
enum match peel(struct classifier *c, struct str record, const struct reading *reading,
                struct peeled *out);
/* Takes a time into out when it is better than the one there: a zone counts most, then a year, then
 * a fraction; of two as good the inner one. */
void peel_time(struct peeled *out, struct str text, const struct reading *reading);

/* values.c: what a capture is worth as a field; absent when it isn't one. */
struct str value_host(struct str s);
struct str value_peer(struct str s, struct str port, struct arena *arena);
/* An address alone or with a port, as a word of a text; absent when it is none or nobody's. */
struct str value_address(struct str word, struct str *port);
struct str value_tls_version(struct str s);
struct str value_cipher(struct str s);

/* lone.c: the only address in the text, as the peer of a leg; absent when there are none or more. */
struct str lone_address(struct str text, enum leg leg, struct arena *arena);
/* The only name of a host in the text that can be whom we called. */
struct str lone_host(struct str text);
/* What they tell of the leg: a name is whom somebody called, an address says it by the words before. */
enum leg lone_leg(struct str text, struct str host, struct str peer);

/* codes.c: what a captured error number means; reason REASON_NONE when nothing is known. */
struct code_row code_meaning(const struct rules *rules, int table, struct str number);

#endif
