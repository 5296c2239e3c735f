/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "regf-priv.h"

/* Owner and group Administrators, no lists: the least that is a descriptor. */
static const uint8_t sd_a[] = { 1, 0, 0, 0x80, 20, 0, 0, 0, 36, 0, 0,  0, 0,  0, 0,  0, 0, 0,
                                0, 0, 1, 2,    0,  0, 0, 0, 0,  5, 32, 0, 0,  0, 32, 2, 0, 0,
                                1, 2, 0, 0,    0,  0, 0, 5, 32, 0, 0,  0, 32, 2, 0,  0 };

static struct regf *make(unsigned minor)
{
    struct err e = { 0 };
    struct regf *h = NULL;

    assert_int_equal(regf_new(minor, "ROOT", sd_a, sizeof sd_a, &h, &e), 0);
    return h;
}

static uint32_t key(struct regf *h, const char *path)
{
    struct err e = { 0 };
    uint32_t k = 0;

    assert_int_equal(regf_key_create(h, 0, path, &k, &e), 0);
    return k;
}

/* Sound, nothing lost; also when it is written and opened again. */
static struct regf_report check(struct regf *h)
{
    struct regf_report rep = { 0 };
    struct regf *again = NULL;
    struct regf_source s;
    struct err e = { 0 };
    const void *p;
    size_t n;

    if (regf_verify(h, &rep, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(rep.lost_cells, 0);
    assert_int_equal(rep.unsplit, 0);
    assert_int_equal(regf_seal(h, &e), 0);
    p = regf_bytes(h, &n);
    s = regf_source_mem(p, n);
    if (regf_open(&s, NULL, NULL, 0, &again, &e) < 0 || regf_verify(again, NULL, &e) < 0)
        fail_msg("%s", e.msg);
    regf_free(again);
    return rep;
}

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (uint8_t)(seed >> 24);
    }
}

/* --- values --- */

static void a_value_of_any_size_comes_back(void **unused)
{
    static const size_t sizes[] = { 0, 1, 4, 5, 100, 16344, 16345, 32688, 32689, 300000 };
    static uint8_t want[300000];
    (void)unused;

    for (unsigned minor = 3; minor <= 5; minor += 2) {
        _cleanup_regf_ struct regf *h = make(minor);
        uint32_t k = key(h, "A");
        struct err e = { 0 };

        for (size_t i = 0; i < ARRAY_LEN(sizes) * 3; i++) { /* growing, shrinking, in place */
            _cleanup_regf_data_ struct regf_data d = { 0 };
            size_t n = sizes[i * 7 % ARRAY_LEN(sizes)];

            fill(want, n, (uint32_t)i);
            assert_int_equal(regf_set(h, k, "V", 77, want, n, &e), 0);
            assert_int_equal(regf_get(h, k, "v", &d, &e), 0);
            assert_int_equal(d.type, 77);
            assert_int_equal(d.n, n);
            assert_memory_equal(d.p, want, n);
            assert_int_equal(d.owned != NULL, minor == 5 && n > 16344); /* it was in segments */
            assert_int_equal(check(h).values, 1);
        }
    }
}

static void a_big_neighbour_is_not_touched(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    static uint8_t big[60000], noise[60000];
    uint64_t at = 0, len;
    uint32_t k = key(h, "A"), values;
    struct err e = { 0 };
    (void)unused;

    fill(big, sizeof big, 1);
    assert_int_equal(regf_set(h, k, "Policy", REGF_BINARY, big, sizeof big, &e), 0);
    assert_int_equal(regf_set_dword(h, k, "Small", 1, &e), 0);
    values = regf_value(h, k, "Policy");
    assert_int_equal(regf_set_dword(h, k, "Small", 2, &e), 0);
    assert_int_equal(regf_set(h, k, "Other", REGF_SZ, "x\0\0", 4, &e), 0);
    assert_int_equal(regf_value(h, k, "Policy"), values);
    {
        _cleanup_regf_data_ struct regf_data d = { 0 };

        assert_int_equal(regf_value_data(h, values, &d, &e), 0);
        assert_memory_equal(d.p, big, sizeof big);
    }
    memset(noise, 0, sizeof noise);
    assert_true(regf_next_change(h, &at, &len) == 1);
}

