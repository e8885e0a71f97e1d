/* kafka_trouble.c - what keeps brokers from being read: told once, with what to set, and kept in the
 * store for `status` as long as it lasts.
 *
 *   librdkafka's "ssl://HOST:PORT/ID: WHY (after 12ms in state ...)", "GroupCoordinator: HOST:..."
 *     ├─ a refused certificate or password: a line at once, as waiting won't mend it
 *     └─ else the reason in the line that says, after DOWN_MS, that no broker answers
 *
 * librdkafka goes on trying by itself; no position is touched. */
#include "ingest/kafka_internal.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t AGAIN_NS = INT64_C(600) * 1000000000; /* the same is said again then */

/* ---- what an error means ---- */

/* By what librdkafka, OpenSSL or the broker says; the first that fits. */
static const struct meaning {
    const char *says, *means; /* means: NULL where the words say enough */
    bool lasts;               /* waiting alone doesn't mend it */
} meanings[] = {
    {"alert number",
     "it refuses our client certificate, or wants one: set ssl.certificate.location and"
     " ssl.key.location to one that it trusts",
     true},
    {"Unsupported SASL mechanism", "set sasl.mechanism to one that it supports", true},
    {"Authentication failed",
     "it refuses the user or the password: check sasl.username and sasl.password", true},
    {"might require SASL", "it hangs up: if it wants a password, set security.protocol to SASL_SSL",
     false},
    {"SASL", "logging in failed: check sasl.mechanism, sasl.username and sasl.password", false},
    {"connecting to a SSL listener",
     "it hangs up: if its port speaks TLS, set security.protocol to SSL or SASL_SSL", false},
    {"SSL", "no TLS with it: does its port speak TLS? Else set security.protocol", false},
    {"", NULL, false},
};

/* OpenSSL's verify codes (x509_vfy.h). */
static const struct finding {
    int code;
    const char *means;
} findings[] = {
    {9, "is not valid yet: check the clock here, and the certificate there"},
    {10, "has expired: have it renewed there (or the clock here is ahead)"},
    {62, "has another name: write the broker in `brokers` as its certificate names it"},
    {64, "has another address: write the broker in `brokers` as its certificate names it"},
    {23, "is revoked: have it replaced there"},
    {2, "is of a CA that isn't trusted here: set ssl.ca.location to the file of that CA"},
    {18, "is self-signed and not trusted here: set ssl.ca.location to the file of it"},
    {19, "is of a CA that isn't trusted here: set ssl.ca.location to the file of that CA"},
    {20, "is of a CA that isn't trusted here: set ssl.ca.location to the file of that CA"},
    {21, "is of a CA that isn't trusted here: set ssl.ca.location to the file of that CA"},
};

static const char *finding_of(int code)
{
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++)
        if (findings[i].code == code)
            return findings[i].means;
    return "can't be verified: set ssl.ca.location to the file of its CA";
}

static const char *property(const struct kafka_config *config, const char *name)
{
    for (unsigned i = 0; i < config->properties_count; i++)
        if (strcmp(config->properties[i].name, name) == 0)
            return config->properties[i].value;
    return "";
}

/* librdkafka before 2.6.1 says its part of the nonce twice (its pull request 4895), which brokers
 * that look closely take for a wrong password. */
static bool scram_is_broken(const struct kafka_config *config)
{
    return rd_kafka_version() < 0x020601ff &&
           (strncmp(property(config, "sasl.mechanism"), "SCRAM", 5) == 0 ||
            strncmp(property(config, "sasl.mechanisms"), "SCRAM", 5) == 0);
}

/* ---- a broker's certificate ---- */

