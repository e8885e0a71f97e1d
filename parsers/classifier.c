/* classifier.c - from the rules that hold for a record to one event, or none.
 *
 * Each rule that holds makes a claim: a reason, a leg, who rejected, an alert. The claims are
 * weighed once for the verdict and once a field; packs/README.md states the order. */
#include "parsers/internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLAIMS_MAX = 128, WEIGHT_detail = 10 };

/* What a rule captured; lives in the classifier's arena, so that claims stay small. */
struct kept {
    struct captured *items;
    size_t n;
};

struct claim {
    const struct rule *rule;
    struct kept captures;
    enum reason reason; /* the rule's, its error number's or its alert's */
    int rank;
    enum leg leg;
    enum side by;
    int alert;
    bool open; /* of a late or a weak rule: not tried yet */
    bool out;  /* of a weak rule that doesn't hold, or doesn't matter */
};

struct claims {
    struct claim items[CLAIMS_MAX];
    size_t n;
    const struct claim *winner; /* of the reason; NULL: none */
};

int classifier_open(const struct rules *rules, struct classifier **out, struct err *err)
{
    struct classifier *c = xcalloc(1, sizeof *c);
    c->rules = rules;
    c->matcher = matcher_open();
    c->found = xcalloc(rules->all_words, sizeof *c->found);
    c->tried = xcalloc(rules->words, sizeof *c->tried);
    if (gate_scratch(rules->gate, &c->gate_scratch, err) != 0) {
        classifier_close(c);
        return err->code;
    }
    *out = c;
    return 0;
}

void classifier_close(struct classifier *c)
{
    if (!c)
        return;
    hs_free_scratch(c->gate_scratch);
    matcher_close(c->matcher);
    arena_release(&c->arena);
    buf_release(&c->folded);
    buf_release(&c->fields);
    free(c->found);
    free(c->tried);
    free(c);
}

const char *classifier_why(const struct classifier *c)
{
    return c->why;
}

/* ---- claims ---- */

static void claim_reason(struct claim *claim, enum reason reason)
{
    if (reason && reason_rank(reason) > claim->rank) {
        claim->reason = reason;
        claim->rank = reason_rank(reason);
    }
}

/* A number is more exact than the words around it: it overrides who rejected. */
static void claim_number(struct claim *claim, struct code_row row)
{
    claim_reason(claim, row.reason);
    if (row.leg && !claim->leg)
        claim->leg = row.leg;
    if (row.by)
        claim->by = row.by;
    if (row.alert != ALERT_NONE && claim->alert == ALERT_NONE)
        claim->alert = row.alert;
}

/* By number, or by name as RFC 8446, OpenSSL or a library in CamelCase spells it. */
static int read_alert(struct str text)
{
    struct str s = str_trim(text);
    int64_t number = str_number(s, ALERT_MAX);
    if (number >= 0)
        return (int)number;
    return alert_find(s);
}

static void claim_captures(const struct rules *rules, struct claim *claim)
{
    for (size_t i = 0; i < claim->captures.n; i++) {
        const struct captured *got = &claim->captures.items[i];
        if (got->what >= CAPTURE_TABLE)
            claim_number(claim, code_meaning(rules, got->what - CAPTURE_TABLE, got->text));
        else if (got->what == CAPTURE_alert && claim->alert == ALERT_NONE)
            claim->alert = read_alert(got->text);
    }
    if (claim->alert != ALERT_NONE)
        claim_reason(claim, alert_reason(claim->alert));
}

static enum match rule_holds(struct classifier *c, const struct rule *rule,
                             const struct peeled *record, struct captures *captures)
{
    enum match match = MATCH_YES;
    captures->n = 0;
    if (!literals_fill(c, &rule->with))
        return MATCH_NO;
    if (rule->program)
        match = record->program.p
                    ? pattern_match(rule->program, c->matcher, record->program, NULL)
                    : MATCH_NO;
    if (match == MATCH_YES && rule->match.n)
        match = ways_match(c, &rule->match, record->text, captures);
    if (match != MATCH_YES || rule->unless.n == 0)
        return match;
    enum match unless = ways_match(c, &rule->unless, record->text, NULL);
    return unless == MATCH_NO ? MATCH_YES : unless == MATCH_YES ? MATCH_NO : unless;
}

