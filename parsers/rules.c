/* rules.c - from packs to compiled rules: the built-in ones first, then a user's folder. */
#include "parsers/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Made by the build from packs/: ended by a NULL name (tlstrail_embed() in CMakeLists.txt). */
struct embedded {
    const char *name, *bytes;
    uint64_t n;
};
extern const struct embedded embedded_packs[];

enum { PACK_BYTES_MAX = 4 << 20, FIND_BYTES_MIN = WORD_BYTES_MIN };

static const char *const kind_names[] = {"envelope", "format", "cause", "detail", "veto"};
static const char *const failure_names[] = {"no", "maybe", "yes", "sure"};

static int name_index(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

int rules_table(const void *context, struct str name)
{
    const struct rules *rules = context;
    for (size_t i = 0; i < rules->n_tables; i++)
        if (str_eq(rules->tables[i], name))
            return (int)i;
    return -1;
}

static int by_code(const void *a, const void *b)
{
    const struct code_row *x = a, *y = b;
    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

const struct code_row *rules_code(const struct rules *rules, int table, int64_t code)
{
    struct code_row key = {.table = table, .code = code};
    if (rules->n_codes == 0)
        return NULL;
    return bsearch(&key, rules->codes, rules->n_codes, sizeof key, by_code);
}

/* The names of a rule or a row as numbers; a name that isn't one is the pack's mistake. */
static int read_names(const char *reason, const char *leg, const char *by, struct code_row *out,
                      struct err *err)
{
    out->reason = reason ? reason_find(str_of(reason)) : REASON_NONE;
    out->leg = leg ? leg_find(str_of(leg)) : LEG_NONE;
    out->by = by ? side_find(str_of(by)) : SIDE_NONE;
    if (reason && !out->reason)
        return err_set(err, ERR_USAGE, "no reason is called '%s'; see parsers/reasons.def", reason);
    if (leg && !out->leg)
        return err_set(err, ERR_USAGE, "leg is 'downstream' or 'upstream', not '%s'", leg);
    if (by && !out->by)
        return err_set(err, ERR_USAGE, "by is 'local' or 'peer', not '%s'", by);
    return 0;
}

static int add_codes(struct rules *rules, const struct pack *pack, struct err *err)
{
    for (unsigned i = 0; i < pack->codes_count; i++) {
        const struct pack_code *from = &pack->codes[i];
        int table = rules_table(rules, str_of(from->table));
        if (table < 0) {
            table = (int)rules->n_tables;
            rules->tables =
                xgrow(rules->tables, rules->n_tables, &rules->tables_cap, sizeof *rules->tables);
            rules->tables[rules->n_tables++] = str_of(from->table);
        }
        struct code_row row = {.alert = ALERT_NONE};
        if (read_names(from->reason, from->leg, from->by, &row, err) != 0)
            return err_wrap(err, "table %s, code %lld", from->table, (long long)from->code);
        row.table = table;
        row.code = from->code;
        if (from->alert)
            row.alert = *from->alert;
        rules->codes = xgrow(rules->codes, rules->n_codes, &rules->codes_cap, sizeof row);
        rules->codes[rules->n_codes++] = row;
    }
    return 0;
}

/* An envelope comes off before the text's words are looked for. */
static int open_patterns(struct rules *rules, const struct pack_rule *from, struct rule *rule,
                         struct err *err)
{
    const struct pack_rule *needy = rule->kind == KIND_envelope ? NULL : from;
    for (unsigned i = 0; i < from->with_count; i++)
        if (!ways_need(rules, from->with[i], &rule->with))
            return err_set(err, ERR_USAGE,
                           "with '%s': more than %d, or a word of less than %d bytes",
                           from->with[i], NEEDS_MAX, WORD_BYTES_MIN);
    if (from->match && ways_open(rules, from->match, needy, &rule->match, err) != 0)
        return err_wrap(err, "match");
    if (from->unless && ways_open(rules, from->unless, needy, &rule->unless, err) != 0)
        return err_wrap(err, "unless");
    if (from->program && pattern_open(from->program, rules_table, rules, &rule->program, err) != 0)
        return err_wrap(err, "program");
    return 0;
}

static int check_find(const struct pack_rule *from, struct err *err)
{
    for (unsigned i = 0; i < from->find_count; i++) {
        if (strlen(from->find[i]) < FIND_BYTES_MIN)
            return err_set(err, ERR_USAGE, "find '%s' is shorter than %d bytes", from->find[i],
                           FIND_BYTES_MIN);
        if (strpbrk(from->find[i], "\"\\<>&\n"))
            return err_set(err, ERR_USAGE, "find '%s' has a byte that JSON may escape",
                           from->find[i]);
    }
    return 0;
}

/* A cause or format that gives a reason means a failure unless it says otherwise; so does one that
 * names or captures an alert or captures an error number. */
static enum failure default_failure(const struct pack_rule *from, const struct rule *rule)
{
    bool numbers = from->match && (strstr(from->match, "(?<alert>") ||
                                   strstr(from->match, "(?<openssl>") ||
                                   strstr(from->match, "(?<boringssl>") ||
                                   strstr(from->match, "(?<verify>"));
    if (rule->kind == KIND_veto)
        return FAILURE_yes;
    if (rule->kind != KIND_cause && rule->kind != KIND_format)
        return FAILURE_no;
    return rule->reason || from->alert || numbers ? FAILURE_yes : FAILURE_no;
}

static int rule_words(const struct pack_rule *from, struct rule *rule, struct err *err)
{
    struct code_row names;
    if (read_names(from->reason, from->leg, from->by, &names, err) != 0)
        return err->code;
    rule->reason = names.reason;
    rule->leg = names.leg;
    rule->by = names.by;
    rule->alert = from->alert ? *from->alert : ALERT_NONE;
    rule->rank = from->rank ? *from->rank : -1;
    rule->for_leg = from->for_leg ? leg_find(str_of(from->for_leg)) : LEG_NONE;
    rule->context = from->context && strcmp(from->context, "yes") == 0;
    rule->failure = default_failure(from, rule);
    if (from->failure) {
        int failure = name_index(failure_names, FAILURE_COUNT, from->failure);
        if (failure < 0)
            return err_set(err, ERR_USAGE, "failure is no, maybe, yes or sure, not '%s'",
                           from->failure);
        rule->failure = (enum failure)failure;
    }
    return check_find(from, err);
}

/* Whether all but the leg and the texts comes out the same without the rule. */
static bool is_late(const struct rule *rule)
{
    const uint32_t numbers = UINT32_C(1) << CAPTURE_alert | UINT32_C(1) << CAPTURE_TABLE;
    return rule->kind == KIND_detail && rule->failure == FAILURE_no && !rule->context &&
           !rule->reason && !rule->by && rule->alert == ALERT_NONE && rule->match.n > 0 &&
           !(rule->match.captures & numbers);
}

static bool is_weak(const struct rule *rule)
{
    return (rule->kind == KIND_cause || rule->kind == KIND_detail) && !rule->late &&
           rule->alert == ALERT_NONE && rule->match.n > 0 && rule->match.captures == 0;
}

/* All but the patterns. */
static int rule_read(const struct pack_rule *from, struct rule *rule, struct err *err)
{
    if (rule_words(from, rule, err) != 0)
        return err->code;
    if (rule->kind == KIND_envelope && (!from->match || strncmp(from->match, "\\A", 2) != 0))
        return err_set(err, ERR_USAGE, "an envelope's match must begin with \\A");
    rule->always = from->find_count == 0 && rule->kind != KIND_envelope;
    if (rule->always && (rule->failure >= FAILURE_yes || rule->context) && rule->kind != KIND_veto)
        return err_set(err, ERR_USAGE, "a rule that makes events needs 'find'");
    if (rule->always && !from->match)
        return err_set(err, ERR_USAGE, "a rule needs 'find' or 'match'");
    return 0;
}

/* Absent where a rule says '': its words are no library's. */
static struct str library_of(const struct pack *pack, const struct pack_rule *from)
{
    struct str library = str_of(from->library ? from->library : pack->pack);
    return library.n ? library : STR_NONE;
}

static int add_rules(struct rules *rules, const struct pack *pack, struct err *err)
{
    int kind = name_index(kind_names, KIND_COUNT, pack->kind);
    if (kind < 0)
        return err_set(err, ERR_USAGE,
                       "kind is envelope, format, cause, detail or veto, not '%s'", pack->kind);
    for (unsigned i = 0; i < pack->rules_count; i++) {
        const struct pack_rule *from = &pack->rules[i];
        rules->items = xgrow(rules->items, rules->n, &rules->cap, sizeof *rules->items);
        struct rule *rule = &rules->items[rules->n];
        *rule = (struct rule){.id = str_of(from->id),
                              .pack = str_of(pack->pack),
                              .library = library_of(pack, from),
                              .kind = (enum rule_kind)kind};
        rules->n++;
        if (rule_read(from, rule, err) != 0)
            return err_wrap(err, "rule %s", from->id);
    }
    return 0;
}

static int load_pack(struct rules *rules, struct str name, struct str yaml, struct err *err)
{
    struct pack *pack;
    if (pack_read(name, yaml, &pack, err) != 0)
        return err->code;
    rules->packs = xgrow(rules->packs, rules->n_packs, &rules->packs_cap, sizeof *rules->packs);
    rules->packs[rules->n_packs++] = pack;
    if (add_codes(rules, pack, err) != 0)
        return err_wrap(err, "rule pack %.*s", STR_ARG(name));
    return 0;
}

static int load_file(struct rules *rules, const char *dir, const char *name, struct err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return err_errno(err, "rule pack %s", path);
    struct buf yaml = {0};
    buf_reserve(&yaml, PACK_BYTES_MAX + 1);
    yaml.n = fread(yaml.p, 1, PACK_BYTES_MAX + 1, file);
    int rc = 0;
    if (ferror(file))
        rc = err_errno(err, "rule pack %s", path);
    else if (yaml.n > PACK_BYTES_MAX)
        rc = err_set(err, ERR_USAGE, "rule pack %s: larger than %d MiB", path, PACK_BYTES_MAX >> 20);
    else
        rc = load_pack(rules, str_of(path), buf_as_str(&yaml), err);
    fclose(file);
    buf_release(&yaml);
    return rc;
}

static int is_pack(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends(str_of(entry->d_name), STR(".yaml"));
}

static int load_dir(struct rules *rules, const char *dir, struct err *err)
{
    struct dirent **entries;
    int n = scandir(dir, &entries, is_pack, alphasort);
    if (n < 0) {
        err_errno(err, "rule packs in %s", dir);
        return err->code = ERR_USAGE;
    }
    int rc = 0;
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = load_file(rules, dir, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static void index_envelopes(struct rules *rules, unsigned char first)
{
    for (size_t i = 0; i < rules->n; i++) {
        const struct rule *rule = &rules->items[i];
        if (rule->kind != KIND_envelope || !pattern_can_start(rule->match.items[0].pattern, first))
            continue;
        rules->envelopes = xgrow(rules->envelopes, rules->n_envelopes, &rules->envelopes_cap,
                                 sizeof *rules->envelopes);
        rules->envelopes[rules->n_envelopes++] = (uint32_t)i;
    }
    rules->first_envelopes[first + 1] = (uint32_t)rules->n_envelopes;
}

static void index_rules(struct rules *rules)
{
    rules->words = rules->n / 64 + 1;
    rules->always = xcalloc(rules->words, sizeof *rules->always);
    rules->vetoes = xcalloc(rules->words, sizeof *rules->vetoes);
    for (size_t i = 0; i < rules->n; i++) {
        if (rules->items[i].always)
            rules->always[i / 64] |= UINT64_C(1) << (i % 64);
        if (rules->items[i].kind == KIND_veto)
            rules->vetoes[i / 64] |= UINT64_C(1) << (i % 64);
    }
    for (unsigned first = 0; first < 256; first++)
        index_envelopes(rules, (unsigned char)first);
    if (rules->n_codes)
        qsort(rules->codes, rules->n_codes, sizeof *rules->codes, by_code);
}

/* first: where the pack's rules begin. */
static int open_pack(struct rules *rules, const struct pack *pack, size_t first, struct err *err)
{
    for (unsigned i = 0; i < pack->rules_count; i++) {
        struct rule *rule = &rules->items[first + i];
        if (open_patterns(rules, &pack->rules[i], rule, err) != 0)
            return err_wrap(err, "rule %s", pack->rules[i].id);
        rule->late = is_late(rule);
        rule->weak = is_weak(rule);
    }
    return 0;
}

/* The gate is compiled meanwhile. */
static int open_rules(struct rules *rules, struct err *err)
{
    size_t first = 0;
    int rc = 0;
    rules->gate = gate_begin(rules);
    for (size_t i = 0; i < rules->n_packs; i++)
        for (unsigned r = 0; r < rules->packs[i]->rules_count; r++)
            ways_count(rules, &rules->packs[i]->rules[r], i);
    for (size_t i = 0; rc == 0 && i < rules->n_packs; first += rules->packs[i++]->rules_count) {
        rules->trusted = i < rules->n_built_in;
        if ((rc = open_pack(rules, rules->packs[i], first, err)) != 0)
            err_wrap(err, "rule pack %s", rules->packs[i]->pack);
    }
    free(rules->threes); /* of use to needs alone, which are read now */
    rules->threes = NULL;
    if (rc != 0)
        return rc;
    index_rules(rules);
    literals_compile(rules);
    return gate_end(rules->gate, err);
}

/* All packs are read before any rule is compiled: a capture may name a later pack's table. */
int rules_load(const char *user_dir, struct rules **out, struct err *err)
{
    struct rules *rules = xcalloc(1, sizeof *rules);
    int rc = 0;
    rules->all = words_open();
    for (const struct embedded *e = embedded_packs; rc == 0 && e->name; e++)
        rc = load_pack(rules, str_of(e->name), str_make(e->bytes, e->n), err);
    rules->n_built_in = rules->n_packs;
    if (rc == 0 && user_dir)
        rc = load_dir(rules, user_dir, err);
    for (size_t i = 0; rc == 0 && i < rules->n_packs; i++)
        if ((rc = add_rules(rules, rules->packs[i], err)) != 0)
            err_wrap(err, "rule pack %s", rules->packs[i]->pack);
    if (rc == 0)
        rc = open_rules(rules, err);
    if (rc != 0) {
        rules_close(rules);
        return rc;
    }
    *out = rules;
    return 0;
}

void rules_close(struct rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->n; i++) {
        ways_close(&rules->items[i].match);
        ways_close(&rules->items[i].unless);
        pattern_close(rules->items[i].program);
    }
    for (size_t i = 0; i < rules->n_packs; i++)
        pack_free(rules->packs[i]);
    gate_close(rules->gate);
    words_close(rules->all);
    free(rules->packs);
    free(rules->items);
    free(rules->word_rules);
    free(rules->first_rules);
    free(rules->need_words);
    free(rules->always);
    free(rules->vetoes);
    free(rules->envelopes);
    free(rules->tables);
    free(rules->codes);
    free(rules);
}

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

json_t *rules_list(const struct rules *rules)
{
    json_t *packs = json_array();
    size_t index = 0;
    for (size_t p = 0; p < rules->n_packs; p++) {
        const struct pack *pack = rules->packs[p];
        json_t *items = json_array();
        for (unsigned r = 0; r < pack->rules_count; r++, index++) {
            const struct rule *rule = &rules->items[index];
            json_array_append_new(
                items, json_pack("{s:s, s:s, s:o, s:o, s:o}", "id", pack->rules[r].id, "failure",
                                 failure_names[rule->failure], "reason",
                                 text_or_null(reason_name(rule->reason)), "leg",
                                 text_or_null(leg_name(rule->leg)), "rejected_by",
                                 text_or_null(side_name(rule->by))));
        }
        json_array_append_new(packs, json_pack("{s:s, s:s, s:o, s:i, s:i}", "pack", pack->pack,
                                               "kind", pack->kind, "rules", items, "codes",
                                               (int)pack->codes_count, "samples",
                                               (int)pack->samples_count));
    }
    return json_pack("{s:o}", "packs", packs);
}
