/* paths.c - from a glob to paths: see paths.h. */
#include "ingest/paths.h"

#include "base/mem.h"

#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

void paths_push(struct paths *paths, const char *path)
{
    paths->items = xgrow(paths->items, paths->n, &paths->cap, sizeof(char *));
    paths->items[paths->n++] = str_dup(str_of(path));
}

void paths_release(struct paths *paths)
{
    for (size_t i = 0; i < paths->n; i++)
        free(paths->items[i]);
    free(paths->items);
    *paths = (struct paths){0};
}

int paths_is_pattern(const char *pattern)
{
    return strpbrk(pattern, "*?[{") != NULL;
}

int paths_add(struct paths *paths, const char *pattern, struct err *err)
{
    struct stat st;
    if (lstat(pattern, &st) == 0) {
        paths_push(paths, pattern);
        return 0;
    }
    glob_t g;
    int r = glob(pattern, GLOB_BRACE | GLOB_TILDE, NULL, &g);
    for (size_t i = 0; r == 0 && i < g.gl_pathc; i++)
        paths_push(paths, g.gl_pathv[i]);
    globfree(&g);
    if (r == GLOB_NOSPACE)
        return err_set(err, ERR_FAILED, "%s: too many files match", pattern);
    return 0;
}

/* All folders that match the first n bytes of pattern. */
static void add_folders(struct paths *folders, const char *pattern, size_t n)
{
    char *part = str_dup(str_make(n == 0 ? "/" : pattern, n == 0 ? 1 : n));
    glob_t g;
    int r = glob(part, GLOB_BRACE | GLOB_TILDE | GLOB_ONLYDIR, NULL, &g);
    for (size_t i = 0; r == 0 && i < g.gl_pathc; i++)
        paths_push(folders, g.gl_pathv[i]);
    globfree(&g);
    free(part);
}

void paths_folders(struct paths *folders, const char *pattern)
{
    const char *wild = strpbrk(pattern, "*?[{");
    const char *slash = strrchr(pattern, '/');
    if (!slash) {
        paths_push(folders, ".");
        return;
    }
    /* Each folder on the way that a wildcard, or the file's name, chooses from. */
    for (const char *p = strchr(pattern, '/'); p; p = strchr(p + 1, '/')) {
        bool before_wild = wild && p < wild && strchr(p + 1, '/') && strchr(p + 1, '/') < wild;
        if (!before_wild && (p == slash || (wild && strchr(p + 1, '/') > wild)))
            add_folders(folders, pattern, (size_t)(p - pattern));
    }
}

struct folder_id folder_id(const char *folder)
{
    struct stat st;
    if (!folder || stat(folder, &st) != 0)
        return (struct folder_id){0};
    return (struct folder_id){st.st_dev, st.st_ino};
}

int path_is_inside(const char *path, struct folder_id folder)
{
    char *real = folder.ino ? realpath(path, NULL) : NULL;
    bool inside = false;
    for (char *slash = real ? strrchr(real, '/') : NULL; slash && !inside; slash = strrchr(real, '/')) {
        *slash = '\0';
        struct folder_id id = folder_id(real[0] ? real : "/");
        inside = id.dev == folder.dev && id.ino == folder.ino;
    }
    free(real);
    return inside;
}
