/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "records.h"

static const char instances[] =
    "<?xml version=\"1.0\"?><DescribeInstancesResponse "
    "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>"
    "<reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>"
    "<instanceState><code>16</code><name>running</name></instanceState>"
    "<blockDeviceMapping><item><deviceName>/dev/sda1</deviceName><ebs><volumeId>vol-1</volumeId>"
    "<deleteOnTermination>true</deleteOnTermination></ebs></item></blockDeviceMapping>"
    "<tagSet><item><key>Name</key><value>a &lt;b&gt;</value></item>"
    "<item><key>empty</key><value/></item></tagSet></item></instancesSet></item>"
    "<item><instancesSet><item><instanceId>i-2</instanceId></item></instancesSet></item>"
    "</reservationSet></DescribeInstancesResponse>";

static void read_answer(const char *text, struct answer *a)
{
    struct cli c = { 0 };
    struct err e = { 0 };

    assert_int_equal(answer_parse(&c, text, strlen(text), 200, a, &e), 0);
}

static void instances_of_all_reservations_are_read(void **unused)
{
    _cleanup_answer_ struct answer a = { 0 };
    _cleanup_json_ json_t *all = NULL;
    const json_t *one, *disk;

    (void)unused;
    read_answer(instances, &a);
    all = records_read(KIND_INSTANCE, answer_root(&a));
    assert_int_equal(json_array_size(all), 2);
    one = json_array_get(all, 0);
    assert_string_equal(rec_text(one, "id"), "i-1");
    assert_string_equal(rec_text(one, "state"), "running");
    assert_string_equal(rec_text(one, "name"), "a <b>");
    assert_string_equal(rec_text(json_object_get(one, "tags"), "empty"), "");
    disk = json_array_get(json_object_get(one, "disks"), 0);
    assert_string_equal(rec_text(disk, "volume"), "vol-1");
    assert_true(json_is_true(json_object_get(disk, "delete_on_termination")));
}

/* Scripts rely on every key being there, whatever the answer holds. */
static void every_key_is_always_there(void **unused)
{
    (void)unused;
    for (enum kind k = 0; k < KIND_MAX; k++) {
        _cleanup_answer_ struct answer a = { 0 };
        _cleanup_json_ json_t *rec = NULL;

        read_answer("<x/>", &a);
        rec = record_read(kind_def(k)->fields, answer_root(&a));
        for (const struct field *f = kind_def(k)->fields; f->key; f++)
            assert_non_null(json_object_get(rec, f->key));
    }
}

static void numbers_may_carry_a_percent_sign_or_be_absent(void **unused)
{
    _cleanup_answer_ struct answer a = { 0 };
    _cleanup_json_ json_t *all = NULL;

    (void)unused;
    read_answer("<r><snapshotSet><item><snapshotId>snap-1</snapshotId><progress>37%</progress>"
                "<volumeSize>many</volumeSize></item></snapshotSet></r>",
                &a);
    all = records_read(KIND_SNAPSHOT, answer_root(&a));
    assert_int_equal(rec_int(json_array_get(all, 0), "progress", 0), 37);
    assert_true(json_is_null(json_object_get(json_array_get(all, 0), "size_gib")));
    assert_int_equal(rec_int(json_array_get(all, 0), "size_gib", 7), 7);
}

static void a_refused_request_tells_code_and_sentence(void **unused)
{
    static const char text[] =
        "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code>"
        "<Message>The instance ID 'i-1' does not exist</Message></Error></Errors>"
        "<RequestID>r</RequestID></Response>";
    _cleanup_answer_ struct answer a = { 0 };
    struct cli c = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(answer_parse(&c, text, strlen(text), 400, &a, &e), -EREMOTEIO);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(c.code, "InvalidInstanceID.NotFound");
    assert_string_equal(e.msg, "InvalidInstanceID.NotFound: The instance ID 'i-1' does not exist");
    assert_null(a.doc);
}

static void what_is_no_ec2_answer_is_an_error(void **unused)
{
    static const char *const texts[] = { "", "hello", "<html>", "{\"a\":1}" };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        _cleanup_answer_ struct answer a = { 0 };
        struct cli c = { .cfg.endpoint = "http://x" };
        struct err e = { 0 };

        assert_int_equal(answer_parse(&c, texts[i], strlen(texts[i]), 404, &a, &e), -EPROTO);
        assert_string_equal(e.msg,
                            "'http://x' answered HTTP 404 and no XML: that is not an EC2 endpoint");
    }
}

/* An answer is outside text: entities must neither grow nor reach files. */
static void entities_reach_no_file(void **unused)
{
    static const char text[] = "<!DOCTYPE r [<!ENTITY f SYSTEM \"file:///etc/hostname\">]>"
                               "<r><snapshotSet><item><snapshotId>&f;</snapshotId></item>"
                               "</snapshotSet></r>";
    _cleanup_answer_ struct answer a = { 0 };

    (void)unused;
    read_answer(text, &a);
    assert_string_equal(xml_text_at(answer_root(&a), "snapshotSet/item/snapshotId"), "");
}

static void ids_are_told_from_names(void **unused)
{
    (void)unused;
    assert_int_equal(kind_of_id("i-0123456789abcdef0"), KIND_INSTANCE);
    assert_int_equal(kind_of_id("ami-"), KIND_IMAGE);
    assert_int_equal(kind_of_id("import-ami-0a"), KIND_IMPORT);
    assert_int_equal(kind_of_id("i-golden"), KIND_MAX);
    assert_int_equal(kind_of_id("golden"), KIND_MAX);
    assert_true(kind_is_id(KIND_VOLUME, "vol-0123456789abcdef0"));
    assert_false(kind_is_id(KIND_VOLUME, "vol-01234567")); /* eight digits may be a beginning */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_of_all_reservations_are_read),
        cmocka_unit_test(every_key_is_always_there),
        cmocka_unit_test(numbers_may_carry_a_percent_sign_or_be_absent),
        cmocka_unit_test(a_refused_request_tells_code_and_sentence),
        cmocka_unit_test(what_is_no_ec2_answer_is_an_error),
        cmocka_unit_test(entities_reach_no_file),
        cmocka_unit_test(ids_are_told_from_names),
    };

    return test_run(tests);
}
