/* test_input.c - packed bytes of every shape, read in rooms of every size. */
#include "help.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct buf plain(int from, int to)
{
    struct buf lines = {0};
    numbered_lines(&lines, from, to);
    return lines;
}

/* Reads all of bytes in rooms of `room` bytes into *out; what the last read returned. */
static long read_all(struct str bytes, size_t room, struct buf *out, struct err *err)
{
    int fd = open(write_file("packed", bytes), O_RDONLY | O_CLOEXEC);
    struct input *in = input_open(fd, -1);
    long got = 1;
    out->n = 0;
    while (got > 0) {
        buf_reserve(out, room);
        got = input_read(in, out->p + out->n, room, err);
        if (got > 0)
            out->n += (size_t)got;
    }
    input_close(in);
    close(fd);
    return got;
}

typedef void packer(struct str bytes, struct buf *out);
static packer *const packers[] = {pack_gzip, pack_zstd};

Test(input, members_and_frames_follow_one_another_in_rooms_of_any_size)
{
    struct buf a = plain(0, 50), b = plain(50, 120), out = {0}, whole = {0};
    numbered_lines(&whole, 0, 120);
    for (size_t p = 0; p < 2; p++) {
        struct buf packed = {0};
        struct err err = {0};
        packers[p](buf_as_str(&a), &packed);
        packers[p](STR(""), &packed);
        packers[p](buf_as_str(&b), &packed);
        const size_t rooms[] = {1, 7, a.n - 1, a.n, a.n + 1, b.n, whole.n - 1, whole.n, whole.n + 1};
        for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
            cr_expect_eq(read_all(buf_as_str(&packed), rooms[i], &out, &err), 0, "%s", err.text);
            cr_expect(str_eq(buf_as_str(&out), buf_as_str(&whole)), "room %zu", rooms[i]);
        }
        buf_release(&packed);
    }
    buf_release(&a), buf_release(&b), buf_release(&out), buf_release(&whole);
}

Test(input, what_ends_too_early_gives_all_before_it_and_then_says_where)
{
    struct buf lines = plain(0, 2000), out = {0};
    for (size_t p = 0; p < 2; p++) {
        struct buf packed = {0};
        packers[p](buf_as_str(&lines), &packed);
        for (size_t n = INPUT_MAGIC; n < packed.n; n += 37) {
            struct err err = {0};
            long r = read_all(str_make(packed.p, n), 4096, &out, &err);
            cr_assert_eq(r, ERR_CORRUPT, "cut at %zu: %ld", n, r);
            cr_assert(strstr(err.text, "ends too early") != NULL, "%s", err.text);
            cr_assert(out.n <= lines.n && memcmp(out.p, lines.p, out.n) == 0);
        }
        buf_release(&packed);
    }
    buf_release(&lines), buf_release(&out);
}

Test(input, a_damaged_byte_never_gives_more_than_there_was)
{
    struct buf lines = plain(0, 500), out = {0};
    for (size_t p = 0; p < 2; p++) {
        struct buf packed = {0};
        packers[p](buf_as_str(&lines), &packed);
        for (size_t at = 10; at < packed.n; at += 11) {
            struct err err = {0};
            packed.p[at] ^= 0x55;
            long r = read_all(buf_as_str(&packed), 1 << 16, &out, &err);
            cr_assert(r <= 0 && r != INPUT_AGAIN);
            cr_assert(r == 0 || strlen(err.text) > 0);
            packed.p[at] ^= 0x55;
        }
        buf_release(&packed);
    }
    buf_release(&lines), buf_release(&out);
}

Test(input, bytes_behind_a_gzip_member_are_ignored_as_gzip_does)
{
    struct buf lines = plain(0, 3), packed = {0}, out = {0};
    struct err err = {0};
    pack_gzip(buf_as_str(&lines), &packed);
    size_t n = packed.n;
    buf_str(&packed, str_make("\0\0\0\0", 4));
    cr_expect_eq(read_all(buf_as_str(&packed), 4096, &out, &err), 0, "%s", err.text);
    cr_expect_eq(out.n, lines.n);
    packed.n = n;
    buf_str(&packed, STR("no gzip"));
    cr_expect_eq(read_all(buf_as_str(&packed), 4096, &out, &err), 0, "%s", err.text);
    cr_expect_eq(out.n, lines.n);
    buf_release(&lines), buf_release(&packed), buf_release(&out);
}

Test(input, a_kind_is_told_by_its_first_bytes)
{
    cr_expect_eq(input_kind(STR("")), INPUT_PLAIN);
    cr_expect_eq(input_kind(STR("\x1f\x8b")), INPUT_PLAIN, "not enough of it yet");
    cr_expect_eq(input_kind(STR("\x1f\x8b\x08")), INPUT_GZIP);
    cr_expect_eq(input_kind(STR("\x28\xb5\x2f\xfd")), INPUT_ZSTD);
    cr_expect_eq(input_kind(STR("\x5a\x2a\x4d\x18")), INPUT_ZSTD, "a skippable frame");
    cr_expect_eq(input_kind(STR("BZh9")), INPUT_UNKNOWN_PACKING);
    cr_expect_str_eq(input_unpacker(STR("\xfd\x37\x7a\x58\x5a\x00")), "xz -dc");
    cr_expect_null(input_unpacker(STR("PKI is down")));
}

Test(input, a_packing_that_is_not_read_names_the_program_to_pipe_it_through)
{
    struct buf out = {0};
    struct err err = {0};
    cr_expect_eq(read_all(STR("BZh91AY&SY...."), 100, &out, &err), ERR_FAILED);
    cr_expect(strstr(err.text, "bzip2 -dc") != NULL, "%s", err.text);
    buf_release(&out);
}
