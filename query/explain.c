/* explain.c - what an event means, where to look, who owns the fix and what to run next.
 *
 * The words are playbook.yaml's. What an event adds is who is who: which end was the TLS server,
 * whose certificate was refused and by whom, and which kind of hop speaks. */
#include "query/internal.h"
#include "query/playbook.h"

#include "base/escape.h"

#include <assert.h>
#include <stdlib.h>

enum role { ROLE_NONE, ROLE_server, ROLE_client };
enum party { PARTY_unknown, PARTY_us, PARTY_them };
enum { FIXES_SHOWN = 2, PRODUCT_COMMANDS = 2, DEFAULT_PORT = 443 };

struct explaining {
    const struct playbook *book;
    const struct event *event;
    struct str stream;
    const struct playbook_reason *row;
    const struct playbook_product *product; /* NULL: not known */
    enum hop hop;
    enum role us;        /* ROLE_NONE: the line doesn't tell */
    enum role presenter; /* whose certificate was refused */
    bool presenter_is_sure;
    struct target target;
};

/* ---- who is who ---- */

static enum role other_role(enum role role)
{
    return role == ROLE_server ? ROLE_client : role == ROLE_client ? ROLE_server : ROLE_NONE;
}

/* Who refused a certificate was shown it by the other end. Without that word it was the server's,
 * as most connections have no other. */
static void find_roles(struct explaining *x)
{
    const struct event *e = x->event;
    x->us = e->leg == LEG_downstream ? ROLE_server
            : e->leg == LEG_upstream ? ROLE_client
                                     : ROLE_NONE;
    x->presenter_is_sure = e->rejected_by != SIDE_NONE;
    x->presenter = ROLE_server;
    if (x->us && e->rejected_by)
        x->presenter = e->rejected_by == SIDE_peer ? x->us : other_role(x->us);
}

/* server, client, presenter or verifier; what follows the name is ignored. */
static enum role role_of(const struct explaining *x, const char *name)
{
    return strncmp(name, "server", 6) == 0      ? ROLE_server
           : strncmp(name, "client", 6) == 0    ? ROLE_client
           : strncmp(name, "presenter", 9) == 0 ? x->presenter
                                                : other_role(x->presenter);
}

static enum party party_of(const struct explaining *x, const char *name)
{
    bool presenter = *name == 'p', verifier = *name == 'v';
    if (x->us)
        return role_of(x, name) == x->us ? PARTY_us : PARTY_them;
    if ((!presenter && !verifier) || !x->presenter_is_sure)
        return PARTY_unknown;
    return presenter == (x->event->rejected_by == SIDE_peer) ? PARTY_us : PARTY_them;
}

static const char *party_name(const struct explaining *x, const char *name)
{
    enum party party = party_of(x, name);
    if (party == PARTY_us)
        return "this hop";
    if (x->us == ROLE_server)
        return "the client";
    if (x->us == ROLE_client)
        return "the upstream";
    if (party == PARTY_them)
        return "the other end";
    return role_of(x, name) == ROLE_server ? "the server" : "the client";
}

/* ---- what kind of hop ---- */

static bool has_prefix_word(struct str text, const char *word)
{
    struct str w = str_of(word);
    return str_starts(text, w) && (text.n == w.n || text.p[w.n] == '_');
}

static const struct playbook_product *find_product(const struct playbook *b,
                                                   const struct event *event)
{
    for (unsigned i = 0; i < b->products_count; i++)
        for (unsigned k = 0; k < b->products[i].formats_count; k++)
            if (has_prefix_word(event->format, b->products[i].formats[k]))
                return &b->products[i];
    for (unsigned i = 0; i < b->products_count; i++)
        for (unsigned k = 0; k < b->products[i].libraries_count; k++)
            if (has_prefix_word(event->library, b->products[i].libraries[k]))
                return &b->products[i];
    return NULL;
}

/* A word of the stream's name, digits behind it put aside: "prod-edge-1", "lb2". */
static bool name_has(struct str stream, const char *word)
{
    struct str w = str_of(word);
    for (size_t at = 0; at < stream.n;) {
        size_t end = at;
        while (end < stream.n && !memchr("._-", stream.p[end], 3))
            end++;
        struct str token = str_make(stream.p + at, end - at);
        while (token.n > w.n && token.p[token.n - 1] >= '0' && token.p[token.n - 1] <= '9')
            token.n--;
        if (str_ieq(token, w))
            return true;
        at = end + 1;
    }
    return false;
}

/* The hops of the file are in the order of the enum. */
static enum hop hop_named(const struct playbook *b, const char *name)
{
    for (unsigned i = 0; i < b->hops_count; i++)
        if (strcmp(b->hops[i].hop, name) == 0)
            return (enum hop)i;
    return HOP_any;
}