static struct kept keep(struct classifier *c, const struct captures *got)
{
    struct kept kept = {.n = got->n};
    if (kept.n) {
        kept.items = arena_alloc(&c->arena, kept.n * sizeof *kept.items);
        memcpy(kept.items, got->items, kept.n * sizeof *kept.items);
    }
    return kept;
}

static enum match try_rule(struct classifier *c, const struct peeled *record, struct claim *claim)
{
    struct captures got;
    enum match match = rule_holds(c, claim->rule, record, &got);
    claim->open = false;
    claim->captures = (struct kept){.n = 0};
    if (match == MATCH_YES)
        claim->captures = keep(c, &got);
    if (match == MATCH_BUDGET)
        snprintf(c->why, sizeof c->why, "rule %.*s exceeded its budget on this record",
                 STR_ARG(claim->rule->id));
    return match;
}

/* Tries every rule of c->tried but vetoes, the late and the weak ones; false when one gave up. */
static bool gather(struct classifier *c, const struct peeled *record, struct claims *claims)
{
    claims->n = 0;
    claims->winner = NULL;
    for (size_t w = 0; w < c->rules->words; w++) {
        uint64_t left = c->tried[w] & ~c->rules->vetoes[w];
        for (; left && claims->n < CLAIMS_MAX; left &= left - 1) {
            const struct rule *rule = &c->rules->items[w * 64 + (size_t)__builtin_ctzll(left)];
            struct claim *claim = &claims->items[claims->n];
            bool open = rule->late || rule->weak;
            *claim = (struct claim){.rule = rule};
            enum match match = open ? MATCH_YES : try_rule(c, record, claim);
            if (match == MATCH_BUDGET)
                return false;
            if (match == MATCH_NO)
                continue;
            claim->open = open;
            claim->reason = rule->reason;
            claim->rank = rule->rank >= 0 ? rule->rank : reason_rank(rule->reason);
            claim->leg = rule->leg;
            claim->by = rule->by;
            claim->alert = rule->alert;
            if (!claim->open)
                claim_captures(c->rules, claim);
            claims->n++;
        }
    }
    return true;
}

/* ---- the verdict ---- */

/* How far the claims that hold say that a handshake failed. */
static enum failure failure_of(const struct claims *claims)
{
    enum failure most = FAILURE_no;
    bool context = false;
    for (size_t i = 0; i < claims->n; i++) {
        const struct rule *rule = claims->items[i].rule;
        if (claims->items[i].open || claims->items[i].out)
            continue;
        most = rule->failure > most ? rule->failure : most;
        context = context || rule->context;
    }
    return most == FAILURE_maybe && context ? FAILURE_yes : most;
}

/* Whether a veto outweighs a failure that is as sure as `most`. */
static enum match is_denied(struct classifier *c, const struct peeled *record, enum failure most)
{
    struct claim claim;
    for (size_t w = 0; w < c->rules->words; w++) {
        for (uint64_t left = c->tried[w] & c->rules->vetoes[w]; left; left &= left - 1) {
            claim.rule = &c->rules->items[w * 64 + (size_t)__builtin_ctzll(left)];
            enum match match =
                claim.rule->failure >= most ? try_rule(c, record, &claim) : MATCH_NO;
            if (match != MATCH_NO)
                return match;
        }
    }
    return MATCH_NO;
}

static void pick_reason(struct claims *claims)
{
    claims->winner = NULL;
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *claim = &claims->items[i];
        if (!claim->open && !claim->out && claim->reason &&
            (!claims->winner || claim->rank > claims->winner->rank))
            claims->winner = claim;
    }
}

/* Which claim a field is taken from: format before cause before detail, then the winner's. */
static int weight(const struct claims *claims, const struct claim *claim)
{
    static const int of_kind[] = {[KIND_format] = 30, [KIND_cause] = 20,
                                  [KIND_detail] = WEIGHT_detail};
    if (claim->out)
        return -1;
    return of_kind[claim->rule->kind] + (claim == claims->winner ? 5 : 0);
}

/* ---- weak rules ---- */

static bool leg_is_named(const struct claims *claims, const struct claim *claim)
{
    int w = weight(claims, claim);
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *other = &claims->items[i];
        int other_w = other->open || !other->leg ? -1 : weight(claims, other);
        if (other_w > w || (other_w == w && other < claim))
            return true;
    }
    return false;
}

static bool names_library(const struct claim *claim)
{
    return claim && claim->rule->kind == KIND_cause && claim->rule->library.p;
}