static void text_crosses_the_border_both_ways(void **unused)
{
    static const char *const texts[] = { "", "plain", "\xc3\xa4\xc3\xb6", "\xe2\x82\xac",
                                         "\xf0\x9f\x8c\x8d!" };
    _cleanup_regf_ struct regf *h = make(5);
    uint32_t k = key(h, "A");
    struct err e = { 0 };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        _cleanup_free_ char *got = NULL;

        assert_int_equal(regf_set_text(h, k, texts[i], REGF_SZ, texts[i], &e), 0);
        got = regf_text(h, k, texts[i]);
        assert_string_equal(got, texts[i]);
    }
    assert_int_equal(regf_set_text(h, k, "x", REGF_SZ, "\xff", &e), -EINVAL);
    assert_int_equal(e.kind, ERR_INVALID);
    check(h);
}

static void lists_of_texts_come_back(void **unused)
{
    static const char *const list[] = { "one", "two", "drei", NULL };
    _cleanup_regf_ struct regf *h = make(3);
    uint32_t k = key(h, "A");
    struct err e = { 0 };
    char **got;
    (void)unused;

    assert_int_equal(regf_set_multi(h, k, "L", list, &e), 0);
    assert_int_equal(regf_value_bytes(h, regf_value(h, k, "L")), 2 * (4 + 4 + 5 + 1));
    got = regf_multi(h, k, "L");
    assert_string_equal(got[2], "drei");
    assert_null(got[3]);
    regf_multi_free(got);
    assert_int_equal(regf_set_multi(h, k, "L", list + 3, &e), 0);
    got = regf_multi(h, k, "L");
    assert_null(got[0]);
    regf_multi_free(got);
    check(h);
}

static void numbers_have_a_type(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    uint32_t k = key(h, "A");
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(regf_set_dword(h, k, "D", 0x12345678, &e), 0);
    assert_int_equal(regf_set_qword(h, k, "Q", UINT64_C(0x123456789abcdef0), &e), 0);
    assert_int_equal(regf_dword(h, k, "d", 7), 0x12345678);
    assert_int_equal(regf_dword(h, k, "Q", 7), 7);
    assert_int_equal(regf_dword(h, k, "none", 7), 7);
    assert_true(regf_qword(h, k, "Q", 7) == UINT64_C(0x123456789abcdef0));
    assert_null(regf_text(h, k, "D"));
}

static void values_go_and_are_renamed(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    uint32_t k = key(h, "A");
    struct err e = { 0 };
    char name[16];
    (void)unused;

    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof name, "v%u", i);
        assert_int_equal(regf_set_dword(h, k, name, i, &e), 0);
    }
    for (unsigned i = 0; i < 50; i += 2) {
        (void)snprintf(name, sizeof name, "V%u", i);
        assert_int_equal(regf_value_delete(h, k, name, &e), 1);
        assert_int_equal(regf_value_delete(h, k, name, &e), 0);
    }
    assert_int_equal(regf_value_count(h, k), 25);
    assert_int_equal(regf_value_rename(h, k, regf_value(h, k, "v7"), "a name that is much longer",
                                       &e),
                     0);
    assert_int_equal(regf_dword(h, k, "A NAME that is much longer", 0), 7);
    assert_int_equal(regf_value_rename(h, k, regf_value(h, k, "v9"), "v11", &e), -EEXIST);
    assert_int_equal(e.kind, ERR_EXISTS);
    check(h);
}

/* --- keys --- */

static void names_match_in_any_case(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    (void)unused;

    key(h, "Software\\M\xc3\xbcller\\\xd0\x96");
    assert_true(regf_find(h, 0, "sOFTWARE\\m\xc3\x9cLLER\\\xd0\xb6") != 0);
    assert_true(regf_find(h, 0, "\\Software\\\\M\xc3\xbcller\\") != 0);
    assert_int_equal(regf_find(h, 0, "Software\\Muller"), 0);
    /* dotless i is a letter of its own in Windows' table */
    key(h, "\xc4\xb1");
    assert_int_equal(regf_find(h, 0, "I"), 0);
}

