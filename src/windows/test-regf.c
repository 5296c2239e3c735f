/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-hive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- values --- */

static void a_value_of_any_size_comes_back(void **unused)
{
    static const size_t sizes[] = { 0, 1, 4, 5, 100, 16344, 16345, 32688, 32689, 300000 };
    static uint8_t want[300000];
    (void)unused;

    for (unsigned minor = 3; minor <= 5; minor += 2) {
        _cleanup_regf_ struct regf *h = hive_make(minor);
        uint32_t k = hive_key(h, "A");
        struct err e = { 0 };

        for (size_t i = 0; i < ARRAY_LEN(sizes) * 3; i++) { /* growing, shrinking, in place */
            _cleanup_regf_data_ struct regf_data d = { 0 };
            size_t n = sizes[i * 7 % ARRAY_LEN(sizes)];

            hive_fill(want, n, (uint32_t)i);
            assert_int_equal(regf_set(h, k, "V", 77, want, n, &e), 0);
            assert_int_equal(regf_get(h, k, "v", &d, &e), 0);
            assert_int_equal(d.type, 77);
            assert_int_equal(d.n, n);
            assert_memory_equal(d.p, want, n);
            assert_int_equal(d.owned != NULL, minor == 5 && n > 16344); /* it was in segments */
            assert_int_equal(hive_check(h).values, 1);
        }
    }
}

static void a_big_neighbour_is_not_touched(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    static uint8_t big[60000];
    uint32_t k = hive_key(h, "A"), values;
    struct err e = { 0 };
    (void)unused;

    hive_fill(big, sizeof big, 1);
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
}

static void text_crosses_the_border_both_ways(void **unused)
{
    static const char *const texts[] = { "", "plain", "\xc3\xa4\xc3\xb6", "\xe2\x82\xac",
                                         "\xf0\x9f\x8c\x8d!" };
    _cleanup_regf_ struct regf *h = hive_make(5);
    uint32_t k = hive_key(h, "A");
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
    hive_check(h);
}

static void lists_of_texts_come_back(void **unused)
{
    static const char *const list[] = { "one", "two", "drei", NULL };
    _cleanup_regf_ struct regf *h = hive_make(3);
    uint32_t k = hive_key(h, "A");
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
    hive_check(h);
}

static void numbers_have_a_type(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    uint32_t k = hive_key(h, "A");
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(regf_set_dword(h, k, "D", 0x12345678, &e), 0);
    assert_int_equal(regf_set(h, k, "Q", REGF_QWORD, "12345678", 8, &e), 0);
    assert_int_equal(regf_dword(h, k, "d", 7), 0x12345678);
    assert_int_equal(regf_dword(h, k, "Q", 7), 7);
    assert_int_equal(regf_dword(h, k, "none", 7), 7);
    assert_null(regf_text(h, k, "D"));
}

static void values_go_and_are_renamed(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    uint32_t k = hive_key(h, "A");
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
    hive_check(h);
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
            hive_fill(want, slots[k][v].n, slots[k][v].seed);
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
        hive_fill(data, s->n, s->seed);
        assert_int_equal(regf_set(h, hive_key(h, path), name, REGF_BINARY, data, s->n, &e), 0);
    }
}

static void a_thousand_random_edits_leave_what_a_model_says(void **unused)
{
    static struct slot slots[32][8];
    (void)unused;

    for (unsigned minor = 3; minor <= 5; minor += 2) {
        _cleanup_regf_ struct regf *h = hive_make(minor);
        uint32_t x = 2463534242U + minor;

        memset(slots, 0, sizeof slots);
        for (unsigned i = 0; i < 1000; i++) {
            random_edit(h, slots, &x);
            if (i % 50 == 49) {
                hive_check(h);
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
    int r;

    memcpy(copy, p, n);
    wr32(copy + at, v);
    r = regf_open(&s, NULL, NULL, REGF_DIRTY_OK, &h, e);
    return r < 0 ? r : regf_verify(h, NULL, e);
}

static void damage_is_named(void **unused)
{
    _cleanup_regf_ struct regf *h = hive_make(5);
    struct err e = { 0 };
    const uint8_t *p;
    uint32_t a = hive_key(h, "A\\B"), root = regf_root(h);
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
        cmocka_unit_test(a_thousand_random_edits_leave_what_a_model_says),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(no_hive_at_all_is_refused),
    };

    return test_run(tests);
}
