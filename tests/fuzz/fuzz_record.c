/* fuzz_record.c - any bytes as the lines of a chunk: every line lies in the record that is found
 * around it, records are whole lines and, walked from the front, make up the chunk. */
#include "fuzz.h"
#include "parsers/record.h"
#include "parsers/shell.h"

static size_t line_end(struct str chunk, size_t at)
{
    ptrdiff_t lf = str_findc(chunk, '\n', at);
    return lf < 0 ? chunk.n : (size_t)lf;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str chunk = fuzz_copy(data, size);
    for (size_t at = 0; at < size; at = line_end(chunk, at) + 1) {
        struct str line = str_make(chunk.p + at, line_end(chunk, at) - at);
        size_t start = SIZE_MAX;
        struct str record = record_around(chunk, at, &start);
        HOLDS(start <= at && record.p == chunk.p + start);
        HOLDS(start + record.n >= at + line.n && start + record.n <= size);
        HOLDS(start == 0 || chunk.p[start - 1] == '\n');
        HOLDS(start + record.n == size || chunk.p[start + record.n] == '\n');
        struct shell shell = shell_of(line);
        HOLDS(fuzz_within(shell.inner, line) && fuzz_within(shell.id, line));
        record_continues(line);
    }
    for (size_t done = 0; done < size;) { /* as classifier_chunk() walks */
        size_t start;
        struct str left = str_from(chunk, done), record = record_around(left, 0, &start);
        HOLDS(start == 0);
        done += record.n + 1;
    }
    HOLDS(size == 0 ? record_open(chunk) == 0 : record_open(chunk) < size);
    free((void *)chunk.p);
    return 0;
}
