/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-ask.h"

#define MAPPING "imagesSet/item/blockDeviceMapping/item"

static void finish_image(struct world *w, const char *id)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };

    OK(model_image_get(MODEL(w), NULL, id, &i, &e));
    for (size_t k = 0; k < i.mapping.n; k++)
        if (i.mapping.v[k].snapshot_id[0])
            OK(model_snapshot_move(MODEL(w), i.mapping.v[k].snapshot_id, SNAPSHOT_EV_COMPLETED,
                                   NULL, NULL, &e));
    OK(model_image_move(MODEL(w), id, IMAGE_EV_AVAILABLE, NULL, NULL, NULL, &e));
}

/* ---- imports --------------------------------------------------------------------------------- */

static void an_import_shows_its_task_image_and_snapshot(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *task = NULL, *ami = NULL;

    ask(w, "Action=ImportImage&DiskContainer.1.Url=file:///srv/my%%2520disk.vhdx&"
           "DiskContainer.1.Format=VHDX&Platform=windows&BootMode=uefi&Description=d&"
           "TagSpecification.1.ResourceType=import-image-task&TagSpecification.1.Tag.1.Key=Name&"
           "TagSpecification.1.Tag.1.Value=win-2022");
    task = keep_at(w, "importTaskId");
    ami = keep_at(w, "kilnImageId");
    assert_memory_equal(task, "import-ami-", 11);
    assert_at(w, "status", "active");
    assert_at(w, "progress", "0");
    assert_at(w, "imageId", "(none)"); /* only when it is completed */
    assert_at(w, "snapshotDetailSet/item/format", "VHDX");
    assert_at(w, "snapshotDetailSet/item/url", "/srv/my disk.vhdx");
    ask(w, "Action=DescribeImportImageTasks&ImportTaskId.1=%s", task);
    assert_at(w, "importImageTaskSet/item/platform", "Windows");
    assert_at(w, "importImageTaskSet/item/tagSet/item/value", "win-2022");
    ask(w, "Action=DescribeImportImageTasks&Filters.1.Name=task-state&Filters.1.Value.1=completed");
    assert_int_equal(count(w, "importImageTaskSet/item"), 0);

    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_at(w, "imagesSet/item/imageState", "pending");
    assert_at(w, "imagesSet/item/name", "win-2022");
    assert_at(w, "imagesSet/item/platform", "windows");
    assert_at(w, "imagesSet/item/platformDetails", "Windows");
    assert_at(w, "imagesSet/item/usageOperation", "RunInstances:0002");
    assert_at(w, "imagesSet/item/bootMode", "uefi");
    assert_at(w, "imagesSet/item/rootDeviceName", "/dev/sda1");
    assert_at(w, "imagesSet/item/enaSupport", "true");
    ask(w, "Action=DescribeSnapshots&Filter.1.Name=volume-id&Filter.1.Value.1=vol-ffffffff");
    assert_int_equal(count(w, "snapshotSet/item"), 1);
    assert_at(w, "snapshotSet/item/status", "pending");
    assert_at(w, "snapshotSet/item/kilnPlatform", "windows");
    assert_int_equal(asked_for(w, "import import-ami-"), 1);
}

#define IMPORT_TAGGED                                                                              \
    "Action=ImportImage&DiskContainer.1.Url=/d&DiskContainer.1.Format=RAW&"                        \
    "TagSpecification.1.ResourceType=import-image-task&TagSpecification.1.Tag.1.Key=%s&"           \
    "TagSpecification.1.Tag.1.Value=%s"

