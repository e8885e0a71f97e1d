/* classify.c - the classifier alone: a file in memory, cut into chunks, one thread a core.
 *
 *   bench_classify FILE [THREADS] [ROUNDS]
 *   prints {"lines","events","seconds","cpu_seconds","lines_per_core_second"}
 *
 * Seconds of CPU, not of the clock, give the rate per core: other jobs on the machine don't count. */
#include "parsers/internal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 20, THREADS_MAX = 64 };

static struct {
    const struct rules *rules;
    struct str text;
    int rounds;
    atomic_size_t next; /* byte that the next chunk starts at, all rounds in a row */
    pthread_mutex_t lock;
} job = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct part {
    pthread_t thread;
    struct chunk_count count;
    double cpu_s;
};

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void visit(void *context, const struct event *event, size_t offset, struct str record,
                  const char *why)
{
    (void)context, (void)event, (void)offset, (void)record, (void)why;
}

/* The next chunk of whole lines; absent when there is none. */
static struct str next_chunk(void)
{
    pthread_mutex_lock(&job.lock);
    size_t at = job.next % job.text.n, round = job.next / job.text.n;
    struct str chunk = STR_NONE;
    if (round < (size_t)job.rounds) {
        size_t n = job.text.n - at < CHUNK_BYTES ? job.text.n - at : CHUNK_BYTES;
        const char *lf = memrchr(job.text.p + at, '\n', n);
        chunk = str_make(job.text.p + at, lf ? (size_t)(lf - job.text.p) + 1 - at : n);
        job.next += chunk.n;
    }
    pthread_mutex_unlock(&job.lock);
    return chunk;
}

static void *work(void *context)
{
    struct part *part = context;
    struct classifier *c;
    struct err err;
    struct reading reading = {.now_us = INT64_C(1798761600) * US_PER_S};
    if (classifier_open(job.rules, &c, &err) != 0)
        abort();
    const double start = clock_s(CLOCK_THREAD_CPUTIME_ID);
    for (struct str chunk = next_chunk(); chunk.p; chunk = next_chunk())
        classifier_chunk(c, chunk, &reading, visit, NULL, &part->count);
    part->cpu_s = clock_s(CLOCK_THREAD_CPUTIME_ID) - start;
    classifier_close(c);
    return NULL;
}

static struct str map_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
        return STR_NONE;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    return p == MAP_FAILED ? STR_NONE : str_make(p, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
    static struct part parts[THREADS_MAX];
    struct rules *rules;
    struct err err;
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    job.text = argc > 1 ? map_file(argv[1]) : STR_NONE;
    job.rounds = argc > 3 ? atoi(argv[3]) : 1;
    if (!job.text.p || threads < 1 || threads > THREADS_MAX || rules_load(NULL, &rules, &err) != 0) {
        fputs("usage: bench_classify FILE [THREADS] [ROUNDS]\n", stderr);
        return 2;
    }
    job.rules = rules;
    const double start = clock_s(CLOCK_MONOTONIC);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&parts[i].thread, NULL, work, &parts[i]) != 0)
            abort();
    struct chunk_count count = {0};
    double cpu_s = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(parts[i].thread, NULL);
        count.lines += parts[i].count.lines;
        count.events += parts[i].count.events;
        cpu_s += parts[i].cpu_s;
    }
    printf("{\"lines\":%" PRIu64 ",\"events\":%" PRIu64 ",\"seconds\":%.6f,\"cpu_seconds\":%.6f,"
           "\"lines_per_core_second\":%.0f}\n",
           count.lines, count.events, clock_s(CLOCK_MONOTONIC) - start, cpu_s,
           (double)count.lines / cpu_s);
    rules_close(rules);
    return 0;
}
