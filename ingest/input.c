/* input.c - the plain bytes of a descriptor: see input.h. */
#include "ingest/input.h"

#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    PACKED_BYTES = 128 * 1024,
    /* 32 MiB: what zstd's levels up to 19 use is 8 MiB; --long=27 and --ultra would need 128 MiB
     * and more, and the whole process is to stay below 64 MiB. */
    WINDOW_LOG_MAX = 25,
};

struct input {
    int fd, wait_ms;
    enum input_kind kind;
    bool known;    /* kind is */
    bool fd_ended; /* read() gave 0 */
    bool within;   /* a member or frame has begun and not ended */
    bool more;     /* the last step filled its room: there may be more without more input */
    struct err *damage;
    struct err damage_err; /* kept until the bytes before it are given */
    char *packed;          /* packed[at..n) is not unpacked yet */
    size_t at, n;
    int64_t packed_before; /* bytes before packed[0] */
    z_stream gz;
    bool gz_open;
    ZSTD_DCtx *zst;
};

/* Magic numbers: RFC 1952 2.3.1; RFC 8878 3.1.1 and 3.1.2 (a skippable frame may come first). */
enum input_kind input_kind(struct str b)
{
    if (str_starts(b, STR("\x1f\x8b\x08")))
        return INPUT_GZIP;
    if (str_starts(b, STR("\x28\xb5\x2f\xfd")))
        return INPUT_ZSTD;
    if (b.n >= 4 && ((unsigned char)b.p[0] & 0xf0) == 0x50 && memcmp(b.p + 1, "\x2a\x4d\x18", 3) == 0)
        return INPUT_ZSTD;
    return input_unpacker(b) ? INPUT_UNKNOWN_PACKING : INPUT_PLAIN;
}

const char *input_unpacker(struct str b)
{
    if (str_starts(b, STR("\xfd\x37\x7a\x58\x5a\x00")))
        return "xz -dc";
    if (str_starts(b, STR("BZh")) && b.n > 3 && b.p[3] >= '1' && b.p[3] <= '9')
        return "bzip2 -dc";
    if (str_starts(b, STR("\x04\x22\x4d\x18")))
        return "lz4 -dc";
    if (str_starts(b, STR("PK\x03\x04")))
        return "unzip -p";
    return NULL;
}

struct input *input_open(int fd, int wait_ms)
{
    struct input *in = xcalloc(1, sizeof *in);
    in->fd = fd;
    in->wait_ms = wait_ms;
    in->packed = xcalloc(1, PACKED_BYTES);
    return in;
}

void input_close(struct input *in)
{
    if (!in)
        return;
    if (in->gz_open)
        inflateEnd(&in->gz);
    ZSTD_freeDCtx(in->zst);
    free(in->packed);
    free(in);
}

/* > 0, 0 at the end, INPUT_AGAIN or a code. */
static long fd_read(struct input *in, char *out, size_t n, struct err *err)
{
    if (in->fd_ended)
        return 0;
    for (;;) {
        struct pollfd p = {.fd = in->fd, .events = POLLIN};
        if (in->wait_ms >= 0 && poll(&p, 1, in->wait_ms) == 0)
            return INPUT_AGAIN;
        ssize_t got = read(in->fd, out, n);
        if (got > 0)
            return got;
        in->fd_ended = got == 0;
        if (got == 0)
            return 0;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return INPUT_AGAIN;
        if (errno != EINTR)
            return err_errno(err, "read");
    }
}

/* Makes packed[at..n) not empty, or says why not as fd_read() does. */
static long refill(struct input *in, struct err *err)
{
    if (in->at < in->n)
        return 1;
    in->packed_before += (int64_t)in->n;
    in->at = in->n = 0;
    long got = fd_read(in, in->packed, PACKED_BYTES, err);
    if (got > 0)
        in->n = (size_t)got;
    return got;
}

