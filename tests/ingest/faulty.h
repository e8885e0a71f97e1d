/* faulty.h - makes the nth call of ingest to the outside fail, by the linker's --wrap. */
#ifndef TESTS_INGEST_FAULTY_H
#define TESTS_INGEST_FAULTY_H

#include <stdbool.h>

enum faulty_call {
    FAULTY_OPEN,
    FAULTY_READ,
    FAULTY_PREAD,
    FAULTY_FSTAT,
    FAULTY_STAT,
    FAULTY_GLOB,
    FAULTY_POLL,
    FAULTY_HANDLE, /* name_to_handle_at */
    FAULTY_INIT,   /* inotify_init1 */
    FAULTY_WATCH,  /* inotify_add_watch */
    FAULTY_CALLS,
};
extern const char *const faulty_names[FAULTY_CALLS];

/* The nth call of the kind from now on fails with `error`; sticky: and all after it. 0: none. */
void faulty_set(enum faulty_call call, int nth, bool sticky, int error);
int faulty_failed(void); /* how many did */
/* A read gives at most n bytes, as one may at any time; 0: as many as there are. */
void faulty_short_reads(int n);

#endif
