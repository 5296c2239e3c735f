/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

struct place {
    char dir[64], path[96];
};

static int make_place(void **state)
{
    static struct place p;

    (void)snprintf(p.dir, sizeof p.dir, "/tmp/kiln-file-XXXXXX");
    if (!mkdtemp(p.dir))
        return -1;
    (void)snprintf(p.path, sizeof p.path, "%s/file", p.dir);
    *state = &p;
    return 0;
}

static int drop_place(void **state)
{
    struct place *p = *state;
    struct err e = { 0 };

    return tree_remove(p->dir, &e);
}

static void put(const struct place *p, size_t n)
{
    _cleanup_free_ char *text = malloc(n + 1);
    struct err e = { 0 };

    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 23);
    assert_int_equal(file_replace(p->path, text, n, 0600, &e), 0);
}

static void a_file_of_any_size_is_read(void **state)
{
    static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8191, 8192, 100000 };
    struct place *p = *state;
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        _cleanup_free_ char *text = NULL;
        size_t n = 1;

        put(p, sizes[i]);
        assert_int_equal(file_read(p->path, sizes[i], &text, &n, &e), 0);
        assert_int_equal(n, sizes[i]);
        assert_int_equal(text[n], '\0');
        assert_true(n == 0 || text[n - 1] == (char)('a' + (n - 1) % 23));
    }
}

static void one_byte_over_the_limit_is_refused(void **state)
{
    struct place *p = *state;
    struct err e = { 0 };
    char *text = NULL;

    put(p, 5000);
    assert_int_equal(file_read(p->path, 4999, &text, NULL, &e), -EFBIG);
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_non_null(strstr(e.msg, "over the limit of 4999 bytes"));
    assert_null(text);
}

/* A limit is no need: of memory, a file takes what it has. */
static void a_high_limit_costs_nothing(void **state)
{
    struct place *p = *state;
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    size_t n = 0;

    put(p, 10);
    assert_int_equal(file_read(p->path, (size_t)1 << 44, &text, &n, &e), 0);
    assert_int_equal(n, 10);
}

static void a_file_that_says_it_is_empty_is_read(void **unused)
{
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    size_t n = 0;
    (void)unused;

    assert_int_equal(file_read("/proc/self/status", KIB(64), &text, &n, &e), 0);
    assert_non_null(strstr(text, "VmRSS:"));
}

static void an_absent_file_is_named(void **unused)
{
    struct err e = { 0 };
    char *text = NULL;
    (void)unused;

    assert_int_equal(file_read("/nowhere/at all", 10, &text, NULL, &e), -ENOENT);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.msg, "open '/nowhere/at all': No such file or directory");
}

static void what_cannot_be_replaced_leaves_nothing_beside_it(void **state)
{
    struct place *p = *state;
    char fresh[128];
    struct err e = { 0 };

    (void)snprintf(fresh, sizeof fresh, "%s.new", p->path);
    assert_int_equal(mkdir(p->path, 0700), 0);
    assert_true(file_replace(p->path, "text", 4, 0600, &e) < 0);
    assert_non_null(strstr(e.msg, "rename '"));
    assert_false(path_exists(fresh));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_of_any_size_is_read, make_place, drop_place),
        cmocka_unit_test_setup_teardown(one_byte_over_the_limit_is_refused, make_place, drop_place),
        cmocka_unit_test_setup_teardown(a_high_limit_costs_nothing, make_place, drop_place),
        cmocka_unit_test_setup_teardown(what_cannot_be_replaced_leaves_nothing_beside_it,
                                        make_place, drop_place),
        cmocka_unit_test(a_file_that_says_it_is_empty_is_read),
        cmocka_unit_test(an_absent_file_is_named),
    };

    return test_run(tests);
}