static enum hop find_hop(const struct explaining *x)
{
    const struct playbook *b = x->book;
    for (unsigned i = 0; i < b->hops_count; i++)
        for (unsigned k = 0; k < b->hops[i].words_count; k++)
            if (name_has(x->stream, b->hops[i].words[k]))
                return (enum hop)i;
    return x->product ? hop_named(b, x->product->hop) : HOP_any;
}

static const struct playbook_reason *find_row(const struct playbook *b, const struct event *event)
{
    enum reason reason = event->reason ? event->reason : REASON_unspecified;
    for (unsigned i = 0; i < b->reasons_count; i++) {
        const struct playbook_reason *row = &b->reasons[i];
        if (strcmp(row->reason, reason_name(reason)) == 0 &&
            (!row->leg || strcmp(row->leg, leg_name(event->leg)) == 0) &&
            (!row->by || strcmp(row->by, side_name(event->rejected_by)) == 0))
            return row;
    }
    assert(!"playbook.yaml has every reason");
    return NULL;
}

/* ---- words with {placeholders} ---- */

static bool fill_party(const struct explaining *x, struct str name, struct buf *out)
{
    static const char *const names[] = {"server", "client", "presenter", "verifier"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!str_ieq(name, str_of(names[i])))
            continue;
        const char *text = party_name(x, names[i]);
        bool capital = name.p[0] < 'a';
        buf_char(out, capital ? (char)(text[0] - 'a' + 'A') : text[0]);
        buf_str(out, str_of(text + 1));
        return true;
    }
    return false;
}

/* An option and its value, or nothing where there is no value. */
static void option(struct buf *out, const char *name, struct str value)
{
    if (value.n)
        buf_printf(out, "%s%.*s", name, STR_ARG(value));
}

static bool fill_command(const struct explaining *x, struct str name, struct buf *out)
{
    if (str_eq(name, STR("connect")))
        buf_str(out, str_of(x->target.connect));
    else if (str_eq(name, STR("host")))
        buf_str(out, str_of(x->target.host));
    else if (str_eq(name, STR("sni")))
        target_sni(&x->target, out);
    else if (str_eq(name, STR("curl")))
        target_curl(&x->target, out);
    else if (str_eq(name, STR("filter")))
        target_filter(&x->target, out);
    else if (str_eq(name, STR("reason")))
        buf_str(out, str_of(x->row->reason));
    else if (str_eq(name, STR("stream")))
        option(out, " --stream ", stream_name_valid(x->stream) ? x->stream : STR_NONE);
    else if (str_eq(name, STR("starttls")))
        option(out, " -starttls ", str_of(x->product ? x->product->starttls : NULL));
    else
        return false;
    return true;
}

static void fill(const struct explaining *x, const char *text, struct buf *out)
{
    struct str rest = str_of(text);
    for (ptrdiff_t open; (open = str_findc(rest, '{', 0)) >= 0;) {
        ptrdiff_t close = str_findc(rest, '}', (size_t)open);
        struct str name = str_make(rest.p + open + 1, close < 0 ? 0 : (size_t)(close - open - 1));
        buf_str(out, str_head(rest, (size_t)open));
        if (!fill_party(x, name, out) && !fill_command(x, name, out)) {
            buf_char(out, '{'); /* curl's own %{...} */
            close = open;
        }
        rest = str_from(rest, (size_t)close + 1);
    }
    buf_str(out, rest);
}

static json_t *json_of(struct buf *text)
{
    json_t *value = escape_json(buf_as_str(text));
    buf_release(text);
    return value;
}

static json_t *meaning(const struct explaining *x)
{
    struct buf text = {0};
    fill(x, x->row->meaning, &text);
    if (!x->presenter_is_sure && strstr(x->row->meaning, "resenter}"))
        buf_str(&text, STR(" The line doesn't say which end refused; this is the usual case."));
    return json_of(&text);
}

static json_t *look_at(const struct explaining *x)
{
    struct buf text = {0};
    fill(x, x->row->look_at, &text);
    return json_of(&text);
}

/* ---- who owns the fix ---- */

static const char *what_of(const char *fix)
{
    const char *dot = strchr(fix, '.');
    assert(dot);
    return dot + 1;
}

static bool same_role(const char *as, enum role role)
{
    return strcmp(as, role == ROLE_server ? "server" : "client") == 0;
}

static const struct playbook_fix *find_fix(const struct explaining *x, const char *fix)
{
    for (unsigned i = 0; i < x->book->fixes_count; i++)
        if (strcmp(x->book->fixes[i].what, what_of(fix)) == 0 &&
            same_role(x->book->fixes[i].as, role_of(x, fix)))
            return &x->book->fixes[i];
    assert(!"playbook.yaml has every fix");
    return NULL;
}

/* " (nginx: ssl_certificate)" */
static void add_setting(const struct explaining *x, const struct playbook_fix *fix, struct buf *out)
{
    for (unsigned i = 0; x->product && i < x->product->settings_count; i++) {
        const struct playbook_setting *s = &x->product->settings[i];
        if (strcmp(s->what, fix->what) == 0 && strcmp(s->as, fix->as) == 0)
            buf_printf(out, " (%s: %s)", x->product->product, s->set);
    }
}

