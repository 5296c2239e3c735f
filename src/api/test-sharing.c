/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptions and permissions of images and snapshots, as Packer and Ansible change them. */
#include "test-ask.h"

#define LAUNCH "launchPermission/item"

static void a_description_is_changed(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Windows", "golden");

    ask(w, "Action=ModifyImageAttribute&ImageId=%s&Description.Value=by%%20packer", ami);
    assert_at(w, "return", "true");
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=description", ami);
    assert_at(w, "imageId", ami);
    assert_at(w, "description/value", "by packer");
    ask(w, "Action=ModifyImageAttribute&ImageId=%s&Attribute=Description&Value=short", ami);
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_at(w, "imagesSet/item/description", "short");
    assert_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/volumeSize", "8");
    ask(w, "Action=ModifyImageAttribute&ImageId=%s&Description.Value=", ami);
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=description", ami);
    assert_at(w, "description/value", "(none)");
}

static void an_image_is_shared_and_not_any_more(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Windows", "golden");

    ask(w,
        "Action=ModifyImageAttribute&ImageId=%s&LaunchPermission.Add.1.UserId=222222222222&"
        "LaunchPermission.Add.2.UserId=111111111111&UserId.1=222222222222&UserId.2=111111111111",
        ami);
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=launchPermission", ami);
    assert_int_equal(count(w, LAUNCH), 2);
    assert_at(w, LAUNCH "[1]/userId", "111111111111");
    assert_at(w, LAUNCH "[2]/userId", "222222222222");
    ask(w, "Action=DescribeImages&ExecutableBy.1=111111111111");
    assert_int_equal(count(w, "imagesSet/item"), 1);
    assert_at(w, "imagesSet/item/isPublic", "false");
    ask(w, "Action=DescribeImages&ExecutableBy.1=333333333333");
    assert_int_equal(count(w, "imagesSet/item"), 0);

    ask(w,
        "Action=ModifyImageAttribute&ImageId=%s&Attribute=launchPermission&OperationType=remove&"
        "UserId.1=111111111111&UserId.2=444444444444",
        ami); /* removing what is absent succeeds */
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=launchPermission", ami);
    assert_int_equal(count(w, LAUNCH), 1);

    ask(w, "Action=ModifyImageAttribute&ImageId=%s&OperationType=add&UserGroup.1=all", ami);
    ask(w, "Action=DescribeImages&ExecutableBy.1=all");
    assert_at(w, "imagesSet/item/isPublic", "true");
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=launchPermission", ami);
    assert_at(w, LAUNCH "[2]/group", "all");
    ask(w, "Action=ResetImageAttribute&ImageId=%s&Attribute=launchPermission", ami);
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=launchPermission", ami);
    assert_int_equal(count(w, LAUNCH), 0);
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_at(w, "imagesSet/item/isPublic", "false");
}

static void what_makes_no_sense_is_refused_and_changes_nothing(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Windows", "golden");

    refused(w, "InvalidParameterCombination", "No attributes",
            "Action=ModifyImageAttribute&ImageId=%s", ami);
    refused(w, "InvalidParameterCombination", "description, launchPermission",
            "Action=ModifyImageAttribute&ImageId=%s&Description.Value=x&"
            "LaunchPermission.Add.1.Group=all",
            ami);
    refused(w, "MissingParameter", "OperationType",
            "Action=ModifyImageAttribute&ImageId=%s&UserId.1=111111111111", ami);
    refused(w, "InvalidAMIAttributeItemValue", "\"bob\"",
            "Action=ModifyImageAttribute&ImageId=%s&LaunchPermission.Add.1.UserId=111111111111&"
            "LaunchPermission.Add.2.UserId=bob",
            ami);
    refused(w, "InvalidAMIAttributeItemValue", "\"some\"",
            "Action=ModifyImageAttribute&ImageId=%s&LaunchPermission.Add.1.Group=some", ami);
    refused(w, "UnsupportedOperation", "OrganizationArn",
            "Action=ModifyImageAttribute&ImageId=%s&LaunchPermission.Add.1.OrganizationArn=arn:x",
            ami);
    refused(w, "InvalidParameterValue", "nonsense",
            "Action=ModifyImageAttribute&ImageId=%s&Attribute=nonsense&Value=1", ami);
    refused(w, "InvalidParameterValue", "nonsense",
            "Action=DescribeImageAttribute&ImageId=%s&Attribute=nonsense", ami);
    refused(w, "AuthFailure", "restricted resource",
            "Action=DescribeImageAttribute&ImageId=%s&Attribute=blockDeviceMapping", ami);
    ask(w, "Action=DescribeImageAttribute&ImageId=%s&Attribute=launchPermission", ami);
    assert_int_equal(count(w, LAUNCH), 0);
    ask(w, "Action=DeregisterImage&ImageId=%s", ami);
    refused(w, "InvalidAMIID.Unavailable", ami,
            "Action=ModifyImageAttribute&ImageId=%s&Description.Value=late", ami);
    refused(w, "InvalidAMIID.Unavailable", ami,
            "Action=ResetImageAttribute&ImageId=%s&Attribute=launchPermission", ami);
}

static void a_snapshot_is_shared_and_not_any_more(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *snap = NULL;

    free(import(w, "Windows", "golden"));
    ask(w, "Action=DescribeSnapshots&Owner.1=self");
    snap = keep_at(w, "snapshotSet/item/snapshotId");
    ask(w,
        "Action=ModifySnapshotAttribute&SnapshotId=%s&"
        "CreateVolumePermission.Add.1.UserId=111111111111&UserId.1=111111111111",
        snap);
    ask(w, "Action=DescribeSnapshotAttribute&SnapshotId=%s&Attribute=createVolumePermission", snap);
    assert_at(w, "snapshotId", snap);
    assert_at(w, "createVolumePermission/item/userId", "111111111111");
    ask(w, "Action=ResetSnapshotAttribute&SnapshotId=%s&Attribute=createVolumePermission", snap);
    ask(w, "Action=DescribeSnapshotAttribute&SnapshotId=%s&Attribute=createVolumePermission", snap);
    assert_int_equal(count(w, "createVolumePermission/item"), 0);
    ask(w, "Action=DescribeSnapshotAttribute&SnapshotId=%s&Attribute=productCodes", snap);
}

static void what_is_encrypted_is_never_public(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *snap = NULL;
    struct snapshot_rec s;

    free(import(w, "Windows", "golden"));
    ask(w, "Action=DescribeSnapshots&Owner.1=self");
    snap = keep_at(w, "snapshotSet/item/snapshotId");
    OK(model_snapshot_get(MODEL(w), NULL, snap, &s, &e));
    s.encrypted = true;
    OK(model_snapshot_save(MODEL(w), &s, &e));
    refused(w, "InvalidParameterValue", "encrypted",
            "Action=ModifySnapshotAttribute&SnapshotId=%s&CreateVolumePermission.Add.1.Group=all",
            snap);
    ask(w,
        "Action=ModifySnapshotAttribute&SnapshotId=%s&"
        "CreateVolumePermission.Add.1.UserId=111111111111",
        snap);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_description_is_changed),
        TEST(an_image_is_shared_and_not_any_more),
        TEST(what_makes_no_sense_is_refused_and_changes_nothing),
        TEST(a_snapshot_is_shared_and_not_any_more),
        TEST(what_is_encrypted_is_never_public),
    };

    return test_run(tests);
}
