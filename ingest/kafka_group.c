/* kafka_group.c - the consumer as a member of its group: settling, rebalances, claims and commits.
 *
 *   KAFKA_LOOKS ─► KAFKA_SETTLES ─► KAFKA_FOLLOWS ─► KAFKA_LEAVES ─┐
 *        ▲                                                          │ a partition was lost while
 *        └──────────────────────────────────────────────────────────┘ claimed records weren't stored
 *
 * A commit carries the watermark and the claim at once (kafka_claim.c). One is under way at a time,
 * and none when partitions change hands: a late one must not pass as the next generation's. */
#include "ingest/kafka_internal.h"

#include <regex.h>
#include <stdlib.h>
#include <unistd.h>

#define MS INT64_C(1000000)
enum { STEP_MS = 100, SETTLE_MS = 5, NAMELESS_MS = 200, FAILED_APART_MS = 200 };

/* ---- commits ---- */

static void on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *context)
{
    struct kafka *k = context;
    (void)rk;
    k->committing = false;
    k->commit_failed = code != RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *tp = &list->elems[i];
        struct part *p = part_find(k, tp->topic, tp->partition);
        if (code || tp->err || !p) {
            k->commit_failed = true;
            continue;
        }
        p->committed = tp->offset;
        if (p->claiming > p->claims.owner.range.to)
            p->claims.owner.range.to = p->claiming;
    }
}

/* How far the part's next claim goes: at least over what is held, at most to the log's known end. */
static int64_t claim_of(const struct part *p)
{
    int64_t have = p->claims.owner.range.to, want = p->needed > have ? p->needed : have;
    int64_t end = p->consumed + CLAIM_AHEAD < p->high ? p->consumed + CLAIM_AHEAD : p->high;
    if (end > want && (p->needed > have || have - p->consumed < CLAIM_AHEAD / 2))
        want = end;
    return want;
}

static void add_commit(rd_kafka_topic_partition_list_t *list, struct part *p, int64_t claim)
{
    int64_t mark = part_commitable(p);
    if (part_watermark(p) >= p->mine[p->n_mine - 1].from)
        claims_drop(&p->claims, p->kafka->host.store_id, 0);
    struct claims claims = p->claims;
    claims.owner.range.to = p->claiming = claim > mark ? claim : mark;
    if (p->claiming < p->claims.owner.range.to)
        p->claims.owner.range.to = p->claiming; /* given up from now on, whatever the answer */
    rd_kafka_topic_partition_t *tp =
        rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
    tp->offset = mark;
    tp->metadata = claims_text(&claims);
    tp->metadata_size = strlen(tp->metadata);
}

static void send_commit(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
    if (list->cnt > 0) {
        rd_kafka_resp_err_t e = rd_kafka_commit_queue(k->rk, list, k->replies, on_committed, k);
        k->committing = !e;
        k->commit_failed = e != RD_KAFKA_RESP_ERR_NO_ERROR;
        k->commit_ns = clock_ns();
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static bool claim_needed(struct kafka *k)
{
    bool needed = false;
    for (size_t i = 0; i < k->n_parts; i++) {
        const struct part *p = k->parts[i];
        int64_t have = p->claims.owner.range.to;
        needed = needed || (p->located && (p->needed > have || claim_of(p) - have > CLAIM_AHEAD / 4));
    }
    return needed;
}

/* Claims what is needed, soon; commits what is stored, now and then. The ms until it's due. */
static int commit_due(struct kafka *k)
{
    int64_t since_ms = (clock_ns() - k->commit_ns) / MS;
    rd_kafka_queue_poll_callback(k->replies, 0);
    if (k->committing)
        return STEP_MS;
    int apart_ms = k->commit_failed ? FAILED_APART_MS : claim_needed(k) ? CLAIM_APART_MS : COMMIT_MS;
    if (since_ms < apart_ms)
        return apart_ms - (int)since_ms;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->n_parts);
    for (size_t i = 0; i < k->n_parts; i++) {
        struct part *p = k->parts[i];
        if (!p->located)
            continue;
        int64_t claim = claim_of(p);
        if (claim > p->claims.owner.range.to || part_commitable(p) != p->committed)
            add_commit(list, p, claim);
    }
    send_commit(k, list);
    return STEP_MS;
}

static void wait_commit(struct kafka *k)
{
    int64_t until = clock_ns() + QUERY_MS * MS;
    while (k->committing && clock_ns() < until)
        rd_kafka_queue_poll_callback(k->replies, 100);
}

/* Commits what is stored of all parts, and takes claims back to it where nothing is on its way. */
static void commit_all(struct kafka *k)
{
    wait_commit(k);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->n_parts);
    for (size_t i = 0; i < k->n_parts; i++) {
        struct part *p = k->parts[i];
        if (!p->located)
            continue;
        bool idle = part_watermark(p) >= p->consumed && part_watermark(p) >= p->mine[p->n_mine - 1].from;
        add_commit(list, p, idle ? 0 : p->claims.owner.range.to);
    }
    send_commit(k, list);
    wait_commit(k);
}