static void add_fix(const struct explaining *x, const char *name, struct buf *out)
{
    const struct playbook_fix *fix = find_fix(x, name);
    const struct playbook_hop *hop = &x->book->hops[x->hop];
    const char *text = fix->text[x->hop] ? fix->text[x->hop] : fix->text[HOP_any];
    const char *role = role_of(x, name) == ROLE_server ? "server" : "client";
    switch (party_of(x, name)) {
    case PARTY_us:
        buf_printf(out, "%s: %s", hop->owner, text);
        add_setting(x, fix, out);
        break;
    case PARTY_them:
        buf_printf(out, "%s: %s", party_name(x, name), fix->other);
        break;
    case PARTY_unknown:
        buf_printf(out, "the TLS %s (%s or the other end): %s", role, hop->owner, fix->other);
        break;
    }
}

static json_t *fix_at(const struct explaining *x)
{
    struct buf text = {0};
    for (unsigned i = 0; i < x->row->fix_count && i < FIXES_SHOWN; i++) {
        buf_str(&text, i ? STR("; or ") : STR(""));
        add_fix(x, x->row->fix[i], &text);
    }
    return json_of(&text);
}

/* ---- what to run ---- */

struct commands {
    const struct explaining *x;
    json_t *list;
};

static void add_command(struct commands *c, const char *run)
{
    struct buf text = {0};
    if (c->x->product && c->x->product->starttls && strstr(run, "curl"))
        return; /* no HTTP there */
    fill(c->x, run, &text);
    json_t *value = json_of(&text);
    for (size_t i = 0; i < json_array_size(c->list); i++) {
        if (json_equal(json_array_get(c->list, i), value)) {
            json_decref(value);
            return;
        }
    }
    json_array_append_new(c->list, value);
}

static void add_known(struct commands *c, const char *id)
{
    for (unsigned i = 0; i < c->x->book->commands_count; i++)
        if (strcmp(c->x->book->commands[i].id, id) == 0)
            add_command(c, c->x->book->commands[i].run);
}

static bool concerns(const struct explaining *x, const struct playbook_command *command)
{
    for (unsigned i = 0; command->what && i < x->row->fix_count; i++)
        if (strcmp(what_of(x->row->fix[i]), command->what) == 0)
            return true;
    return false;
}

/* The most fitting of a product's or a hop's own: those for what has to change, then for all. */
static size_t own_commands(const struct explaining *x, const struct playbook_command *from,
                           unsigned n, const char *out[PRODUCT_COMMANDS])
{
    size_t found = 0;
    for (int general = 0; general < 2; general++)
        for (unsigned i = 0; i < n && found < PRODUCT_COMMANDS; i++)
            if (general ? !from[i].what : concerns(x, &from[i]))
                if (found == 0 || strcmp(out[found - 1], from[i].run) != 0)
                    out[found++] = from[i].run;
    return found;
}

/* The first three are what the verdict shows: the row's best, the product's, the row's second. */
static json_t *next(const struct explaining *x)
{
    static const char *const always[] = {"curl", "chain", "nosni", "tls12", "tls13"};
    const struct playbook_reason *row = x->row;
    const struct playbook_hop *hop = &x->book->hops[x->hop];
    struct commands c = {x, json_array()};
    const char *own[PRODUCT_COMMANDS];
    bool client = x->presenter == ROLE_client && row->next_client_count;
    char **ids = client ? row->next_client : row->next;
    unsigned n = client ? row->next_client_count : row->next_count;
    size_t n_own = x->product ? own_commands(x, x->product->next, x->product->next_count, own)
                              : own_commands(x, hop->next, hop->next_count, own);
    for (unsigned i = 0; i < n; i++) {
        add_known(&c, ids[i]);
        if (i < n_own)
            add_command(&c, own[i]);
    }
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        add_known(&c, always[i]);
    if (x->product && hop_named(x->book, x->product->hop) != x->hop &&
        (n_own = own_commands(x, hop->next, hop->next_count, own)) > 0)
        add_command(&c, own[0]);
    return c.list;
}

json_t *explain_event(const struct event *event, struct str stream)
{
    struct explaining x = {.book = playbook(), .event = event, .stream = stream};
    x.product = find_product(x.book, event);
    x.hop = find_hop(&x);
    x.row = find_row(x.book, event);
    find_roles(&x);
    bool own_port = x.product && x.product->port && event->leg != LEG_upstream;
    target_of(event, own_port ? atoi(x.product->port) : DEFAULT_PORT, &x.target);
    json_t *answer = json_object();
    json_object_set_new(answer, "meaning", meaning(&x));
    json_object_set_new(answer, "look_at", look_at(&x));
    json_object_set_new(answer, "fix_at", fix_at(&x));
    json_object_set_new(answer, "next", next(&x));
    return answer;
}
