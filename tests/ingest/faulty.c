/* faulty.c - see faulty.h. CMakeLists.txt names the same calls to the linker. */
#include "faulty.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const faulty_names[FAULTY_CALLS] = {
    "open", "read", "pread", "fstat", "stat", "glob", "poll", "name_to_handle_at",
    "inotify_init1", "inotify_add_watch",
};

/* The reader's thread calls while the test's sets. */
static atomic_int wanted = -1, nth, error_number, calls, failures, read_bytes;
static atomic_bool sticks;

void faulty_set(enum faulty_call call, int n, bool sticky, int error)
{
    wanted = -1;
    calls = failures = 0;
    nth = n;
    sticks = sticky;
    error_number = error;
    wanted = n > 0 ? (int)call : -1;
}

int faulty_failed(void)
{
    return failures;
}

void faulty_short_reads(int n)
{
    read_bytes = n;
}

static bool fails(enum faulty_call call)
{
    if (wanted != (int)call)
        return false;
    int n = ++calls;
    if (n < nth || (n > nth && !sticks))
        return false;
    failures++;
    errno = error_number;
    return true;
}

int __real_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *to, size_t n);
ssize_t __real_pread(int fd, void *to, size_t n, off_t at);
int __real_fstat(int fd, struct stat *st);
int __real_stat(const char *path, struct stat *st);
int __real_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *out);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __real_name_to_handle_at(int fd, const char *path, struct file_handle *handle, int *mount,
                             int flags);
int __real_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);

int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *to, size_t n);
ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *out);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __wrap_name_to_handle_at(int fd, const char *path, struct file_handle *handle, int *mount,
                             int flags);
int __wrap_inotify_init1(int flags);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(FAULTY_OPEN) ? -1 : __real_open(path, flags, mode);
}

static size_t shortened(size_t n)
{
    size_t most = (size_t)read_bytes;
    return most > 0 && n > most ? most : n;
}

ssize_t __wrap_read(int fd, void *to, size_t n)
{
    return fails(FAULTY_READ) ? -1 : __real_read(fd, to, shortened(n));
}

ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at)
{
    return fails(FAULTY_PREAD) ? -1 : __real_pread(fd, to, shortened(n), at);
}

int __wrap_fstat(int fd, struct stat *st)
{
    return fails(FAULTY_FSTAT) ? -1 : __real_fstat(fd, st);
}

int __wrap_stat(const char *path, struct stat *st)
{
    return fails(FAULTY_STAT) ? -1 : __real_stat(path, st);
}

int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *out)
{
    if (!fails(FAULTY_GLOB))
        return __real_glob(pattern, flags, error, out);
    *out = (glob_t){0};
    return GLOB_NOSPACE;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    return fails(FAULTY_POLL) ? -1 : __real_poll(fds, n, timeout_ms);
}

int __wrap_name_to_handle_at(int fd, const char *path, struct file_handle *handle, int *mount,
                             int flags)
{
    return fails(FAULTY_HANDLE) ? -1
                                : __real_name_to_handle_at(fd, path, handle, mount, flags);
}

int __wrap_inotify_init1(int flags)
{
    return fails(FAULTY_INIT) ? -1 : __real_inotify_init1(flags);
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    return fails(FAULTY_WATCH) ? -1 : __real_inotify_add_watch(fd, path, mask);
}
