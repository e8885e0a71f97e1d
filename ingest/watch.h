/* watch.h - being told of changes to files and folders: inotify(7) where there is one, else only
 * time passes, and the caller looks by itself. */
#ifndef INGEST_WATCH_H
#define INGEST_WATCH_H

#include <stdbool.h>

struct watch;
struct watch *watch_open(void);
void watch_close(struct watch *w); /* NULL is fine */
bool watch_works(const struct watch *w); /* false: no inotify, or a watch was refused */

/* New names, and names gone, in a folder. Again for the same folder is fine. */
void watch_folder(struct watch *w, const char *folder);
/* Changes of an open file, whatever its name becomes. A number, the same for the same file, or -1. */
int watch_file(struct watch *w, int fd);
void watch_forget(struct watch *w, int number);

/* watch_wait() also ends when fd can be read; whose it is reads it. */
void watch_also(struct watch *w, int fd);

typedef void watch_changed(void *context, int number);
struct watch_news {
    bool folders;  /* some folder has changed */
    bool overflow; /* anything may have changed */
};
/* Waits for news, at most timeout_ms. */
struct watch_news watch_wait(struct watch *w, int timeout_ms, watch_changed *changed, void *context);

#endif