/* Called by librdkafka's threads, for each certificate of the chain, after OpenSSL has judged it. */
static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *code, int depth,
                          const char *der, size_t der_n, char *why, size_t why_n, void *context)
{
    struct kafka_trouble *t = &((struct kafka *)context)->trouble;
    (void)rk, (void)id, (void)depth, (void)der, (void)der_n;
    if (*code == 0)
        return 1;
    pthread_mutex_lock(&t->lock);
    snprintf(t->judged, sizeof t->judged, "%s", broker);
    t->code = *code;
    pthread_mutex_unlock(&t->lock);
    snprintf(why, why_n, "verify code %d", *code);
    return 0;
}

static int judged(struct kafka_trouble *t, struct str broker)
{
    pthread_mutex_lock(&t->lock);
    int code = str_eq(str_of(t->judged), broker) ? t->code : 0;
    pthread_mutex_unlock(&t->lock);
    return code;
}

/* ---- telling ---- */

/* For `status`; absent: it is over. A store that can't be written is told by others. */
static void keep(struct kafka *k, struct str broker, struct str line)
{
    struct store *store;
    struct err err;
    struct buf source = {0};
    if (store_open(k->host.store_dir, STORE_READ, &store, &err) != 0)
        return;
    buf_printf(&source, KAFKA_TROUBLE "%.*s", STR_ARG(broker));
    store_trouble(store, buf_as_str(&source), line, &err);
    buf_release(&source);
    store_close(store);
}

static struct told *told_of(struct kafka_trouble *t, struct str broker)
{
    struct told *oldest = &t->told[0];
    for (size_t i = 0; i < TROUBLES; i++) {
        if (str_eq(str_of(t->told[i].broker), broker))
            return &t->told[i];
        if (t->told[i].ns < oldest->ns)
            oldest = &t->told[i];
    }
    *oldest = (struct told){0};
    snprintf(oldest->broker, sizeof oldest->broker, "%.*s", STR_ARG(broker));
    return oldest;
}

/* words: what is wrong with the broker. Says it again only when it's something else, or long after. */
static void tell(struct kafka *k, struct str broker, struct str words)
{
    struct told *told = told_of(&k->trouble, broker);
    int64_t now = clock_ns();
    k->trouble.lasting_ns = now;
    if (told->ns != 0 && str_eq(str_of(told->words), words) && now - told->ns < AGAIN_NS)
        return;
    told->ns = now;
    snprintf(told->words, sizeof told->words, "%.*s", STR_ARG(words));
    kafka_warn(k, "kafka: %s: %s: trying again", told->broker, told->words);
    keep(k, broker, words);
}

/* An error's text to HOST:PORT and WHY. False: none of a broker's. */
static bool split(struct str text, struct str *broker, struct str *why)
{
    struct str name = str_starts(text, STR("GroupCoordinator: ")) ? str_after(text, STR(": ")) : text;
    ptrdiff_t scheme = str_find(name, STR("://"), 0);
    name = str_from(name, scheme >= 0 ? (size_t)scheme + 3 : 0);
    ptrdiff_t end = str_find(name, STR(": "), 0);
    if (end <= 0)
        return false;
    *why = str_from(name, (size_t)end + 2);
    *broker = str_head(name, (size_t)end);
    ptrdiff_t slash = str_findc(*broker, '/', 0), after = str_find(*why, STR(" (after "), 0);
    if (slash > 0)
        *broker = str_head(*broker, (size_t)slash);
    if (after > 0)
        *why = str_head(*why, (size_t)after);
    return true;
}

/* Whether an error is about a connection. */
static bool of_broker(int code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE ||
           code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
}

