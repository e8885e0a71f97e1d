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

/* The answer to the one question that was asked; the caller destroys it. */
static rd_kafka_event_t *answer(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ANSWER_MS);
    if (!event)
        die(what, "no answer");
    if (rd_kafka_event_error(event))
        die(what, rd_kafka_event_error_string(event));
    return event;
}

/* Waits until every broker knows, not only until the controller does. */
static rd_kafka_AdminOptions_t *patient(rd_kafka_t *rk, rd_kafka_admin_op_t op)
{
    char why[256];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, op);
    check(rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, why, sizeof why), "options");
    check(rd_kafka_AdminOptions_set_operation_timeout(options, ANSWER_MS, why, sizeof why), "options");
    return options;
}

static void create(rd_kafka_t *rk, rd_kafka_queue_t *queue, int n, char **words)
{
    char why[256];
    size_t results;
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(words[1], atoi(words[2]), 1, why, sizeof why);
    if (!topic)
        die("create", why);
    for (int i = 3; i < n; i++) {
        char *value = strchr(words[i], '=');
        if (!value)
            die("create: a setting without '='", words[i]);
        *value++ = '\0';
        check(rd_kafka_NewTopic_set_config(topic, words[i], value), words[i]);
    }
    rd_kafka_AdminOptions_t *options = patient(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
    rd_kafka_event_t *event = answer(queue, "create");
    const rd_kafka_topic_result_t **result = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event), &results);
    check(rd_kafka_topic_result_error(result[0]), words[1]);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
}

static void delete(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *name)
{
    size_t results;
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_AdminOptions_t *options = patient(rk, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_DeleteTopics(rk, &topic, 1, options, queue);
    rd_kafka_event_t *event = answer(queue, "delete");
    const rd_kafka_topic_result_t **result = rd_kafka_DeleteTopics_result_topics(
        rd_kafka_event_DeleteTopics_result(event), &results);
    check(rd_kafka_topic_result_error(result[0]), name);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteTopic_destroy(topic);
}

static void check_list(const rd_kafka_topic_partition_list_t *list, const char *what)
{
    for (int i = 0; list && i < list->cnt; i++)
        check(list->elems[i].err, what);
}

static void cut(rd_kafka_t *rk, rd_kafka_queue_t *queue, char **words)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, words[1], atoi(words[2]))->offset = atoll(words[3]);
    rd_kafka_DeleteRecords_t *before = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &before, 1, NULL, queue);
    rd_kafka_event_t *event = answer(queue, "cut");
    check_list(rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event)), "cut");
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(before);
    rd_kafka_topic_partition_list_destroy(list);
}

static void rewind_group(rd_kafka_t *rk, rd_kafka_queue_t *queue, char **words)
{
    size_t results;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < atoi(words[3]); i++)
        rd_kafka_topic_partition_list_add(list, words[2], i)->offset = 0;
    rd_kafka_AlterConsumerGroupOffsets_t *change =
        rd_kafka_AlterConsumerGroupOffsets_new(words[1], list);
    rd_kafka_AlterConsumerGroupOffsets(rk, &change, 1, NULL, queue);
    rd_kafka_event_t *event = answer(queue, "rewind");
    const rd_kafka_group_result_t **result = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event), &results);
    check_error(rd_kafka_group_result_error(result[0]), words[1]);
    check_list(rd_kafka_group_result_partitions(result[0]), words[1]);
    rd_kafka_event_destroy(event);
    rd_kafka_AlterConsumerGroupOffsets_destroy(change);
    rd_kafka_topic_partition_list_destroy(list);
}

static void forget(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *name)
{
    size_t results;
    rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(name);
    rd_kafka_DeleteGroups(rk, &group, 1, NULL, queue);
    rd_kafka_event_t *event = answer(queue, "forget");
    const rd_kafka_group_result_t **result =
        rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &results);
    check_error(rd_kafka_group_result_error(result[0]), name);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteGroup_destroy(group);
}

static int owners(const rd_kafka_ConsumerGroupDescription_t *group)
{
    int n = 0;
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(group); i++) {
        const rd_kafka_MemberAssignment_t *a = rd_kafka_MemberDescription_assignment(
            rd_kafka_ConsumerGroupDescription_member(group, i));
        const rd_kafka_topic_partition_list_t *list = a ? rd_kafka_MemberAssignment_partitions(a) : NULL;
        n += list && list->cnt > 0;
    }
    return n;
}

static void members(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *name)
{
    size_t results;
    rd_kafka_DescribeConsumerGroups(rk, &name, 1, NULL, queue);
    rd_kafka_event_t *event = answer(queue, "members");
    const rd_kafka_ConsumerGroupDescription_t **result = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event), &results);
    check_error(rd_kafka_ConsumerGroupDescription_error(result[0]), name);
    printf("%d\n", owners(result[0]));
    rd_kafka_event_destroy(event);
}

int run_admin(const char *brokers, int n, char **words)
{
    const char *const pairs[] = {"bootstrap.servers", brokers, "log_level", "2", NULL};
    rd_kafka_t *rk = open_client(RD_KAFKA_PRODUCER, pairs);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    int status = 0;
    if (n >= 3 && strcmp(words[0], "create") == 0)
        create(rk, queue, n, words);
    else if (n == 2 && strcmp(words[0], "delete") == 0)
        delete(rk, queue, words[1]);
    else if (n == 4 && strcmp(words[0], "cut") == 0)
        cut(rk, queue, words);
    else if (n == 4 && strcmp(words[0], "rewind") == 0)
        rewind_group(rk, queue, words);
    else if (n == 2 && strcmp(words[0], "forget") == 0)
        forget(rk, queue, words[1]);
    else if (n == 2 && strcmp(words[0], "members") == 0)
        members(rk, queue, words[1]);
    else
        status = 2;
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return status;
}
