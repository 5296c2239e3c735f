/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-ask.h"

/* An empty volume that is 'available'; the caller frees its id. */
static char *volume(struct world *w, const char *zone)
{
    char *id;

    ask(w, "Action=CreateVolume&AvailabilityZone=%s&Size=2&Encrypted=false", zone);
    id = keep_at(w, "volumeId");
    OK(model_volume_move(MODEL(w), id, VOLUME_EV_READY, NULL, &e));
    return id;
}

static void a_volume_is_made_with_the_defaults_of_its_type(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = NULL;
#define GP3                                                                                        \
    "Action=CreateVolume&AvailabilityZone=us-east-1b&Size=20&VolumeType=gp3&ClientToken=t1&"       \
    "TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=a&"                       \
    "TagSpecification.1.Tag.1.Value=b"

    ask(w, GP3);
    id = keep_at(w, "volumeId");
    assert_at(w, "status", "creating");
    assert_at(w, "size", "20");
    assert_at(w, "iops", "3000");
    assert_at(w, "throughput", "125");
    assert_at(w, "snapshotId", "");
    assert_at(w, "encrypted", "false");
    assert_at(w, "tagSet/item/value", "b");
    ask(w, GP3);
    assert_at(w, "volumeId", id);
    ask(w, "Action=DescribeVolumes&VolumeId.1=%s&Filter.1.Name=size&Filter.1.Value.1=20", id);
    assert_at(w, "volumeSet/item/availabilityZone", "us-east-1b");
    assert_int_equal(count(w, "volumeSet/item/attachmentSet"), 1);
    assert_int_equal(asked_for(w, "create-volume "), 1);
}

