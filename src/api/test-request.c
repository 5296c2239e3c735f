/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters, filters and tables, without a model. Rules are those that hold across real clients:
 * indexes, empty values, booleans. */
#include "test.h"

#include <string.h>

#include "errors.h"
#include "request.h"
#include "xml.h"

static const char *const colours[] = { "Red", "green", NULL };
static const char *const no[] = { "false", NULL };

static const struct api_param params[] = {
    { .name = "VolumeId", .type = PARAM_ID, .prefix = "vol" },
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    { .name = "Name", .type = PARAM_TEXT, .min_len = 3, .max_len = 5 },
    { .name = "Size", .type = PARAM_INT, .min = 1, .max = 100 },
    { .name = "NoReboot", .type = PARAM_BOOL },
    { .name = "Colour", .type = PARAM_TEXT, .words = colours },
    { .name = "Later", .type = PARAM_NOT_YET, .words = no },
    { .name = "Later.*", .type = PARAM_NOT_YET },
    { .name = "Useless.*", .type = PARAM_IGNORED },
    { .name = "Data", .type = PARAM_BASE64 },
    { .name = "When", .type = PARAM_TIME },
    { .name = "Tag.N.Key", .type = PARAM_TEXT, .required = true },
    { .name = "Tag.N.Value", .type = PARAM_TEXT, .empty_is_value = true },
    API_PARAMS_MAPPINGS,
    { 0 },
};

static const struct api_action action = {
    .name = "Try", .resource = "volume", .params = params, .flags = API_FILTERS | API_TOKEN
};

struct fixture {
    struct api_request req;
    struct api_call c;
    struct xml out;
    struct err e;
};

static int read_form(struct fixture *f, const char *form)
{
    int r;

    *f = (struct fixture){ .out = XML_INIT };
    f->c = (struct api_call){ .action = &action,
                              .resource = "volume",
                              .req = &f->req,
                              .out = &f->out,
                              .account = "1",
                              .region = "r" };
    r = request_parse(&f->req, NULL, form, strlen(form), &f->c.wire_code, &f->e);
    return r < 0 ? r : request_check(&f->c, &f->e);
}

static void done(struct fixture *f)
{
    request_done(&f->req);
    xml_done(&f->out);
}

static void accept(struct fixture *f, const char *form)
{
    if (read_form(f, form) < 0)
        fail_msg("%s: %s", form, f->e.msg);
}

static void refuse(const char *form, const char *code, const char *text)
{
    struct fixture f;

    if (read_form(&f, form) >= 0)
        fail_msg("%s: accepted", form);
    if (!f.c.wire_code || strcmp(f.c.wire_code, code) != 0 || !strstr(f.e.msg, text))
        fail_msg("%s: %s: %s", form, f.c.wire_code, f.e.msg);
    done(&f);
}