/* The first bytes, to tell the kind by. */
static long learn_kind(struct input *in, struct err *err)
{
    while (!in->known && in->n < INPUT_MAGIC) {
        long got = fd_read(in, in->packed + in->n, PACKED_BYTES - in->n, err);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        in->n += (size_t)got;
    }
    in->known = true;
    in->kind = input_kind(str_make(in->packed, in->n));
    if (in->kind == INPUT_GZIP)
        in->gz_open = inflateInit2(&in->gz, 15 + 16) == Z_OK;
    if (in->kind == INPUT_ZSTD) {
        in->zst = ZSTD_createDCtx();
        ZSTD_DCtx_setParameter(in->zst, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    }
    if ((in->kind == INPUT_GZIP && !in->gz_open) || (in->kind == INPUT_ZSTD && !in->zst))
        return err_set(err, ERR_FAILED, "no memory to unpack it");
    return 1;
}

static long long packed_at(const struct input *in)
{
    return (long long)in->packed_before + (long long)in->at;
}

static long read_plain(struct input *in, char *out, size_t n, struct err *err)
{
    size_t have = in->n - in->at;
    if (have == 0)
        return fd_read(in, out, n, err);
    if (have > n)
        have = n;
    memcpy(out, in->packed + in->at, have);
    in->at += have;
    return (long)have;
}

/* Behind a member: another one, padding of NULs (tapes), or bytes that gzip ignores too. */
static void next_member(struct input *in)
{
    while (in->at < in->n && in->packed[in->at] == 0)
        in->at++;
    if (in->at == in->n)
        return;
    if ((unsigned char)in->packed[in->at] != 0x1f) {
        in->fd_ended = true;
        in->at = in->n;
        return;
    }
    inflateReset(&in->gz);
    in->within = true;
}

static long ended(struct input *in, const char *what, struct err *err)
{
    if (!in->within)
        return 1;
    return err_set(err, ERR_CORRUPT, "the %s data ends too early, at its byte %lld: copy it again",
                   what, packed_at(in));
}

/* One step: 0 and *got plain bytes (maybe none), 1 at the end, or a code. */
static long step_gzip(struct input *in, char *out, size_t n, size_t *got, struct err *err)
{
    *got = 0;
    long r = in->more ? 1 : refill(in, err);
    if (r <= 0)
        return r < 0 ? r : ended(in, "gzip", err);
    if (!in->within) {
        if (packed_at(in) == 0)
            in->within = true;
        else
            next_member(in);
        if (!in->within)
            return 0;
    }
    in->gz.next_in = (unsigned char *)in->packed + in->at;
    in->gz.avail_in = (unsigned)(in->n - in->at);
    in->gz.next_out = (unsigned char *)out;
    in->gz.avail_out = (unsigned)n;
    int z = inflate(&in->gz, Z_NO_FLUSH);
    *got = n - in->gz.avail_out;
    in->more = in->gz.avail_out == 0;
    in->at = in->n - in->gz.avail_in;
    if (z == Z_STREAM_END)
        in->within = in->more = false; /* even if that filled the room to its last byte */
    else if (z != Z_OK && z != Z_BUF_ERROR)
        return err_set(err, ERR_CORRUPT, "the gzip data is damaged at its byte %lld (%s): copy it again",
                       packed_at(in), in->gz.msg ? in->gz.msg : "wrong checksum");
    return 0;
}

static long step_zstd(struct input *in, char *out, size_t n, size_t *got, struct err *err)
{
    *got = 0;
    long r = in->more ? 1 : refill(in, err);
    if (r <= 0)
        return r < 0 ? r : ended(in, "zstd", err);
    ZSTD_inBuffer from = {in->packed + in->at, in->n - in->at, 0};
    ZSTD_outBuffer to = {out, n, 0};
    size_t z = ZSTD_decompressStream(in->zst, &to, &from);
    *got = to.pos;
    in->at += from.pos;
    in->within = z != 0;
    in->more = in->within && to.pos == n;
    if (!ZSTD_isError(z))
        return 0;
    if (ZSTD_getErrorCode(z) == ZSTD_error_frameParameter_windowTooLarge)
        return err_set(err, ERR_FAILED, "its zstd window is over 32 MiB: pipe it in with"
                       " `zstd -dc --long=31 FILE | tlstrail ingest STREAM=-`");
    return err_set(err, ERR_CORRUPT, "the zstd data is damaged near its byte %lld (%s): copy it again",
                   packed_at(in), ZSTD_getErrorName(z));
}

long input_read(struct input *in, char *out, size_t n, struct err *err)
{
    if (!in->known) {
        long r = learn_kind(in, err);
        if (r < 0)
            return r;
    }
    if (in->kind == INPUT_UNKNOWN_PACKING)
        return err_set(err, ERR_FAILED, "packed in a way that isn't read here: pipe it in with"
                       " `%s FILE | tlstrail ingest STREAM=-`", input_unpacker(str_make(in->packed, in->n)));
    if (in->kind == INPUT_PLAIN)
        return read_plain(in, out, n, err);
    size_t filled = 0;
    long r = 0;
    while (filled < n && r == 0) {
        size_t got = 0;
        r = in->damage ? in->damage->code : 0;
        if (r == 0)
            r = in->kind == INPUT_GZIP ? step_gzip(in, out + filled, n - filled, &got, err)
                                       : step_zstd(in, out + filled, n - filled, &got, err);
        else
            *err = *in->damage;
        filled += got;
    }
    if (r < 0 && r != INPUT_AGAIN && filled > 0) { /* first what was before the damage */
        in->damage_err = *err;
        in->damage = &in->damage_err;
    }
    return filled > 0 ? (long)filled : r == 1 ? 0 : r;
}
