/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encryption by default, snapshots of a whole instance, and what is only noted or listed. */
#include "test-ask.h"

static const char *sealed_snapshot(struct world *w, const char *image)
{
    ask(w, "Action=DescribeImages&ImageId.1=%s", image);
    return at(w, "imagesSet/item/blockDeviceMapping/item/ebs/snapshotId");
}

static void everything_new_is_encrypted_where_that_is_the_default(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *plain = import(w, "Linux", "plain"), *sealed = NULL, *from = NULL;
    _cleanup_free_ char *id = NULL;

    ask(w, "Action=GetEbsEncryptionByDefault");
    assert_at(w, "ebsEncryptionByDefault", "false");
    refused(w, "DryRunOperation", "", "Action=EnableEbsEncryptionByDefault&DryRun=true");
    ask(w, "Action=GetEbsEncryptionByDefault");
    assert_at(w, "ebsEncryptionByDefault", "false");
    ask(w, "Action=EnableEbsEncryptionByDefault");
    assert_at(w, "ebsEncryptionByDefault", "true");
    ask(w, "Action=GetEbsDefaultKmsKeyId");
    assert_at(w, "kmsKeyId", "alias/aws/ebs");

    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1&Encrypted=false");
    assert_at(w, "encrypted", "true");
    sealed = import(w, "Linux", "sealed");
    ask(w, "Action=DescribeImages&ImageId.1=%s", sealed);
    assert_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/encrypted", "true");
    ask(w, "Action=DescribeImages&ImageId.1=%s", plain);
    assert_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/encrypted", "false");
    from = keep_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/snapshotId");
    ask(w, "Action=CopySnapshot&SourceSnapshotId=%s&SourceRegion=us-east-1&Encrypted=false", from);
    ask(w, "Action=DescribeSnapshots&SnapshotId.1=%s", at(w, "snapshotId"));
    assert_at(w, "snapshotSet/item/encrypted", "true");
    ask(w, "Action=CopySnapshot&SourceSnapshotId=%s&SourceRegion=us-east-1&Encrypted=false",
        sealed_snapshot(w, sealed)); /* of what is encrypted: the word counts for nothing here */
    id = run(w, plain, "");
    ask(w, "Action=DescribeVolumes&Filter.1.Name=attachment.instance-id&Filter.1.Value.1=%s", id);
    assert_at(w, "volumeSet/item/encrypted", "true");
    refused(w, "InvalidParameterCombination", "m1.small",
            "Action=RunInstances&ImageId=%s&InstanceType=m1.small&MinCount=1&MaxCount=1", plain);

    ask(w, "Action=DisableEbsEncryptionByDefault");
    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1");
    assert_at(w, "encrypted", "false");
}

static void an_import_may_be_encrypted(void **state)
{
    struct world *w = *state;

    ask(w,
        "Action=ImportImage&DiskContainer.1.Url=/d.raw&DiskContainer.1.Format=raw&Encrypted=true");
    assert_at(w, "encrypted", "true");
    ask(w, "Action=DescribeSnapshots&SnapshotId.1=%s", at(w, "kilnSnapshotId"));
    assert_at(w, "snapshotSet/item/encrypted", "true");
}

static void all_volumes_of_an_instance_give_snapshots_of_one_instant(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Windows", "win"), *data = NULL;
    _cleanup_free_ char *id =
        run(w, base,
            "&BlockDeviceMapping.1.DeviceName=xvdf&"
            "BlockDeviceMapping.1.Ebs.VolumeSize=1&"
            "TagSpecification.1.ResourceType=volume&"
            "TagSpecification.1.Tag.1.Key=of&TagSpecification.1.Tag.1.Value=v");

    ask(w,
        "Action=CreateSnapshots&InstanceSpecification.InstanceId=%s&Description=d&"
        "CopyTagsFromSource=volume&TagSpecification.1.ResourceType=snapshot&"
        "TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v",
        id);
    assert_int_equal(count(w, "snapshotSet/item"), 2);
    assert_at(w, "snapshotSet/item[1]/state", "pending");
    assert_at(w, "snapshotSet/item[1]/volumeSize", "8");
    assert_at(w, "snapshotSet/item[1]/description", "d");
    assert_int_equal(count(w, "snapshotSet/item[1]/tagSet/item"), 2);
    data = keep_at(w, "snapshotSet/item[2]/volumeId");
    assert_int_equal(asked_for(w, "create-snapshot snap-"), 2);
    ask(w, "Action=DescribeSnapshots&SnapshotId.1=%s", at(w, "snapshotSet/item[1]/snapshotId"));
    assert_at(w, "snapshotSet/item/kilnPlatform", "windows");

    ask(w,
        "Action=CreateSnapshots&InstanceSpecification.InstanceId=%s&"
        "InstanceSpecification.ExcludeBootVolume=true",
        id);
    assert_int_equal(count(w, "snapshotSet/item"), 1);
    assert_at(w, "snapshotSet/item/volumeId", data);
    ask(w,
        "Action=CreateSnapshots&InstanceSpecification.InstanceId=%s&"
        "InstanceSpecification.ExcludeDataVolumeId.1=%s",
        id, data);
    assert_int_equal(count(w, "snapshotSet/item"), 1);
    assert_string_not_equal(at(w, "snapshotSet/item/volumeId"), data);
    refused(w, "InvalidParameterCombination", "No volume",
            "Action=CreateSnapshots&InstanceSpecification.InstanceId=%s&"
            "InstanceSpecification.ExcludeBootVolume=true&"
            "InstanceSpecification.ExcludeDataVolumeId.1=%s",
            id, data);
    refused(w, "InvalidParameterValue", "vol-00000000000000000",
            "Action=CreateSnapshots&InstanceSpecification.InstanceId=%s&"
            "InstanceSpecification.ExcludeDataVolumeId.1=vol-00000000000000000",
            id);
}

