/* client.h - what the files of the tests' Kafka client share. */
#ifndef TESTS_KAFKA_CLIENT_H
#define TESTS_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

/* Says what went wrong and ends the process. */
void die(const char *what, const char *why) __attribute__((noreturn));
/* pairs: properties and their values, then NULL. The caller destroys what it gets. */
rd_kafka_t *open_client(rd_kafka_type_t type, const char *const *pairs);

/* admin.c: the words behind BROKERS; 2 when they are no call, else it is done, or the process ends. */
int run_admin(const char *brokers, int n, char **words);

#endif
