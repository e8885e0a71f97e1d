/* lines.c - blocks of whole lines from a file, a pipe or standard input, in bounded memory; packed
 * files (.gz, .zst) are unpacked by ingest/input.h. */
#include "cli/cli.h"

#include "ingest/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1024 * 1024 };

struct lines {
    const char *name;
    char end; /* of a line: LF or NUL */
    int fd;
    struct input *in;
    uint64_t size;
    char *buf; /* buf[from..n) is not handed out yet */
    size_t from, n;
    bool ended;
    bool skipping; /* inside a line whose head was handed out, cut */
};

static int open_file(struct lines *in, const char *path, struct err *err)
{
    char head[INPUT_MAGIC];
    struct stat st;
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0 || fstat(in->fd, &st) != 0)
        return err_set(err, ERR_FAILED, "%s: %s; check the path and who may read it", path,
                       strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(err, ERR_FAILED, "%s: is a folder; give a file", path);
    ssize_t got = S_ISREG(st.st_mode) ? pread(in->fd, head, sizeof head, 0) : 0;
    if (got > 0 && input_kind(str_make(head, (size_t)got)) == INPUT_PLAIN)
        in->size = (uint64_t)st.st_size;
    return 0;
}

int lines_open(const char *path, struct lines **out, struct err *err)
{
    bool standard = !path || strcmp(path, "-") == 0;
    struct lines *in = xcalloc(1, sizeof *in);
    in->name = standard ? "standard input" : path;
    in->buf = xcalloc(1, BLOCK);
    in->end = '\n';
    if (!standard && open_file(in, path, err) != 0) {
        lines_close(in);
        return err->code;
    }
    if (standard && isatty(STDIN_FILENO) == 1)
        complain("reading from the terminal: paste lines, then press Ctrl-D");
    in->in = input_open(in->fd, -1);
    *out = in;
    return 0;
}

void lines_close(struct lines *in)
{
    if (!in)
        return;
    input_close(in->in);
    if (in->fd > STDIN_FILENO)
        close(in->fd);
    free(in->buf);
    free(in);
}

void lines_end_with(struct lines *in, char end)
{
    in->end = end;
}

uint64_t lines_size(const struct lines *in)
{
    return in->size;
}

static int read_more(struct lines *in, struct err *err)
{
    long got = input_read(in->in, in->buf + in->n, BLOCK - in->n, err);
    if (got == INPUT_AGAIN) /* a pipe that somebody made non-blocking */
        return usleep(1000), 0;
    if (got < 0)
        return err_wrap(err, "%s", in->name);
    in->n += (size_t)got;
    in->ended = got == 0;
    return 0;
}

/* Drops what is left of a line that was cut. */
static void skip(struct lines *in)
{
    char *end = memchr(in->buf + in->from, in->end, in->n - in->from);
    in->skipping = !end;
    in->from = end ? (size_t)(end + 1 - in->buf) : in->n;
}

static bool take_lines(struct lines *in, struct str *block)
{
    size_t n = in->n - in->from;
    char *end = n ? memrchr(in->buf + in->from, in->end, n) : NULL;
    if (end)
        n = (size_t)(end + 1 - (in->buf + in->from));
    else if (!in->ended && n < BLOCK)
        return false;
    *block = str_make(in->buf + in->from, n);
    if (!end && n == BLOCK) { /* no end in all of it */
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
