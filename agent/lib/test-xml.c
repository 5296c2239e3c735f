/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <string.h>

#include "lib/xml.h"

static const char answer[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
    "<!-- the owner's note -->\r\n"
    "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"\r\n"
    "          xmlns:wcm='http://schemas.microsoft.com/WMIConfig/2002/State'>\r\n"
    "  <settings pass=\"oobeSystem\">\r\n"
    "    <component  name=\"A\" >\r\n"
    "      <InputLocale>en-US</InputLocale><!-- kept -->\r\n"
    "      <Empty/>\r\n"
    "      <Path><![CDATA[a & b]]> &quot;c&#x41;&quot; </Path>\r\n"
    "      <wcm:X wcm:action='add'/>\r\n"
    "    </component>\r\n"
    "  </settings>\r\n"
    "</unattend>\r\n";

static struct xml *parse(const char *text)
{
    struct err e = { 0 };
    struct xml *x = NULL;

    if (xml_parse("f.xml", text, strlen(text), &x, &e) < 0)
        fail_msg("%s", e.msg);
    return x;
}

static void check_written(const struct xml *x, const char *want)
{
    _cleanup_str_ struct str out = STR_INIT(100000);

    xml_write(&out, x);
    assert_string_equal(str_text(&out), want);
}

static void check_refused(const char *text, const char *message)
{
    struct err e = { 0 };
    struct xml *x = NULL;

    if (xml_parse("f.xml", text, strlen(text), &x, &e) == 0)
        fail_msg("accepted: %s", text);
    assert_string_equal(e.msg, message);
}

static struct xml_node *component(const struct xml *x)
{
    return xml_child(xml_child(x->root, "settings"), "component");
}

static void a_document_is_written_as_it_was(void **state)
{
    _cleanup_(xml_freep) struct xml *x = parse(answer);

    check_written(x, answer);
}

static void values_are_decoded_and_placed(void **state)
{
    _cleanup_(xml_freep) struct xml *x = parse(answer);
    struct xml_node *c = component(x);
    _cleanup_free_ char *path = xml_text(xml_child(c, "Path"));

    assert_string_equal(path, "a & b \"cA\"");
    assert_string_equal(xml_attr(c, "name"), "A");
    assert_string_equal(xml_attr(xml_child(c, "X"), "action"), "add");
    assert_null(xml_attr(c, "none"));
    assert_int_equal(xml_child(c, "Path")->line, 9);
    assert_int_equal(xml_child(c, "Path")->col, 7);
}

static void only_the_edited_text_changes(void **state)
{
    _cleanup_(xml_freep) struct xml *x = parse(answer);
    struct xml_node *locale = xml_child(component(x), "InputLocale");
    struct err e = { 0 };
    char want[2000];
    char *at;

    assert_int_equal(xml_set_text(x, locale, "de-DE", &e), 0);
    memcpy(want, answer, sizeof answer);
    at = strstr(want, "en-US");
    memcpy(at, "de-DE", 5);
    check_written(x, want);
}

static void a_new_child_is_indented_like_its_brothers(void **state)
{
    _cleanup_(xml_freep) struct xml *x = parse("<a>\n    <b>1</b>\n    <c/>\n</a>");
    struct xml_node *n;
    struct err e = { 0 };

    assert_int_equal(xml_add_child(x, x->root, "d", "x<y", NULL, &e), 0);
    check_written(x, "<a>\n    <b>1</b>\n    <c/>\n    <d>x&lt;y</d>\n</a>");
    assert_int_equal(xml_add_child(x, xml_child(x->root, "c"), "e", NULL, &n, &e), 0);
    assert_int_equal(xml_add_child(x, n, "f", "1", NULL, &e), 0);
    check_written(x,
                  "<a>\n    <b>1</b>\n    <c>\n      <e>\n        <f>1</f>\n      </e>\n    </c>\n"
                  "    <d>x&lt;y</d>\n</a>");
}

static void removing_takes_the_line_out(void **state)
{
    _cleanup_(xml_freep) struct xml *x = parse("<a>\n  <b/>\n  <c/>\n</a>");

    xml_remove(x, xml_child(x->root, "b"));
    check_written(x, "<a>\n  <c/>\n</a>");
    xml_remove(x, xml_child(x->root, "c"));
    check_written(x, "<a>\n</a>");
}

static void adding_and_removing_again_gives_the_same_bytes(void **state)
{
    _cleanup_(xml_freep) struct xml *x = parse(answer);
    struct err e = { 0 };
    struct xml_node *n;

    assert_int_equal(xml_add_child(x, component(x), "New", "1", &n, &e), 0);
    xml_remove(x, n);
    check_written(x, answer);
}

static void an_attribute_is_changed_alone(void **state)
{
    _cleanup_(xml_freep) struct xml *x = parse("<a  b='1'\n c = \"2\"><d/></a>");
    struct err e = { 0 };

    assert_int_equal(xml_set_attr(x, x->root, "b", "\"", &e), 0);
    check_written(x, "<a b=\"&quot;\"\n c = \"2\"><d/></a>");
    assert_int_equal(xml_set_attr(x, x->root, "e", "5", &e), 0);
    check_written(x, "<a b=\"&quot;\"\n c = \"2\" e=\"5\"><d/></a>");
}

static void wrong_xml_is_refused_with_place_and_word(void **state)
{
    check_refused("", "f.xml:1:1: there is no element");
    check_refused("<a><b></a>", "f.xml:1:7: '</a>' closes '<b>' of line 1");
    check_refused("<a>\n<b></b>", "f.xml:1:1: '<a>' is not closed");
    check_refused("<a/><b/>", "f.xml:1:5: a second root element");
    check_refused("<a>&nbsp;</a>",
                  "f.xml:1:4: unknown entity 'nbsp;' (a plain '&' is written &amp;)");
    check_refused("<a>x & y</a>", "f.xml:1:6: unknown entity ' ' (a plain '&' is written &amp;)");
    check_refused("<a b=1/>", "f.xml:1:6: a value in quotes expected, not '1/'");
    check_refused("<a b='1' b='2'/>", "f.xml:1:10: the attribute 'b' stands here a second time");
    check_refused("<a b='1'c='2'/>", "f.xml:1:9: a blank, '>' or '/>' expected, not 'c'");
    check_refused("<!DOCTYPE a><a/>",
                  "f.xml:1:1: a document type or another declaration is not read");
    check_refused("<a/>x", "f.xml:1:5: text outside the root element");
    check_refused("<a><!-- x -- y --></a>", "f.xml:1:11: '--' inside a comment");
    check_refused("<a><!-- x", "f.xml:1:4: this comment has no end");
    check_refused(" <?xml version='1.0'?><a/>",
                  "f.xml:1:2: the XML declaration stands only at the start");
    check_refused("<a>&#0;</a>", "f.xml:1:4: XML has no character number 0");
    check_refused("<1/>", "f.xml:1:2: the name of an element behind '<' expected, not '1/'");
    check_refused("<a b='<'/>", "f.xml:1:7: '<' in the value of an attribute");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_written_as_it_was),
        cmocka_unit_test(values_are_decoded_and_placed),
        cmocka_unit_test(only_the_edited_text_changes),
        cmocka_unit_test(a_new_child_is_indented_like_its_brothers),
        cmocka_unit_test(removing_takes_the_line_out),
        cmocka_unit_test(adding_and_removing_again_gives_the_same_bytes),
        cmocka_unit_test(an_attribute_is_changed_alone),
        cmocka_unit_test(wrong_xml_is_refused_with_place_and_word),
    };

    return test_run(tests);
}
