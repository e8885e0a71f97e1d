/* watch.c - being told of changes: see watch.h. */
#include "ingest/watch.h"

#include "base/mem.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { ALSO_MAX = 64 };

struct watch {
    int fd; /* -1: no inotify */
    bool refused;
    int also[ALSO_MAX];
    size_t n_also;
};

struct watch *watch_open(void)
{
    struct watch *w = xcalloc(1, sizeof *w);
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return w;
}

void watch_close(struct watch *w)
{
    if (w && w->fd >= 0)
        close(w->fd);
    free(w);
}

void watch_also(struct watch *w, int fd)
{
    if (w->n_also < ALSO_MAX)
        w->also[w->n_also++] = fd;
}

bool watch_works(const struct watch *w)
{
    return w->fd >= 0 && !w->refused;
}

void watch_folder(struct watch *w, const char *folder)
{
    const uint32_t mask = IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |
                          IN_MOVE_SELF | IN_ONLYDIR;
    if (w->fd >= 0 && inotify_add_watch(w->fd, folder, mask) < 0)
        w->refused = true;
}

int watch_file(struct watch *w, int fd)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int number = w->fd >= 0 ? inotify_add_watch(w->fd, path, IN_MODIFY) : -1;
    if (number < 0)
        w->refused = true;
    return number;
}

void watch_forget(struct watch *w, int number)
{
    if (w->fd >= 0 && number >= 0)
        (void)inotify_rm_watch(w->fd, number);
}

static void take_event(const struct inotify_event *e, struct watch_news *news,
                       watch_changed *changed, void *context)
{
    if (e->mask & IN_Q_OVERFLOW)
        news->overflow = true;
    else if (e->mask & IN_MODIFY)
        changed(context, e->wd);
    else if (!(e->mask & IN_IGNORED))
        news->folders = true;
}

struct watch_news watch_wait(struct watch *w, int timeout_ms, watch_changed *changed, void *context)
{
    struct watch_news news = {0};
    struct pollfd p[ALSO_MAX + 1] = {{.fd = w->fd, .events = POLLIN}}; /* poll() leaves -1 out */
    for (size_t i = 0; i < w->n_also; i++)
        p[i + 1] = (struct pollfd){.fd = w->also[i], .events = POLLIN};
    if (poll(p, w->n_also + 1, timeout_ms) <= 0 || !(p[0].revents & POLLIN))
        return news;
    _Alignas(struct inotify_event) char events[16 * 1024];
    ssize_t n;
    while ((n = read(w->fd, events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(events + at);
            take_event(e, &news, changed, context);
            at += (ssize_t)(sizeof *e + e->len);
        }
    }
    return news;
}
