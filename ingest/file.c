/* file.c - the lines of a file from its cursor on: see file.h.
 *
 * A plain file is read by pread() from a little before the cursor, so that one call gives the
 * bytes that prove that the file is still the same together with what is new. A packed file and
 * standard input can't go back: what doesn't make up a chunk yet is carried to the next one. */
#include "ingest/file.h"

#include "base/escape.h"
#include "parsers/classifier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { STDIN_WAIT_MS = 100 };

static const char *const counted_names[] = {"", "other", "event", "quarantined"};

const char *counted_name(enum counted c)
{
    return counted_names[c];
}

enum counted counted_find(struct str name)
{
    for (int c = COUNTED_OTHER; c <= COUNTED_QUARANTINED; c++) {
        if (str_eq(name, str_of(counted_names[c])))
            return (enum counted)c;
    }
    return COUNTED_NOT;
}

/* FNV-1a, 64 bits: at most a kilobyte a chunk, and nobody gains by a collision. */
uint64_t bytes_hash(struct str s)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
    return h;
}

/* Reads n bytes at `at`; fewer only at the end of the file. */
static long pread_all(int fd, char *out, size_t n, int64_t at)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, out + got, n - got, at + (int64_t)got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (long)got;
}

static bool mark_holds(int fd, const struct mark *mark)
{
    char bytes[MARK_BYTES];
    if (mark->n > sizeof bytes)
        return false;
    return pread_all(fd, bytes, mark->n, mark->position - mark->n) == (long)mark->n &&
           bytes_hash(str_make(bytes, mark->n)) == mark->hash;
}

bool file_holds(int fd, const struct mark *head, const struct mark *mark)
{
    return mark_holds(fd, mark) && mark_holds(fd, head);
}

/* ---- where we are ---- */

/* bytes come next in the content: keeps its head and its tail. */
static void advance(struct file *f, struct str bytes)
{
    if (f->head_n < HEAD_BYTES && f->position == (int64_t)f->head_n) {
        struct str more = str_head(bytes, HEAD_BYTES - f->head_n);
        memcpy(f->head + f->head_n, more.p, more.n);
        f->head_n += more.n;
    }
    f->position += (int64_t)bytes.n;
    if (bytes.n >= MARK_BYTES) {
        memcpy(f->tail, bytes.p + bytes.n - MARK_BYTES, MARK_BYTES);
        f->tail_n = MARK_BYTES;
        return;
    }
    size_t keep = f->tail_n;
    if (keep + bytes.n > MARK_BYTES)
        keep = MARK_BYTES - bytes.n;
    memmove(f->tail, f->tail + f->tail_n - keep, keep);
    if (bytes.n > 0)
        memcpy(f->tail + keep, bytes.p, bytes.n);
    f->tail_n = keep + bytes.n;
}

static struct mark mark_of(const char *bytes, size_t n, int64_t position)
{
    return (struct mark){position, bytes_hash(str_make(bytes, n)), (uint32_t)n};
}

