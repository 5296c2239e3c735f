/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "parse.h"

static void bad_numbers_are_refused(void **unused)
{
    static const char *const bad[] = {
        "", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3", "\xd9\xa1"
    };
    uint64_t v = 7;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(parse_u64(bad[i], 0, UINT64_MAX, &v), -EINVAL);
    assert_int_equal(parse_u64("18446744073709551616", 0, UINT64_MAX, &v), -ERANGE);
    assert_int_equal(parse_u64("5", 6, 9, &v), -ERANGE);
    assert_int_equal(v, 7);
    assert_int_equal(parse_u64("18446744073709551615", 0, UINT64_MAX, &v), 0);
    assert_true(v == UINT64_MAX);
}

static void sizes_have_units(void **unused)
{
    uint64_t v = 0;

    (void)unused;
    assert_int_equal(parse_size("64M", &v), 0);
    assert_int_equal(v, MIB(64));
    assert_int_equal(parse_size("512", &v), 0);
    assert_int_equal(v, 512);
    assert_int_equal(parse_size("M", &v), -EINVAL);
    assert_int_equal(parse_size("99999999999T", &v), -ERANGE);
}

static void base64_goes_both_ways(void **unused)
{
    static const char *const texts[] = { "", "f", "fo", "foo", "foob", "fooba", "foobar" };
    static const char *const coded[] = { "",         "Zg==",     "Zm8=",    "Zm9v",
                                         "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        _cleanup_free_ char *c = base64_encode(texts[i], strlen(texts[i]));
        _cleanup_free_ void *p = NULL;
        size_t n = 0;

        assert_string_equal(c, coded[i]);
        assert_int_equal(base64_decode(coded[i], &p, &n), 0);
        assert_int_equal(n, strlen(texts[i]));
        assert_memory_equal(p, texts[i], n);
    }
}

static void bad_base64_is_refused(void **unused)
{
    static const char *const bad[] = { "Z", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9v!" };
    void *p = NULL;
    size_t n = 0;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(base64_decode(bad[i], &p, &n), -EINVAL);
    assert_null(p);
}

static void time_is_printed_as_ec2_does(void **unused)
{
    char out[CLOCK_ISO_MAX];
    uint64_t ms = 0;

    (void)unused;
    clock_iso8601(1767323045678U, out);
    assert_string_equal(out, "2026-01-02T03:04:05.678Z");
    assert_int_equal(clock_parse_iso8601(out, &ms), 0);
    assert_int_equal(ms, 1767323045678U);
    assert_int_equal(clock_parse_iso8601("yesterday", &ms), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_numbers_are_refused),     cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(base64_goes_both_ways),       cmocka_unit_test(bad_base64_is_refused),
        cmocka_unit_test(time_is_printed_as_ec2_does),
    };

    return test_run(tests);
}
