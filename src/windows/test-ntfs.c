/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NTFS volumes of mkntfs, filled by ntfscp, changed by us, judged by ntfsfix, ntfsls and ntfscat.
 */
#include "test-volume.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "ntfs-priv.h"

static const char *const needs[] = { "mkntfs", "ntfscp", "ntfscat", "ntfsls", "ntfsfix", NULL };

static void make(struct volume *v, unsigned mib)
{
    volume_size(v, MIB((uint64_t)mib));
    volume_do(v, "mkntfs", "-F", "-Q", "-q", "-L", "Windows", "@", NULL);
}

static void check(struct volume *v)
{
    if (volume_tool(v, "ntfsfix", "-n", "@", NULL) != 0)
        fail_msg("ntfsfix: %s", v->said);
}

static void make_dir(struct win_tree *t, const char *path)
{
    struct err e = { 0 };

    if (win_tree_mkdir(t, path, &e) < 0)
        fail_msg("%s", e.msg);
}

/* ntfscat finds a file with that content. */
static void on_volume(struct volume *v, const char *path, const void *want, size_t n)
{
    volume_do(v, "sh", "-c", "exec ntfscat -f \"$1\" \"$2\" > \"$3\"", "sh", "@", path, "%got",
              NULL);
    volume_has(v, "got", want, n);
}

