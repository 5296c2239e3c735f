/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-ask.h"

#define HERE "&SourceRegion=us-east-1"

static char *root_snapshot(struct world *w, const char *image)
{
    ask(w, "Action=DescribeImages&ImageId.1=%s", image);
    return keep_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/snapshotId");
}

/* What belongs to another region: the requests of these tests are all signed for us-east-1. */
static void move_away(struct world *w, const char *image, const char *snapshot)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    struct snapshot_rec s;

    OK(model_image_get(MODEL(w), NULL, image, &i, &e));
    (void)str_copy(i.region, sizeof(i.region), "eu-west-1");
    OK(model_image_save(MODEL(w), &i, &e));
    OK(model_snapshot_get(MODEL(w), NULL, snapshot, &s, &e));
    (void)str_copy(s.region, sizeof(s.region), "eu-west-1");
    OK(model_snapshot_save(MODEL(w), &s, &e));
}

static void encrypt(struct world *w, const char *snapshot)
{
    struct snapshot_rec s;

    OK(model_snapshot_get(MODEL(w), NULL, snapshot, &s, &e));
    s.encrypted = true;
    OK(model_snapshot_save(MODEL(w), &s, &e));
}

static void an_image_comes_from_another_region_with_its_snapshots(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Windows", "win"), *from = root_snapshot(w, base);
    _cleanup_free_ char *ami = NULL, *snapshot = NULL, *line = NULL, *words = NULL;

    ask(w, "Action=CreateTags&ResourceId.1=%s&Tag.1.Key=a&Tag.1.Value=1&Tag.2.Key=b&Tag.2.Value=2",
        base);
    move_away(w, base, from);
    refused(w, "InvalidAMIID.NotFound", base, "Action=CopyImage&SourceImageId=%s&Name=copy" HERE,
            base);
    refused(w, "DryRunOperation", "",
            "Action=CopyImage&SourceImageId=%s&Name=copy&SourceRegion=eu-west-1&DryRun=true", base);
    ask(w,
        "Action=CopyImage&SourceImageId=%s&Name=copy&SourceRegion=eu-west-1&Description=d&"
        "CopyImageTags=true&ClientToken=t1&Encrypted=false&KmsKeyId=&"
        "TagSpecification.1.ResourceType=image&TagSpecification.1.Tag.1.Key=b&"
        "TagSpecification.1.Tag.1.Value=3&TagSpecification.2.ResourceType=snapshot&"
        "TagSpecification.2.Tag.1.Key=s&TagSpecification.2.Tag.1.Value=t",
        base);
    ami = keep_at(w, "imageId");
    ask(w,
        "Action=CopyImage&SourceImageId=%s&Name=copy&SourceRegion=eu-west-1&Description=d&"
        "CopyImageTags=true&ClientToken=t1&Encrypted=false&KmsKeyId=&"
        "TagSpecification.1.ResourceType=image&TagSpecification.1.Tag.1.Key=b&"
        "TagSpecification.1.Tag.1.Value=3&TagSpecification.2.ResourceType=snapshot&"
        "TagSpecification.2.Tag.1.Key=s&TagSpecification.2.Tag.1.Value=t",
        base);
    assert_at(w, "imageId", ami);
    refused(w, "InvalidAMIName.Duplicate", ami,
            "Action=CopyImage&SourceImageId=%s&Name=copy&SourceRegion=eu-west-1", base);

    ask(w, "Action=DescribeImages&Filter.1.Name=source-image-id&Filter.1.Value.1=%s", base);
    assert_int_equal(count(w, "imagesSet/item"), 1);
    assert_at(w, "imagesSet/item/imageId", ami);
    assert_at(w, "imagesSet/item/imageState", "pending");
    assert_at(w, "imagesSet/item/description", "d");
    assert_at(w, "imagesSet/item/sourceImageRegion", "eu-west-1");
    assert_at(w, "imagesSet/item/platform", "windows");
    assert_at(w, "imagesSet/item/usageOperation", "RunInstances:0002");
    assert_at(w, "imagesSet/item/tagSet/item[2]/value", "1");
    assert_at(w, "imagesSet/item/tagSet/item[3]/value", "3");
    assert_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/encrypted", "false");
    snapshot = keep_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/snapshotId");
    assert_string_not_equal(snapshot, from);
    ask(w, "Action=DescribeSnapshots&SnapshotId.1=%s", snapshot);
    assert_at(w, "snapshotSet/item/status", "pending");
    assert_at(w, "snapshotSet/item/volumeId", "vol-ffffffff");
    assert_at(w, "snapshotSet/item/volumeSize", "8");
    assert_at(w, "snapshotSet/item/kilnPlatform", "windows");
    assert_at(w, "snapshotSet/item/tagSet/item/value", "t");
    words = xasprintf("Copied for DestinationAmi %s from SourceAmi %s for SourceSnapshot %s. Task "
                      "created on 1,",
                      ami, base, from);
    assert_memory_equal(at(w, "snapshotSet/item/description"), words, strlen(words));
    line = xasprintf("copy %s %s\n", from, snapshot);
    assert_int_equal(asked_for(w, line), 1);
}

