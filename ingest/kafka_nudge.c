/* kafka_nudge.c - keeps librdkafka fetching while its queue is drained.
 *
 * librdkafka 2.0 stops fetching while its queue is full and looks again only after a second: that the
 * queue has run low doesn't wake its thread, but a question to the broker does. The answer comes
 * behind whole fetches on the same connection, so a thread of its own waits for it. */
#include "ingest/kafka_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { NUDGE_MS = 500, APART_MS = 5, FAILED_APART_MS = 5000 };

struct nudge {
    rd_kafka_t *rk;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    char *topic; /* to ask about; NULL: nothing to do */
    int32_t partition;
    int64_t next_ns; /* not before */
    bool ending;
};

static void *ask(void *context)
{
    struct nudge *n = context;
    int64_t low, high;
    pthread_mutex_lock(&n->mutex);
    while (!n->ending) {
        if (!n->topic) {
            pthread_cond_wait(&n->changed, &n->mutex);
            continue;
        }
        pthread_mutex_unlock(&n->mutex);
        rd_kafka_resp_err_t e =
            rd_kafka_query_watermark_offsets(n->rk, n->topic, n->partition, &low, &high, NUDGE_MS);
        pthread_mutex_lock(&n->mutex);
        n->next_ns = clock_ns() + (e ? FAILED_APART_MS : APART_MS) * INT64_C(1000000);
        free(n->topic);
        n->topic = NULL;
    }
    pthread_mutex_unlock(&n->mutex);
    return NULL;
}

struct nudge *nudge_open(rd_kafka_t *rk, struct err *err)
{
    struct nudge *n = xcalloc(1, sizeof *n);
    n->rk = rk;
    pthread_mutex_init(&n->mutex, NULL);
    pthread_cond_init(&n->changed, NULL);
    int e = pthread_create(&n->thread, NULL, ask, n);
    if (e == 0)
        return n;
    free(n);
    errno = e;
    err_errno(err, "kafka: start a thread");
    return NULL;
}

bool nudge_ready(struct nudge *n)
{
    pthread_mutex_lock(&n->mutex);
    bool ready = !n->topic && clock_ns() >= n->next_ns;
    pthread_mutex_unlock(&n->mutex);
    return ready;
}

void nudge_leader(struct nudge *n, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&n->mutex);
    if (!n->topic) {
        n->topic = str_dup(str_of(topic));
        n->partition = partition;
        pthread_cond_signal(&n->changed);
    }
    pthread_mutex_unlock(&n->mutex);
}

void nudge_close(struct nudge *n)
{
    if (!n)
        return;
    pthread_mutex_lock(&n->mutex);
    n->ending = true;
    pthread_cond_signal(&n->changed);
    pthread_mutex_unlock(&n->mutex);
    pthread_join(n->thread, NULL);
    pthread_mutex_destroy(&n->mutex);
    pthread_cond_destroy(&n->changed);
    free(n->topic);
    free(n);
}