static void an_absent_key_is_named(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    struct err e = { 0 };
    uint32_t k = 5;
    (void)unused;

    assert_int_equal(regf_find_key(h, key(h, "A\\B"), "C\\D", &k, &e), -ENOENT);
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
        _cleanup_regf_ struct regf *h = make(minor);
        uint32_t top = key(h, "Top");
        struct err e = { 0 };
        char name[32];

        for (unsigned i = 0; i < 3000; i++) {
            (void)snprintf(name, sizeof name, "%s%u", i % 3 ? "key" : "KEY_", i * 7919 % 3000);
            (void)key(h, "Top");
            assert_int_equal(regf_key_create(h, top, name, &(uint32_t){ 0 }, &e), 0);
        }
        assert_int_equal(regf_key_count(h, top), 3000);
        check_leaves(h, top, minor == 3 ? 'i' : 'h');
        assert_int_equal(check(h).keys, 3002);
        for (unsigned i = 0; i < 3000; i++) {
            (void)snprintf(name, sizeof name, "%s%u", i % 3 ? "key" : "KEY_", i * 7919 % 3000);
            if (i % 10)
                assert_int_equal(regf_key_delete_path(h, top, name, &e), 1);
        }
        assert_int_equal(check(h).keys, 302);
        assert_int_equal(regf_key_delete(h, top, &e), 0);
        assert_int_equal(check(h).keys, 1);
    }
}

static void a_tree_goes_with_all_below(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    static uint8_t big[40000];
    struct err e = { 0 };
    uint32_t k = key(h, "A\\B\\C");
    (void)unused;

    assert_int_equal(regf_set(h, k, "big", REGF_BINARY, big, sizeof big, &e), 0);
    assert_int_equal(regf_set_class(h, k, "a class", &e), 0);
    (void)key(h, "A\\B2\\C");
    assert_int_equal(check(h).keys, 6);
    assert_int_equal(regf_key_delete_path(h, 0, "a", &e), 1);
    assert_int_equal(regf_key_delete_path(h, 0, "a", &e), 0);
    assert_int_equal(check(h).keys, 1);
    assert_int_equal(regf_key_delete(h, regf_root(h), &e), -EINVAL);
}

static void deleted_secrets_do_not_stay(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    struct err e = { 0 };
    const void *p;
    size_t n;
    (void)unused;

    assert_int_equal(regf_set(h, key(h, "A"), "v", REGF_BINARY, "the secret", 10, &e), 0);
    p = regf_bytes(h, &n);
    assert_non_null(memmem(p, n, "the secret", 10));
    assert_int_equal(regf_key_delete_path(h, 0, "A", &e), 1);
    assert_null(memmem(p, n, "the secret", 10));
}

static void a_key_is_renamed_to_any_length(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    struct err e = { 0 };
    uint32_t k = key(h, "P\\middle"), now = 0;
    char name[REGF_NAME_BYTES], longer[201];
    (void)unused;

    (void)key(h, "P\\aaa");
    (void)key(h, "P\\middle\\child\\grandchild");
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
    check(h);
}

static void a_class_is_kept(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    _cleanup_free_ char *got = NULL;
    uint32_t k = key(h, "JD");
    struct err e = { 0 };
    (void)unused;

    assert_null(regf_class(h, k));
    assert_int_equal(regf_set_class(h, k, "9e3626b3", &e), 0);
    assert_int_equal(regf_set_class(h, k, "2383eba6", &e), 0);
    got = regf_class(h, k);
    assert_string_equal(got, "2383eba6");
    check(h);
    assert_int_equal(regf_set_class(h, k, NULL, &e), 0);
    assert_null(regf_class(h, k));
    check(h);
}