/* Takes over where f is into what is known, and writes it down for the cursor. */
static void save(struct file *f, struct chunk *c)
{
    struct known *k = f->known;
    if (k->mark.n > 0)
        k->past[k->n_past++ % PAST_MARKS] = k->mark;
    k->position = f->position;
    k->head = mark_of(f->head, f->head_n, (int64_t)f->head_n);
    k->mark = mark_of(f->tail, f->tail_n, f->position);
    k->unsaved = false;
    k->fresh = false;
    c->to = f->position;
    buf_printf(&c->detail, "%s", "{");
    if (f->once)
        return;
    json_t *path = escape_json(str_of(k->path));
    char *quoted = json_dumps(path, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    buf_printf(&c->detail,
               "\"path\":%s,\"dev\":%llu,\"ino\":%llu,\"handle\":\"%016llx\",\"head_n\":%u,"
               "\"head\":\"%016llx\",\"mark_n\":%u,\"mark\":\"%016llx\"",
               quoted, (unsigned long long)k->id.dev, (unsigned long long)k->id.ino,
               (unsigned long long)k->id.handle, k->head.n, (unsigned long long)k->head.hash,
               k->mark.n, (unsigned long long)k->mark.hash);
    if (k->done_size >= 0)
        buf_printf(&c->detail, ",\"done_size\":%lld,\"done_mtime\":%lld", (long long)k->done_size,
                   (long long)k->done_mtime);
    if (k->partial_n > 0)
        buf_printf(&c->detail, ",\"partial_n\":%lld,\"partial\":\"%016llx\"",
                   (long long)k->partial_n, (unsigned long long)k->partial.hash);
    free(quoted);
    json_decref(path);
}

static int64_t reading_time(struct file *f)
{
    struct stat st;
    if (f->now_us != TIME_NONE)
        return f->now_us;
    if (f->once || fstat(f->fd, &st) != 0)
        return civil_now_us();
    return (int64_t)st.st_mtim.tv_sec * US_PER_S + st.st_mtim.tv_nsec / 1000;
}

static void begin(struct file *f, struct chunk *c)
{
    c->from = f->known->fresh ? 0 : f->position;
    c->to = f->position;
    c->bytes = STR_NONE;
    c->size = 0;
    c->again = COUNTED_NOT;
    c->partial = 0;
    c->detail.n = 0;
    c->now_us = reading_time(f);
}

/* ---- a last line without LF ---- */

/* Whether the line that starts at s was counted before, unfinished, and is no longer than then. */
static bool partial_is_same(const struct known *k, struct str s)
{
    struct str head = str_head(s, MARK_BYTES < k->partial_n ? MARK_BYTES : (size_t)k->partial_n);
    return k->partial_n > 0 && (int64_t)s.n >= (k->partial_n < MARK_BYTES ? k->partial_n : MARK_BYTES) &&
           bytes_hash(head) == k->partial.hash;
}

static void partial_keep(struct known *k, struct str line, int64_t whole_n)
{
    k->partial_n = whole_n;
    k->partial.hash = bytes_hash(str_head(line, MARK_BYTES));
}

static void partial_forget(struct known *k)
{
    k->partial_n = 0;
    k->partial_as = COUNTED_NOT;
}

/* ---- chunks ---- */

/* Gives s[0..take), whose last `partial` bytes have no LF. */
static int give(struct file *f, struct chunk *c, struct str s, size_t take, size_t partial)
{
    struct known *k = f->known;
    if (partial_is_same(k, s))
        c->again = k->partial_as;
    partial_forget(k);
    if (partial > 0)
        partial_keep(k, str_from(str_head(s, take), take - partial), (int64_t)partial);
    c->bytes = str_head(s, take);
    c->partial = partial;
    c->size = take - partial;
    advance(f, str_head(s, take - partial));
    save(f, c);
    f->held = false;
    f->scanned = 0;
    return SOURCE_CHUNK;
}

/* Nothing to give: but what is known may have to be stored. */
static int nothing(struct file *f, struct chunk *c, int state)
{
    if (!f->known->unsaved)
        return state;
    save(f, c);
    return SOURCE_CHUNK;
}

/* s starts at the cursor; more can only come later when at_end. */
static int cut(struct file *f, struct chunk *c, struct str s, enum hold hold, bool at_end)
{
    const char *lf = s.n > 0 ? memrchr(s.p, '\n', s.n) : NULL;
    size_t whole = lf ? (size_t)(lf - s.p) + 1 : 0;
    if (at_end && hold == HOLD_NOTHING) {
        bool counted = whole == 0 && partial_is_same(f->known, s) && (int64_t)s.n == f->known->partial_n;
        size_t partial = f->once ? 0 : s.n - whole;
        return s.n == 0 || counted ? nothing(f, c, SOURCE_WAIT) : give(f, c, s, s.n, partial);
    }
    if (whole == 0)
        return nothing(f, c, SOURCE_WAIT);
    if (at_end && hold == HOLD_LINE)
        return give(f, c, s, whole, 0);
    size_t open = classifier_open_tail(str_head(s, whole));
    if (open < whole)
        return give(f, c, s, whole - open, 0);
    if (!at_end) /* one record fills the whole room */
        return give(f, c, s, whole, 0);
    f->held = true;
    return nothing(f, c, SOURCE_WAIT);
}

/* ---- plain files ---- */

/* The line at the cursor is longer than the room: what classifying looks at is kept, and its end
 * is looked for in the rest of the room. s is what is there, without LF. */
static int plain_long_line(struct file *f, struct chunk *c, struct str s, enum hold hold,
                           struct err *err)
{
    char *rest = c->room + MARK_BYTES + RECORD_MAX + 1;
    size_t rest_n = CHUNK_BYTES - (MARK_BYTES + RECORD_MAX + 1);
    int64_t at = f->position + (int64_t)s.n;
    if (f->scanned > at)
        at = f->scanned;
    char *lf = NULL;
    long n = 1;
    while (!lf && n > 0) {
        n = pread_all(f->fd, rest, rest_n, at);
        if (n < 0)
            return err_errno(err, "read %s at byte %lld", f->path, (long long)at);
        lf = memchr(rest, '\n', (size_t)n);
        at += lf ? lf - rest + 1 : n;
    }
    f->scanned = lf ? 0 : at;
    struct known *k = f->known;
    int64_t length = at - f->position;
    if (!lf && (hold != HOLD_NOTHING || (partial_is_same(k, s) && length == k->partial_n)))
        return nothing(f, c, SOURCE_WAIT);
    if (partial_is_same(k, s))
        c->again = k->partial_as;
    partial_forget(k);
    char *line = c->room + (s.p - c->room);
    c->bytes = str_make(line, RECORD_MAX + 1);
    if (!lf) {
        partial_keep(k, s, length);
        c->partial = c->bytes.n;
        save(f, c);
        return SOURCE_CHUNK;
    }
    advance(f, c->bytes); /* for the head */
    f->position = at;
    long tail = pread_all(f->fd, f->tail, MARK_BYTES, at - MARK_BYTES);
    if (tail != MARK_BYTES) /* truncated under our hands */
        return SOURCE_CHANGED;
    line[RECORD_MAX + 1] = '\n';
    c->bytes.n++;
    c->size = (uint64_t)length;
    save(f, c);
    return SOURCE_CHUNK;
}

static int plain_next(struct file *f, struct chunk *c, enum hold hold, struct err *err)
{
    size_t back = f->tail_n;
    long n = pread_all(f->fd, c->room, CHUNK_BYTES, f->position - (int64_t)back);
    if (n < 0)
        return err_errno(err, "read %s at byte %lld", f->path, (long long)f->position);
    if ((size_t)n < back || (back > 0 && memcmp(c->room, f->tail, back) != 0))
        return SOURCE_CHANGED;
    struct str s = str_make(c->room + back, (size_t)n - back);
    bool at_end = n < CHUNK_BYTES;
    if (!at_end && !memrchr(s.p, '\n', s.n))
        return plain_long_line(f, c, s, hold, err);
    return cut(f, c, s, hold, at_end);
}

/* ---- packed files, standard input ---- */

/* Fills room[n..CHUNK_BYTES) as far as there is input. Returns the new n. */
static size_t fill(struct file *f, char *room, size_t n, bool *wait)
{
    *wait = false;
    while (n < CHUNK_BYTES && !f->input_ended) {
        long got = input_read(f->input, room + n, CHUNK_BYTES - n, &f->damage_err);
        if (got > 0) {
            n += (size_t)got;
            continue;
        }
        if (got == INPUT_AGAIN) {
            *wait = true;
            break;
        }
        f->input_ended = true;
        if (got < 0)
            f->damage = &f->damage_err;
    }
    return n;
}

static void carry(struct file *f, struct str rest)
{
    if (rest.n > 0)
        memmove(f->carry, rest.p, rest.n);
    f->carry_n = rest.n;
}

/* As plain_long_line(): s fills the room. Always ends at a LF or at the end of the input. */
static int stream_long_line(struct file *f, struct chunk *c, struct str s)
{
    int64_t at = f->position;
    char *rest = c->room + RECORD_MAX + 2;
    size_t rest_n = CHUNK_BYTES - (RECORD_MAX + 2);
    struct known *k = f->known;
    if (partial_is_same(k, s))
        c->again = k->partial_as;
    enum counted as = k->partial_as;
    int64_t before = k->partial_n;
    struct mark first = mark_of(s.p, MARK_BYTES, 0);
    char head[HEAD_BYTES], tail[MARK_BYTES];
    size_t head_n = f->head_n, tail_n = f->tail_n;
    memcpy(head, f->head, sizeof head);
    memcpy(tail, f->tail, sizeof tail);
    advance(f, s);
    char *lf = NULL;
    while (!lf && !f->input_ended) {
        long got = input_read(f->input, rest, rest_n, &f->damage_err);
        if (got == INPUT_AGAIN)
            continue;
        f->input_ended = got <= 0;
        if (got < 0)
            f->damage = &f->damage_err;
        if (got <= 0)
            break;
        lf = memchr(rest, '\n', (size_t)got);
        size_t n = lf ? (size_t)(lf - rest) + 1 : (size_t)got;
        advance(f, str_make(rest, n));
        carry(f, str_make(rest + n, (size_t)got - n));
    }
    c->bytes = str_make(c->room, RECORD_MAX + 1);
    c->size = (uint64_t)(f->position - at);
    partial_forget(k);
    if (lf || f->once) {
        c->room[c->bytes.n++] = '\n';
        save(f, c);
        return SOURCE_CHUNK;
    }
    /* The input ended within it: the cursor stays before the line. */
    int64_t length = f->position - at;
    memcpy(f->head, head, sizeof head);
    memcpy(f->tail, tail, sizeof tail);
    f->head_n = head_n;
    f->tail_n = tail_n;
    f->position = at;
    c->size = 0;
    if (f->damage || (c->again != COUNTED_NOT && length == before)) {
        k->partial_n = before;
        k->partial_as = as;
        return nothing(f, c, SOURCE_WAIT);
    }
    k->partial_n = length;
    k->partial.hash = first.hash;
    c->partial = c->bytes.n;
    save(f, c);
    return SOURCE_CHUNK;
}

static int stream_next(struct file *f, struct chunk *c, enum hold hold, struct err *err)
{
    bool wait = false;
    int64_t at = f->position;
    if (f->carry_n > 0)
        memcpy(c->room, f->carry, f->carry_n);
    struct str s = str_make(c->room, fill(f, c->room, f->carry_n, &wait));
    carry(f, STR_NONE);
    if (s.n == CHUNK_BYTES && !memchr(s.p, '\n', s.n))
        return stream_long_line(f, c, s);
    bool at_end = f->input_ended;
    struct stat st;
    if (at_end && !f->damage && f->packed && f->known->done_size < 0 && fstat(f->fd, &st) == 0) {
        f->known->done_size = st.st_size;
        f->known->done_mtime = (int64_t)st.st_mtim.tv_sec * US_PER_S + st.st_mtim.tv_nsec / 1000;
        f->known->unsaved = true;
    }
    /* Before damage only what has its LF: the rest of the line may come when it's repaired. */
    int r = cut(f, c, s, f->damage || wait ? HOLD_LINE : hold, at_end || wait);
    size_t used = (size_t)(f->position - at);
    if (r == SOURCE_CHUNK && (used > 0 || c->bytes.n > 0))
        carry(f, at_end && c->partial > 0 ? STR_NONE : str_from(s, used));
    else if (!at_end)
        carry(f, s);
    if (r != SOURCE_WAIT || !at_end)
        return r;
    if (!f->damage)
        return SOURCE_END;
    *err = *f->damage;
    return err_wrap(err, "%s: behind the lines up to byte %lld unpacked", f->path,
                    (long long)f->position);
}

int file_next(struct source *s, struct chunk *chunk, enum hold hold, struct err *err)
{
    struct file *f = (struct file *)s;
    begin(f, chunk);
    return f->input ? stream_next(f, chunk, hold, err) : plain_next(f, chunk, hold, err);
}

/* ---- opening ---- */

/* Unpacks up to the cursor: 0 when that is the content that is known. */
static int skip_known(struct file *f, struct err *err)
{
    struct known *k = f->known;
    int64_t left = k->position;
    while (left > 0) {
        size_t want = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        long got = input_read(f->input, f->carry, want, err);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return SOURCE_CHANGED;
        advance(f, str_make(f->carry, (size_t)got));
        left -= got;
    }
    bool same = k->fresh || (k->mark.n <= f->tail_n &&
                bytes_hash(str_make(f->tail + f->tail_n - k->mark.n, k->mark.n)) == k->mark.hash);
    return same ? 0 : SOURCE_CHANGED;
}

/* Takes up the bytes around what is known of a plain file. */
static int take_up(struct file *f, struct err *err)
{
    struct known *k = f->known;
    if (k->fresh) { /* it starts behind what another file was read for, or at its end */
        k->head.n = k->position < HEAD_BYTES ? (uint32_t)k->position : HEAD_BYTES;
        k->mark.n = k->position < MARK_BYTES ? (uint32_t)k->position : MARK_BYTES;
    }
    long head = pread_all(f->fd, f->head, k->head.n, 0);
    long tail = pread_all(f->fd, f->tail, k->mark.n, k->position - k->mark.n);
    if (head < 0 || tail < 0)
        return err_errno(err, "read %s", f->path);
    f->head_n = (size_t)head;
    f->tail_n = (size_t)tail;
    f->position = k->position;
    bool same = k->fresh || (bytes_hash(str_make(f->head, f->head_n)) == k->head.hash &&
                             bytes_hash(str_make(f->tail, f->tail_n)) == k->mark.hash);
    return k->position == 0 || (same && k->head.n == f->head_n && k->mark.n == f->tail_n)
               ? 0
               : SOURCE_CHANGED;
}

static const struct source_ops file_ops = {file_next, file_close};

static struct file *file_new(const char *path, int fd, struct known *known)
{
    struct file *f = xcalloc(1, sizeof *f);
    f->source.ops = &file_ops;
    f->source.key = str_dup(str_of(known->key));
    f->path = str_dup(str_of(path));
    f->fd = fd;
    f->known = known;
    f->now_us = TIME_NONE;
    known->open = true;
    known->fd = fd;
    return f;
}

static void use_input(struct file *f, int wait_ms)
{
    f->input = input_open(f->fd, wait_ms);
    f->carry = xcalloc(1, CHUNK_BYTES);
}

int file_open(const struct candidate *c, struct known *known, struct file **out, struct err *err)
{
    int fd = open(c->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_errno(err, "open %s", c->path);
    struct file *f = file_new(c->path, fd, known);
    struct stat st;
    int r = fstat(fd, &st) != 0 ? err_errno(err, "stat %s", c->path) : 0;
    if (r == 0) {
        file_id_read(fd, &st, &f->id);
        r = file_id_same(&f->id, &c->id) ? 0 : SOURCE_CHANGED;
    }
    if (r == 0 && c->kind != INPUT_PLAIN) {
        f->packed = true;
        use_input(f, -1);
        r = skip_known(f, err);
    } else if (r == 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        r = take_up(f, err);
    }
    if (r != 0) {
        file_close(&f->source);
        return r < 0 ? err_wrap(err, "%s", c->path) : r;
    }
    *out = f;
    return 0;
}

struct file *file_open_stdin(struct known *known)
{
    struct file *f = file_new("standard input", STDIN_FILENO, known);
    f->position = known->position;
    f->once = true;
    use_input(f, STDIN_WAIT_MS);
    return f;
}

void file_part(struct file *f)
{
    f->known->open = false;
    f->known = NULL;
}

void file_close(struct source *s)
{
    struct file *f = (struct file *)s;
    if (f->known)
        f->known->open = false;
    input_close(f->input);
    if (f->fd > STDERR_FILENO)
        close(f->fd);
    free(f->carry);
    free(f->path);
    free(f->source.key);
    free(f);
}