/* What it means and what to set, then the words themselves. True: waiting won't mend it. */
static bool explain(struct kafka *k, struct str broker, struct str why, struct buf *out)
{
    const struct meaning *m = meanings;
    int code = str_find(why, STR("verify failed"), 0) >= 0 ? judged(&k->trouble, broker) : 0;
    ptrdiff_t advice = str_find(why, STR(": broker certificate could not"), 0);
    if (advice > 0)
        why = str_head(why, (size_t)advice); /* ours is more exact */
    while (str_find(why, str_of(m->says), 0) < 0)
        m++;
    if (code)
        buf_printf(out, "its certificate %s", finding_of(code));
    else if (m->means)
        buf_str(out, str_of(m->means));
    if (str_find(why, STR("invalid credentials"), 0) >= 0 && scram_is_broken(k->config))
        buf_printf(out, "; if they are right: librdkafka %s can't do SCRAM with Kafka 4, but 2.6.1"
                        " can, and PLAIN over TLS works", rd_kafka_version_str());
    buf_printf(out, code || m->means ? " (%.*s)" : "%.*s", STR_ARG(why));
    return code || m->lasts;
}

static void on_error(rd_kafka_t *rk, int code, const char *text, void *context)
{
    struct kafka *k = context;
    struct str broker, why;
    struct buf words = {0};
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return; /* on_statistics() knows better: this comes late, or never */
    if (!of_broker(code) || !split(str_of(text), &broker, &why)) {
        kafka_warn(k, "kafka: %s", text);
        return;
    }
    if (explain(k, broker, why, &words))
        tell(k, broker, buf_as_str(&words));
    else
        snprintf(k->trouble.reason, sizeof k->trouble.reason, "%.*s: %.*s", STR_ARG(broker),
                 STR_ARG(buf_as_str(&words)));
    buf_release(&words);
}

/* ---- once a second ---- */

/* Whether a broker of that name is connected, by librdkafka's STATISTICS.md. */
static bool is_up(struct str statistics, const char *broker)
{
    char name[TROUBLE_NAME + 32];
    snprintf(name, sizeof name, "\"nodename\":\"%s\"", broker);
    struct str rest = str_after(statistics, str_of(name));
    struct str state = str_after(str_head(rest, 200), STR("\"state\":\""));
    return str_starts(state, STR("UP\""));
}

static void forget_mended(struct kafka *k, struct str statistics)
{
    for (size_t i = 0; i < TROUBLES; i++) {
        struct told *told = &k->trouble.told[i];
        if (told->ns == 0 || !is_up(statistics, told->broker))
            continue;
        keep(k, str_of(told->broker), STR_NONE);
        if (!k->down)
            kafka_warn(k, "kafka: %s: a broker answers again", told->broker);
        *told = (struct told){0};
    }
}

static void went_down(struct kafka *k)
{
    const char *reason = k->trouble.reason;
    struct buf words = {0};
    k->down = true;
    if (k->trouble.lasting_ns > k->up_ns)
        return; /* a line says it already */
    buf_printf(&words, "no broker of %s answers", k->config->brokers);
    if (*reason)
        buf_printf(&words, " (%s)", reason);
    kafka_warn(k, "kafka: %.*s: waiting", STR_ARG(buf_as_str(&words)));
    keep(k, str_of(k->config->brokers), buf_as_str(&words));
    buf_release(&words);
}

/* Is a broker connected? One line when they go, one when they are back. */
static int on_statistics(rd_kafka_t *rk, char *json, size_t n, void *context)
{
    struct kafka *k = context;
    struct str statistics = str_make(json, n);
    int64_t now = clock_ns();
    (void)rk;
    forget_mended(k, statistics);
    if (str_find(statistics, STR("\"state\":\"UP\""), 0) >= 0) {
        if (k->down) {
            kafka_warn(k, "kafka: %s: a broker answers again", k->config->brokers);
            keep(k, str_of(k->config->brokers), STR_NONE);
        }
        k->down = false;
        k->up_ns = now;
        k->trouble.reason[0] = '\0';
    } else if (!k->down && now - k->up_ns > DOWN_MS * INT64_C(1000000)) {
        went_down(k);
    }
    return 0;
}

void trouble_watch(struct kafka *k, rd_kafka_conf_t *conf)
{
    const char *verify = property(k->config, "enable.ssl.certificate.verification");
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    if (strcmp(verify, "false") != 0 && strcmp(verify, "0") != 0)
        rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
}
