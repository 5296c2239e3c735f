/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder of the host as a tree: a copied Windows, a heap of hives, one hive. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "tree.h"

#define CONFIG "Windows/System32/config"

struct place {
    char dir[64];
    struct win_tree *t;
};

static int set_up(void **state)
{
    struct place *p = xcalloc(1, sizeof *p);

    (void)snprintf(p->dir, sizeof p->dir, "/tmp/kiln-folder-XXXXXX");
    *state = p;
    return mkdtemp(p->dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    struct err e = { 0 };
    int r = tree_remove(p->dir, &e);

    win_tree_free(p->t);
    free(p);
    return r;
}

static void path_of(const struct place *p, const char *name, char out[256])
{
    (void)snprintf(out, 256, "%s%s%s", p->dir, *name ? "/" : "", name);
}

static void put(const struct place *p, const char *name, const char *text)
{
    struct err e = { 0 };
    char path[256];

    path_of(p, name, path);
    assert_int_equal(file_replace(path, text, strlen(text), 0600, &e), 0);
}

static void make(const struct place *p, const char *name)
{
    struct err e = { 0 };
    char path[256];

    path_of(p, name, path);
    assert_int_equal(dir_make(path, 0700, &e), 0);
}

static void open_folder(struct place *p, const char *name)
{
    struct err e = { 0 };
    char path[256];

    path_of(p, name, path);
    if (win_tree_open_folder(path, &p->t, &e) < 0)
        fail_msg("%s", e.msg);
}

static void has(struct place *p, const char *path, const char *text)
{
    _cleanup_free_ uint8_t *got = NULL;
    struct err e = { 0 };
    size_t n;

    if (win_tree_read(p->t, path, 1000, &got, &n, &e) < 0)
        fail_msg("%s", e.msg);
    assert_string_equal((const char *)got, text);
}

static void absent(struct place *p, const char *path)
{
    struct win_stat st;
    struct err e = { 0 };

    assert_int_equal(win_tree_stat(p->t, path, &st, &e), -ENOENT);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(win_tree_exists(p->t, path, &e), 0);
}

static int count(void *userdata, const char *name, const struct win_stat *st, struct err *e)
{
    (void)name, (void)st, (void)e;
    ++*(unsigned *)userdata;
    return 0;
}

static void a_copied_windows_is_read_in_any_case(void **state)
{
    struct place *p = *state;
    struct win_stat st;
    struct err e = { 0 };
    unsigned n = 0;

    make(p, "WINDOWS/system32/Config");
    put(p, "WINDOWS/system32/Config/Sam", "the accounts");
    open_folder(p, "");
    has(p, CONFIG "/SAM", "the accounts");
    assert_int_equal(win_tree_stat(p->t, "windows", &st, &e), 0);
    assert_true(st.is_dir);
    absent(p, CONFIG "/SYSTEM");
    absent(p, CONFIG "/SAM/x");
    assert_int_equal(win_tree_walk(p->t, "", count, &n, &e), 0);
    assert_int_equal(n, 4);
    assert_int_equal(win_tree_kind(p->t), WIN_TREE_FOLDER);
}

/* Where both spellings are, the one that was asked for. */
static void a_file_of_that_very_name_comes_first(void **state)
{
    struct place *p = *state;

    put(p, "sam", "small");
    put(p, "SAM", "large");
    open_folder(p, "");
    has(p, "SAM", "large");
    has(p, "sam", "small");
}

static void a_heap_of_hives_will_do(void **state)
{
    struct place *p = *state;

    put(p, "system", "a hive");
    make(p, "Users");
    put(p, "Users/NTUSER.DAT", "another");
    open_folder(p, "");
    has(p, CONFIG "/SYSTEM", "a hive");
    has(p, CONFIG "/system", "a hive");
    absent(p, CONFIG "/SAM");
    absent(p, CONFIG "/Users/NTUSER.DAT"); /* of the heap itself only */
    absent(p, "Windows/SYSTEM");
}

static void one_file_is_a_heap_of_one(void **state)
{
    struct place *p = *state;
    struct err e = { 0 };
    unsigned n = 0;

    put(p, "SYSTEM", "a hive");
    put(p, "SAM", "another");
    open_folder(p, "SYSTEM");
    has(p, CONFIG "/system", "a hive");
    has(p, "SYSTEM", "a hive");
    absent(p, CONFIG "/SAM");
    absent(p, "SAM");
    assert_int_equal(win_tree_list(p->t, "", count, &n, &e), 0);
    assert_int_equal(n, 1);
}

static void nothing_leads_out(void **state)
{
    struct place *p = *state;
    struct win_stat st;
    struct err e = { 0 };
    char path[256];
    unsigned n = 0;

    make(p, "heap");
    put(p, "secret", "outside");
    path_of(p, "heap/SAM", path);
    assert_int_equal(symlink("../secret", path), 0);
    path_of(p, "heap/Windows", path);
    assert_int_equal(symlink("/etc", path), 0);
    path_of(p, "heap/SYSTEM", path);
    assert_int_equal(mkfifo(path, 0600), 0); /* opening it would wait for ever */
    open_folder(p, "heap");
    absent(p, "SAM");
    absent(p, CONFIG "/SAM");
    absent(p, "Windows/passwd");
    absent(p, "SYSTEM");
    assert_int_equal(win_tree_walk(p->t, "", count, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(win_tree_stat(p->t, "../secret", &st, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "names nothing"));
}

static void names_over_every_limit_are_absent_or_refused(void **state)
{
    struct place *p = *state;
    struct win_stat st;
    struct err e = { 0 };
    static char name[WIN_PATH_MAX + 1];

    open_folder(p, "");
    memset(name, 'n', 300);
    absent(p, name);
    for (size_t i = 0; i < WIN_PATH_MAX; i++)
        name[i] = i % 2 ? '/' : 'n';
    assert_int_equal(win_tree_stat(p->t, name, &st, &e), -ENAMETOOLONG);
    assert_int_equal(e.kind, ERR_INVALID);
}

static void nothing_is_written(void **state)
{
    struct place *p = *state;
    struct err e = { 0 };

    put(p, "SAM", "x");
    open_folder(p, "");
    assert_int_equal(win_tree_write(p->t, "SAM", "y", 1, &e), -EROFS);
    assert_int_equal(e.kind, ERR_DENIED);
    err_clear(&e);
    assert_int_equal(win_tree_mkdir(p->t, "d", &e), -EROFS);
    err_clear(&e);
    assert_int_equal(win_tree_delete(p->t, "SAM", NULL, NULL, &e), -EROFS);
    has(p, "SAM", "x");
}

static void what_cannot_be_opened_is_named(void **unused)
{
    struct win_tree *t = NULL;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(win_tree_open_folder("/nowhere/heap", &t, &e), -ENOENT);
    assert_string_equal(e.msg, "open '/nowhere/heap': No such file or directory");
    assert_null(t);
}

#define story(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_copied_windows_is_read_in_any_case),
        story(a_file_of_that_very_name_comes_first),
        story(a_heap_of_hives_will_do),
        story(one_file_is_a_heap_of_one),
        story(nothing_leads_out),
        story(names_over_every_limit_are_absent_or_refused),
        story(nothing_is_written),
        cmocka_unit_test(what_cannot_be_opened_is_named),
    };

    return test_run(tests);
}
