/* fuzz_pack.c - any bytes as a user's rule pack: it loads, or is refused with one line that says
 * why. Loading reads the built-in packs too, so of the packs that can be read one in 32 is
 * loaded. */
#include "fuzz.h"
#include "parsers/classifier.h"
#include "parsers/pack.h"

#include <unistd.h>

static char folder[] = "/tmp/fuzz_pack.XXXXXX", path[64];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static bool says_why(const struct err *err)
{
    return err->text[0] != '\0' && !strchr(err->text, '\n');
}

static void load(struct str text)
{
    if (!path[0]) {
        HOLDS(mkdtemp(folder) != NULL);
        snprintf(path, sizeof path, "%s/user.yaml", folder);
        atexit(remove_folder);
    }
    FILE *f = fopen(path, "w");
    HOLDS(f && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0);
    struct rules *rules = NULL;
    struct err err = {0};
    int code = rules_load(folder, &rules, &err);
    HOLDS(code == 0 ? rules != NULL : says_why(&err));
    rules_close(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_copy(data, size);
    struct pack *pack = NULL;
    struct err err = {0};
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += data[i];
    if (pack_read(STR("user.yaml"), text, &pack, &err) != 0)
        HOLDS(says_why(&err));
    else if (sum % 32 == 0)
        load(text);
    pack_free(pack);
    free((void *)text.p);
    return 0;
}