static void security_is_shared_and_counted(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    uint8_t other[sizeof sd_a];
    uint32_t a = key(h, "A"), b = key(h, "B");
    struct err e = { 0 };
    const uint8_t *p;
    size_t n;
    (void)unused;

    memcpy(other, sd_a, sizeof other);
    other[32] = 33;
    assert_int_equal(check(h).security, 1);
    assert_int_equal(regf_set_security(h, a, other, sizeof other, &e), 0);
    assert_int_equal(regf_set_security(h, b, other, sizeof other, &e), 0);
    assert_int_equal(check(h).security, 2);
    assert_int_equal(regf_security(h, b, &p, &n, &e), 0);
    assert_memory_equal(p, other, sizeof other);
    (void)key(h, "A\\Sub"); /* takes its parent's */
    assert_int_equal(regf_set_security(h, a, sd_a, sizeof sd_a, &e), 0);
    assert_int_equal(check(h).security, 2);
    assert_int_equal(regf_key_delete_path(h, 0, "A", &e), 1);
    assert_int_equal(regf_key_delete_path(h, 0, "B", &e), 1);
    assert_int_equal(check(h).security, 1);
}

static void more_levels_than_windows_has_are_refused(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    struct err e = { 0 };
    uint32_t k = regf_root(h);
    int r = 0;
    (void)unused;

    for (unsigned i = 0; i < 600 && r == 0; i++)
        r = regf_key_create(h, k, "d", &k, &e);
    assert_int_equal(r, -ELOOP);
    assert_int_equal(check(h).keys, REGF_DEPTH_MAX);
    assert_int_equal(regf_key_delete_path(h, 0, "d", &e), 1);
    assert_int_equal(check(h).keys, 1);
}

/* --- random edits against a model --- */

struct slot {
    bool is_there;
    uint32_t seed, n;
};

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13, *x ^= *x >> 17, *x ^= *x << 5;
    return *x;
}

static uint32_t random_size(uint32_t *x)
{
    static const uint32_t most[] = { 8, 8, 64, 64, 600, 5000, 40000 };

    return next_random(x) % most[next_random(x) % ARRAY_LEN(most)];
}

static void compare(struct regf *h, const struct slot slots[32][8])
{
    static uint8_t want[40000];
    struct err e = { 0 };
    char name[32];

    for (unsigned k = 0; k < 32; k++)
        for (unsigned v = 0; v < 8; v++) {
            _cleanup_regf_data_ struct regf_data d = { 0 };
            uint32_t at;

            (void)snprintf(name, sizeof name, "K%u\\sub", k);
            at = regf_find(h, 0, name);
            (void)snprintf(name, sizeof name, "v%u", v);
            assert_int_equal(at && regf_value(h, at, name), slots[k][v].is_there);
            if (!slots[k][v].is_there)
                continue;
            assert_int_equal(regf_get(h, at, name, &d, &e), 0);
            fill(want, slots[k][v].n, slots[k][v].seed);
            assert_int_equal(d.n, slots[k][v].n);
            assert_memory_equal(d.p, want, d.n);
        }
}

static void random_edit(struct regf *h, struct slot slots[32][8], uint32_t *x)
{
    static uint8_t data[40000];
    unsigned k = next_random(x) % 32, v = next_random(x) % 8, what = next_random(x) % 16;
    struct slot *s = &slots[k][v];
    struct err e = { 0 };
    char path[32], name[16];

    (void)snprintf(path, sizeof path, what ? "K%u\\sub" : "K%u", k);
    (void)snprintf(name, sizeof name, "v%u", v);
    if (what <= 1) {
        assert_true(regf_key_delete_path(h, 0, path, &e) >= 0);
        memset(slots[k], 0, sizeof slots[k]);
    } else if (what <= 4) {
        assert_int_equal(regf_value_delete(h, regf_find(h, 0, path), name, &e), s->is_there);
        s->is_there = false;
    } else {
        *s = (struct slot){ true, next_random(x), random_size(x) };
        fill(data, s->n, s->seed);
        assert_int_equal(regf_set(h, key(h, path), name, REGF_BINARY, data, s->n, &e), 0);
    }
}