static void an_import_can_ask_for_a_tpm(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = NULL;

    refused(w, "InvalidParameterCombination", "needs BootMode uefi", IMPORT_TAGGED, "kiln:tpm",
            "v2.0");
    refused(w, "InvalidParameterValue", "takes v2.0, not 'yes'", IMPORT_TAGGED "&BootMode=uefi",
            "kiln:tpm", "yes");
    refused(w, "UnsupportedOperation", "'kiln:tmp'", IMPORT_TAGGED, "kiln:tmp", "v2.0");
    ask(w, IMPORT_TAGGED "&BootMode=uefi", "kiln:tpm", "v2.0");
    ami = keep_at(w, "kilnImageId");
    ask(w, "Action=DescribeImages&Filter.1.Name=tpm-support&Filter.1.Value.1=v2.0");
    assert_at(w, "imagesSet/item/imageId", ami);
    assert_at(w, "imagesSet/item/tpmSupport", "v2.0");
}

static void an_import_of_what_this_version_cannot_read_is_refused_by_name(void **state)
{
    struct world *w = *state;

    refused(
        w, "UnsupportedOperation", "s3://bucket/disk.vhd",
        "Action=ImportImage&DiskContainer.1.Url=s3://bucket/disk.vhd&DiskContainer.1.Format=VHD");
    refused(w, "UnsupportedOperation", "DiskContainer.1.UserBucket.S3Bucket",
            "Action=ImportImage&DiskContainer.1.UserBucket.S3Bucket=b&DiskContainer.1.Format=VHD");
    refused(w, "InvalidParameterValue", "(OVA)",
            "Action=ImportImage&DiskContainer.1.Url=/d.ova&DiskContainer.1.Format=OVA");
    refused(w, "InvalidParameterValue", "(d.vhd)",
            "Action=ImportImage&DiskContainer.1.Url=d.vhd&DiskContainer.1.Format=VHD");
    refused(w, "InvalidParameterValue", "(file:///a%00)",
            "Action=ImportImage&DiskContainer.1.Url=file:///a%%2500&DiskContainer.1.Format=VHD");
    refused(w, "InvalidParameterValue", "(file://host/a)",
            "Action=ImportImage&DiskContainer.1.Url=file://host/a&DiskContainer.1.Format=VHD");
    refused(w, "MissingParameter", "DiskContainer.1.Format",
            "Action=ImportImage&DiskContainer.1.Url=/d.vhd");
    refused(w, "MissingParameter", "DiskContainer.1.Url", "Action=ImportImage");
    refused(w, "UnsupportedOperation", "several disks",
            "Action=ImportImage&DiskContainer.1.Url=/a&DiskContainer.1.Format=raw&"
            "DiskContainer.2.Url=/b&DiskContainer.2.Format=raw");
    refused(w, "InvalidConversionTaskId", "does not exist",
            "Action=DescribeImportImageTasks&ImportTaskId.1=import-ami-00000000000000000");
}

/* ---- CreateImage ----------------------------------------------------------------------------- */