static void a_volume_against_the_rules_is_refused(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *snap = NULL;

    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    snap = keep_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/snapshotId");
    refused(w, "InvalidParameterValue", "expect size >= 8GB",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=%s&Size=1", snap);
    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=%s", snap);
    assert_at(w, "size", "8");
    assert_at(w, "snapshotId", snap);
    refused(w, "MissingParameter", "size or snapshotId",
            "Action=CreateVolume&AvailabilityZone=us-east-1a");
    refused(w, "MissingParameter", "AvailabilityZone", "Action=CreateVolume&Size=1");
    refused(w, "InvalidZone.NotFound", "us-west-2a",
            "Action=CreateVolume&AvailabilityZone=us-west-2a&Size=1");
    refused(w, "UnsupportedOperation", "KmsKeyId",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1&Encrypted=true&KmsKeyId=k");
    refused(w, "InvalidParameterValue", "st1",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1&VolumeType=st1");
    refused(w, "MissingParameter", "iops",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=10&VolumeType=io1");
    refused(w, "InvalidParameterCombination", "iops",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=10&VolumeType=gp2&Iops=300");
    refused(w, "InvalidSnapshot.NotFound", "does not exist.",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=snap-00000000000000000");
}

static void a_volume_is_attached_once_and_detached(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, "");
    _cleanup_free_ char *vol = volume(w, "us-east-1a"), *other = volume(w, "us-east-1a");

    ask(w, "Action=AttachVolume&VolumeId=%s&InstanceId=%s&Device=/dev/sdf", vol, id);
    assert_at(w, "status", "attaching");
    assert_at(w, "device", "/dev/sdf");
    assert_at(w, "deleteOnTermination", "false");
    ask(w, "Action=DescribeVolumes&Filter.1.Name=attachment.device&Filter.1.Value.1=/dev/sdf");
    assert_at(w, "volumeSet/item/status", "in-use");
    assert_at(w, "volumeSet/item/attachmentSet/item/instanceId", id);
    refused(w, "VolumeInUse", "is already attached to an instance",
            "Action=AttachVolume&VolumeId=%s&InstanceId=%s&Device=/dev/sdg", vol, id);
    refused(w, "InvalidParameterValue", "Attachment point /dev/sdf is already in use",
            "Action=AttachVolume&VolumeId=%s&InstanceId=%s&Device=/dev/sdf", other, id);
    refused(w, "InvalidParameterValue", "unixDevice",
            "Action=AttachVolume&VolumeId=%s&InstanceId=%s&Device=/dev/sda1", other, id);
    refused(w, "InvalidParameterValue", "(nonsense)",
            "Action=AttachVolume&VolumeId=%s&InstanceId=%s&Device=nonsense", other, id);
    refused(w, "VolumeInUse", "is currently attached to i-", "Action=DeleteVolume&VolumeId=%s",
            vol);

    refused(w, "IncorrectState", "attaching", "Action=DetachVolume&VolumeId=%s", vol);
    OK(model_attachment_state(MODEL(w), vol, ATTACH_ATTACHED, &e));
    refused(w, "InvalidAttachment.NotFound", "as device /dev/sdg",
            "Action=DetachVolume&VolumeId=%s&InstanceId=%s&Device=/dev/sdg", vol, id);
    ask(w, "Action=DetachVolume&VolumeId=%s", vol);
    assert_at(w, "status", "detaching");
    assert_int_equal(asked_for(w, "detach "), 1);
    OK(model_detach(MODEL(w), vol, &e));
    refused(w, "IncorrectState", "is in the 'available' state.", "Action=DetachVolume&VolumeId=%s",
            vol);
    ask(w, "Action=DeleteVolume&VolumeId=%s", vol);
    ask(w, "Action=DescribeVolumes&VolumeId.1=%s", vol);
    assert_at(w, "volumeSet/item/status", "deleting");
    OK(model_volume_move(MODEL(w), vol, VOLUME_EV_DELETED, NULL, &e));
    refused(w, "InvalidVolume.NotFound", "does not exist.", "Action=DescribeVolumes&VolumeId.1=%s",
            vol);
}

static void a_volume_goes_only_to_an_instance_of_its_zone_that_can_take_it(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = NULL;
    _cleanup_free_ char *vol = volume(w, "us-east-1b"), *here = volume(w, "us-east-1a");

    ask(w, "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1", ami);
    id = keep_at(w, "instancesSet/item/instanceId");
    refused(w, "IncorrectState", "'pending'",
            "Action=AttachVolume&VolumeId=%s&InstanceId=%s&Device=/dev/sdf", here, id);
    instance_runs(w, id);
    refused(w, "InvalidVolume.ZoneMismatch", "not in the same availability zone",
            "Action=AttachVolume&VolumeId=%s&InstanceId=%s&Device=/dev/sdf", vol, id);
    refused(w, "InvalidInstanceID.NotFound", "does not exist",
            "Action=AttachVolume&VolumeId=%s&InstanceId=i-00000000000000000&Device=/dev/sdf", vol);
    refused(w, "MissingParameter", "Device", "Action=AttachVolume&VolumeId=%s&InstanceId=%s", vol,
            id);
    refused(w, "InvalidVolumeID.Malformed", "Expected: 'vol-...'.",
            "Action=DeleteVolume&VolumeId=x");
    refused(w, "InvalidParameterValue", "Expected: 'vol-...'.",
            "Action=DescribeVolumes&VolumeId.1=x");
}

/* A snapshot of it, completed. */
static char *snapshot_of(struct world *w, const char *vol)
{
    char *snap;

    ask(w, "Action=CreateSnapshot&VolumeId=%s", vol);
    snap = keep_at(w, "snapshotId");
    OK(model_snapshot_move(MODEL(w), snap, SNAPSHOT_EV_COMPLETED, NULL, NULL, &e));
    return snap;
}

static void what_comes_of_an_encrypted_volume_is_encrypted(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *plain = volume(w, "us-east-1a"), *vol = NULL;
    _cleanup_free_ char *snap = NULL, *plain_snap = NULL;

    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1&Encrypted=true");
    assert_at(w, "encrypted", "true");
    vol = keep_at(w, "volumeId");
    OK(model_volume_move(MODEL(w), vol, VOLUME_EV_READY, NULL, &e));
    snap = snapshot_of(w, vol);
    ask(w, "Action=DescribeSnapshots&Filter.1.Name=encrypted&Filter.1.Value.1=true");
    assert_at(w, "snapshotSet/item/snapshotId", snap);
    assert_int_equal(count(w, "snapshotSet/item"), 1);
    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=%s", snap);
    assert_at(w, "encrypted", "true");
    refused(w, "InvalidParameterCombination", "cannot be unencrypted",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=%s&Encrypted=false", snap);
    plain_snap = snapshot_of(w, plain);
    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=%s&Encrypted=true",
        plain_snap);
    assert_at(w, "encrypted", "true");
    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=%s", plain_snap);
    assert_at(w, "encrypted", "false");
}

/* C-9 */
static void an_encrypted_volume_needs_a_type_that_supports_it(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *vol = NULL, *snap = NULL, *id = NULL;
#define LAUNCH(type, more)                                                                         \
    "Action=RunInstances&ImageId=%s&InstanceType=" type "&MinCount=1&MaxCount=1&"                  \
    "BlockDeviceMapping.1.DeviceName=xvdf&BlockDeviceMapping.1.Ebs." more

    ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1&Encrypted=true");
    vol = keep_at(w, "volumeId");
    OK(model_volume_move(MODEL(w), vol, VOLUME_EV_READY, NULL, &e));
    snap = snapshot_of(w, vol);
    refused(w, "InvalidParameterCombination", "'m1.small' does not support encrypted volumes",
            LAUNCH("m1.small", "SnapshotId=%s"), ami, snap);
    refused(w, "InvalidBlockDeviceMapping", "is not to be encrypted, and its snapshot is",
            LAUNCH("m5.large", "SnapshotId=%s&BlockDeviceMapping.1.Ebs.Encrypted=false"), ami,
            snap);
    ask(w, LAUNCH("m5.large", "SnapshotId=%s"), ami, snap);
    ask(w, "Action=DescribeVolumes&Filter.1.Name=attachment.device&Filter.1.Value.1=xvdf");
    assert_at(w, "volumeSet/item/encrypted", "true");
    ask(w, "Action=RunInstances&ImageId=%s&InstanceType=m1.small&MinCount=1&MaxCount=1", ami);
    id = keep_at(w, "instancesSet/item/instanceId");
    instance_runs(w, id);
    refused(w, "EncryptedVolumesNotSupported", "does not support encrypted volumes.",
            "Action=AttachVolume&VolumeId=%s&InstanceId=%s&Device=xvdg", vol, id);
}

static void the_root_volume_stays_while_the_instance_runs(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, ""), *vol = NULL;

    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    vol = keep_at(w, "reservationSet/item/instancesSet/item/blockDeviceMapping/item/ebs/volumeId");
    refused(w, "OperationNotPermitted", "Unable to detach root volume",
            "Action=DetachVolume&VolumeId=%s", vol);
    ask(w, "Action=StopInstances&InstanceId.1=%s", id);
    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_STOPPED, NULL, NULL, NULL, &e));
    ask(w, "Action=DetachVolume&VolumeId=%s", vol);
    OK(model_detach(MODEL(w), vol, &e));
    refused(w, "IncorrectInstanceState", "root volume", "Action=CreateImage&InstanceId=%s&Name=abc",
            id);
}

static void a_snapshot_is_of_the_volume_as_it_is(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *vol = volume(w, "us-east-1a"), *snap = NULL;

    ask(w,
        "Action=CreateSnapshot&VolumeId=%s&Description=&TagSpecification.1.ResourceType=snapshot&"
        "TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b",
        vol);
    snap = keep_at(w, "snapshotId");
    assert_at(w, "status", "pending");
    assert_at(w, "progress", "0%");
    assert_at(w, "volumeSize", "2");
    assert_at(w, "tagSet/item/key", "a");
    refused(w, "IncorrectState", "pending", "Action=DeleteSnapshot&SnapshotId=%s", snap);
    refused(w, "IncorrectState", "'pending'",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=%s", snap);
    ask(w, "Action=DescribeSnapshots&Owner.1=self&Filter.1.Name=status&Filter.1.Value.1=pending");
    assert_int_equal(count(w, "snapshotSet/item"), 1);
    refused(w, "InvalidParameterValue", "'volume' is not a valid taggable resource type",
            "Action=CreateSnapshot&VolumeId=%s&TagSpecification.1.ResourceType=volume&"
            "TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b",
            vol);
    refused(w, "InvalidSnapshotID.Malformed", "Expected: 'snap-...'.",
            "Action=DeleteSnapshot&SnapshotId=x");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(a_volume_is_made_with_the_defaults_of_its_type),
        STORY(a_volume_against_the_rules_is_refused),
        STORY(a_volume_is_attached_once_and_detached),
        STORY(a_volume_goes_only_to_an_instance_of_its_zone_that_can_take_it),
        STORY(what_comes_of_an_encrypted_volume_is_encrypted),
        STORY(an_encrypted_volume_needs_a_type_that_supports_it),
        STORY(the_root_volume_stays_while_the_instance_runs),
        STORY(a_snapshot_is_of_the_volume_as_it_is),
    };

    return test_run(tests);
}