/* Whether nothing of the event would be another if the weak rule held, whatever the rest says. */
static bool is_idle(const struct claims *claims, enum failure most, const struct claim *claim)
{
    const struct claim *winner = claims->winner;
    bool silent = winner && winner->reason == REASON_timeout;
    if (claim->rule->failure > most || (claim->rule->context && most < FAILURE_yes))
        return false;
    if (claim->reason && (!winner || claim->rank > winner->rank ||
                          (claim->rank == winner->rank && claim < winner)))
        return false;
    if (claim->by && !silent && !(winner && winner->by))
        return false;
    return (!claim->leg || leg_is_named(claims, claim)) &&
           (!names_library(claim) || names_library(winner));
}

/* Of those that aren't idle the one of the highest rank, NULL when all are. */
static struct claim *next_weak(struct claims *claims, enum failure most)
{
    struct claim *next = NULL;
    for (size_t i = 0; i < claims->n; i++) {
        struct claim *claim = &claims->items[i];
        if (claim->open && claim->rule->weak && !is_idle(claims, most, claim) &&
            (!next || claim->rank > next->rank))
            next = claim;
    }
    return next;
}

/* Tries the weak rules from the highest rank down for as long as one could still tell something;
 * the others are out. False when one gave up. */
static bool try_weak(struct classifier *c, const struct peeled *record, struct claims *claims)
{
    for (;;) {
        pick_reason(claims);
        struct claim *claim = next_weak(claims, failure_of(claims));
        if (!claim)
            break;
        enum match match = try_rule(c, record, claim);
        if (match == MATCH_BUDGET)
            return false;
        claim->out = match == MATCH_NO;
    }
    for (size_t i = 0; i < claims->n; i++) {
        struct claim *claim = &claims->items[i];
        claim->out = claim->out || (claim->open && claim->rule->weak);
    }
    return true;
}

/* The claim that names the leg; of those that weigh the same, the first. A late rule, being a detail,
 * is tried only where nothing heavier names one. False when it gave up. */
static bool pick_leg(struct classifier *c, const struct peeled *record, struct claims *claims,
                     enum leg *leg)
{
    int best = -1;
    size_t at = claims->n;
    for (size_t i = 0; i < claims->n; i++) {
        int w = weight(claims, &claims->items[i]);
        if (!claims->items[i].open && claims->items[i].leg && w > best) {
            best = w;
            at = i;
        }
    }
    *leg = at < claims->n ? claims->items[at].leg : LEG_NONE;
    for (size_t i = 0; i < at && best <= WEIGHT_detail; i++) {
        struct claim *claim = &claims->items[i];
        enum match match = claim->open && !claim->out && claim->leg ? try_rule(c, record, claim) : MATCH_NO;
        if (match == MATCH_BUDGET)
            return false;
        if (match == MATCH_YES) {
            *leg = claim->leg;
            return true;
        }
    }
    return true;
}

/* How a connection ended tells who ended it, but not who refused for another reason. */
static bool ends_elsewhere(const struct claim *claim, const struct claim *winner)
{
    return winner && reason_class(claim->reason) == CLASS_transport &&
           reason_class(winner->reason) != CLASS_transport;
}

/* Who rejected belongs to the reason: the winner's word comes first, then a format's, then that of
 * a claim that names no reason of its own. */
static enum side pick_side(const struct claims *claims)
{
    const struct claim *winner = claims->winner;
    enum side side = winner ? winner->by : SIDE_NONE;
    if (winner && winner->reason == REASON_timeout && !winner->by)
        return SIDE_NONE;
    int best = -1;
    for (size_t i = 0; i < claims->n && !(winner && winner->by); i++) {
        const struct claim *claim = &claims->items[i];
        int w = claim->out ? -1 : weight(claims, claim) + (claim->reason ? 0 : 1);
        if (claim->by && w > best && !ends_elsewhere(claim, winner)) {
            best = w;
            side = claim->by;
        }
    }
    return side;
}

static int pick_alert(const struct claims *claims)
{
    int alert = ALERT_NONE, best = -1;
    for (size_t i = 0; i < claims->n; i++) {
        int w = weight(claims, &claims->items[i]);
        if (claims->items[i].alert != ALERT_NONE && w > best) {
            best = w;
            alert = claims->items[i].alert;
        }
    }
    return alert;
}

/* ---- the other fields ---- */

static struct str capture_of(const struct claim *claim, enum capture what)
{
    for (size_t i = 0; i < claim->captures.n; i++)
        if (claim->captures.items[i].what == (int)what)
            return claim->captures.items[i].text;
    return STR_NONE;
}