/* C-2, C-6, C-7, C-42, C-58, C-59 */
static void an_image_of_three_volumes_has_three_pending_snapshots(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Windows", "win"), *ami = NULL, *text = NULL;
    _cleanup_free_ char *id = run(w, base,
                                  "&BlockDeviceMapping.1.DeviceName=xvdf&"
                                  "BlockDeviceMapping.1.Ebs.VolumeSize=1&"
                                  "BlockDeviceMapping.2.DeviceName=xvdg&"
                                  "BlockDeviceMapping.2.Ebs.VolumeSize=2");

    ask(w,
        "Action=CreateImage&InstanceId=%s&Name=golden&Description=a+b&NoReboot=True&"
        "TagSpecification.1.ResourceType=image&TagSpecification.1.Tag.1.Key=k&"
        "TagSpecification.1.Tag.1.Value=v&TagSpecification.2.ResourceType=snapshot&"
        "TagSpecification.2.Tag.1.Key=s&TagSpecification.2.Tag.1.Value=t",
        id);
    ami = keep_at(w, "imageId");
    ask(w, "Action=DescribeImages&Owner.1=self&Filter.1.Name=tag:k&Filter.1.Value.1=v");
    assert_int_equal(count(w, "imagesSet/item"), 1);
    assert_at(w, "imagesSet/item/imageId", ami);
    assert_at(w, "imagesSet/item/imageState", "pending");
    assert_at(w, "imagesSet/item/imageOwnerId", w->key.account);
    assert_at(w, "imagesSet/item/isPublic", "false");
    assert_at(w, "imagesSet/item/platform", "windows");
    assert_at(w, "imagesSet/item/sourceInstanceId", id);
    assert_at(w, "imagesSet/item/sourceImageId", base);
    assert_at(w, "imagesSet/item/description", "a b");
    assert_int_equal(count(w, MAPPING), 3);
    assert_at(w, MAPPING "[1]/deviceName", "/dev/sda1");
    assert_at(w, MAPPING "[2]/ebs/volumeSize", "1");
    assert_string_not_equal(at(w, "imagesSet/item/creationDate"), "(none)");

    ask(w, "Action=DescribeSnapshots&Filter.1.Name=tag:s&Filter.1.Value.1=t");
    assert_int_equal(count(w, "snapshotSet/item"), 3);
    text = xasprintf("Created by CreateImage(%s) for %s", id, ami);
    assert_at(w, "snapshotSet/item/description", text);
    assert_at(w, "snapshotSet/item/progress", "0%");
    assert_int_equal(asked_for(w, " no-reboot\n"), 1);

    /* the instance goes on as before */
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    assert_at(w, "reservationSet/item/instancesSet/item/instanceState/name", "running");

    /* C-14, C-16, C-17: a launch of it has the disks without asking */
    finish_image(w, ami);
    ask(w, "Action=RunInstances&ImageId=%s&InstanceType=m5.large&MinCount=1&MaxCount=1", ami);
    assert_int_equal(count(w, "instancesSet/item/blockDeviceMapping/item"), 3);
}

/* C-41, C-42, C-64 */
static void names_and_descriptions_are_held_to_the_rules(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "lin"), *id = run(w, base, ""), *ami = NULL;
    char text[257];

    ask(w, "Action=CreateImage&InstanceId=%s&Name=golden", id);
    ami = keep_at(w, "imageId");
    refused(w, "InvalidAMIName.Duplicate", ami, "Action=CreateImage&InstanceId=%s&Name=golden", id);
    assert_int_equal(strncmp(at(w, "Errors/Error/Message"),
                             "AMI name golden is already in use by AMI ami-", 45),
                     0);
    refused(w, "InvalidAMIName.Malformed", "between 3 and 128",
            "Action=CreateImage&InstanceId=%s&Name=ab", id);
    refused(w, "InvalidAMIName.Malformed", "between 3 and 128",
            "Action=CreateImage&InstanceId=%s&Name=a*b", id);
    refused(w, "MissingParameter", "Name", "Action=CreateImage&InstanceId=%s", id);
    memset(text, 'x', 256);
    text[256] = 0;
    refused(w, "InvalidParameterValue", "255",
            "Action=CreateImage&InstanceId=%s&Name=abc&"
            "Description=%s",
            id, text);
    text[255] = 0;
    ask(w, "Action=CreateImage&InstanceId=%s&Name=abc&Description=%s", id, text);
    /* C-5: the name is free again once the image is deregistered */
    ask(w, "Action=DeregisterImage&ImageId=%s", ami);
    ask(w, "Action=CreateImage&InstanceId=%s&Name=golden", id);
}

