/* test_match.c - paths, chunks of records, and which file goes on with which content. */
#include "help.h"
#include "ingest/paths.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

Test(paths, a_glob_gives_what_matches_in_order)
{
    struct paths paths = {0};
    struct err err;
    write_file("b.log", STR("")), write_file("a.log", STR("")), write_file("c.txt", STR(""));
    cr_expect_eq(paths_add(&paths, scratch_path("*.{log,old}"), &err), 0);
    cr_assert_eq(paths.n, 2);
    cr_expect(str_ends(str_of(paths.items[0]), STR("/a.log")));
    paths_release(&paths);
}

Test(paths, a_name_with_wildcards_in_it_that_is_there_is_itself)
{
    struct paths paths = {0};
    struct err err;
    write_file("[a]*.log", STR("")), write_file("a.log", STR(""));
    cr_expect_eq(paths_add(&paths, scratch_path("[a]*.log"), &err), 0);
    cr_assert_eq(paths.n, 1);
    cr_expect(str_ends(str_of(paths.items[0]), STR("/[a]*.log")));
    paths_release(&paths);
}

Test(paths, the_folders_to_watch_are_those_that_a_wildcard_chooses_from)
{
    struct paths folders = {0};
    cr_assert_eq(mkdir(scratch_path("x"), 0700), 0);
    cr_assert_eq(mkdir(scratch_path("y"), 0700), 0);
    paths_folders(&folders, scratch_path("*/app.log"));
    cr_expect_eq(folders.n, 3, "the folder itself, x and y: %zu", folders.n);
    paths_release(&folders);
    paths_folders(&folders, "app.log");
    cr_assert_eq(folders.n, 1);
    cr_expect_str_eq(folders.items[0], ".");
    paths_release(&folders);
}

Test(paths, a_file_is_inside_a_folder_by_whatever_name)
{
    mkdir(scratch_path("store"), 0700);
    mkdir(scratch_path("store/streams"), 0700);
    write_file("store/streams/lb.db", STR(""));
    write_file("outside", STR(""));
    cr_assert_eq(symlink(scratch_path("store/streams"), scratch_path("link")), 0);
    struct folder_id own = folder_id(scratch_path("store"));
    cr_expect(path_is_inside(scratch_path("store/streams/lb.db"), own));
    cr_expect(path_is_inside(scratch_path("link/lb.db"), own));
    cr_expect(!path_is_inside(scratch_path("outside"), own));
    cr_expect(!path_is_inside(scratch_path("outside"), folder_id("/no/such")));
}

Test(chunk, records_have_places_of_their_own_and_a_full_room_takes_no_more)
{
    struct chunk chunk = {.room = xrealloc(NULL, CHUNK_BYTES)};
    struct str big = str_make(xcalloc(1, CHUNK_BYTES), CHUNK_BYTES - 2);
    chunk_clear(&chunk);
    cr_expect(chunk_record(&chunk, STR("abc"), 7, 70));
    cr_expect(!chunk_record(&chunk, big, 8, 80), "3 + CHUNK_BYTES - 2");
    cr_expect(chunk_record(&chunk, STR(""), 9, 90));
    chunk_poison(&chunk, big, 10, "too big");
    cr_assert_eq(chunk.listed.n, 2);
    cr_expect_eq(chunk.listed.ends[0], 3);
    cr_expect_eq(chunk.listed.positions[1], 9);
    cr_expect_eq(chunk.listed.n_poison, 1);
    cr_expect_eq(chunk.listed.poison[0].raw_n, RECORD_MAX);
    chunk_clear(&chunk);
    cr_expect_eq(chunk.listed.n + chunk.listed.n_poison + chunk.bytes.n, 0);
    chunk_release(&chunk);
    free((char *)(uintptr_t)big.p);
}

/* ---- who goes on with what ---- */

static struct candidate probe(const char *path)
{
    struct candidate c;
    struct err err = {0};
    cr_assert_eq(candidate_probe(path, &c, &err), 0, "%s", err.text);
    return c;
}

/* All of the file counts as read. */
static struct known *read_whole(struct file_set *set, const struct candidate *c)
{
    struct known *k = file_set_add(set, c->path);
    k->id = c->id;
    k->fresh = false;
    k->position = c->st.st_size;
    k->head = (struct mark){(int64_t)c->head_n, bytes_hash(str_make(c->head, c->head_n)),
                            (uint32_t)c->head_n};
    k->mark = (struct mark){c->st.st_size, k->head.hash, (uint32_t)c->head_n};
    return k;
}

