/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <string.h>

#include "lib/json.h"

static struct tree *parse(const char *text)
{
    struct err e = { 0 };
    struct tree *t = NULL;

    if (json_parse("f.json", text, strlen(text), &t, &e) < 0)
        fail_msg("%s", e.msg);
    return t;
}

static void check_refused(const char *text, const char *message)
{
    struct err e = { 0 };
    struct tree *t = NULL;

    assert_int_not_equal(json_parse("f.json", text, strlen(text), &t, &e), 0);
    assert_null(t);
    assert_string_equal(e.msg, message);
}

static void every_kind_of_value_is_read(void **state)
{
    _cleanup_(tree_freep) struct tree *t = parse(
        "{\"a\": [1, -2.5e+3, true, false, null], \"b\": {\"c\": \"x\\u00e4\\ud83d\\ude00\\n\"}}");
    const struct tree_node *a = tree_get(t->root, "a"), *b = tree_get(t->root, "b");

    assert_int_equal(tree_count(a), 5);
    assert_string_equal(a->first->text, "1");
    assert_string_equal(a->first->next->text, "-2.5e+3");
    assert_true(a->first->next->next->yes);
    assert_int_equal(a->last->type, TREE_NULL);
    assert_string_equal(tree_get(b, "c")->text, "x\xc3\xa4\xf0\x9f\x98\x80\n");
    assert_null(tree_get(b, "C"));
    assert_non_null(tree_get_nocase(b, "C"));
}

static void a_node_knows_its_place(void **state)
{
    _cleanup_(tree_freep) struct tree *t = parse("{\n  \"\xc3\xa4\": 1,\n  \"b\":   [2]\n}");
    const struct tree_node *b = tree_get(t->root, "b");

    assert_int_equal(b->line, 3);
    assert_int_equal(b->col, 10);
    assert_int_equal(b->key_line, 3);
    assert_int_equal(b->key_col, 3);
    assert_int_equal(t->root->first->col, 8);
}

static void what_is_no_json_is_refused_with_place_and_word(void **state)
{
    check_refused("", "f.json:1:1: a value expected, not end of file");
    check_refused("{\"a\": tru}", "f.json:1:7: a value expected, not 'tru'");
    check_refused("{\"a\": 1,}", "f.json:1:9: a key in double quotes expected, not '}'");
    check_refused("[1 2]", "f.json:1:4: ',' or ']' expected, not '2'");
    check_refused("{a: 1}", "f.json:1:2: a key in double quotes expected, not 'a'");
    check_refused("[01]", "f.json:1:2: a number does not start with 0");
    check_refused("[1.]", "f.json:1:4: a digit behind the point expected, not ']'");
    check_refused("[\"a\n\"]", "f.json:1:4: line break or tab inside a string (write \\n or \\t)");
    check_refused("[\"C:\\Pfad\"]",
                  "f.json:1:6: one of \"\\/bfnrtu after a backslash (a path needs "
                  "two) expected, not 'Pfad'");
    check_refused("[\"abc", "f.json:1:2: this string has no end");
    check_refused("[\"\\ud800\"]", "f.json:1:9: half a surrogate pair");
    check_refused("{\"a\":1,\n \"a\":2}", "f.json:2:2: the key 'a' stands here a second time");
    check_refused("{} x", "f.json:1:4: the end of the file expected, not 'x'");
    check_refused("[\xff]", "f.json:1:2: no UTF-8 text (byte 0xff)");
    check_refused("[1] // c", "f.json:1:5: the end of the file expected, not '//'");
}

static void depth_has_a_limit(void **state)
{
    char text[200];
    struct err e = { 0 };
    struct tree *t = NULL;

    memset(text, '[', sizeof text);
    assert_int_not_equal(json_parse("f", text, sizeof text, &t, &e), 0);
    assert_string_equal(e.msg, "f:1:65: more than 64 levels");
}

static void what_is_written_is_read_again(void **state)
{
    static const char text[] = "{\n  \"a\": [\n    1,\n    \"x\\\"\\\\\\n\"\n  ],\n  \"b\": {},\n"
                               "  \"c\": null\n}";
    _cleanup_(tree_freep) struct tree *t = parse(text);
    _cleanup_str_ struct str out = STR_INIT(1000), line = STR_INIT(1000);

    json_write(&out, t->root, 2);
    assert_string_equal(str_text(&out), text);
    json_write(&line, t->root, 0);
    assert_string_equal(str_text(&line), "{\"a\":[1,\"x\\\"\\\\\\n\"],\"b\":{},\"c\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(a_node_knows_its_place),
        cmocka_unit_test(what_is_no_json_is_refused_with_place_and_word),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(what_is_written_is_read_again),
    };

    return test_run(tests);
}
