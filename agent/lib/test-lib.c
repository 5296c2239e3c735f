/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/stamp.h"
#include "lib/utf.h"

static void a_refusal_names_file_line_and_column(void **state)
{
    struct err e = { 0 };

    assert_int_equal(err_at(&e, "agent-config.yml", 3, 7, "unknown task '%s'", "foo"), -22);
    assert_string_equal(e.msg, "agent-config.yml:3:7: unknown task 'foo'");
    assert_int_equal(err_wrap(&e, "read the settings"), -22);
    assert_string_equal(e.msg, "read the settings: agent-config.yml:3:7: unknown task 'foo'");
}

static void a_long_message_is_marked_as_cut(void **state)
{
    char text[1000];
    struct err e = { 0 };

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&e, 5, ERR_IO, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_string_equal(e.msg + sizeof e.msg - 4, "...");
}

static void base64_goes_there_and_back(void **state)
{
    static const char *const pairs[][2] = {
        { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "foobar", "Zm9vYmFy" }
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        _cleanup_str_ struct str s = STR_INIT(100);
        uint8_t *bytes;
        size_t n;

        str_base64(&s, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(str_text(&s), pairs[i][1]);
        assert_int_equal(base64_decode(pairs[i][1], strlen(pairs[i][1]), &bytes, &n), 0);
        assert_int_equal(n, strlen(pairs[i][0]));
        assert_memory_equal(bytes, pairs[i][0], n);
        free(bytes);
    }
}

static void wrong_base64_is_refused(void **state)
{
    static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "Z=g=", "Zm9v!", "====" };
    uint8_t *bytes;
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &bytes, &n), -22);
}

static void utf16_goes_there_and_back(void **state)
{
    static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
    _cleanup_free_ uint16_t *w = utf16_from_utf8(text);
    _cleanup_free_ char *back = utf8_from_utf16(w, utf16_len(w));

    assert_int_equal(utf16_len(w), 5);
    assert_string_equal(back, text);
}

static void check_decode(const void *p, size_t n, const char *want)
{
    struct err e = { 0 };
    char *text;
    size_t len;

    assert_int_equal(utf_decode(p, n, true, "f", &text, &len, &e), 0);
    assert_string_equal(text, want);
    free(text);
}

static void byte_order_marks_are_obeyed_and_removed(void **state)
{
    check_decode("\xef\xbb\xbf"
                 "ab",
                 5, "ab");
    check_decode("\xff\xfe"
                 "a\0b\0",
                 6, "ab");
    check_decode("\xfe\xff"
                 "\0a\0b",
                 6, "ab");
    check_decode("a\0b\0c\0", 6, "abc");
    check_decode("ab", 2, "ab");
}

static void invalid_text_is_refused_or_replaced(void **state)
{
    struct err e = { 0 };
    char *text;
    size_t len;

    assert_int_equal(utf_decode("ab\xff", 3, true, "f.yml", &text, &len, &e), -22);
    assert_string_equal(e.msg, "f.yml:1:3: no UTF-8 text (byte 0xff)");
    err_clear(&e);
    assert_int_equal(utf_decode("a\nb\xc3\xa4\xe4", 6, true, "f.yml", &text, &len, &e), -22);
    assert_string_equal(e.msg, "f.yml:2:3: no UTF-8 text (byte 0xe4)");
    err_clear(&e);
    assert_int_equal(utf_decode("\xff\xfe\n\0a\0\0\xd8", 8, true, "f.yml", &text, &len, &e), -22);
    assert_string_equal(e.msg, "f.yml:2:2: no UTF-16 text (half a pair, 0xd800)");
    err_clear(&e);
    assert_int_equal(utf_decode("\xff\xfe\n\0a", 5, true, "f.yml", &text, &len, &e), -22);
    assert_string_equal(e.msg, "f.yml:2:1: UTF-16 text of an odd number of bytes");
    err_clear(&e);
    assert_int_equal(utf_decode("ab\xff", 3, false, "f.yml", &text, &len, &e), 0);
    assert_string_equal(text, "ab\xef\xbf\xbd");
    free(text);
}

static void stamps_are_utc(void **state)
{
    char out[STAMP_SIZE];

    assert_string_equal(stamp_console(0, out), "1970/01/01 00:00:00Z: ");
    assert_string_equal(stamp_console(951827696, out), "2000/02/29 12:34:56Z: ");
    assert_string_equal(stamp_log(4102444799007, out), "2099-12-31 23:59:59.007 ");
    assert_string_equal(stamp_log(1709164800999, out), "2024-02-29 00:00:00.999 ");
}

static void a_cursor_refuses_to_run_past_its_end(void **state)
{
    struct cur c = cur_over("\x01\x02\x03", 3);

    assert_int_equal(cur_le16(&c), 0x0201);
    assert_int_equal(cur_le32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cur_u8(&c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_names_file_line_and_column),
        cmocka_unit_test(a_long_message_is_marked_as_cut),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(wrong_base64_is_refused),
        cmocka_unit_test(utf16_goes_there_and_back),
        cmocka_unit_test(byte_order_marks_are_obeyed_and_removed),
        cmocka_unit_test(invalid_text_is_refused_or_replaced),
        cmocka_unit_test(stamps_are_utc),
        cmocka_unit_test(a_cursor_refuses_to_run_past_its_end),
    };

    return test_run(tests);
}
