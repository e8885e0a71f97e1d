/* files.c - the store's folder: names, renames and syncs. A database file is never opened here:
 * closing it would end the locks that SQLite holds on it (sqlite.org/howtocorrupt.html, 2.2). */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_join(const char *dir, const char *name, const char *suffix)
{
    struct buf b = {0};
    buf_printf(&b, "%s/%s%s", dir, name, suffix);
    return b.p;
}

int dir_sync_of(const char *path, struct err *err)
{
    char *dir = str_dup(str_of(path));
    char *slash = strrchr(dir, '/');
    if (slash && slash != dir)
        *slash = '\0';
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : err_errno(err, "sync %s", dir);
    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

int dir_make(const char *path, struct err *err)
{
    if (mkdir(path, 0777) == 0)
        return dir_sync_of(path, err);
    struct stat st;
    if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    if (errno == EEXIST)
        return err_set(err, ERR_FAILED, "%s is not a folder: name another with --store", path);
    return err_errno(err, "make the folder %s", path);
}

static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
enum { PARTS = sizeof parts / sizeof *parts };

/* The database goes first: a WAL that finds no database is harmless, one that finds a new database
 * of its name is not. */
static int rename_parts(const char *path, const char *to, struct err *err)
{
    for (int i = 0; i < PARTS; i++) {
        struct buf from = {0}, dest = {0};
        buf_printf(&from, "%s%s", path, parts[i]);
        buf_printf(&dest, "%s%s", to, parts[i]);
        int rc = 0;
        if (rename(from.p, dest.p) != 0 && errno != ENOENT)
            rc = err_errno(err, "rename %s", from.p);
        buf_release(&from);
        buf_release(&dest);
        if (rc != 0)
            return rc;
    }
    return dir_sync_of(path, err);
}

int file_set_aside(const char *path, char **to, struct err *err)
{
    struct stat st;
    struct buf name = {0};
    int64_t now_s = civil_now_us() / US_PER_S;
    do {
        name.n = 0;
        buf_printf(&name, "%s.corrupt-%" PRId64, path, now_s++);
    } while (lstat(name.p, &st) == 0);
    *to = name.p;
    return rename_parts(path, name.p, err);
}

int64_t file_bytes(const char *path)
{
    int64_t sum = 0;
    for (int i = 0; i < 2; i++) {
        struct buf name = {0};
        struct stat st;
        buf_printf(&name, "%s%s", path, parts[i]);
        if (stat(name.p, &st) == 0)
            sum += st.st_size;
        buf_release(&name);
    }
    return sum;
}
