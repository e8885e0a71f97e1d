/* admin.c - topics and groups, made and changed: Kafka's own tools start a JVM for each call.
 *
 *   client BROKERS create TOPIC PARTITIONS [NAME=VALUE...]
 *   client BROKERS delete TOPIC
 *   client BROKERS cut TOPIC PARTITION OFFSET     deletes the records before
 *   client BROKERS rewind GROUP TOPIC PARTITIONS  sets the group's offsets to 0
 *   client BROKERS forget GROUP
 *   client BROKERS members GROUP                  prints how many have partitions */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 60000 };

static void check(rd_kafka_resp_err_t code, const char *what)
{
    if (code)
        die(what, rd_kafka_err2str(code));
}

static void check_error(const rd_kafka_error_t *error, const char *what)
{
    if (error)
        die(what, rd_kafka_error_string(error));
}

/* Waits until every broker knows, not only until the controller does. */
static rd_kafka_AdminOptions_t *patient(rd_kafka_t *rk)
{
    char why[256];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_ANY);
    check(rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, why, sizeof why), "options");
    check(rd_kafka_AdminOptions_set_operation_timeout(options, ANSWER_MS, why, sizeof why), "options");
    return options;
}

/* One client, and where the answer to its one question comes. */
struct admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int n;
    char **words; /* words[0..n) */
};

/* ---- questions ---- */

static void create(const struct admin *a)
{
    char why[256];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(a->words[1], atoi(a->words[2]), 1, why, sizeof why);
    if (!topic)
        die("create", why);
    for (int i = 3; i < a->n; i++) {
        char *value = strchr(a->words[i], '=');
        if (!value)
            die("create: a setting without '='", a->words[i]);
        *value++ = '\0';
        check(rd_kafka_NewTopic_set_config(topic, a->words[i], value), a->words[i]);
    }
    rd_kafka_AdminOptions_t *options = patient(a->rk);
    rd_kafka_CreateTopics(a->rk, &topic, 1, options, a->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
}

static void delete(const struct admin *a)
{
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(a->words[1]);
    rd_kafka_AdminOptions_t *options = patient(a->rk);
    rd_kafka_DeleteTopics(a->rk, &topic, 1, options, a->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteTopic_destroy(topic);
}

static void cut(const struct admin *a)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, a->words[1], atoi(a->words[2]))->offset =
        atoll(a->words[3]);
    rd_kafka_DeleteRecords_t *before = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(a->rk, &before, 1, NULL, a->queue);
    rd_kafka_DeleteRecords_destroy(before);
    rd_kafka_topic_partition_list_destroy(list);
}

static void rewind_group(const struct admin *a)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < atoi(a->words[3]); i++)
        rd_kafka_topic_partition_list_add(list, a->words[2], i)->offset = 0;
    rd_kafka_AlterConsumerGroupOffsets_t *change =
        rd_kafka_AlterConsumerGroupOffsets_new(a->words[1], list);
    rd_kafka_AlterConsumerGroupOffsets(a->rk, &change, 1, NULL, a->queue);
    rd_kafka_AlterConsumerGroupOffsets_destroy(change);
    rd_kafka_topic_partition_list_destroy(list);
}

static void forget(const struct admin *a)
{
    rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(a->words[1]);
    rd_kafka_DeleteGroups(a->rk, &group, 1, NULL, a->queue);
    rd_kafka_DeleteGroup_destroy(group);
}

static void members(const struct admin *a)
{
    const char *group = a->words[1];
    rd_kafka_DescribeConsumerGroups(a->rk, &group, 1, NULL, a->queue);
}

/* ---- answers ---- */

static void check_topic(const rd_kafka_topic_result_t **results)
{
    check(rd_kafka_topic_result_error(results[0]), rd_kafka_topic_result_name(results[0]));
}

static void check_list(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; list && i < list->cnt; i++)
        check(list->elems[i].err, list->elems[i].topic);
}

static void check_group(const rd_kafka_group_result_t **results)
{
    check_error(rd_kafka_group_result_error(results[0]), rd_kafka_group_result_name(results[0]));
    check_list(rd_kafka_group_result_partitions(results[0]));
}

static void print_owners(const rd_kafka_ConsumerGroupDescription_t **groups)
{
    const rd_kafka_ConsumerGroupDescription_t *group = groups[0];
    int n = 0;
    check_error(rd_kafka_ConsumerGroupDescription_error(group), "members");
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(group); i++) {
        const rd_kafka_MemberAssignment_t *of = rd_kafka_MemberDescription_assignment(
            rd_kafka_ConsumerGroupDescription_member(group, i));
        const rd_kafka_topic_partition_list_t *list = of ? rd_kafka_MemberAssignment_partitions(of) : NULL;
        n += list && list->cnt > 0;
    }
    printf("%d\n", n);
}

/* An event answers one kind of question: of another's results it gives none. */
static void check_answer(rd_kafka_event_t *e)
{
    size_t n;
    const rd_kafka_CreateTopics_result_t *created = rd_kafka_event_CreateTopics_result(e);
    const rd_kafka_DeleteTopics_result_t *deleted = rd_kafka_event_DeleteTopics_result(e);
    const rd_kafka_DeleteRecords_result_t *cut_off = rd_kafka_event_DeleteRecords_result(e);
    const rd_kafka_AlterConsumerGroupOffsets_result_t *moved =
        rd_kafka_event_AlterConsumerGroupOffsets_result(e);
    const rd_kafka_DeleteGroups_result_t *forgotten = rd_kafka_event_DeleteGroups_result(e);
    const rd_kafka_DescribeConsumerGroups_result_t *described =
        rd_kafka_event_DescribeConsumerGroups_result(e);
    if (created)
        check_topic(rd_kafka_CreateTopics_result_topics(created, &n));
    if (deleted)
        check_topic(rd_kafka_DeleteTopics_result_topics(deleted, &n));
    if (cut_off)
        check_list(rd_kafka_DeleteRecords_result_offsets(cut_off));
    if (moved)
        check_group(rd_kafka_AlterConsumerGroupOffsets_result_groups(moved, &n));
    if (forgotten)
        check_group(rd_kafka_DeleteGroups_result_groups(forgotten, &n));
    if (described)
        print_owners(rd_kafka_DescribeConsumerGroups_result_groups(described, &n));
}

static const struct command {
    const char *name;
    int least, most; /* words, its name included */
    void (*ask)(const struct admin *);
} commands[] = {
    {"create", 3, 100, create},      {"delete", 2, 2, delete}, {"cut", 4, 4, cut},
    {"rewind", 4, 4, rewind_group},  {"forget", 2, 2, forget}, {"members", 2, 2, members},
};

static const struct command *command_of(int n, char **words)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(words[0], commands[i].name) == 0 && n >= commands[i].least && n <= commands[i].most)
            return &commands[i];
    return NULL;
}

int run_admin(const char *brokers, int n, char **words)
{
    const char *const pairs[] = {"bootstrap.servers", brokers, "log_level", "2", NULL};
    const struct command *command = command_of(n, words);
    if (!command)
        return 2;
    struct admin a = {open_client(RD_KAFKA_PRODUCER, pairs), NULL, n, words};
    a.queue = rd_kafka_queue_new(a.rk);
    command->ask(&a);
    rd_kafka_event_t *event = rd_kafka_queue_poll(a.queue, ANSWER_MS);
    if (!event)
        die(words[0], "no answer");
    if (rd_kafka_event_error(event))
        die(words[0], rd_kafka_event_error_string(event));
    check_answer(event);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(a.queue);
    rd_kafka_destroy(a.rk);
    return 0;
}
