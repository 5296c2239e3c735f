/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>

#include "str.h"
#include "utf8.h"

static void xml_text_cannot_break_out(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(1000);

    (void)unused;
    str_xml(&s, "a<b>&\"\x01\xff\xe2\x82\xac");
    assert_string_equal(str_text(&s), "a&lt;b&gt;&amp;&quot;\xef\xbf\xbd\xef\xbf\xbd\xe2\x82\xac");
}

static void json_text_cannot_break_out(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(1000);

    (void)unused;
    str_json(&s, "q\"b\\n\nz");
    assert_string_equal(str_text(&s), "q\\\"b\\\\n\\u000az");
}

static void uri_encodes_as_sigv4_wants(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(1000);

    (void)unused;
    str_uri(&s, "a b/~*", 6, false);
    assert_string_equal(str_text(&s), "a%20b%2F~%2A");
}

static void ceiling_fails_once_and_for_good(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(4);
    struct err e = { 0 };

    (void)unused;
    str_add(&s, "1234");
    str_add(&s, "5");
    str_add(&s, "");
    assert_string_equal(str_text(&s), "1234");
    assert_int_equal(str_check(&s, "the answer", &e), -E2BIG);
    assert_string_equal(e.msg, "build the answer: over the limit of 4 bytes");
    assert_null(str_take(&s));
}

static void utf8_refuses_overlong_and_surrogates(void **unused)
{
    (void)unused;
    assert_true(utf8_valid("\xc3\xa4", 2));
    assert_false(utf8_valid("\xc0\x80", 2));
    assert_false(utf8_valid("\xed\xa0\x80", 3));
    assert_false(utf8_valid("\xf4\x90\x80\x80", 4));
    assert_false(utf8_valid("\xc3", 1));
    assert_int_equal(utf8_count("a\xc3\xa4z"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_text_cannot_break_out),
        cmocka_unit_test(json_text_cannot_break_out),
        cmocka_unit_test(uri_encodes_as_sigv4_wants),
        cmocka_unit_test(ceiling_fails_once_and_for_good),
        cmocka_unit_test(utf8_refuses_overlong_and_surrogates),
    };

    return test_run(tests);
}