static void a_copy_in_place_may_be_encrypted_and_never_decrypted(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "base"), *from = root_snapshot(w, base);
    _cleanup_free_ char *line = NULL, *ami = NULL;

    ask(w,
        "Action=CopyImage&SourceImageId=%s&Name=sealed&Encrypted=true&KmsKeyId=alias/aws/ebs" HERE,
        base);
    ami = keep_at(w, "imageId");
    line = xasprintf("encrypt %s snap-", from);
    assert_int_equal(asked_for(w, line), 1);
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/encrypted", "true");

    encrypt(w, from);
    refused(w, "InvalidParameterCombination", "cannot be unencrypted",
            "Action=CopyImage&SourceImageId=%s&Name=open&Encrypted=false" HERE, base);
    refused(w, "InvalidParameterCombination", "cannot be unencrypted",
            "Action=CopySnapshot&SourceSnapshotId=%s&Encrypted=false" HERE, from);
    ask(w,
        "Action=CopySnapshot&SourceSnapshotId=%s&DestinationRegion=us-east-1&PresignedUrl=x" HERE,
        from);
    free(TAKE_PTR(line));
    line = xasprintf("copy %s %s\n", from, at(w, "snapshotId"));
    assert_int_equal(asked_for(w, line), 1); /* as it is: the key stays */
    ask(w, "Action=DescribeSnapshots&SnapshotId.1=%s", at(w, "snapshotId"));
    assert_at(w, "snapshotSet/item/encrypted", "true");
}

static void a_snapshot_is_copied_with_its_own_tags(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "base"), *from = root_snapshot(w, base);

    ask(w,
        "Action=CopySnapshot&SourceSnapshotId=%s&Description=mine&"
        "TagSpecification.1.ResourceType=snapshot&TagSpecification.1.Tag.1.Key=k&"
        "TagSpecification.1.Tag.1.Value=v" HERE,
        from);
    assert_at(w, "tagSet/item/value", "v");
    ask(w, "Action=DescribeSnapshots&SnapshotId.1=%s", at(w, "snapshotId"));
    assert_at(w, "snapshotSet/item/description", "mine");
    assert_at(w, "snapshotSet/item/encrypted", "false");
}

static void what_cannot_be_copied_is_refused(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "base"), *from = root_snapshot(w, base);
    _cleanup_free_ char *copy = NULL, *image = NULL;

    ask(w, "Action=CopySnapshot&SourceSnapshotId=%s" HERE, from);
    copy = keep_at(w, "snapshotId");
    refused(w, "IncorrectState", "'pending'", "Action=CopySnapshot&SourceSnapshotId=%s" HERE, copy);
    ask(w, "Action=CopyImage&SourceImageId=%s&Name=one" HERE, base);
    image = keep_at(w, "imageId");
    refused(w, "InvalidAMIID.Unavailable", "pending",
            "Action=CopyImage&SourceImageId=%s&Name=two" HERE, image);
    refused(w, "MissingParameter", "SourceRegion", "Action=CopySnapshot&SourceSnapshotId=%s", from);
    refused(w, "InvalidRegion", "'mars-1'",
            "Action=CopySnapshot&SourceSnapshotId=%s&SourceRegion=mars-1", from);
    refused(w, "InvalidParameterValue", "us-east-1",
            "Action=CopySnapshot&SourceSnapshotId=%s&DestinationRegion=eu-west-1" HERE, from);
    refused(w, "UnsupportedOperation", "KmsKeyId",
            "Action=CopySnapshot&SourceSnapshotId=%s&Encrypted=true&KmsKeyId=alias/mine" HERE,
            from);
    refused(w, "InvalidSnapshot.NotFound", "snap-00000000000000000",
            "Action=CopySnapshot&SourceSnapshotId=snap-00000000000000000" HERE);
    refused(w, "InvalidAMIName.Malformed", "", "Action=CopyImage&SourceImageId=%s&Name=a*" HERE,
            base);
    ask(w, "Action=DeregisterImage&ImageId=%s", base);
    refused(w, "InvalidAMIID.Unavailable", "", "Action=CopyImage&SourceImageId=%s&Name=three" HERE,
            base);
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(an_image_comes_from_another_region_with_its_snapshots),
        STORY(a_copy_in_place_may_be_encrypted_and_never_decrypted),
        STORY(a_snapshot_is_copied_with_its_own_tags),
        STORY(what_cannot_be_copied_is_refused),
    };

    return test_run(tests);
}
