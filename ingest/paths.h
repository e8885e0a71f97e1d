/* paths.h - from a glob to paths, without ever touching our own store: opening and closing one of
 * its databases would end SQLite's locks on it (POSIX locks belong to the process and the inode). */
#ifndef INGEST_PATHS_H
#define INGEST_PATHS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct paths {
    char **items; /* sorted within a pattern */
    size_t n, cap;
};
/* Adds what the pattern matches: nothing is no error. A name with * or [ in it that is there is
 * taken as it is. {a,b} and ~ are understood, ** is not. */
int paths_add(struct paths *paths, const char *pattern, struct err *err);
void paths_push(struct paths *paths, const char *path);
void paths_release(struct paths *paths);
/* Folders in which a new file could match the pattern. */
void paths_folders(struct paths *folders, const char *pattern);
int paths_is_pattern(const char *pattern); /* has a wildcard */

struct folder_id {
    uint64_t dev, ino; /* ino 0: there is none */
};
struct folder_id folder_id(const char *folder);
/* Whether path is in the folder, at any depth, by whatever name: links are followed. */
int path_is_inside(const char *path, struct folder_id folder);

#endif
