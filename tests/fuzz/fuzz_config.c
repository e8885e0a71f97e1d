/* fuzz_config.c - any bytes as the configuration of `follow`: it is read, or refused with one line
 * that says why. */
#include "fuzz.h"
#include "ingest/ingest.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz_config", MFD_CLOEXEC);
    HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct follow_config *config = NULL;
    struct err err = {0};
    if (follow_config_load(path, &config, &err) == 0)
        follow_config_store(config);
    else
        HOLDS(err.text[0] != '\0' && !strchr(err.text, '\n'));
    follow_config_close(config);
    close(fd);
    return 0;
}
