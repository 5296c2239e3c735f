/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "regf-priv.h"
#include "sid.h"

#define OLD      "S-1-5-21-2734969515-1644526556-1039763013"
#define NEW      "S-1-5-21-1234567890-2345678901-3456789012"
#define SHORT    "S-1-5-21-1-22-333"
#define FOREIGN  "S-1-5-21-727398572-3617256236-2003601904"
#define CONSTANT "S-1-5-21-397955417-626881126-188441444"

static uint8_t old[SID_BYTES_MAX], new_[SID_BYTES_MAX], short_[SID_BYTES_MAX];

static size_t parse(const char *text, uint8_t out[SID_BYTES_MAX])
{
    struct err e = { 0 };
    size_t n = 0;

    assert_int_equal(sid_parse(text, out, &n, &e), 0);
    return n;
}

static int parse_all(void **unused)
{
    (void)unused;
    (void)parse(OLD, old);
    (void)parse(NEW, new_);
    (void)parse(SHORT, short_);
    return 0;
}

static void text_and_bytes_are_the_same_thing(void **unused)
{
    static const char *const texts[] = {
        "S-1-5-18", "S-1-5-32-544", "S-1-0x0123456789ab-1",
        OLD,        OLD "-500",     "S-1-15-3-1-2-3-4-5-6-7-8-9-10-11-12-13-4294967295"
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint8_t b[SID_BYTES_MAX];
        char t[SID_TEXT_MAX];
        size_t n = parse(texts[i], b);

        assert_int_equal(sid_length(b, n), n);
        assert_int_equal(sid_length(b, n - 1), 0);
        assert_true(sid_text(b, n, t));
        assert_string_equal(t, texts[i]);
    }
    assert_memory_equal(old, "\1\4\0\0\0\0\0\5\25\0\0\0\xab\x52\x04\xa3", 16);
}

static void what_is_no_sid_is_refused(void **unused)
{
    static const char *const texts[] = { "",
                                         "S-1",
                                         "S-1-",
                                         "S-1-5",
                                         "S-2-5-1",
                                         "S-1-5-",
                                         "S-1-5--1",
                                         "S-1-5-4294967296",
                                         "S-1-5-1x",
                                         "S-1-5-+1",
                                         "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16" };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint8_t b[SID_BYTES_MAX];
        struct err e = { 0 };
        size_t n = 77;

        assert_int_equal(sid_parse(texts[i], b, &n, &e), -EINVAL);
        assert_int_equal(n, 77);
    }
}

static void accounts_know_their_machine(void **unused)
{
    uint8_t b[SID_BYTES_MAX];
    uint32_t rid = 0;
    size_t n = parse(OLD "-1001", b);
    (void)unused;

    assert_true(sid_is_of(b, n, old, &rid));
    assert_int_equal(rid, 1001);
    assert_true(sid_is_of(old, 24, old, NULL));
    assert_false(sid_is_of(b, n, new_, NULL));
    assert_true(sid_is_machine(old, 24));
    assert_false(sid_is_machine(b, n));
    n = parse(CONSTANT, b);
    assert_true(sid_is_machine(b, n));
    assert_true(sid_is_constant(b));
    assert_false(sid_is_constant(old));
}

static void a_new_one_has_a_text_as_long(void **unused)
{
    static const char *const texts[] = { OLD, FOREIGN, SHORT, "S-1-5-21-1-2-3",
                                         "S-1-5-21-4294967295-4294967295-4294967295" };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint8_t from[SID_BYTES_MAX], a[24], b[24];
        char t[SID_TEXT_MAX];

        (void)parse(texts[i], from);
        sid_new(from, a);
        sid_new(from, b);
        assert_true(sid_is_machine(a, 24));
        (void)sid_text(a, 24, t);
        assert_int_equal(strlen(t), strlen(texts[i]));
        assert_memory_not_equal(a, from, 24);
        if (i < 2)
            assert_memory_not_equal(a, b, 24);
    }
}