static void names_fit_paths_of_the_table(void **unused)
{
    static const struct {
        const char *pattern, *name;
        bool fits;
    } rows[] = {
        { "InstanceId.N", "InstanceId.1", true },
        { "InstanceId.N", "InstanceId.0", true },
        { "InstanceId.N", "InstanceId.65535", true },
        { "InstanceId.N", "InstanceId.01", false },
        { "InstanceId.N", "InstanceId.1.2", false },
        { "InstanceId.N", "InstanceId.", false },
        { "InstanceId.N", "InstanceId", false },
        { "InstanceId.N", "InstanceId.x", false },
        { "InstanceId.N", "InstanceId.N", false },
        { "InstanceId.N", "InstanceId.123456", false },
        { "A.N.B.N.C", "A.1.B.22.C", true },
        { "A.N.B.N.C", "A.1.B.22.CC", false },
        { "A.N.B.N.C", "A.1.B.22", false },
        { "A.*", "A.1.B", true },
        { "A.*", "A.B", true },
        { "A.*", "AB", false },
        { "A.*", "A", false },
        { "Name", "Name", true },
        { "Name", "name", false },
        { "Name", "Name.1", false },
        { "Name", "Nam", false },
        { "NoReboot", "NoReboot", true },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (request_name_fits(rows[i].pattern, rows[i].name) != rows[i].fits)
            fail_msg("%s against %s", rows[i].name, rows[i].pattern);
}

static void text_is_decoded_as_forms_are(void **unused)
{
    struct fixture f;

    (void)unused;
    accept(&f, "&Tag.1.Key=a+b%20c%2Bd%3d%26&&Tag.1.Value=%E2%82%AC&");
    assert_string_equal(api_item(&f.c, "Tag", 0, "Key"), "a b c+d=&");
    assert_string_equal(api_item(&f.c, "Tag", 0, "Value"), "\xe2\x82\xac");
    done(&f);
    refuse("Name=%4", "MalformedQueryString", "bad '%' escape");
    refuse("Name=%zz", "MalformedQueryString", "bad '%' escape");
    refuse("Name=a%00b", "MalformedQueryString", "bad '%' escape");
    refuse("=x", "MalformedQueryString", "no name");
    refuse("Name=%ff", "InvalidParameterValue", "Name is not UTF-8");
    refuse("Name=abc&Name=abcd", "InvalidParameterCombination", "Name is given twice");
}

/* Rules 3 and 4: order is by index, however they arrive; 0 and gaps are fine. */
static void lists_are_in_the_order_of_their_indexes(void **unused)
{
    struct fixture f;
    char list[64];

    (void)unused;
    accept(&f, "BlockDeviceMapping.10.DeviceName=j&BlockDeviceMapping.2.DeviceName=b&"
               "BlockDeviceMapping.0.DeviceName=z&BlockDeviceMapping.2.NoDevice=&Tag.0.Key=k&"
               "Filter.7.Name=n&Filter.7.Value.20=y&Filter.7.Value.3=x");
    assert_int_equal(api_count(&f.c, "BlockDeviceMapping"), 3);
    assert_string_equal(api_item(&f.c, "BlockDeviceMapping", 0, "DeviceName"), "z");
    assert_string_equal(api_item(&f.c, "BlockDeviceMapping", 1, "DeviceName"), "b");
    assert_string_equal(api_item(&f.c, "BlockDeviceMapping", 2, "DeviceName"), "j");
    assert_null(api_item(&f.c, "BlockDeviceMapping", 3, "DeviceName"));
    assert_true(api_item_has(&f.c, "BlockDeviceMapping", 1, "NoDevice"));
    assert_false(api_item_has(&f.c, "BlockDeviceMapping", 2, "NoDevice"));
    assert_string_equal(api_item(&f.c, "Tag", 0, "Key"), "k");
    assert_string_equal(api_sub(&f.c, "Filter", 0, "Value", list, sizeof(list)), "Filter.7.Value");
    assert_int_equal(api_count(&f.c, list), 2);
    assert_string_equal(api_item(&f.c, list, 0, ""), "x");
    assert_string_equal(api_item(&f.c, list, 1, ""), "y");
    done(&f);
}

/* Rules 5 and 6. */
static void an_empty_value_is_not_given_except_where_it_is_one(void **unused)
{
    struct fixture f;

    (void)unused;
    accept(&f, "VolumeId=&Name=&Size=&Later=&Later.Sub.1=&InstanceId=&InstanceId.1=&NoReboot=&"
               "Tag.1.Key=k&Tag.1.Value=&Tag.2.Key=j");
    assert_false(api_has(&f.c, "VolumeId"));
    assert_null(api_text(&f.c, "Name"));
    assert_int_equal(api_int(&f.c, "Size", 7), 7);
    assert_true(api_bool(&f.c, "NoReboot", true));
    assert_int_equal(api_count(&f.c, "InstanceId"), 0);
    assert_true(api_item_has(&f.c, "Tag", 0, "Value"));
    assert_string_equal(api_item(&f.c, "Tag", 0, "Value"), "");
    assert_false(api_item_has(&f.c, "Tag", 1, "Value"));
    done(&f);
}

/* Libcloud asks for one key pair so. */
static void a_list_of_one_may_come_without_an_index(void **unused)
{
    struct fixture f;

    (void)unused;
    accept(&f, "InstanceId=i-12345678");
    assert_int_equal(api_count(&f.c, "InstanceId"), 1);
    assert_string_equal(api_item(&f.c, "InstanceId", 0, ""), "i-12345678");
    done(&f);
    refuse("InstanceId=i-12345678&InstanceId.1=i-12345678", "InvalidParameterCombination",
           "InstanceId.1 is given twice");
    refuse("InstanceId=x", "InvalidInstanceID.Malformed", "Invalid id");
    refuse("Tag=x", "UnknownParameter", "Tag");
    refuse("Useless=x", "UnknownParameter", "Useless");
}

/* Rule 7. */
static void booleans_are_read_without_case(void **unused)
{
    struct fixture f;

    (void)unused;
    accept(&f, "NoReboot=True");
    assert_true(api_bool(&f.c, "NoReboot", false));
    done(&f);
    accept(&f, "NoReboot=false");
    assert_false(api_bool(&f.c, "NoReboot", true));
    done(&f);
    refuse("NoReboot=yes", "InvalidParameterValue", "Value (yes) for parameter NoReboot");
}

static void values_are_held_against_the_table(void **unused)
{
    struct fixture f;

    (void)unused;
    accept(&f,
           "Colour=RED&Later=False&Useless.x=1&Data=YQ%3D%3D&When=2030-01-01T00:00:00Z&Size=100&"
           "VolumeId=vol-12345678&InstanceId.1=i-0123456789abcdef0&ClientToken=t&DryRun=true&"
           "Action=Try&Version=2016-11-15");
    assert_string_equal(api_text(&f.c, "Colour"), "Red");
    assert_int_equal(api_int(&f.c, "Size", 0), 100);
    done(&f);
    refuse("Colour=blue", "InvalidParameterValue", "Expected: Red, green");
    refuse("Name=ab", "InvalidParameterValue", "Between 3 and 5 characters are expected, not 2");
    refuse("Name=%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4", "InvalidParameterValue", "not 6");
    refuse("Size=0", "InvalidParameterValue", "from 1 to 100");
    refuse("Size=101", "InvalidParameterValue", "from 1 to 100");
    refuse("Size=+5", "InvalidParameterValue", "from 1 to 100");
    refuse("Size=99999999999999999999999", "InvalidParameterValue", "from 1 to 100");
    refuse("Data=%21", "InvalidParameterValue", "Invalid BASE64 encoding of Data");
    refuse("When=tomorrow", "InvalidParameterValue", "2026-01-02T03:04:05Z");
    refuse("VolumeId=vol-x", "InvalidVolumeID.Malformed",
           "Value (vol-x) for parameter volumeId is invalid. Expected: 'vol-...'.");
    refuse("InstanceId.1=vol-12345678", "InvalidInstanceID.Malformed",
           "Invalid id: \"vol-12345678\" (expecting \"i-...\")");
    refuse("BlockDeviceMapping.1.Ebs.SnapshotId=s", "InvalidParameterValue",
           "Expected: 'snap-...'.");
    refuse("Tag.1.Value=x", "MissingParameter", "the parameter Tag.1.Key");
    refuse("Later=true", "UnsupportedOperation",
           "The parameter Later is not supported by this version of Kiln");
    refuse("Later.Deep.2.Down=1", "UnsupportedOperation", "The parameter Later.Deep.2.Down");
    refuse("Other=1", "UnknownParameter", "The parameter Other is not recognized");
    refuse("Other=", "UnknownParameter", "The parameter Other is not recognized");
    refuse("MaxResults=5", "UnknownParameter", "MaxResults");
    refuse("ClientToken=0123456789012345678901234567890123456789012345678901234567890123456789",
           "InvalidParameterValue", "64 characters");
}

static void too_many_parameters_are_refused(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(MIB(1));

    (void)unused;
    for (unsigned i = 0; i <= REQUEST_PARAMS_MAX; i++)
        str_addf(&s, "InstanceId.%u=i-12345678&", i);
    refuse(str_text(&s), "InvalidRequest", "at most 4000 are read");
}

static void the_digest_sees_parameters_but_not_the_token(void **unused)
{
    uint8_t a[32], b[32];
    struct fixture f;

    (void)unused;
    accept(&f, "Size=5&Name=abc&ClientToken=x&Version=2016-11-15");
    assert_int_equal(request_digest(&f.req, a, &f.e), 0);
    done(&f);
    accept(&f, "Name=abc&Size=5&ClientToken=y&Colour=");
    assert_int_equal(request_digest(&f.req, b, &f.e), 0);
    done(&f);
    assert_memory_equal(a, b, 32);
    accept(&f, "Name=abc5&ClientToken=y");
    assert_int_equal(request_digest(&f.req, b, &f.e), 0);
    done(&f);
    assert_memory_not_equal(a, b, 32);
}

static void mappings_are_read_whole(void **unused)
{
    struct mapping_list l = { 0 };
    struct fixture f;

    (void)unused;
    accept(&f, "BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.VolumeSize=40&"
               "BlockDeviceMapping.1.Ebs.DeleteOnTermination=false&"
               "BlockDeviceMapping.2.DeviceName=xvdca&BlockDeviceMapping.2.VirtualName=ephemeral0&"
               "BlockDeviceMapping.3.DeviceName=xvdf&BlockDeviceMapping.3.NoDevice=");
    assert_int_equal(api_mappings(&f.c, &l, &f.e), 0);
    assert_int_equal(l.n, 3);
    assert_true(l.v[0].has_ebs);
    assert_int_equal(l.v[0].size_gib, 40);
    assert_int_equal(l.v[0].delete_on_termination, TRI_FALSE);
    assert_int_equal(l.v[0].encrypted, TRI_UNSET);
    assert_string_equal(l.v[1].virtual_name, "ephemeral0");
    assert_true(l.v[2].no_device);
    mapping_list_done(&l);
    done(&f);
    accept(&f, "BlockDeviceMapping.1.DeviceName=xvdf&BlockDeviceMapping.1.NoDevice=true");
    assert_true(api_mappings(&f.c, &l, &f.e) < 0);
    assert_string_equal(f.c.wire_code, "InvalidRequest");
    done(&f);
    accept(&f, "BlockDeviceMapping.1.DeviceName=xvdf");
    assert_true(api_mappings(&f.c, &l, &f.e) < 0);
    assert_string_equal(f.e.msg, "The request must contain the parameter ebs");
    done(&f);
    refuse("BlockDeviceMapping.1.Ebs.KmsKeyId=k", "UnsupportedOperation", "KmsKeyId");
}

static void patterns_match_as_ec2_says(void **unused)
{
    static const struct {
        const char *pattern, *text;
        bool hit;
    } rows[] = {
        { "abc", "abc", true },
        { "abc", "ABC", false },
        { "*", "", true },
        { "?", "", false },
        { "a*c", "abbbc", true },
        { "a*c", "abbbd", false },
        { "*b*c", "aXbYbZc", true },
        { "a?c", "abc", true },
        { "a?c", "ac", false },
        { "a?c",
          "a\xe2\x82\xac"
          "c",
          true },
        { "a\\*c", "a*c", true },
        { "a\\*c", "abc", false },
        { "a\\?c", "a?c", true },
        { "a\\\\c", "a\\c", true },
        { "t3.*", "t3.micro", true },
        { "2026-01-02T*", "2026-01-02T03:04:05.000Z", true },
        { "", "", true },
        { "", "a", false },
        { "**a**", "a", true },
        { "a*", "b", false },
        { "\\", "\\", true },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (filter_glob(rows[i].pattern, rows[i].text) != rows[i].hit)
            fail_msg("'%s' against '%s'", rows[i].pattern, rows[i].text);
}

static void by_text(const void *record, struct filter_match *f)
{
    filter_offer(f, record);
}

static void by_flag(const void *record, struct filter_match *f)
{
    (void)record;
    filter_offer_bool(f, true);
    filter_offer_uint(f, 1024);
    filter_offer_time(f, 1767323045000ULL);
}

static const struct filter_def defs[] = {
    { "text", by_text },
    { "flag", by_flag },
    { "never", NULL },
    { 0 },
};

static bool passes(const char *form, const char *text)
{
    char words[4][8] = { "Name", "web", "a:b", "" };
    struct tag tags[] = { { words[0], words[1] }, { words[2], words[3] } };
    const struct tag_list l = { tags, 2 };
    struct fixture f;
    bool pass;

    accept(&f, form);
    if (api_filters_check(&f.c, defs, &f.e) < 0)
        fail_msg("%s: %s", form, f.e.msg);
    pass = api_filters_pass(&f.c, defs, text, &l);
    done(&f);
    return pass;
}

static void filters_are_anded_and_their_values_ored(void **unused)
{
    struct fixture f;

    (void)unused;
    assert_true(passes("", "x"));
    assert_true(passes("Filter.1.Name=text&Filter.1.Value.1=a&Filter.1.Value.2=x", "x"));
    assert_false(passes("Filter.1.Name=text&Filter.1.Value.1=a", "x"));
    assert_false(passes("Filter.1.Name=text", "x"));
    assert_true(passes("Filter.1.Name=text&Filter.1.Value.1=x&Filter.2.Name=flag&"
                       "Filter.2.Value.1=true",
                       "x"));
    assert_false(passes("Filter.1.Name=text&Filter.1.Value.1=x&Filter.2.Name=never&"
                        "Filter.2.Value.1=*",
                        "x"));
    assert_true(passes("Filter.1.Name=flag&Filter.1.Value.1=1024", "x"));
    assert_true(passes("Filter.1.Name=flag&Filter.1.Value.1=2026-01-02T03:04:05.000Z", "x"));
    assert_true(passes("Filter.1.Name=tag:Name&Filter.1.Value.1=w*", "x"));
    assert_true(passes("Filter.1.Name=tag:a:b&Filter.1.Value.1=", "x"));
    assert_false(passes("Filter.1.Name=tag:other&Filter.1.Value.1=*", "x"));
    assert_true(passes("Filter.1.Name=tag-key&Filter.1.Value.1=Name", "x"));
    assert_true(passes("Filter.1.Name=tag-value&Filter.1.Value.1=web", "x"));
    accept(&f, "Filter.1.Name=what");
    assert_true(api_filters_check(&f.c, defs, &f.e) < 0);
    assert_string_equal(f.e.msg, "The filter 'what' is invalid");
    assert_string_equal(f.c.wire_code, "InvalidParameterValue");
    done(&f);
    refuse("Filter.1.Value.1=x", "MissingParameter", "Filter.1.Name");
}

static void at_most_200_filter_values_are_taken(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(MIB(1));
    struct fixture f;

    (void)unused;
    str_add(&s, "Filter.1.Name=text");
    for (unsigned i = 1; i <= 200; i++)
        str_addf(&s, "&Filter.1.Value.%u=v", i);
    accept(&f, str_text(&s));
    assert_int_equal(api_filters_check(&f.c, defs, &f.e), 0);
    done(&f);
    str_add(&s, "&Filter.2.Name=text&Filter.2.Value.1=v");
    accept(&f, str_text(&s));
    assert_true(api_filters_check(&f.c, defs, &f.e) < 0);
    assert_string_equal(f.c.wire_code, "FilterLimitExceeded");
    done(&f);
}

static void the_answer_cannot_be_broken_out_of(void **unused)
{
    struct xml x = XML_INIT;

    (void)unused;
    xml_always(&x, "a", "plain");
    xml_always(&x, "b", NULL);
    xml_text(&x, "left-out", "");
    xml_always(&x, "c", "x</c>&\x01\xff");
    xml_uint(&x, "d", UINT64_MAX);
    xml_uint(&x, "e", 0);
    xml_bool(&x, "f", true);
    xml_time(&x, "g", 1767323045000ULL); /* rule 16 */
    assert_string_equal(str_text(&x.s),
                        "<a>plain</a><b/><c>x&lt;/c&gt;&amp;\xef\xbf\xbd\xef\xbf\xbd</c>"
                        "<d>18446744073709551615</d><e>0</e><f>true</f>"
                        "<g>2026-01-02T03:04:05.000Z</g>");
    xml_done(&x);
}

/* Rule 9. */
static void an_error_has_no_namespace_and_exactly_two_children(void **unused)
{
    struct xml x = XML_INIT;

    (void)unused;
    xml_error(&x, "Code.X", "why <this>", "id");
    assert_string_equal(str_text(&x.s),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<Response><Errors><Error><Code>Code.X</Code><Message>why &lt;this&gt;"
                        "</Message></Error></Errors><RequestID>id</RequestID></Response>\n");
    xml_done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_fit_paths_of_the_table),
        cmocka_unit_test(text_is_decoded_as_forms_are),
        cmocka_unit_test(lists_are_in_the_order_of_their_indexes),
        cmocka_unit_test(an_empty_value_is_not_given_except_where_it_is_one),
        cmocka_unit_test(a_list_of_one_may_come_without_an_index),
        cmocka_unit_test(booleans_are_read_without_case),
        cmocka_unit_test(values_are_held_against_the_table),
        cmocka_unit_test(too_many_parameters_are_refused),
        cmocka_unit_test(the_digest_sees_parameters_but_not_the_token),
        cmocka_unit_test(mappings_are_read_whole),
        cmocka_unit_test(patterns_match_as_ec2_says),
        cmocka_unit_test(filters_are_anded_and_their_values_ored),
        cmocka_unit_test(at_most_200_filter_values_are_taken),
        cmocka_unit_test(the_answer_cannot_be_broken_out_of),
        cmocka_unit_test(an_error_has_no_namespace_and_exactly_two_children),
    };

    return test_run(tests);
}