/* Takes partitions on, or lets them go; a consumer that has been in its group may not say "all". */
static void assign(struct kafka *k, rd_kafka_topic_partition_list_t *list, bool on)
{
    rd_kafka_error_t *error = NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (strcmp(rd_kafka_rebalance_protocol(k->rk), "COOPERATIVE") != 0)
        code = rd_kafka_assign(k->rk, on ? list : NULL);
    else if (on)
        error = rd_kafka_incremental_assign(k->rk, list);
    else
        error = rd_kafka_incremental_unassign(k->rk, list);
    if (error || code)
        kafka_warn(k, "kafka: %s partitions: %s", on ? "taking on" : "letting go of",
                   error ? rd_kafka_error_string(error) : rd_kafka_err2str(code));
    rd_kafka_error_destroy(error);
}

/* The parts, each where it is to be read. */
static rd_kafka_topic_partition_list_t *places(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)k->n_parts);
    for (size_t i = 0; i < k->n_parts; i++)
        rd_kafka_topic_partition_list_add(list, k->parts[i]->topic, k->parts[i]->partition)->offset =
            k->parts[i]->consumed;
    return list;
}

static void unassign_all(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = places(k);
    if (list->cnt > 0)
        assign(k, list, false);
    rd_kafka_topic_partition_list_destroy(list);
}

void group_refetch(struct part *p, int64_t offset)
{
    struct kafka *k = p->kafka;
    bool cooperative = strcmp(rd_kafka_rebalance_protocol(k->rk), "COOPERATIVE") == 0;
    p->consumed = offset;
    rd_kafka_topic_partition_list_t *list = places(k);
    for (int i = 0; cooperative && i < list->cnt;)
        if (strcmp(list->elems[i].topic, p->topic) == 0 && list->elems[i].partition == p->partition)
            i++;
        else
            rd_kafka_topic_partition_list_del_by_idx(list, i);
    assign(k, list, false);
    assign(k, list, true);
    rd_kafka_topic_partition_list_destroy(list);
}

void group_leave(struct kafka *k)
{
    if (k->state == KAFKA_FOLLOWS || k->state == KAFKA_LEAVES)
        commit_all(k);
    else
        unassign_all(k);
}

/* ---- rebalancing ---- */

/* What of a part is in flight gets stored, or DRAIN_MS pass. */
static bool drain(struct kafka *k, struct part *p)
{
    int64_t until = clock_ns() + DRAIN_MS * MS;
    while (part_watermark(p) < p->consumed && clock_ns() < until && !*k->host.stop)
        usleep(2000);
    return part_watermark(p) >= p->consumed;
}

void remove_part(struct kafka *k, struct part *p)
{
    while (p->lanes) { /* the pipeline is through: nothing of theirs is on its way */
        struct lane *lane = p->lanes;
        p->lanes = lane->next;
        source_close(&lane->source);
    }
    for (size_t i = 0; i < k->n_parts; i++)
        if (k->parts[i] == p)
            k->parts[i] = k->parts[--k->n_parts];
    part_free(p);
}

