/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-hive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void names_match_in_any_case(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    (void)unused;

    hive_key(h, "Software\\M\xc3\xbcller\\\xd0\x96");
    assert_true(regf_find(h, 0, "sOFTWARE\\m\xc3\x9cLLER\\\xd0\xb6") != 0);
    assert_true(regf_find(h, 0, "\\Software\\\\M\xc3\xbcller\\") != 0);
    assert_int_equal(regf_find(h, 0, "Software\\Muller"), 0);
    /* dotless i is a letter of its own in Windows' table */
    hive_key(h, "\xc4\xb1");
    assert_int_equal(regf_find(h, 0, "I"), 0);
}

static void an_absent_key_is_named(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    struct err e = { 0 };
    uint32_t k = 5;
    (void)unused;

    assert_int_equal(regf_find_key(h, hive_key(h, "A\\B"), "C\\D", &k, &e), -ENOENT);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.msg, "no registry key 'A\\B\\C\\D'");
    assert_int_equal(k, 5);
}

/* As Windows would have them: an index root over leaves that are not full. */
static void check_leaves(const struct regf *h, uint32_t k, char kind)
{
    struct regf_leaf leaf;
    uint8_t *ri;
    uint32_t n = regf_ri(h, rd32(regf_nk(h, k) + 28), &ri);

    assert_in_range(n, 3, 8);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(regf_leaf(h, rd32(ri + 4 + 4 * i), &leaf));
        assert_int_equal(leaf.kind, kind);
        assert_in_range(leaf.n, 400, 1012);
    }
}

/* Enough for leaves to be halved, under an index root; both kinds of lists. */
static void thousands_of_subkeys_stay_sorted(void **unused)
{
    (void)unused;
    for (unsigned minor = 3; minor <= 5; minor += 2) {
        _cleanup_regf_ struct regf *h = hive_make(minor);
        uint32_t top = hive_key(h, "Top");
        struct err e = { 0 };
        char name[32];

        for (unsigned i = 0; i < 3000; i++) {
            (void)snprintf(name, sizeof name, "%s%u", i % 3 ? "key" : "KEY_", i * 7919 % 3000);
            (void)hive_key(h, "Top");
            assert_int_equal(regf_key_create(h, top, name, &(uint32_t){ 0 }, &e), 0);
        }
        assert_int_equal(regf_key_count(h, top), 3000);
        check_leaves(h, top, minor == 3 ? 'i' : 'h');
        assert_int_equal(hive_check(h).keys, 3002);
        for (unsigned i = 0; i < 3000; i++) {
            (void)snprintf(name, sizeof name, "%s%u", i % 3 ? "key" : "KEY_", i * 7919 % 3000);
            if (i % 10)
                assert_int_equal(regf_key_delete_path(h, top, name, &e), 1);
        }
        assert_int_equal(hive_check(h).keys, 302);
        assert_int_equal(regf_key_delete(h, top, &e), 0);
        assert_int_equal(hive_check(h).keys, 1);
    }
}

static void a_tree_goes_with_all_below(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    static uint8_t big[40000];
    struct err e = { 0 };
    uint32_t k = hive_key(h, "A\\B\\C");
    (void)unused;

    assert_int_equal(regf_set(h, k, "big", REGF_BINARY, big, sizeof big, &e), 0);
    assert_int_equal(regf_set_class(h, k, "a class", &e), 0);
    (void)hive_key(h, "A\\B2\\C");
    assert_int_equal(hive_check(h).keys, 6);
    assert_int_equal(regf_key_delete_path(h, 0, "a", &e), 1);
    assert_int_equal(regf_key_delete_path(h, 0, "a", &e), 0);
    assert_int_equal(hive_check(h).keys, 1);
    assert_int_equal(regf_key_delete(h, regf_root(h), &e), -EINVAL);
}

static void deleted_secrets_do_not_stay(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    struct err e = { 0 };
    const void *p;
    size_t n;
    (void)unused;

    assert_int_equal(regf_set(h, hive_key(h, "A"), "v", REGF_BINARY, "the secret", 10, &e), 0);
    p = regf_bytes(h, &n);
    assert_non_null(memmem(p, n, "the secret", 10));
    assert_int_equal(regf_key_delete_path(h, 0, "A", &e), 1);
    assert_null(memmem(p, n, "the secret", 10));
}

