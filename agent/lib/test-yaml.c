/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <string.h>

#include "lib/json.h"
#include "lib/yaml.h"

static struct tree *parse(const char *text)
{
    struct err e = { 0 };
    struct tree *t = NULL;

    if (yaml_parse("f.yml", text, strlen(text), &t, &e) < 0)
        fail_msg("%s\n%s", e.msg, text);
    return t;
}

/* What the text means, told in JSON. */
static void check(const char *text, const char *json)
{
    _cleanup_(tree_freep) struct tree *t = parse(text);
    _cleanup_str_ struct str out = STR_INIT(10000);

    json_write(&out, t->root, 0);
    assert_string_equal(str_text(&out), json);
}

static void check_refused(const char *text, const char *message)
{
    struct err e = { 0 };
    struct tree *t = NULL;

    if (yaml_parse("f.yml", text, strlen(text), &t, &e) == 0)
        fail_msg("accepted: %s", text);
    assert_null(t);
    assert_string_equal(e.msg, message);
}

static void maps_and_lists_nest_by_indentation(void **state)
{
    check("a: 1\nb:\n  c: x\n  d:\n    - 1\n    - e: 2\n      f: 3\n    -\n      g: 4\n",
          "{\"a\":1,\"b\":{\"c\":\"x\",\"d\":[1,{\"e\":2,\"f\":3},{\"g\":4}]}}");
    check("- - 1\n  - 2\n- []\n- {}\n", "[[1,2],[],{}]");
    check("a:\n- 1\n- 2\nb: 3\n", "{\"a\":[1,2],\"b\":3}");
    check("a:\nb:\n  - x:\n    y:\n", "{\"a\":null,\"b\":[{\"x\":null,\"y\":null}]}");
    check("# c\n\na: 1 # d\n  # e\nb: 2\n# f", "{\"a\":1,\"b\":2}");
    check("a: # c\n  b: # d\n  - # e\n    1 # f\n", "{\"a\":{\"b\":[1]}}");
    check("---\na: 1\n...\n", "{\"a\":1}");
    check("%YAML 1.2\n---\na: 1", "{\"a\":1}");
    check("", "null");
    check("a: 1\r\nb:\r\n  - 2\r\n", "{\"a\":1,\"b\":[2]}");
}

static void plain_text_keeps_colons_and_hashes_that_are_text(void **state)
{
    check("p: C:\\Windows\\x.exe\nu: http://a/b#c\nq: a:b\n",
          "{\"p\":\"C:\\\\Windows\\\\x.exe\",\"u\":\"http://a/b#c\",\"q\":\"a:b\"}");
    check("a: -x\nb: one two\nc: $REGION.x",
          "{\"a\":\"-x\",\"b\":\"one two\",\"c\":\"$REGION.x\"}");
    check("a: one\n  two\n\n  three\nb: 1", "{\"a\":\"one two\\nthree\",\"b\":1}");
}

static void plain_words_have_the_types_of_the_core_schema(void **state)
{
    check("[true, False, ~, null, 1, -2, 1.0, 1e3, yes, \"1\", '2', 1.2.3, 0x1F]",
          "[true,false,null,null,1,-2,1.0,1e3,\"yes\",\"1\",\"2\",\"1.2.3\",\"0x1F\"]");
}

static void quoted_text_is_unescaped(void **state)
{
    check("a: \"x\\t\\u00e4\\\"\"\nb: 'it''s'\n'c d': 1\n\"e\": 2",
          "{\"a\":\"x\\t\xc3\xa4\\\"\",\"b\":\"it's\",\"c d\":1,\"e\":2}");
    check("a: \"one\n  two\n\n  three \\\n  four\"", "{\"a\":\"one two\\nthree four\"}");
    check("a: \"\\ud83d\\ude00\"", "{\"a\":\"\xf0\x9f\x98\x80\"}");
}

static void literal_and_folded_blocks_follow_the_book(void **state)
{
    check("a: |\n  one\n    two\n\n  three\n\nb: 1",
          "{\"a\":\"one\\n  two\\n\\nthree\\n\",\"b\":1}");
    check("a: |-\n  one\n\n\nb: 1", "{\"a\":\"one\",\"b\":1}");
    check("a: |+\n  one\n\n\nb: 1", "{\"a\":\"one\\n\\n\\n\",\"b\":1}");
    check("a: >\n  one\n  two\n\n  three\n    four\n  five\n",
          "{\"a\":\"one two\\nthree\\n  four\\nfive\\n\"}");
    check("a: |2-\n    x\n", "{\"a\":\"  x\"}");
    check("- |-\n  x # no comment\n- y", "[\"x # no comment\",\"y\"]");
    check("a: |\r\n  one\r\n  two\r\n", "{\"a\":\"one\\ntwo\\n\"}");
    check("a: |-\n  - key: value\n  # text\n", "{\"a\":\"- key: value\\n# text\"}");
    check("a: |\nb: 1", "{\"a\":\"\",\"b\":1}");
    check("a:\n  - b: |\n      x\n    c: 1\n  - |\n    y\n\n  # z\n  - d: >-\n      e\nf: 2",
          "{\"a\":[{\"b\":\"x\\n\",\"c\":1},\"y\\n\",{\"d\":\"e\"}],\"f\":2}");
}