/* A file of less than a head's length that was read under path. */
static struct known *read_before(struct file_set *set, const char *path, struct str content)
{
    append_file(path, content);
    struct candidate c = probe(path);
    struct known *k = read_whole(set, &c);
    candidate_release(&c);
    return k;
}

Test(match, a_renamed_file_goes_on_and_the_new_one_of_its_name_is_new)
{
    struct file_set set = {0};
    const char *log = scratch_path("app.log"), *old = scratch_path("app.log.1");
    struct known *k = read_before(&set, log, STR("the first line\n"));
    cr_assert_eq(rename(log, old), 0);
    append_file(log, STR("another line\n"));
    struct candidate c[2] = {probe(log), probe(old)};
    file_set_resolve(&set, c, 2);
    cr_expect_null(c[0].known);
    cr_expect_null(c[0].copy_of);
    cr_expect_eq(c[1].known, k);
    cr_expect_str_eq(k->path, old);
    cr_expect(k->unsaved, "the store has its old name");
    candidate_release(&c[0]), candidate_release(&c[1]);
    file_set_release(&set);
}

Test(match, a_truncated_original_leaves_its_content_to_the_copy)
{
    struct file_set set = {0};
    const char *log = scratch_path("app.log"), *copy = scratch_path("app.log.1");
    struct known *k = read_before(&set, log, STR("the first line\n"));
    append_file(copy, STR("the first line\nand one that was not read\n"));
    write_file("app.log", STR("after\n"));
    struct candidate c[2] = {probe(log), probe(copy)};
    file_set_resolve(&set, c, 2);
    cr_expect_null(c[0].known, "the inode is the same, the content isn't");
    cr_expect_eq(c[1].known, k);
    candidate_release(&c[0]), candidate_release(&c[1]);
    file_set_release(&set);
}

Test(match, a_copy_whose_original_is_there_is_told_as_one)
{
    struct file_set set = {0};
    const char *log = scratch_path("app.log"), *copy = scratch_path("app.log.save");
    struct known *k = read_before(&set, log, STR("the first line\nthe second\n"));
    append_file(copy, STR("the first line\n"));
    struct candidate c[2] = {probe(log), probe(copy)};
    file_set_resolve(&set, c, 2);
    cr_expect_eq(c[0].known, k);
    cr_expect_null(c[1].known);
    cr_expect_eq(c[1].copy_of, k);
    cr_expect(c[1].related);
    cr_expect_eq(c[1].shared, 15);
    candidate_release(&c[0]), candidate_release(&c[1]);
    file_set_release(&set);
}

/* It was looked at while it was being written, and its original was truncated before the two were compared. */
Test(match, a_copy_that_was_whole_a_moment_later_is_told_as_one)
{
    struct file_set set = {0};
    const char *log = scratch_path("app.log"), *copy = scratch_path("app.log.1");
    struct known *k = read_before(&set, log, STR("the first line\nthe second\n"));
    k->open = true;
    k->fd = open(log, O_RDONLY);
    append_file(copy, STR("the first"));
    struct candidate c = probe(copy);
    append_file(copy, STR(" line\nthe second\n"));
    cr_assert_eq(truncate(log, 0), 0);
    file_set_recheck(&set, &c);
    cr_expect_eq(c.copy_of, k);
    cr_expect_eq(c.shared, 26);
    close(k->fd);
    candidate_release(&c);
    file_set_release(&set);
}

Test(match, a_packed_file_goes_on_with_what_was_read_furthest)
{
    struct file_set set = {0};
    struct buf packed = {0};
    const char *a = scratch_path("a"), *b = scratch_path("b");
    read_before(&set, a, STR("one line\n"));
    struct known *further = read_before(&set, b, STR("one line\nand two\n"));
    unlink(a), unlink(b);
    pack_gzip(STR("one line\nand two\nand three\n"), &packed);
    struct candidate c = probe(write_file("b.gz", buf_as_str(&packed)));
    file_set_resolve(&set, &c, 1);
    cr_expect_eq(c.known, further);
    candidate_release(&c);
    buf_release(&packed);
    file_set_release(&set);
}

Test(match, keys_count_the_contents_of_a_path)
{
    struct file_set set = {0};
    cr_expect_str_eq(file_set_add(&set, "/x#1")->key, "file:/x#1#1");
    struct known *second = file_set_add(&set, "/x#1");
    cr_expect_str_eq(second->key, "file:/x#1#2");
    cr_expect(str_eq(known_birth_path(second), STR("/x#1")));
    cr_expect_str_eq(file_set_add(&set, "/x")->key, "file:/x#1");
    file_set_drop(&set, second);
    cr_expect_str_eq(file_set_add(&set, "/x#1")->key, "file:/x#1#2");
    file_set_release(&set);
}