static void every_type_is_offered_everywhere(void **state)
{
    struct world *w = *state;

    ask(w, "Action=DescribeInstanceTypeOfferings&LocationType=availability-zone&"
           "Filter.1.Name=instance-type&Filter.1.Value.1=t3.micro");
    assert_int_equal(count(w, "instanceTypeOfferingSet/item"), 3);
    assert_at(w, "instanceTypeOfferingSet/item[2]/location", "us-east-1b");
    assert_at(w, "instanceTypeOfferingSet/item[2]/locationType", "availability-zone");
    ask(w, "Action=DescribeInstanceTypeOfferings&Filter.1.Name=location&"
           "Filter.1.Value.1=us-east-1&MaxResults=5");
    assert_int_equal(count(w, "instanceTypeOfferingSet/item"), 5);
    assert_int_equal(count(w, "nextToken"), 1);
    ask(w, "Action=DescribeInstanceTypeOfferings&LocationType=availability-zone-id&"
           "Filter.1.Name=location&Filter.1.Value.1=use1-az3&Filter.2.Name=instance-type&"
           "Filter.2.Value.1=m5.large");
    assert_int_equal(count(w, "instanceTypeOfferingSet/item"), 1);
}

static void a_volume_says_whether_it_can_be_read(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = NULL;

    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1");
    id = keep_at(w, "volumeId");
    ask(w, "Action=DescribeVolumeStatus&VolumeId.1=%s", id);
    assert_at(w, "volumeStatusSet/item/volumeStatus/status", "insufficient-data");
    OK(model_volume_move(MODEL(w), id, VOLUME_EV_READY, NULL, &e));
    ask(w, "Action=DescribeVolumeStatus&Filter.1.Name=volume-status.status&Filter.1.Value.1=ok");
    assert_at(w, "volumeStatusSet/item/volumeId", id);
    assert_at(w, "volumeStatusSet/item/volumeStatus/details/item/status", "passed");
    refused(w, "InvalidVolume.NotFound", "",
            "Action=DescribeVolumeStatus&VolumeId.1=vol-00000000000000000");
}

static void monitoring_is_noted(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "base"), *id = run(w, base, "");

    ask(w, "Action=MonitorInstances&InstanceId.1=%s", id);
    assert_at(w, "instancesSet/item/monitoring/state", "enabled");
    ask(w, "Action=DescribeInstances&Filter.1.Name=monitoring-state&Filter.1.Value.1=enabled");
    assert_at(w, "reservationSet/item/instancesSet/item/instanceId", id);
    ask(w, "Action=UnmonitorInstances&InstanceId.1=%s", id);
    assert_at(w, "instancesSet/item/monitoring/state", "disabled");
    refused(w, "InvalidParameterCombination", "No instances", "Action=MonitorInstances");
}

static void what_is_reset_is_at_its_default(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "base"), *id = run(w, base, "");

    ask(w, "Action=ResetInstanceAttribute&InstanceId=%s&Attribute=sourceDestCheck", id);
    assert_at(w, "return", "true");
    refused(w, "IncorrectInstanceState", "stopped",
            "Action=ResetInstanceAttribute&InstanceId=%s&Attribute=kernel", id);
    refused(w, "InvalidParameterValue", "userData",
            "Action=ResetInstanceAttribute&InstanceId=%s&Attribute=userData", id);
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(everything_new_is_encrypted_where_that_is_the_default),
        STORY(an_import_may_be_encrypted),
        STORY(all_volumes_of_an_instance_give_snapshots_of_one_instant),
        STORY(every_type_is_offered_everywhere),
        STORY(a_volume_says_whether_it_can_be_read),
        STORY(monitoring_is_noted),
        STORY(what_is_reset_is_at_its_default),
    };

    return test_run(tests);
}