static void bytes_are_patched_in_all_three_forms(void **unused)
{
    uint8_t p[300] = { 0 };
    struct err e = { 0 };
    uint64_t n = 0;
    size_t at = 150;
    (void)unused;

    memcpy(p + 3, old, 24);
    memcpy(p + 40, "x" OLD "-500", strlen(OLD) + 5);
    memcpy(p + 100, OLD "7", strlen(OLD) + 1); /* a longer number: another one */
    for (const char *c = OLD; *c; c++, at += 2)
        p[at] = (uint8_t)*c;
    assert_int_equal(sid_count_bytes(p, sizeof p, old), 3);
    assert_int_equal(sid_replace_bytes(p, sizeof p, old, short_, &n, &e), -ENOTSUP);
    err_clear(&e);
    assert_int_equal(sid_replace_bytes(p, sizeof p, old, new_, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_memory_equal(p + 3, new_, 24);
    assert_memory_equal(p + 40, "x" NEW "-500", strlen(NEW) + 5);
    assert_memory_equal(p + 100, OLD "7", strlen(OLD) + 1);
    assert_int_equal(sid_count_bytes(p, sizeof p, old), 0);
    assert_int_equal(sid_count_bytes(p, sizeof p, new_), 3);
}

/* --- hives --- */

#define SD_BYTES (20U + 28 + 16)

static void make_sd(uint8_t out[SD_BYTES], const char *owner)
{
    uint8_t b[SID_BYTES_MAX];
    size_t n = parse(owner, b);

    memset(out, 0, SD_BYTES);
    out[0] = 1, out[3] = 0x80, out[4] = 20, out[8] = 48;
    memcpy(out + 20, b, n);
    n = parse("S-1-5-32-544", b);
    memcpy(out + 48, b, n);
}

static void set(struct regf *h, const char *path, const char *name, uint32_t type, const void *p,
                size_t n)
{
    struct err e = { 0 };
    uint32_t k;

    assert_int_equal(regf_key_create(h, 0, path, &k, &e), 0);
    assert_int_equal(regf_set(h, k, name, type, p, n, &e), 0);
}

static void set_text(struct regf *h, const char *path, const char *name, const char *text)
{
    struct err e = { 0 };
    uint32_t k;

    assert_int_equal(regf_key_create(h, 0, path, &k, &e), 0);
    assert_int_equal(regf_set_text(h, k, name, REGF_SZ, text, &e), 0);
}

/* Everywhere that a machine's SID is found in, and foreign ones beside it. */
static struct regf *make(void)
{
    uint8_t sd[SD_BYTES], b[SID_BYTES_MAX];
    static uint8_t big[40000];
    struct regf *h = NULL;
    struct err e = { 0 };
    uint32_t k;

    make_sd(sd, "S-1-5-32-545");
    assert_int_equal(regf_new(5, OLD "_Classes", sd, sizeof sd, &h, &e), 0);
    make_sd(sd, OLD "-500");
    set_text(h, "aaa\\" OLD "-1001\\sub", "v", "data");
    set_text(h, "aaa\\" FOREIGN, "v", FOREIGN "-500");
    set_text(h, "aaa\\zz", "S-1-15-2-7" OLD "-1001", "name");
    set_text(h, "aaa\\zz", "text", "D:(A;;GA;;;" OLD "-500)(A;;GA;;;" OLD "-501)" CONSTANT);
    set(h, "aaa\\zz", "binary", REGF_BINARY, old, 24);
    memcpy(big + 16340, old, 24); /* over the border of two segments */
    set(h, "aaa\\zz", "big", REGF_BINARY, big, sizeof big);
    set(h, "aaa\\zz", "constant", REGF_BINARY, b, parse(CONSTANT "-1030", b));
    assert_int_equal(regf_key_create(h, 0, "aaa\\class", &k, &e), 0);
    assert_int_equal(regf_set_class(h, k, OLD, &e), 0);
    assert_int_equal(regf_set_security(h, k, sd, sizeof sd, &e), 0);
    return h;
}

static void check_gone(struct regf *h, const char *now)
{
    uint8_t with[SID_BYTES_MAX], foreign[SID_BYTES_MAX];
    char path[128];
    struct sid_counts c = { 0 };
    struct err e = { 0 };
    const void *p;
    size_t n;

    (void)parse(now, with);
    (void)parse(FOREIGN, foreign);
    p = regf_bytes(h, &n);
    assert_int_equal(sid_count_bytes(p, n, old), 0);
    assert_int_equal(sid_count_bytes(p, n, foreign), 2);
    (void)parse(CONSTANT, foreign);
    assert_int_equal(sid_count_bytes(p, n, foreign), 2);
    assert_int_equal(sid_count(h, with, &c, &e), 0);
    assert_int_equal(c.key_names, 2);
    assert_int_equal(c.value_names, 1);
    assert_int_equal(c.classes, 1);
    assert_int_equal(c.data, 3);
    assert_int_equal(c.security, 1);
    (void)snprintf(path, sizeof path, "aaa\\%s-1001\\sub", now);
    assert_true(regf_find(h, 0, path) != 0);
    assert_int_equal(regf_verify(h, NULL, &e), 0);
}

static void not_one_is_left_in_a_hive(void **unused)
{
    _cleanup_regf_ struct regf *h = make();
    struct sid_counts did = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(sid_replace(h, old, new_, &did, &e), 0);
    assert_int_equal(did.key_names, 2);
    check_gone(h, NEW);
}

static void free_cells_are_wiped(void **unused)
{
    _cleanup_regf_ struct regf *h = make();
    struct sid_counts c = { 0 };
    struct err e = { 0 };
    uint32_t cell;
    (void)unused;

    assert_int_equal(regf_alloc(h, 600, &cell, &e), 0);
    wr32(regf_at(h, cell), 0U - rd32(regf_at(h, cell))); /* free, as Windows frees: not wiped */
    memcpy(regf_at(h, cell) + 100, old, 24);
    assert_int_equal(sid_count(h, old, &c, &e), 0);
    assert_int_equal(c.unused, 1);
    assert_int_equal(sid_replace(h, old, new_, &c, &e), 0);
    check_gone(h, NEW);
}

static void text_of_another_length_is_rewritten_where_that_is_safe(void **unused)
{
    _cleanup_regf_ struct regf *h = make();
    struct sid_counts c = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(sid_replace(h, old, short_, &c, &e), 0);
    check_gone(h, SHORT);
}

static void text_inside_binary_data_is_no_place_for_that(void **unused)
{
    _cleanup_regf_ struct regf *h = make();
    struct sid_counts c = { 0 };
    struct err e = { 0 };
    (void)unused;

    set(h, "aaa\\zz", "mixed", REGF_BINARY, "\x29\0\0\0" OLD, 4 + strlen(OLD));
    assert_int_equal(sid_replace(h, old, short_, &c, &e), -ENOTSUP);
    assert_non_null(strstr(e.msg, "'aaa\\zz'"));
    err_clear(&e);
    assert_int_equal(c.data, 0);
    assert_int_equal(sid_count(h, old, &c, &e), 0); /* and nothing was done */
    assert_int_equal(c.data, 4);
    assert_int_equal(sid_replace(h, old, new_, &c, &e), 0);
}

static void a_constant_is_never_a_machine(void **unused)
{
    _cleanup_regf_ struct regf *h = make();
    uint8_t b[SID_BYTES_MAX];
    struct sid_counts c = { 0 };
    struct err e = { 0 };
    (void)unused;

    (void)parse(CONSTANT, b);
    assert_int_equal(sid_replace(h, b, new_, &c, &e), -EINVAL);
    err_clear(&e);
    assert_int_equal(sid_replace(h, old, b, &c, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_bytes_are_the_same_thing),
        cmocka_unit_test(what_is_no_sid_is_refused),
        cmocka_unit_test(accounts_know_their_machine),
        cmocka_unit_test(a_new_one_has_a_text_as_long),
        cmocka_unit_test(bytes_are_patched_in_all_three_forms),
        cmocka_unit_test(not_one_is_left_in_a_hive),
        cmocka_unit_test(free_cells_are_wiped),
        cmocka_unit_test(text_of_another_length_is_rewritten_where_that_is_safe),
        cmocka_unit_test(text_inside_binary_data_is_no_place_for_that),
        cmocka_unit_test(a_constant_is_never_a_machine),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, parse_all, NULL);
}