struct field_pick {
    struct str value;
    int weight;
};

static bool wants(const struct field_pick *pick, int w)
{
    return w > pick->weight;
}

static void offer(struct field_pick *pick, int w, struct str value)
{
    if (value.p && wants(pick, w))
        *pick = (struct field_pick){value, w};
}

struct picks {
    struct field_pick host, peer, version, cipher, time;
};

static void offer_host(struct field_pick *pick, int w, struct str text)
{
    if (wants(pick, w))
        offer(pick, w, value_host(text));
}

static void offer_peer(struct classifier *c, struct field_pick *pick, int w, struct str text,
                       struct str port)
{
    if (wants(pick, w))
        offer(pick, w, value_peer(text, port, &c->arena));
}

/* "host:port" that was dialled: a name is the host; an address is both host and peer. */
static void offer_dialled(struct classifier *c, struct picks *picks, int w, struct str dial)
{
    struct str host = value_host(dial);
    offer(&picks->host, w, host);
    if (host.p)
        offer_peer(c, &picks->peer, w, dial, STR_NONE);
}

static void offer_claim(struct classifier *c, struct picks *picks, const struct claim *claim,
                        int w, enum leg leg)
{
    struct str port = capture_of(claim, CAPTURE_port);
    for (size_t i = 0; i < claim->captures.n; i++) {
        struct str text = claim->captures.items[i].text;
        switch (claim->captures.items[i].what) {
        case CAPTURE_host:
            offer_host(&picks->host, w, text);
            break;
        case CAPTURE_server_name: /* an upstream's own name goes before the Host of the request */
            if (leg == LEG_upstream && wants(&picks->host, w + 1) &&
                !value_peer(text, STR_NONE, &c->arena).p)
                offer_host(&picks->host, w + 1, text);
            break;
        case CAPTURE_dial:
            offer_dialled(c, picks, w, text);
            break;
        case CAPTURE_client:
            offer_peer(c, &picks->peer, leg == LEG_downstream ? w : -1, text, port);
            break;
        case CAPTURE_server:
            offer_peer(c, &picks->peer, leg == LEG_upstream ? w : -1, text, port);
            break;
        case CAPTURE_peer:
            offer_peer(c, &picks->peer, w, text, port);
            break;
        case CAPTURE_tls_version:
            offer(&picks->version, w, value_tls_version(text));
            break;
        case CAPTURE_cipher:
            offer(&picks->cipher, w, value_cipher(text));
            break;
        case CAPTURE_time:
            offer(&picks->time, w, text);
            break;
        }
    }
}

/* Whether any of the texts that the claim's rule captures would still be taken. */
static bool is_wanted(const struct picks *picks, const struct claim *claim, int w)
{
    static const uint32_t to_host = 1u << CAPTURE_host | 1u << CAPTURE_server_name |
                                    1u << CAPTURE_dial;
    static const uint32_t to_peer = 1u << CAPTURE_peer | 1u << CAPTURE_client |
                                    1u << CAPTURE_server | 1u << CAPTURE_dial;
    uint32_t captures = claim->rule->match.captures;
    return ((captures & to_host) && wants(&picks->host, w + 1)) ||
           ((captures & to_peer) && wants(&picks->peer, w)) ||
           ((captures & 1u << CAPTURE_tls_version) && wants(&picks->version, w)) ||
           ((captures & 1u << CAPTURE_cipher) && wants(&picks->cipher, w)) ||
           ((captures & 1u << CAPTURE_time) && wants(&picks->time, w));
}

static void take_names(const struct claims *claims, const struct claim *claim, int *best_format,
                       struct event *out)
{
    int w = weight(claims, claim) + claim->rule->rank;
    if (claim->rule->kind == KIND_format && w > *best_format) {
        *best_format = w;
        out->format = claim->rule->id;
    }
    if (claim->rule->kind == KIND_cause && !out->library.p)
        out->library = claim->rule->library;
}

/* Formats and causes weigh more than details, so these come last, and a late one is only tried for
 * what is still missing then. False when one gave up. */
