/* input.h - the plain bytes of a descriptor that is read from its start: as they are, gzip with any
 * number of members (RFC 1952), or Zstandard with any number of frames (RFC 8878). */
#ifndef INGEST_INPUT_H
#define INGEST_INPUT_H

#include "base/err.h"
#include "base/str.h"

enum input_kind { INPUT_PLAIN, INPUT_GZIP, INPUT_ZSTD, INPUT_UNKNOWN_PACKING };
enum { INPUT_MAGIC = 6 }; /* bytes that tell */

enum input_kind input_kind(struct str first_bytes);
/* The program that unpacks what input_kind() called INPUT_UNKNOWN_PACKING. */
const char *input_unpacker(struct str first_bytes);

struct input;
/* Borrows fd, whose offset is at the start. wait_ms: how long one input_read() waits for a pipe to
 * give its first byte. The caller owns what it gives. */
struct input *input_open(int fd, int wait_ms);
void input_close(struct input *in); /* NULL is fine */

enum { INPUT_AGAIN = -100 }; /* input_read(): a pipe has nothing now */
/* Fills out[0..n) as far as there is input: > 0 bytes, 0 at the end, INPUT_AGAIN, or a code.
 * ERR_CORRUPT says at which byte the packing is damaged or ends too early; all bytes before the
 * damage were given by earlier calls. */
long input_read(struct input *in, char *out, size_t n, struct err *err);

#endif