static bool is_on_volume(struct volume *v, const char *path)
{
    return volume_tool(v, "ntfscat", "-f", "@", path, NULL) == 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int count(void *userdata, const char *name, const struct win_stat *st, struct err *e)
{
    (void)name, (void)st, (void)e;
    ++*(unsigned *)userdata;
    return 0;
}

static void what_ntfscp_wrote_is_read(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *small = noise(100, 1), *big = noise(700001, 2);
    struct win_volume_facts facts;
    enum win_volume_state clean;
    struct win_stat st;
    struct err e = { 0 };
    struct opened o;
    unsigned n = 0;

    make(v, 8);
    volume_noise(v, "small", 100, 1);
    volume_noise(v, "big", 700001, 2);
    volume_do(v, "ntfscp", "@", "%small", "small.txt", NULL);
    volume_do(v, "ntfscp", "@", "%big", "A long name with \xc3\xa4.bin", NULL);
    volume_open(v, win_ntfs_open, false, &o);
    tree_has(o.t, "small.txt", small, 100); /* inside its record */
    tree_has(o.t, "SMALL.TXT", small, 100);
    tree_has(o.t, "a LONG name with \xc3\x84.BIN", big, 700001);
    assert_int_equal(win_tree_list(o.t, "", count, &n, &e), 0);
    assert_int_equal(n, 2); /* $MFT and the like are not told */
    assert_int_equal(win_tree_stat(o.t, "small.txt", &st, &e), 0);
    assert_int_equal(st.bytes, 100);
    assert_false(st.is_dir || st.encrypted || st.reparse_tag);
    assert_int_equal(win_tree_facts(o.t, &facts, &e), 0);
    assert_string_equal(facts.format, "NTFS 3.1");
    assert_string_equal(facts.label, "Windows");
    assert_int_equal(facts.cluster_bytes, 4096);
    assert_true(facts.free_bytes > MIB(1) && facts.free_bytes < facts.total_bytes);
    assert_int_equal(win_ntfs_state(o.t, &clean, &e), 0);
    assert_int_equal(clean, WIN_VOLUME_CLEAN);
    failed_as(win_tree_stat(o.t, "small.txt/x", &st, &e), &e, ERR_NOT_FOUND, "'small.txt/x'");
    err_clear(&e);
    failed_as(win_tree_write(o.t, "new", "x", 1, &e), &e, ERR_DENIED, "for reading only");
    volume_close(&o);
}

struct run {
    uint64_t bytes, last;
    unsigned n;
};

static int add_run(void *userdata, uint64_t offset, uint64_t bytes)
{
    struct run *r = userdata;

    r->bytes += bytes;
    r->last = offset;
    r->n++;
    return 0;
}

static void content_lies_where_it_is_said(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *big = noise(8192, 2), *image = NULL;
    struct run r = { 0 };
    struct err e = { 0 };
    struct opened o;
    size_t n;

    make(v, 8);
    volume_noise(v, "big", 8192, 2);
    volume_do(v, "ntfscp", "@", "%big", "big", NULL);
    image = volume_bytes(v, &n);
    volume_open(v, win_ntfs_open, false, &o);
    assert_int_equal(win_tree_extents(o.t, "big", add_run, &r, &e), 0);
    assert_int_equal(r.n, 2); /* its record, and one run */
    assert_int_equal(r.bytes, 1024 + 8192);
    assert_memory_equal(image + r.last, big, 8192);
    volume_close(&o);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void files_and_directories_are_made_and_replaced(void **state)
{
    static const size_t sizes[] = { 10, 500, 100000, 4096, 600, 0, 1000000, 7 };
    struct volume *v = *state;
    struct win_stat first, now;
    struct err e = { 0 };
    struct opened o;

    make(v, 8);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) { /* into the record and out of it */
        _cleanup_free_ uint8_t *p = noise(sizes[i], (uint32_t)i);

        volume_open(v, win_ntfs_open, true, &o);
        make_dir(o.t, "Windows/System32/config");
        tree_put(o.t, "windows/SYSTEM32/Config/SAM", p, sizes[i]);
        tree_has(o.t, "Windows/System32/config/SAM", p, sizes[i]);
        assert_int_equal(win_tree_stat(o.t, "Windows/System32/config/SAM", &now, &e), 0);
        if (i == 0)
            first = now;
        assert_int_equal(now.id, first.id);
        volume_close(&o);
        check(v);
        on_volume(v, "Windows/System32/config/SAM", p, sizes[i]);
    }
    volume_open(v, win_ntfs_open, true, &o);
    failed_as(win_tree_write(o.t, "Windows", "x", 1, &e), &e, ERR_INVALID, "is a directory");
    err_clear(&e);
    failed_as(win_tree_write(o.t, "Windows/none/x", "x", 1, &e), &e, ERR_NOT_FOUND, "none");
    err_clear(&e);
    failed_as(win_tree_mkdir(o.t, "Windows/System32/config/SAM", &e), &e, ERR_INVALID,
              "'Windows/System32/config/SAM' is not a directory");
    err_clear(&e);
    failed_as(win_tree_mkdir(o.t, "Windows/System32/config/SAM/x", &e), &e, ERR_INVALID,
              "'Windows/System32/config/SAM' is not a directory");
    volume_close(&o);
}

static void what_is_deleted_leaves_its_room(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *p = noise(50000, 1);
    struct win_volume_facts before, after;
    uint64_t files = 0, bytes = 0;
    struct err e = { 0 };
    char path[64];
    struct opened o;

    make(v, 8);
    volume_open(v, win_ntfs_open, true, &o);
    make_dir(o.t, "kept");
    assert_int_equal(win_tree_facts(o.t, &before, &e), 0);
    for (unsigned i = 0; i < 60; i++) { /* more than one block of an index */
        (void)snprintf(path, sizeof path, "gone/%u", i / 20);
        make_dir(o.t, path);
        (void)snprintf(path, sizeof path, "gone/%u/a file of number %u", i / 20, i);
        tree_put(o.t, path, p, 50000);
    }
    assert_int_equal(win_tree_delete(o.t, "GONE", &files, &bytes, &e), 0);
    assert_int_equal(files, 64);
    assert_int_equal(bytes, 60 * 50000);
    assert_int_equal(win_tree_delete(o.t, "gone", &files, &bytes, &e), 0); /* absent is fine */
    assert_int_equal(files, 64);
    assert_int_equal(win_tree_facts(o.t, &after, &e), 0);
    assert_in_range(after.free_bytes, before.free_bytes - 65536 * 2, before.free_bytes);
    failed_as(win_tree_delete(o.t, "$MFT", NULL, NULL, &e), &e, ERR_INVALID, "belongs to the");
    err_clear(&e);
    failed_as(win_tree_delete(o.t, "", NULL, NULL, &e), &e, ERR_INVALID, "the root");
    volume_close(&o);
    check(v);
    volume_do(v, "ntfsls", "-f", "@", NULL);
    assert_non_null(strstr(v->said, "kept"));
    assert_null(strstr(v->said, "gone"));
}

static void names_are_those_that_windows_has(void **state)
{
    static const char *const good[] = { "a.b.c", "\xf0\x9f\x8c\x8d", "\xe2\x82\xac uro", "[x]",
                                        "CONfig" };
    static const char *const bad[] = { "con",   "a:b",  "x?",   "NUL.txt", "tail.",
                                       "tail ", "a\\b", "\x01", "\"" };
    struct volume *v = *state;
    struct err e = { 0 };
    char name[300];
    struct opened o;

    make(v, 8);
    volume_open(v, win_ntfs_open, true, &o);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        tree_put(o.t, good[i], good[i], strlen(good[i]));
        tree_has(o.t, good[i], good[i], strlen(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&e);
        failed_as(win_tree_write(o.t, bad[i], "x", 1, &e), &e, ERR_INVALID, "no file name");
    }
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    tree_put(o.t, name, "x", 1);
    name[255] = 'n', name[256] = '\0';
    err_clear(&e);
    failed_as(win_tree_write(o.t, name, "x", 1, &e), &e, ERR_INVALID, "no file name");
    err_clear(&e);
    failed_as(win_tree_write(o.t, "\xff", "x", 1, &e), &e, ERR_INVALID, "not UTF-8");
    err_clear(&e);
    failed_as(win_tree_write(o.t, "a/../b", "x", 1, &e), &e, ERR_INVALID, "names nothing");
    volume_close(&o);
    check(v);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        on_volume(v, good[i], good[i], strlen(good[i]));
    name[255] = '\0';
    assert_true(is_on_volume(v, name));
}

static void a_full_volume_is_told(void **state)
{
    struct volume *v = *state;
    _cleanup_free_ uint8_t *big = noise(MIB(9), 1);
    struct err e = { 0 };
    struct opened o;

    make(v, 8);
    volume_open(v, win_ntfs_open, true, &o);
    tree_put(o.t, "before", "content", 7);
    failed_as(win_tree_write(o.t, "big", big, MIB(9), &e), &e, ERR_LIMIT, "'big'");
    assert_int_equal(e.no, ENOSPC);
    tree_has(o.t, "before", "content", 7);
    volume_close(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        volume_test(what_ntfscp_wrote_is_read),
        volume_test(content_lies_where_it_is_said),
        volume_test(files_and_directories_are_made_and_replaced),
        volume_test(what_is_deleted_leaves_its_room),
        volume_test(names_are_those_that_windows_has),
        volume_test(a_full_volume_is_told),
    };

    volume_needs(needs);
    return test_run(tests);
}