/* C-46 to C-53, C-65 */
static void the_mapping_of_an_image_can_be_edited(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "lin"), *ami = NULL;
    _cleanup_free_ char *id = run(w, base,
                                  "&BlockDeviceMapping.1.DeviceName=xvdf&"
                                  "BlockDeviceMapping.1.Ebs.VolumeSize=1&"
                                  "BlockDeviceMapping.2.DeviceName=xvdg&"
                                  "BlockDeviceMapping.2.Ebs.VolumeSize=2");

    ask(w,
        "Action=CreateImage&InstanceId=%s&Name=edited&"
        "BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.VolumeSize=30&"
        "BlockDeviceMapping.2.DeviceName=xvdf&BlockDeviceMapping.2.NoDevice=&"
        "BlockDeviceMapping.10.DeviceName=xvdca&BlockDeviceMapping.10.VirtualName=ephemeral0&"
        "BlockDeviceMapping.9.DeviceName=xvdh&BlockDeviceMapping.9.Ebs.VolumeSize=5",
        id);
    ami = keep_at(w, "imageId");
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_int_equal(count(w, MAPPING), 4);
    assert_at(w, MAPPING "[1]/ebs/volumeSize", "30");
    assert_at(w, MAPPING "[2]/deviceName", "xvdg");
    assert_at(w, MAPPING "[3]/deviceName", "xvdh");
    assert_at(w, MAPPING "[3]/ebs/snapshotId", "(none)");
    assert_at(w, MAPPING "[4]/virtualName", "ephemeral0");
    /* the snapshot keeps the volume's size; the suppressed volume has none */
    ask(w, "Action=DescribeSnapshots&Filter.1.Name=description&Filter.1.Value.1=*%s", ami);
    assert_int_equal(count(w, "snapshotSet/item"), 2);
    ask(w,
        "Action=DescribeSnapshots&Filter.1.Name=description&Filter.1.Value.1=*%s&"
        "Filter.2.Name=volume-size&Filter.2.Value.1=8",
        ami);
    assert_int_equal(count(w, "snapshotSet/item"), 1);

    refused(w, "InvalidBlockDeviceMapping", "expect size >= 8GB",
            "Action=CreateImage&InstanceId=%s&Name=small&BlockDeviceMapping.1.DeviceName=/dev/sda1&"
            "BlockDeviceMapping.1.Ebs.VolumeSize=7",
            id);
    refused(w, "InvalidBlockDeviceMapping", "root device",
            "Action=CreateImage&InstanceId=%s&Name=noroot&BlockDeviceMapping.1.DeviceName="
            "/dev/sda1&BlockDeviceMapping.1.NoDevice=",
            id);
    refused(w, "InvalidBlockDeviceMapping", "encryption",
            "Action=CreateImage&InstanceId=%s&Name=enc&BlockDeviceMapping.1.DeviceName=/dev/sda1&"
            "BlockDeviceMapping.1.Ebs.Encrypted=false",
            id);
    refused(w, "InvalidBlockDeviceMapping", "encryption",
            "Action=CreateImage&InstanceId=%s&Name=enc&BlockDeviceMapping.1.DeviceName=/dev/sda1&"
            "BlockDeviceMapping.1.Ebs.Encrypted=true",
            id);
    refused(w, "UnsupportedOperation", "KmsKeyId",
            "Action=CreateImage&InstanceId=%s&Name=enc&BlockDeviceMapping.1.DeviceName=xvdz&"
            "BlockDeviceMapping.1.Ebs.Encrypted=true&BlockDeviceMapping.1.Ebs.VolumeSize=1&"
            "BlockDeviceMapping.1.Ebs.KmsKeyId=k",
            id);
    refused(w, "InvalidSnapshot.NotFound", "The snapshot 'snap-00000000000000000' does not exist.",
            "Action=CreateImage&InstanceId=%s&Name=enc&BlockDeviceMapping.1.DeviceName=xvdz&"
            "BlockDeviceMapping.1.Ebs.SnapshotId=snap-00000000000000000",
            id);
    refused(w, "InvalidRequest", "",
            "Action=CreateImage&InstanceId=%s&Name=nodev&BlockDeviceMapping.1.DeviceName=xvdf&"
            "BlockDeviceMapping.1.NoDevice=true",
            id);
}

