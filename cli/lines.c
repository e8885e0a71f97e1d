/* lines.c - blocks of whole lines from a file, a pipe or standard input, in bounded memory. Gzip is
 * told by its first two bytes (RFC 1952, section 2.3.1). */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 1024 * 1024 };

struct lines {
    const char *name;
    int fd;
    gzFile gz; /* NULL: the bytes are plain */
    uint64_t size;
    char *buf; /* buf[from..n) is not handed out yet */
    size_t from, n;
    bool ended;
    bool skipping; /* inside a line whose head was handed out, cut */
};

static bool looks_gzip(int fd)
{
    unsigned char head[2];
    return pread(fd, head, 2, 0) == 2 && head[0] == 0x1f && head[1] == 0x8b;
}

static int open_file(struct lines *in, const char *path, struct err *err)
{
    struct stat st;
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0 || fstat(in->fd, &st) != 0)
        return err_errno(err, "%s", path);
    if (S_ISDIR(st.st_mode))
        return err_set(err, ERR_FAILED, "%s: is a folder; give a file", path);
    if (S_ISREG(st.st_mode)) {
        in->size = (uint64_t)st.st_size;
        if (looks_gzip(in->fd)) {
            in->gz = gzdopen(in->fd, "rb");
            in->size = 0;
        }
    }
    return 0;
}

int lines_open(const char *path, struct lines **out, struct err *err)
{
    bool standard = !path || strcmp(path, "-") == 0;
    struct lines *in = xcalloc(1, sizeof *in);
    in->name = standard ? "standard input" : path;
    in->buf = xcalloc(1, BLOCK);
    if (!standard && open_file(in, path, err) != 0) {
        lines_close(in);
        return err->code;
    }
    if (standard && isatty(STDIN_FILENO) == 1)
        complain("reading from the terminal: paste lines, then press Ctrl-D");
    *out = in;
    return 0;
}

void lines_close(struct lines *in)
{
    if (!in)
        return;
    if (in->gz)
        gzclose(in->gz);
    else if (in->fd > 0)
        close(in->fd);
    free(in->buf);
    free(in);
}

uint64_t lines_size(const struct lines *in)
{
    return in->size;
}

static int read_gz(struct lines *in, size_t *got, struct err *err)
{
    int n = gzread(in->gz, in->buf + in->n, (unsigned)(BLOCK - in->n));
    int code = Z_OK;
    const char *why = gzerror(in->gz, &code);
    if (n < 0 || code == Z_BUF_ERROR) /* Z_BUF_ERROR: the file ends in the middle of a stream */
        return err_set(err, ERR_FAILED, "%s: damaged gzip data (%s); test it with: gzip -t", in->name,
                       why);
    *got = (size_t)n;
    return 0;
}

static int read_more(struct lines *in, struct err *err)
{
    size_t got = 0;
    if (in->gz) {
        if (read_gz(in, &got, err) != 0)
            return err->code;
    } else {
        ssize_t n = read(in->fd, in->buf + in->n, BLOCK - in->n);
        if (n < 0 && errno == EINTR)
            return 0;
        if (n < 0)
            return err_errno(err, "%s", in->name);
        got = (size_t)n;
    }
    in->n += got;
    in->ended = got == 0;
    return 0;
}

/* Drops what is left of a line that was cut. */
static void skip(struct lines *in)
{
    char *lf = memchr(in->buf + in->from, '\n', in->n - in->from);
    in->skipping = !lf;
    in->from = lf ? (size_t)(lf + 1 - in->buf) : in->n;
}

static bool take_lines(struct lines *in, struct str *block)
{
    size_t n = in->n - in->from;
    char *lf = n ? memrchr(in->buf + in->from, '\n', n) : NULL;
    if (lf)
        n = (size_t)(lf + 1 - (in->buf + in->from));
    else if (!in->ended && n < BLOCK)
        return false;
    *block = str_make(in->buf + in->from, n);
    if (!lf && n == BLOCK) { /* no LF in all of it */
        block->n = RECORD_MAX + 1;
        in->skipping = true;
    }
    in->from += n;
    return true;
}

int lines_next(struct lines *in, struct str *block, struct err *err)
{
    for (;;) {
        if (in->skipping)
            skip(in);
        if (!in->skipping && take_lines(in, block))
            return 0;
        memmove(in->buf, in->buf + in->from, in->n - in->from);
        in->n -= in->from;
        in->from = 0;
        if (in->ended) {
            *block = STR_NONE;
            return 0;
        }
        if (read_more(in, err) != 0)
            return err->code;
    }
}

int lines_all(struct lines *in, size_t most, struct buf *out, struct err *err)
{
    struct str block = STR_NONE;
    for (;;) {
        if (lines_next(in, &block, err) != 0)
            return err->code;
        if (block.n == 0)
            return 0;
        if (out->n < most)
            buf_str(out, str_head(block, most - out->n));
    }
}
