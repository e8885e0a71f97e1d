/* test_config.c - the configuration of follow: what it means, and where it says that it's wrong. */
#include "help.h"
#include "ingest/config.h"

#include <stdio.h>

static struct follow_config *load(const char *yaml)
{
    struct follow_config *config = NULL;
    struct err err = {0};
    int r = follow_config_load(write_file("c.yaml", str_of(yaml)), &config, &err);
    cr_assert_eq(r, 0, "%s", err.text);
    return config;
}

/* The one line with which it is refused. */
static const char *refusal(const char *yaml)
{
    static struct err err;
    struct follow_config *config = NULL;
    err = (struct err){0};
    int r = follow_config_load(write_file("c.yaml", str_of(yaml)), &config, &err);
    cr_assert_eq(r, ERR_USAGE, "%s", yaml);
    cr_assert_null(strchr(err.text, '\n'), "%s", err.text);
    cr_assert(strstr(err.text, "c.yaml") != NULL, "%s", err.text);
    return err.text;
}

Test(config, everything_that_it_can_say)
{
    struct follow_config *c = load("store: /var/lib/tlstrail\n"
                                   "rules: /etc/tlstrail/packs\n"
                                   "poll_ms: 500\n"
                                   "streams:\n"
                                   "  - name: edge\n"
                                   "    files: [/var/log/edge/*.log, /var/log/edge.log]\n"
                                   "    tz: Europe/Berlin\n"
                                   "    start: end\n"
                                   "    keep: 30d\n"
                                   "    keep_bytes: 2GiB\n"
                                   "  - name: lb\n"
                                   "    files: [/var/log/haproxy.log]\n");
    cr_expect_str_eq(follow_config_store(c), "/var/lib/tlstrail");
    cr_expect_str_eq(follow_config_rules(c), "/etc/tlstrail/packs");
    cr_expect_eq(c->poll_ms, 500);
    cr_assert_eq(c->streams_count, 2);
    cr_expect_eq(c->streams[0].files_count, 2);
    cr_expect(c->streams[0].from_end);
    cr_expect_not_null(c->streams[0].zone);
    cr_expect_eq(c->streams[0].keep_us, INT64_C(30) * 86400 * 1000000);
    cr_expect_eq(c->streams[0].keep_bytes, INT64_C(2) << 30);
    cr_expect(!c->streams[1].from_end);
    cr_expect_null(c->streams[1].zone);
    cr_expect_eq(c->streams[1].keep_us, 0);
    follow_config_close(c);
}

Test(config, sizes_and_lengths_of_time_have_units)
{
    static const struct {
        const char *keep, *bytes;
        int64_t us, n;
    } rows[] = {
        {"45s", "1048576", INT64_C(45000000), 1 << 20},
        {"90m", "1 MiB", INT64_C(90) * 60000000, 1 << 20},
        {"12h", "500MB", INT64_C(12) * 3600000000, 500000000},
        {"2w", "3GB", INT64_C(14) * 86400000000, INT64_C(3000000000)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf yaml = {0};
        buf_printf(&yaml, "streams: [{name: a, files: [x], keep: %s, keep_bytes: %s}]\n%c",
                   rows[i].keep, rows[i].bytes, '\0');
        struct follow_config *c = load(yaml.p);
        cr_expect_eq(c->streams[0].keep_us, rows[i].us, "%s", rows[i].keep);
        cr_expect_eq(c->streams[0].keep_bytes, rows[i].n, "%s", rows[i].bytes);
        follow_config_close(c);
        buf_release(&yaml);
    }
}

Test(config, what_is_wrong_is_said_with_its_line)
{
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        {"", "line 1: it is empty"},
        {"store: x\n", "line 1: nothing to follow"},
        {"streams:\n  - name: Edge\n    files: [a]\n", "line 2: name: 'Edge'"},
        {"streams:\n  - name: edge\n", "line 2: stream: 'edge' has no files"},
        {"streams:\n  - name: edge\n    files: ['-']\n", "can't be followed"},
        {"streams:\n  - name: e\n    files: [a]\n    tz: Mars\n", "line 4: tz: 'Mars'"},
        {"streams:\n  - name: e\n    files: [a]\n    start: now\n", "line 4: start: 'now'"},
        {"streams:\n  - name: e\n    files: [a]\n    keep: 30\n", "line 4: keep: '30'"},
        {"streams:\n  - name: e\n    files: [a]\n    keep: 0d\n", "line 4: keep: '0d'"},
        {"streams:\n  - name: e\n    files: [a]\n    keep_bytes: many\n", "keep_bytes: 'many'"},
        {"poll_ms: 5\nstreams:\n  - name: e\n    files: [a]\n", "line 1: poll_ms: 5"},
        {"streams:\n  - {name: e, files: [a]}\n  - {name: e, files: [b]}\n", "there twice"},
        {"streams:\n  - name: e\n    filse: [a]\n", "filse"},
        {"streams: [\n", "docs/config.md"},
        {"- 1\n", "docs/config.md"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = refusal(rows[i].yaml);
        cr_expect(strstr(text, rows[i].says) != NULL, "%s\nwanted: %s", text, rows[i].says);
    }
}

Test(config, a_name_that_is_no_file_is_a_mistake_of_the_call)
{
    static const char *const names[] = {"/no/such.yaml", "/", "", "/dev/null/x.yaml"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct follow_config *config = NULL;
        struct err err = {0};
        cr_expect_eq(follow_config_load(names[i], &config, &err), ERR_USAGE, "%s", err.text);
        cr_expect(strstr(err.text, names[i]) && strstr(err.text, "--config"), "%s", err.text);
    }
}

Test(config, the_example_of_the_docs_is_one)
{
    struct buf page = {0};
    FILE *file = fopen(SOURCE_DIR "/docs/config.md", "re");
    cr_assert_not_null(file);
    buf_reserve(&page, 1 << 16);
    page.n = fread(page.p, 1, 1 << 16, file);
    fclose(file);
    struct str yaml = str_after(buf_as_str(&page), STR("```yaml\n"));
    ptrdiff_t end = str_find(yaml, STR("```"), 0);
    cr_assert_gt(end, 0);
    struct follow_config *c = NULL;
    struct err err = {0};
    int r = follow_config_load(write_file("c.yaml", str_head(yaml, (size_t)end)), &c, &err);
    cr_assert_eq(r, 0, "%s", err.text);
    cr_expect_eq(c->streams_count, 2);
    cr_expect_eq(c->kafka_count, 1);
    follow_config_close(c);
    buf_release(&page);
}