/* Section 4 of ec2-clients.md: Packer asks again when it reads this code and this text. */
static void an_instance_on_its_way_makes_no_image(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "lin"), *id = NULL;

    ask(w, "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1", base);
    id = keep_at(w, "instancesSet/item/instanceId");
    refused(w, "InvalidParameterValue", "Instance is not in state",
            "Action=CreateImage&InstanceId=%s&Name=abc", id);
    instance_runs(w, id);
    refused(w, "UnsupportedOperation", "is for Windows",
            "Action=CreateImage&InstanceId=%s&Name=abc&TagSpecification.1.ResourceType=image&"
            "TagSpecification.1.Tag.1.Key=kiln:generalize&TagSpecification.1.Tag.1.Value=ec2launch",
            id);
    ask(w, "Action=TerminateInstances&InstanceId.1=%s", id);
    refused(w, "IncorrectInstanceState", "shutting-down",
            "Action=CreateImage&InstanceId=%s&Name=abc", id);
    refused(w, "InvalidInstanceID.NotFound", "does not exist",
            "Action=CreateImage&InstanceId=i-00000000000000000&Name=abc");
}

#define GENERALIZE                                                                                 \
    "Action=CreateImage&InstanceId=%s&Name=%s&TagSpecification.1.ResourceType=image&"              \
    "TagSpecification.1.Tag.1.Key=kiln:%s&TagSpecification.1.Tag.1.Value=%s"

static void a_windows_image_can_be_asked_to_be_generalised(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Windows", "win"), *id = run(w, base, "");

    refused(w, "UnsupportedOperation", "kiln:generalise", GENERALIZE, id, "abc", "generalise",
            "ec2launch");
    refused(w, "InvalidParameterValue", "not 'sysprep'", GENERALIZE, id, "abc", "generalize",
            "sysprep");
    ask(w, GENERALIZE, id, "abc", "generalize", "ec2launch-v2");
    assert_int_equal(asked_for(w, "create-image "), 1);
}

static void a_windows_instance_can_be_asked_to_be_prepared(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Windows", "win");
    static const char run_with[] =
        "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&TagSpecification.1.ResourceType="
        "instance&TagSpecification.1.Tag.1.Key=kiln:prepare&TagSpecification.1.Tag.1.Value=%s";

    refused(w, "InvalidParameterValue", "'password=x' is none", run_with, base,
            "computer-name=A;password=x");
    refused(w, "InvalidParameterValue", "'ems=1' is none", run_with, base, "ems=1");
    ask(w, run_with, base, "computer-name=A;ems");
    ask(w, run_with, base, "");
}

/* C-5 */
static void a_stopped_instance_makes_an_image_and_stays_stopped(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *base = import(w, "Linux", "lin"), *id = run(w, base, "");

    ask(w, "Action=StopInstances&InstanceId.1=%s", id);
    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_STOPPED, NULL, NULL, NULL, &e));
    ask(w, "Action=CreateImage&InstanceId=%s&Name=abc", id);
    assert_int_equal(asked_for(w, "start "), 0);
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    assert_at(w, "reservationSet/item/instancesSet/item/instanceState/name", "stopped");
}

/* ---- the end of images and snapshots --------------------------------------------------------- */