static bool fill_texts(struct classifier *c, const struct peeled *record, struct claims *claims,
                       struct picks *picks, struct event *out)
{
    int best_format = -1;
    for (int details = 0; details <= 1; details++) {
        for (size_t i = 0; i < claims->n; i++) {
            struct claim *claim = &claims->items[i];
            int w = weight(claims, claim);
            if ((claim->rule->kind == KIND_detail) != details || w < 0 ||
                (claim->rule->for_leg && claim->rule->for_leg != out->leg) ||
                (claim->open && !is_wanted(picks, claim, 2 * w)))
                continue;
            enum match match = claim->open ? try_rule(c, record, claim) : MATCH_YES;
            if (match == MATCH_BUDGET)
                return false;
            if (match == MATCH_NO)
                continue;
            offer_claim(c, picks, claim, 2 * w, out->leg);
            take_names(claims, claim, &best_format, out);
        }
    }
    if (claims->winner && claims->winner->rule->kind == KIND_cause &&
        claims->winner->rule->library.p)
        out->library = claims->winner->rule->library;
    out->host = picks->host.value;
    out->peer = picks->peer.value;
    out->tls_version = picks->version.value;
    out->cipher = picks->cipher.value;
    return true;
}

/* What one field says about another, whatever the product (RFC 8446 section 6.2: these alerts are
 * sent by servers only). */
static void settle(struct event *out)
{
    bool servers_alert = out->alert == 86 || out->alert == 112 || out->alert == 116 ||
                         out->alert == 120;
    if (!out->leg && servers_alert && out->rejected_by)
        out->leg = out->rejected_by == SIDE_peer ? LEG_upstream : LEG_downstream;
    if (!out->reason)
        out->reason = out->alert != ALERT_NONE ? alert_reason(out->alert) : REASON_NONE;
    if (!out->reason)
        out->reason = REASON_unspecified;
}

static bool fill(struct classifier *c, const struct peeled *record, struct claims *claims,
                 const struct reading *reading, struct event *out)
{
    struct picks picks = {{STR_NONE, -1}, {STR_NONE, -1}, {STR_NONE, -1}, {STR_NONE, -1},
                          {STR_NONE, -1}};
    struct peeled when = *record;
    out->reason = claims->winner ? claims->winner->reason : REASON_NONE;
    if (!pick_leg(c, record, claims, &out->leg))
        return false;
    out->rejected_by = pick_side(claims);
    out->alert = pick_alert(claims);
    settle(out);
    if (!fill_texts(c, record, claims, &picks, out))
        return false;
    if (!out->peer.p)
        out->peer = lone_address(record->text, out->leg, &c->arena);
    if (!out->host.p && out->leg != LEG_downstream)
        out->host = lone_host(record->text);
    if (!out->leg)
        out->leg = lone_leg(record->text, out->host, out->peer);
    if (picks.time.value.p)
        peel_time(&when, picks.time.value, reading);
    out->time_is_read = when.time_us == TIME_NONE;
    out->time_us = out->time_is_read ? reading->now_us : when.time_us;
    return true;
}

enum verdict classify_candidate(struct classifier *c, struct str record,
                                const struct reading *reading, struct event *out)
{
    struct claims claims;
    struct peeled peeled;
    *out = (struct event){.alert = ALERT_NONE, .truncated = record.n > RECORD_MAX};
    out->raw = str_head(record, RECORD_MAX);
    arena_reset(&c->arena);
    if (peel(c, out->raw, reading, &peeled) == MATCH_BUDGET) {
        snprintf(c->why, sizeof c->why, "an envelope rule exceeded its budget on this record");
        return VERDICT_QUARANTINED;
    }
    literals_try(c, peeled.text);
    if (!gather(c, &peeled, &claims) || !try_weak(c, &peeled, &claims))
        return VERDICT_QUARANTINED;
    enum failure most = failure_of(&claims);
    enum match denied = most >= FAILURE_yes ? is_denied(c, &peeled, most) : MATCH_YES;
    if (denied != MATCH_NO)
        return denied == MATCH_YES ? VERDICT_OTHER : VERDICT_QUARANTINED;
    return fill(c, &peeled, &claims, reading, out) ? VERDICT_EVENT : VERDICT_QUARANTINED;
}

int64_t classifier_time(struct classifier *c, struct str record, const struct reading *reading)
{
    struct peeled peeled;
    arena_reset(&c->arena);
    peel(c, str_head(record, RECORD_MAX), reading, &peeled);
    return peeled.time_us;
}

enum verdict classifier_record(struct classifier *c, struct str record,
                               const struct reading *reading, struct event *out)
{
    if (!c->ungated && !gate_record(c, str_head(record, RECORD_MAX)))
        return VERDICT_OTHER;
    return classify_candidate(c, record, reading, out);
}
