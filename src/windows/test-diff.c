/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two hives side by side. Steps over values are counted: regf_next_value() is wrapped. */
#include "test-hive.h"

#include <stdio.h>
#include <string.h>

#include "diff-priv.h"

static uint64_t steps;

uint32_t __real_regf_next_value(const struct regf *h, struct regf_iter *it);
uint32_t __wrap_regf_next_value(const struct regf *h, struct regf_iter *it);

uint32_t __wrap_regf_next_value(const struct regf *h, struct regf_iter *it)
{
    steps++;
    return __real_regf_next_value(h, it);
}

struct sides {
    struct regf *left, *right;
    struct diff d;
};

static int make_sides(void **state)
{
    static struct sides s;

    s = (struct sides){ .left = hive_make(5), .right = hive_make(5) };
    s.d = (struct diff){ .files = json_array(), .registry = json_array() };
    *state = &s;
    return 0;
}

static int drop_sides(void **state)
{
    struct sides *s = *state;

    regf_free(s->left);
    regf_free(s->right);
    json_decref(s->d.files);
    json_decref(s->d.registry);
    return 0;
}

static struct regf_source bytes_of(struct regf *h)
{
    struct err e = { 0 };
    const void *p;
    size_t n;

    assert_int_equal(regf_seal(h, &e), 0);
    p = regf_bytes(h, &n);
    return regf_source_mem(p, n);
}

static void compare(struct sides *s, const char *path)
{
    struct regf_source x = bytes_of(s->left), y = bytes_of(s->right);
    struct err e = { 0 };

    assert_int_equal(diff_registry(&s->d, path, &x, &y, &e), 0);
}

/* "CHANGE KEY VALUE BEFORE AFTER" of a row; '-' for what is null. */
static void row_is(const struct sides *s, size_t i, const char *want)
{
    static const char *const fields[] = { "change", "key", "value", "before", "after" };
    json_t *row = json_array_get(s->d.registry, i);
    char text[256] = "";

    for (size_t k = 0, n = 0; k < ARRAY_LEN(fields); k++) {
        const char *v = json_string_value(json_object_get(row, fields[k]));

        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", k ? " " : "", v ? v : "-");
    }
    assert_string_equal(text, want);
}

static void keys_and_values_are_told_by_name(void **state)
{
    struct sides *s = *state;
    struct err e = { 0 };
    uint32_t a, b;

    a = hive_key(s->left, "Software\\A");
    b = hive_key(s->right, "Software\\a");
    (void)hive_key(s->left, "Software\\Gone\\Below");
    (void)hive_key(s->right, "Software\\Came");
    assert_int_equal(regf_set_dword(s->left, a, "Number", 1, &e), 0);
    assert_int_equal(regf_set_dword(s->right, b, "NUMBER", 2, &e), 0);
    assert_int_equal(regf_set_text(s->left, a, "Old", REGF_SZ, "text", &e), 0);
    assert_int_equal(regf_set_text(s->right, b, "", REGF_SZ, "new", &e), 0);
    assert_int_equal(regf_set_text(s->left, a, "Same", REGF_SZ, "x", &e), 0);
    assert_int_equal(regf_set_text(s->right, b, "same", REGF_SZ, "x", &e), 0);
    compare(s, "Windows/System32/config/SOFTWARE");
    assert_int_equal(json_array_size(s->d.registry), 5);
    row_is(s, 0, "added Software\\A  - new");
    row_is(s, 1, "changed Software\\A Number 0x00000001 0x00000002");
    row_is(s, 2, "removed Software\\A Old text -");
    row_is(s, 3, "added Software\\Came - - -");
    row_is(s, 4, "removed Software\\Gone - - -");
}

static void secrets_are_not_shown(void **state)
{
    struct sides *s = *state;
    struct err e = { 0 };

    assert_int_equal(regf_set_text(s->left, hive_key(s->left, "A"), "v", REGF_SZ, "one", &e), 0);
    assert_int_equal(regf_set_text(s->right, hive_key(s->right, "A"), "v", REGF_SZ, "two", &e), 0);
    compare(s, "Windows/System32/config/sam");
    assert_int_equal(json_array_size(s->d.registry), 1);
    row_is(s, 0, "changed A v 8 bytes 8 bytes");
}

/* Straight into the cells: regf_set() looks for the name each time. */
static void put_values(struct regf *h, uint32_t key, uint32_t n, uint32_t stride)
{
    struct err e = { 0 };
    uint32_t list, value;

    assert_int_equal(regf_alloc(h, 4 * n, &list, &e), 0);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t no = (uint32_t)((uint64_t)i * stride % n);
        char name[16];
        uint8_t *p;

        (void)snprintf(name, sizeof name, "value-%05u", no);
        assert_int_equal(regf_alloc(h, VK_BYTES + 11, &value, &e), 0);
        p = regf_at(h, value) + 4;
        memcpy(p, "vk", 2);
        wr16(p + 2, 11);
        wr32(p + 4, 0x80000004U);
        wr32(p + 8, no);
        wr32(p + 12, REGF_DWORD);
        wr16(p + 16, 1);
        memcpy(p + VK_BYTES, name, 11);
        wr32(regf_at(h, list) + 4 + 4 * i, value);
    }
    wr32(regf_nk(h, key) + 36, n);
    wr32(regf_nk(h, key) + 40, list);
}

static void a_key_of_20000_values_is_walked_a_few_times(void **state)
{
    enum { N = 20000 };
    struct sides *s = *state;
    uint32_t a = hive_key(s->left, "Big"), b = hive_key(s->right, "Big");
    struct err e = { 0 };

    put_values(s->left, a, N, 1);
    put_values(s->right, b, N, 7919); /* in another order */
    assert_int_equal(regf_set_dword(s->right, b, "value-12345", 1, &e), 0);
    assert_int_equal(regf_value_delete(s->right, b, "value-00007", &e), 1);
    steps = 0;
    compare(s, "SOFTWARE");
    assert_int_equal(json_array_size(s->d.registry), 2);
    row_is(s, 0, "removed Big value-00007 0x00000007 -");
    row_is(s, 1, "changed Big value-12345 0x00003039 0x00000001");
    assert_in_range(steps, 2 * N, 10 * N);
}

static void what_is_no_hive_is_passed_over(void **state)
{
    struct sides *s = *state;
    struct regf_source x = regf_source_mem("reg", 3), y = bytes_of(s->right);
    struct err e = { 0 };

    assert_int_equal(diff_registry(&s->d, "x", &x, &y, &e), 0);
    x = regf_source_mem("regf and nothing more", 21);
    assert_int_equal(diff_registry(&s->d, "x", &x, &y, &e), 0);
    assert_int_equal(json_array_size(s->d.registry), 0);
    assert_int_equal(e.no, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_and_values_are_told_by_name, make_sides, drop_sides),
        cmocka_unit_test_setup_teardown(secrets_are_not_shown, make_sides, drop_sides),
        cmocka_unit_test_setup_teardown(a_key_of_20000_values_is_walked_a_few_times, make_sides,
                                        drop_sides),
        cmocka_unit_test_setup_teardown(what_is_no_hive_is_passed_over, make_sides, drop_sides),
    };

    return test_run(tests);
}