/* C-8, C-68, rule 13 */
static void deregistering_leaves_the_snapshots_which_can_then_be_deleted(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *snap = NULL;

    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    snap = keep_at(w, MAPPING "/ebs/snapshotId");
    refused(w, "InvalidSnapshot.InUse", ami, "Action=DeleteSnapshot&SnapshotId=%s", snap);
    ask(w, "Action=DeregisterImage&ImageId=%s", ami);
    assert_at(w, "return", "true");
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_int_equal(count(w, "imagesSet/item"), 0);
    refused(w, "InvalidAMIID.Unavailable", "is no longer available",
            "Action=DeregisterImage&ImageId=%s", ami);
    refused(w, "InvalidAMIID.Unavailable", "is no longer available",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1", ami);
    refused(w, "InvalidAMIID.NotFound", "The image id '[ami-00000000000000000]' does not exist",
            "Action=DescribeImages&ImageId.1=ami-00000000000000000");
    ask(w, "Action=DescribeSnapshots&SnapshotId.1=%s", snap);
    assert_at(w, "snapshotSet/item/status", "completed");
    ask(w, "Action=DeleteSnapshot&SnapshotId=%s", snap);
    refused(w, "InvalidSnapshot.NotFound", snap, "Action=DescribeSnapshots&SnapshotId.1=%s", snap);
    assert_int_equal(asked_for(w, "delete-snapshot "), 1);
}

static void deregistering_may_take_the_snapshots_with_it(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *snap = NULL;

    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    snap = keep_at(w, MAPPING "/ebs/snapshotId");
    ask(w,
        "Action=RegisterImage&Name=other&BlockDeviceMapping.1.DeviceName=/dev/sda1&"
        "BlockDeviceMapping.1.Ebs.SnapshotId=%s",
        snap);
    ask(w, "Action=DeregisterImage&ImageId=%s&DeleteAssociatedSnapshots=true", ami);
    assert_at(w, "deleteSnapshotResultSet/item/returnCode", "skipped"); /* another image's */
    ask(w, "Action=DescribeImages&Filter.1.Name=name&Filter.1.Value.1=oth*");
    free(ami);
    ami = keep_at(w, "imagesSet/item/imageId");
    ask(w, "Action=DeregisterImage&ImageId=%s&DeleteAssociatedSnapshots=true", ami);
    assert_at(w, "deleteSnapshotResultSet/item/returnCode", "success");
    assert_at(w, "deleteSnapshotResultSet/item/snapshotId", snap);
    assert_int_equal(asked_for(w, "delete-snapshot "), 1);
}

/* C-15 */
static void a_windows_image_is_not_registered_from_a_snapshot(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *win = import(w, "Windows", "win"), *snap = NULL, *id = NULL, *vol = NULL;

    ask(w, "Action=DescribeImages&ImageId.1=%s", win);
    snap = keep_at(w, MAPPING "/ebs/snapshotId");
#define REGISTER                                                                                   \
    "Action=RegisterImage&Name=abc&RootDeviceName=/dev/sda1&VirtualizationType=hvm&"               \
    "Architecture=x86_64&EnaSupport=true&BlockDeviceMapping.1.DeviceName=/dev/sda1&"               \
    "BlockDeviceMapping.1.Ebs.SnapshotId=%s"
    refused(w, "UnsupportedOperation", "CreateImage", REGISTER, snap);

    /* nor by way of the root volume of an instance, a snapshot of it, a volume of that, … */
    id = run(w, win, "");
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    vol = keep_at(w, "reservationSet/item/instancesSet/item/blockDeviceMapping/item/ebs/volumeId");
    for (int i = 0; i < 2; i++) {
        ask(w, "Action=CreateSnapshot&VolumeId=%s&Description=mine", vol);
        assert_at(w, "description", "mine");
        free(snap);
        snap = keep_at(w, "snapshotId");
        OK(model_snapshot_move(MODEL(w), snap, SNAPSHOT_EV_COMPLETED, NULL, NULL, &e));
        refused(w, "UnsupportedOperation", snap, REGISTER, snap);
        ask(w, "Action=CreateVolume&AvailabilityZone=us-east-1a&SnapshotId=%s", snap);
        free(vol);
        vol = keep_at(w, "volumeId");
        OK(model_volume_move(MODEL(w), vol, VOLUME_EV_READY, NULL, &e));
    }
}

static void a_linux_image_is_registered_from_a_snapshot(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *lin = import(w, "Linux", "lin"), *snap = NULL, *ami = NULL;

    ask(w, "Action=DescribeImages&ImageId.1=%s", lin);
    snap = keep_at(w, MAPPING "/ebs/snapshotId");
    ask(w, REGISTER, snap);
    ami = keep_at(w, "imageId");
    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    assert_at(w, "imagesSet/item/imageState", "available");
    assert_at(w, MAPPING "/ebs/deleteOnTermination", "true");
    assert_at(w, MAPPING "/ebs/volumeSize", "8");
    assert_at(w, MAPPING "/ebs/volumeType", "gp2");
    refused(w, "InvalidBlockDeviceMapping", "/dev/sda1", "Action=RegisterImage&Name=none");
    refused(w, "InvalidSnapshot.NotFound", "does not exist.",
            "Action=RegisterImage&Name=none&BlockDeviceMapping.1.DeviceName=/dev/sda1&"
            "BlockDeviceMapping.1.Ebs.SnapshotId=snap-00000000000000000");
    refused(w, "UnsupportedOperation", "VirtualizationType",
            "Action=RegisterImage&Name=none&VirtualizationType=paravirtual");
}

/* ---- DescribeImages -------------------------------------------------------------------------- */

/* C-27 and the owners */
static void images_are_found_by_owner_and_filters_together(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *one = import(w, "Windows", "win-1"), *two = import(w, "Windows", "win-2");
    _cleanup_free_ char *three = import(w, "Linux", "lin-1");

    ask(w, "Action=DescribeImages&Owner.1=self&Filter.1.Name=platform&Filter.1.Value.1=windows&"
           "Filter.2.Name=name&Filter.2.Value.1=*-2");
    assert_int_equal(count(w, "imagesSet/item"), 1);
    assert_at(w, "imagesSet/item/imageId", two);
    ask(w, "Action=DescribeImages&Owner.1=%s", w->key.account);
    assert_int_equal(count(w, "imagesSet/item"), 3);
    ask(w, "Action=DescribeImages&ImageId.1=%s&ImageId.2=%s&ImageId.3=%s", three, one, three);
    assert_int_equal(count(w, "imagesSet/item"), 2); /* each once, in the order of the request */
    assert_at(w, "imagesSet/item[1]/imageId", three);
    ask(w, "Action=DescribeImages&Owner.1=amazon");
    assert_int_equal(count(w, "imagesSet/item"), 0);
    ask(w, "Action=DescribeImages&Filter.1.Name=owner-alias&Filter.1.Value.1=amazon");
    assert_int_equal(count(w, "imagesSet/item"), 0);
    ask(w, "Action=DescribeImages&ExecutableBy.1=all");
    assert_int_equal(count(w, "imagesSet/item"), 0);
    refused(w, "InvalidUserID.Malformed", "nobody", "Action=DescribeImages&Owner.1=nobody");
    ask(w, "Action=DescribeImages&Filter.1.Name=block-device-mapping.volume-size&"
           "Filter.1.Value.1=8&Filter.2.Name=state&Filter.2.Value.1=available&"
           "Filter.3.Name=root-device-type&Filter.3.Value.1=ebs&"
           "Filter.4.Name=virtualization-type&Filter.4.Value.1=hvm&MaxResults=2");
    assert_int_equal(count(w, "imagesSet/item"), 2);
    assert_int_equal(count(w, "nextToken"), 1);
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(an_import_shows_its_task_image_and_snapshot),
        STORY(an_import_can_ask_for_a_tpm),
        STORY(an_import_of_what_this_version_cannot_read_is_refused_by_name),
        STORY(an_image_of_three_volumes_has_three_pending_snapshots),
        STORY(names_and_descriptions_are_held_to_the_rules),
        STORY(the_mapping_of_an_image_can_be_edited),
        STORY(an_instance_on_its_way_makes_no_image),
        STORY(a_windows_image_can_be_asked_to_be_generalised),
        STORY(a_windows_instance_can_be_asked_to_be_prepared),
        STORY(a_stopped_instance_makes_an_image_and_stays_stopped),
        STORY(deregistering_leaves_the_snapshots_which_can_then_be_deleted),
        STORY(deregistering_may_take_the_snapshots_with_it),
        STORY(a_windows_image_is_not_registered_from_a_snapshot),
        STORY(a_linux_image_is_registered_from_a_snapshot),
        STORY(images_are_found_by_owner_and_filters_together),
    };

    return test_run(tests);
}