static void json_is_read_too(void **state)
{
    check("{\"version\": 1.0,\n\t\"config\":[{\"stage\":\"boot\",\"tasks\":[]}]}",
          "{\"version\":1.0,\"config\":[{\"stage\":\"boot\",\"tasks\":[]}]}");
    check("{a: 1, b: [x, y z, {c: d}], e: , f: \"g\", }",
          "{\"a\":1,\"b\":[\"x\",\"y z\",{\"c\":\"d\"}],\"e\":null,\"f\":\"g\"}");
}

static void what_is_not_understood_is_refused_by_name(void **state)
{
    check_refused("a: &x 1", "f.yml:1:4: an anchor (&) is not understood");
    check_refused("a: *x", "f.yml:1:4: an alias (*) is not understood");
    check_refused("a: !!str x", "f.yml:1:4: a tag (!) is not understood");
    check_refused("? a\n: b", "f.yml:1:1: a key with '?' is not understood");
    check_refused("a: @x", "f.yml:1:4: '@' is reserved; quote the value");
    check_refused("a: 1\n---\nb: 2", "f.yml:2:1: a second document is not read");
    check_refused("%TAG ! x\n---\n",
                  "f.yml:1:1: a directive other than %YAML 1.x is not understood");
}

static void wrong_structure_is_refused_with_place_and_word(void **state)
{
    check_refused("a:\n\tb: 1", "f.yml:2:2: a tab indents this line; use blanks");
    check_refused("a: 1\na: 2", "f.yml:2:1: the key 'a' stands here a second time");
    check_refused("a: b: c", "f.yml:1:5: a second ':' in one line; quote the value");
    check_refused("a: 1\n  b: 2",
                  "f.yml:2:3: a key below a value: wrong indentation, or no colon above");
    check_refused("a:\n    b: 1\n  c: 2",
                  "f.yml:3:3: wrong indentation: 2 blanks, where 0 or fewer are expected");
    check_refused("a:\n  - 1\n  b: 2", "f.yml:3:3: wrong indentation: 2 blanks, where 0 or fewer "
                                       "are expected");
    check_refused("a\nb: 1",
                  "f.yml:2:1: a key below a value: wrong indentation, or no colon above");
    check_refused("a: \"x", "f.yml:1:4: this quoted text has no end");
    check_refused("a: \"C:\\Windows\"",
                  "f.yml:1:8: a known character after the backslash (a path in double quotes needs "
                  "two; in single quotes one) expected, not 'Windows'");
    check_refused("a: [1, 2", "f.yml:1:9: ',' or ']' expected, not end of file");
    check_refused("a: {b 1}", "f.yml:1:5: ':' expected behind 'b 1'");
    check_refused("a: 'x' y", "f.yml:1:8: the end of the line expected, not 'y'");
    check_refused("a: - 1", "f.yml:1:4: a list starts in a line of its own");
    check_refused("a: |x\n", "f.yml:1:5: the end of the line behind | or > (with -, + or a digit) "
                             "expected, not 'x'");
    check_refused("a: 1\n- 2", "f.yml:2:1: a list item among the keys of a map");
    check_refused("a: |\n     \n  x\n",
                  "f.yml:3:1: an empty line above has more blanks than this first line");
    check_refused("a: \x01", "f.yml:1:4: control character 0x01 in the text");
}

static void a_node_knows_its_place(void **state)
{
    _cleanup_(tree_freep) struct tree *t = parse("a:\n  - task: x\n    inputs:\n      n: 1\n");
    const struct tree_node *task = tree_get(t->root, "a")->first;
    const struct tree_node *n = tree_get(tree_get(task, "inputs"), "n");

    assert_int_equal(tree_get(task, "task")->line, 2);
    assert_int_equal(tree_get(task, "task")->col, 11);
    assert_int_equal(tree_get(task, "task")->key_col, 5);
    assert_int_equal(n->line, 4);
    assert_int_equal(n->key_col, 7);
}

static void what_is_written_is_read_again(void **state)
{
    static const char *const texts[] = {
        "version: 1.0\nconfig:\n  - stage: boot\n    tasks:\n      - task: extendRootPartition\n",
        "a: \"1\"\nb: \"true\"\nc: \"\"\nd: \" x\"\ne: \"a: b\"\nf: \"x #y\"\n",
        "a: |-\n  one\n    two\n\n  three\nb: |\n  x\n  y\nc: |+\n  z\n\nd: []\ne: {}\n",
        "- - 1\n  - 2\n- a: null\n  b: true\n",
        "a: \"x\\r\\n\\ty\"\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        _cleanup_(tree_freep) struct tree *t = parse(texts[i]);
        _cleanup_str_ struct str out = STR_INIT(10000);

        yaml_write(&out, t->root);
        assert_string_equal(str_text(&out), texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_and_lists_nest_by_indentation),
        cmocka_unit_test(plain_text_keeps_colons_and_hashes_that_are_text),
        cmocka_unit_test(plain_words_have_the_types_of_the_core_schema),
        cmocka_unit_test(quoted_text_is_unescaped),
        cmocka_unit_test(literal_and_folded_blocks_follow_the_book),
        cmocka_unit_test(json_is_read_too),
        cmocka_unit_test(what_is_not_understood_is_refused_by_name),
        cmocka_unit_test(wrong_structure_is_refused_with_place_and_word),
        cmocka_unit_test(a_node_knows_its_place),
        cmocka_unit_test(what_is_written_is_read_again),
    };

    return test_run(tests);
}