static void let_go(struct kafka *k, struct part *p)
{
    drop_held(k, p);
    if (p->paused) { /* librdkafka would remember it */
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
        rd_kafka_resume_partitions(k->rk, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
    if (!k->closing)
        part_revoke(k, p);
    remove_part(k, p);
}

/* A cursor is read from the store, so what an earlier owner in this process gave must be there. */
static void wait_lanes(struct kafka *k)
{
    int known = 0;
    int64_t until = clock_ns() + DRAIN_MS * MS;
    for (size_t i = 0; i < k->n_parts; i++)
        for (const struct lane *lane = k->parts[i]->lanes; lane; lane = lane->next)
            known++;
    while (atomic_load(&k->open_lanes) > known && clock_ns() < until && !*k->host.stop)
        usleep(1000);
}

/* False: no answer, which took a while; the rest is asked another time, and polling goes on. */
static bool locate(struct kafka *k, struct part *p)
{
    struct err err;
    if (part_locate(p, &err) == 0)
        return true;
    kafka_warn(k, "kafka: %s: asking again", err.text);
    p->retry_ns = clock_ns() + LOOK_AGAIN_NS;
    return false;
}

static void on_assigned(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
    bool answered = true, wanted = !k->closing && k->state == KAFKA_FOLLOWS;
    k->assigned = true;
    wait_lanes(k);
    /* one that was on its way when we left is taken back at once: a part of it would be read while
     * the group gives it to somebody else */
    for (int i = 0; wanted && i < list->cnt; i++) {
        rd_kafka_topic_partition_t *tp = &list->elems[i];
        struct part *p = part_new(k, tp->topic, tp->partition);
        answered = answered && locate(k, p); /* one that didn't: step() asks for the rest */
        tp->offset = p->located ? p->consumed : RD_KAFKA_OFFSET_INVALID;
    }
    assign(k, list, true);
}

static void on_revoked(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
    bool clean = !rd_kafka_assignment_lost(k->rk);
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_find(k, list->elems[i].topic, list->elems[i].partition);
        if (p && !k->closing && clean)
            clean = drain(k, p);
    }
    wait_commit(k);
    if (clean && list->cnt > 0 && !k->closing) {
        commit_all(k);
        clean = !k->commit_failed && !k->committing;
    }
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_find(k, list->elems[i].topic, list->elems[i].partition);
        if (p)
            let_go(k, p);
    }
    if (!clean && !k->closing && k->state == KAFKA_FOLLOWS)
        k->state = KAFKA_LEAVES; /* what is claimed is read to its end outside of the group */
    assign(k, list, false);
}

void group_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                     rd_kafka_topic_partition_list_t *list, void *context)
{
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        on_assigned(context, list);
    else
        on_revoked(context, list);
}

/* ---- settling ---- */

static bool topic_wanted(const struct kafka_config *config, const char *topic)
{
    bool wanted = false;
    for (unsigned i = 0; !wanted && i < config->topics_count; i++) {
        regex_t regex;
        const char *t = config->topics[i];
        if (t[0] != '^') {
            wanted = strcmp(t, topic) == 0;
        } else if (regcomp(&regex, t, REG_EXTENDED | REG_NOSUB) == 0) {
            wanted = regexec(&regex, topic, 0, NULL, 0) == 0;
            regfree(&regex);
        }
    }
    return wanted;
}

