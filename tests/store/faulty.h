/* faulty.h - an SQLite VFS in front of the real one that makes the nth outside call fail. */
#ifndef TESTS_STORE_FAULTY_H
#define TESTS_STORE_FAULTY_H

#include <stdbool.h>

struct fault {
    int nth;     /* 1: the next write, sync, truncate, delete or open; 0: none */
    bool sticky; /* and every one after it */
    bool full;   /* as a full disk would; else as a broken one */
    int calls;   /* counted since the last faulty_set() */
    int failed;
};
void faulty_install(void); /* becomes the default VFS; syncs are not passed on: nobody cuts power */
void faulty_set(int nth, bool sticky, bool full);
struct fault faulty_get(void);

#endif
