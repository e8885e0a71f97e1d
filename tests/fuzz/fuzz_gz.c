/* fuzz_gz.c - any bytes as a file that may be packed: reading it ends, at its end or with a line
 * that says where it is damaged. */
#include "fuzz.h"
#include "ingest/input.h"

#include <sys/mman.h>
#include <unistd.h>

enum { OUT = 8192, OUT_MAX = 4 << 20 }; /* a few bytes may unpack to gigabytes: far enough */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz_gz", MFD_CLOEXEC);
    HOLDS(fd >= 0);
    HOLDS(write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    input_kind(str_make((const char *)data, size < INPUT_MAGIC ? size : INPUT_MAGIC));
    struct input *in = input_open(fd, 0);
    char *out = malloc(OUT);
    struct err err = {0};
    size_t total = 0;
    long got = 1;
    while (got > 0 && total < OUT_MAX) {
        got = input_read(in, out, OUT, &err);
        HOLDS(got <= OUT && got != INPUT_AGAIN);
        total += got > 0 ? (size_t)got : 0;
    }
    HOLDS(got >= 0 || err.text[0] != '\0');
    free(out);
    input_close(in);
    close(fd);
    return 0;
}