/* All partitions of the configuration's topics; NULL when no broker tells. */
static rd_kafka_topic_partition_list_t *all_partitions(struct kafka *k)
{
    const struct rd_kafka_metadata *meta;
    if (rd_kafka_metadata(k->rk, 1, NULL, &meta, QUERY_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (int i = 0; i < meta->topic_cnt; i++)
        if (topic_wanted(k->config, meta->topics[i].topic) && meta->topics[i].partition_cnt > 0)
            rd_kafka_topic_partition_list_add_range(list, meta->topics[i].topic, 0,
                                                    meta->topics[i].partition_cnt - 1);
    rd_kafka_metadata_destroy(meta);
    return list;
}

static bool has_ours(const struct claims *claims, const char *id)
{
    const struct claim *o = &claims->owner;
    bool ours = strcmp(o->id, id) == 0 && o->range.to > o->range.from;
    for (size_t i = 0; i < claims->n_left; i++)
        ours = ours || strcmp(claims->left[i].id, id) == 0;
    return ours;
}

/* Makes parts of the partitions where claims of ours stand. */
static int find_claims(struct kafka *k, const rd_kafka_topic_partition_list_t *all, struct err *err)
{
    for (int i = 0; i < all->cnt; i++) {
        const rd_kafka_topic_partition_t *tp = &all->elems[i];
        struct claims claims;
        if (tp->err || tp->offset < 0 ||
            !claims_read(str_make(tp->metadata, tp->metadata_size), tp->offset, &claims) ||
            !has_ours(&claims, k->host.store_id))
            continue;
        if (part_settle(part_new(k, tp->topic, tp->partition), &claims, err) != 0)
            return err->code;
    }
    return 0;
}

static void settle(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = places(k);
    if (list->cnt > 0)
        assign(k, list, true);
    rd_kafka_topic_partition_list_destroy(list);
    k->state = KAFKA_SETTLES;
}

/* A broker answers, but knows no name for its cluster: some that speak Kafka's protocol don't.
 * Asking also makes librdkafka learn the name, which it doesn't do of itself in every case. */
static bool nameless(struct kafka *k)
{
    const struct rd_kafka_metadata *meta;
    int64_t now = clock_ns(), due = k->nudge_ns;
    if (due == 0 || now >= due)
        k->nudge_ns = now + LOOK_AGAIN_NS;
    if (due == 0 || now < due ||
        rd_kafka_metadata(k->rk, 0, NULL, &meta, NAMELESS_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    rd_kafka_metadata_destroy(meta);
    return true;
}

/* Whether the group, once left, has taken back what it gave. */
static bool has_nothing(struct kafka *k)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    bool none = rd_kafka_assignment(k->rk, &list) == RD_KAFKA_RESP_ERR_NO_ERROR && list->cnt == 0;
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    return none;
}

static void look(struct kafka *k)
{
    struct err err = {0};
    if (clock_ns() < k->state_ns || atomic_load(&k->open_lanes) > 0 || !has_nothing(k))
        return;
    if (!k->cluster) {
        char *id = rd_kafka_clusterid(k->rk, 0);
        if (!id && !nameless(k))
            return; /* no broker answers yet */
        if (!id)
            id = rd_kafka_clusterid(k->rk, 0); /* what asking has told: cursors go by this name */
        k->cluster = str_dup(id ? str_of(id) : STR("-"));
        if (id)
            rd_kafka_mem_free(k->rk, id);
    }
    k->state_ns = clock_ns() + LOOK_AGAIN_NS;
    rd_kafka_topic_partition_list_t *all = all_partitions(k);
    if (!all)
        return;
    bool known = all->cnt == 0 ||
                 rd_kafka_committed(k->rk, all, QUERY_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (known && find_claims(k, all, &err) == 0) {
        settle(k);
    } else if (known) {
        kafka_warn(k, "kafka: %s: asking again", err.text);
        while (k->n_parts)
            let_go(k, k->parts[0]);
    }
    rd_kafka_topic_partition_list_destroy(all);
}

static void subscribe(struct kafka *k)
{
    const struct kafka_config *config = k->config;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)config->topics_count);
    for (unsigned i = 0; i < config->topics_count; i++)
        rd_kafka_topic_partition_list_add(list, config->topics[i], RD_KAFKA_PARTITION_UA);
    k->subscribed = true;
    rd_kafka_resp_err_t code = rd_kafka_subscribe(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        kafka_warn(k, "kafka: subscribe: %s", rd_kafka_err2str(code));
    k->state = KAFKA_FOLLOWS;
}

static void end_settling(struct kafka *k)
{
    for (size_t i = 0; i < k->n_parts; i++)
        if (!part_settled(k->parts[i]))
            return;
    unassign_all(k);
    while (k->n_parts)
        let_go(k, k->parts[0]);
    subscribe(k);
}

static int follow(struct kafka *k)
{
    for (size_t i = 0; i < k->n_parts; i++) {
        struct part *p = k->parts[i];
        if ((p->located && !p->astray) || clock_ns() < p->retry_ns)
            continue;
        if (p->astray) {
            go_back_into_range(p);
            break; /* a question may take long, and polling must go on */
        }
        if (!locate(k, p))
            break;
        seek_to(p, p->consumed);
    }
    return commit_due(k);
}

static void leave(struct kafka *k)
{
    rd_kafka_queue_poll_callback(k->replies, 0);
    if (k->state_ns >= 0)
        rd_kafka_unsubscribe(k->rk);
    k->state_ns = -1; /* once */
    if (k->n_parts > 0)
        return;
    k->state = KAFKA_LOOKS;
    k->state_ns = clock_ns() + LOOK_AGAIN_NS;
}

int group_step(struct kafka *k)
{
    switch (k->state) {
    case KAFKA_LOOKS: look(k); return SETTLE_MS;
    case KAFKA_SETTLES: end_settling(k); return SETTLE_MS;
    case KAFKA_FOLLOWS: return follow(k);
    case KAFKA_LEAVES: leave(k); return SETTLE_MS;
    }
    return STEP_MS;
}