static void a_key_is_renamed_to_any_length(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    struct err e = { 0 };
    uint32_t k = hive_key(h, "P\\middle"), now = 0;
    char name[REGF_NAME_BYTES], longer[201];
    (void)unused;

    (void)hive_key(h, "P\\aaa");
    (void)hive_key(h, "P\\middle\\child\\grandchild");
    memset(longer, 'z', 200);
    longer[200] = '\0';
    assert_int_equal(regf_key_rename(h, k, longer, &now, &e), 0);
    assert_string_equal(regf_key_name(h, now, name), longer);
    assert_true(regf_find(h, now, "child\\grandchild") != 0);
    assert_int_equal(regf_key_rename(h, now, "AAA", &k, &e), -EEXIST);
    err_clear(&e);
    assert_int_equal(regf_key_rename(h, now, "0", &now, &e), 0);
    assert_true(regf_find(h, 0, "P\\0\\child") != 0);
    assert_int_equal(regf_key_rename(h, regf_root(h), "a root of another name", &now, &e), 0);
    assert_true(regf_find(h, 0, "P\\0\\child\\grandchild") != 0);
    hive_check(h);
}

static void a_class_is_kept(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    _cleanup_free_ char *got = NULL;
    uint32_t k = hive_key(h, "JD");
    struct err e = { 0 };
    (void)unused;

    assert_null(regf_class(h, k));
    assert_int_equal(regf_set_class(h, k, "9e3626b3", &e), 0);
    assert_int_equal(regf_set_class(h, k, "2383eba6", &e), 0);
    got = regf_class(h, k);
    assert_string_equal(got, "2383eba6");
    hive_check(h);
    assert_int_equal(regf_set_class(h, k, NULL, &e), 0);
    assert_null(regf_class(h, k));
    hive_check(h);
}

static void security_is_shared_and_counted(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    uint8_t other[sizeof hive_sd];
    uint32_t a = hive_key(h, "A"), b = hive_key(h, "B");
    struct err e = { 0 };
    const uint8_t *p;
    size_t n;
    (void)unused;

    memcpy(other, hive_sd, sizeof other);
    other[32] = 33;
    assert_int_equal(hive_check(h).security, 1);
    assert_int_equal(regf_set_security(h, a, other, sizeof other, &e), 0);
    assert_int_equal(regf_set_security(h, b, other, sizeof other, &e), 0);
    assert_int_equal(hive_check(h).security, 2);
    assert_int_equal(regf_security(h, b, &p, &n, &e), 0);
    assert_memory_equal(p, other, sizeof other);
    (void)hive_key(h, "A\\Sub"); /* takes its parent's */
    assert_int_equal(regf_set_security(h, a, hive_sd, sizeof hive_sd, &e), 0);
    assert_int_equal(hive_check(h).security, 2);
    assert_int_equal(regf_key_delete_path(h, 0, "A", &e), 1);
    assert_int_equal(regf_key_delete_path(h, 0, "B", &e), 1);
    assert_int_equal(hive_check(h).security, 1);
}

static void more_levels_than_windows_has_are_refused(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    struct err e = { 0 };
    uint32_t k = regf_root(h);
    int r = 0;
    (void)unused;

    for (unsigned i = 0; i < 600 && r == 0; i++)
        r = regf_key_create(h, k, "d", &k, &e);
    assert_int_equal(r, -ELOOP);
    assert_int_equal(hive_check(h).keys, REGF_DEPTH_MAX);
    assert_int_equal(regf_key_delete_path(h, 0, "d", &e), 1);
    assert_int_equal(hive_check(h).keys, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_in_any_case),
        cmocka_unit_test(an_absent_key_is_named),
        cmocka_unit_test(thousands_of_subkeys_stay_sorted),
        cmocka_unit_test(a_tree_goes_with_all_below),
        cmocka_unit_test(deleted_secrets_do_not_stay),
        cmocka_unit_test(a_key_is_renamed_to_any_length),
        cmocka_unit_test(a_class_is_kept),
        cmocka_unit_test(security_is_shared_and_counted),
        cmocka_unit_test(more_levels_than_windows_has_are_refused),
    };

    return test_run(tests);
}