static void a_thousand_random_edits_leave_what_a_model_says(void **unused)
{
    static struct slot slots[32][8];
    (void)unused;

    for (unsigned minor = 3; minor <= 5; minor += 2) {
        _cleanup_regf_ struct regf *h = make(minor);
        uint32_t x = 2463534242U + minor;

        memset(slots, 0, sizeof slots);
        for (unsigned i = 0; i < 1000; i++) {
            random_edit(h, slots, &x);
            if (i % 50 == 49) {
                check(h);
                compare(h, slots);
            }
        }
    }
}

/* --- hostile --- */

static int open_changed(const uint8_t *p, size_t n, size_t at, uint32_t v, struct err *e)
{
    _cleanup_free_ uint8_t *copy = malloc(n);
    _cleanup_regf_ struct regf *h = NULL;
    struct regf_source s = regf_source_mem(copy, n);
    le32 x = put_le32(v);
    int r;

    memcpy(copy, p, n);
    memcpy(copy + at, &x, 4);
    r = regf_open(&s, NULL, NULL, REGF_DIRTY_OK, &h, e);
    return r < 0 ? r : regf_verify(h, NULL, e);
}

static void damage_is_named(void **unused)
{
    _cleanup_regf_ struct regf *h = make(5);
    struct err e = { 0 };
    const uint8_t *p;
    uint32_t a = key(h, "A\\B"), root = regf_root(h);
    size_t n;
    (void)unused;

    assert_int_equal(regf_set(h, a, "v", 3, "123456789", 9, &e), 0);
    assert_int_equal(regf_seal(h, &e), 0);
    p = regf_bytes(h, &n);
    assert_int_equal(open_changed(p, n, 0, 0, &e), -EBADMSG);
    assert_string_equal(e.msg, "not a registry hive");
    err_clear(&e);
    assert_int_equal(open_changed(p, n, 508, 1, &e), -EBADMSG);
    err_clear(&e);
    assert_int_equal(open_changed(p, n, 4096 + 32, 12, &e), -EBADMSG);
    assert_string_equal(e.msg, "damaged hive: a cell with a wrong size at offset 0x1020");
    err_clear(&e);
    /* the parent of A\B is itself */
    assert_int_equal(open_changed(p, n, 4096 + a + 4 + 16, a, &e), -EBADMSG);
    assert_int_equal(e.kind, ERR_CORRUPT);
    err_clear(&e);
    /* the root has the values of A\B, too */
    assert_int_equal(open_changed(p, n, 4096 + root + 4 + 36, 1, &e), -EBADMSG);
    err_clear(&e);
}

static void no_hive_at_all_is_refused(void **unused)
{
    struct regf_source s = regf_source_mem("regf", 4);
    struct regf *h = NULL;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(regf_open(&s, NULL, NULL, 0, &h, &e), -EBADMSG);
    assert_int_equal(e.kind, ERR_CORRUPT);
    s.bytes = REGF_BYTES_MAX + 4096;
    err_clear(&e);
    assert_int_equal(regf_open(&s, NULL, NULL, 0, &h, &e), -EFBIG);
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_null(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_of_any_size_comes_back),
        cmocka_unit_test(a_big_neighbour_is_not_touched),
        cmocka_unit_test(text_crosses_the_border_both_ways),
        cmocka_unit_test(lists_of_texts_come_back),
        cmocka_unit_test(numbers_have_a_type),
        cmocka_unit_test(values_go_and_are_renamed),
        cmocka_unit_test(names_match_in_any_case),
        cmocka_unit_test(an_absent_key_is_named),
        cmocka_unit_test(thousands_of_subkeys_stay_sorted),
        cmocka_unit_test(a_tree_goes_with_all_below),
        cmocka_unit_test(deleted_secrets_do_not_stay),
        cmocka_unit_test(a_key_is_renamed_to_any_length),
        cmocka_unit_test(a_class_is_kept),
        cmocka_unit_test(security_is_shared_and_counted),
        cmocka_unit_test(more_levels_than_windows_has_are_refused),
        cmocka_unit_test(a_thousand_random_edits_leave_what_a_model_says),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(no_hive_at_all_is_refused),
    };

    return test_run(tests);
}
