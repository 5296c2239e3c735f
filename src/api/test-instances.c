/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-ask.h"

static void a_launch_answers_pending_with_all_that_clients_read(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Windows", "win"), *id = NULL, *job = NULL;

    ask(w,
        "Action=RunInstances&Version=2016-11-15&ImageId=%s&InstanceType=m5.large&MinCount=1&"
        "MaxCount=1&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a&"
        "TagSpecification.1.Tag.1.Value=b&TagSpecification.2.ResourceType=volume&"
        "TagSpecification.2.Tag.1.Key=c&TagSpecification.2.Tag.1.Value=",
        ami);
    id = keep_at(w, "instancesSet/item/instanceId");
    job = xasprintf("launch %s\n", id);
    assert_int_equal(strncmp(at(w, "reservationId"), "r-", 2), 0);
    assert_at(w, "instancesSet/item/instanceState/code", "0");
    assert_at(w, "instancesSet/item/instanceState/name", "pending");
    assert_at(w, "instancesSet/item/imageId", ami);
    assert_at(w, "instancesSet/item/platform", "windows");
    assert_at(w, "instancesSet/item/usageOperation", "RunInstances:0002");
    assert_at(w, "instancesSet/item/rootDeviceName", "/dev/sda1");
    assert_at(w, "instancesSet/item/rootDeviceType", "ebs");
    assert_at(w, "instancesSet/item/dnsName", "");
    assert_at(w, "instancesSet/item/privateDnsName", "ip-172-31-0-10.ec2.internal");
    assert_at(w, "instancesSet/item/reason", "");
    assert_at(w, "instancesSet/item/placement/availabilityZone", "us-east-1a");
    assert_at(w, "instancesSet/item/monitoring/state", "disabled");
    assert_at(w, "instancesSet/item/metadataOptions/httpTokens", "optional");
    assert_at(w, "instancesSet/item/tagSet/item/key", "a");
    assert_int_equal(count(w, "instancesSet/item/blockDeviceMapping/item"), 1);
    assert_at(w, "instancesSet/item/blockDeviceMapping/item/ebs/status", "attaching");
    assert_at(w, "instancesSet/item/blockDeviceMapping/item/ebs/deleteOnTermination", "true");
    assert_int_equal(asked_for(w, job), 1);

    /* C-14: a new root volume from the image's snapshot, with the tags asked for */
    ask(w, "Action=DescribeVolumes&Filter.1.Name=attachment.instance-id&Filter.1.Value.1=%s", id);
    assert_int_equal(count(w, "volumeSet/item"), 1);
    assert_at(w, "volumeSet/item/status", "in-use");
    assert_at(w, "volumeSet/item/size", "8");
    assert_at(w, "volumeSet/item/tagSet/item/key", "c");
    assert_int_equal(strncmp(at(w, "volumeSet/item/snapshotId"), "snap-", 5), 0);
}

/* Rule 5 of ec2-clients.md, and the defaults that clients send without being asked. */
static void what_packer_and_terraform_always_send_passes(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");

    ask(w,
        "Action=RunInstances&ImageId=%s&InstanceType=t3.micro&MinCount=1&MaxCount=1&"
        "IamInstanceProfile.Name=&Placement.AvailabilityZone=&SubnetId=&UserData=&KeyName=&"
        "EbsOptimized=false&Monitoring.Enabled=false&InstanceInitiatedShutdownBehavior=stop&"
        "DisableApiTermination=False&SecurityGroup.1=default&Placement.Tenancy=default&"
        "MetadataOptions.HttpTokens=optional&MetadataOptions.HttpEndpoint=enabled&"
        "CreditSpecification.CpuCredits=standard&EnclaveOptions.Enabled=false",
        ami);
    refused(w, "UnsupportedOperation", "IamInstanceProfile.Name",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&IamInstanceProfile.Name=p", ami);
    refused(w, "UnknownParameter", "Nonsense",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&Nonsense=1", ami);
}

#define TWO "Action=RunInstances&ImageId=%s&InstanceType=%s&MinCount=2&MaxCount=2&ClientToken=abc"

static void a_token_makes_one_launch_of_two_requests(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *first = NULL;

    ask(w, TWO, ami, "m5.large");
    first = keep_at(w, "instancesSet/item[2]/instanceId");
    ask(w, TWO, ami, "m5.large");
    assert_int_equal(count(w, "instancesSet/item"), 2);
    assert_at(w, "instancesSet/item[2]/instanceId", first);
    assert_at(w, "instancesSet/item[2]/clientToken", "abc");
    assert_at(w, "instancesSet/item[2]/amiLaunchIndex", "1");
    refused(w, "IdempotentParameterMismatch", "", TWO, ami, "t3.micro");
    assert_int_equal(asked_for(w, "launch "), 2);
}

static void as_many_as_fit_are_launched_between_min_and_max(void **state)
{
    struct world *w = *state; /* 32768 MiB; m5.large has 8192 */
    _cleanup_free_ char *ami = import(w, "Linux", "lin");

    ask(w, "Action=RunInstances&ImageId=%s&InstanceType=m5.large&MinCount=1&MaxCount=9", ami);
    assert_int_equal(count(w, "instancesSet/item"), 4);
    refused(w, "InsufficientInstanceCapacity", "8192 MiB are needed, 0 MiB of 32768 MiB are free",
            "Action=RunInstances&ImageId=%s&InstanceType=m5.large&MinCount=1&MaxCount=1", ami);
    assert_int_equal(w->status, 500);
    refused(w, "InvalidParameterCombination", "MinCount (2)",
            "Action=RunInstances&ImageId=%s&MinCount=2&MaxCount=1", ami);
    refused(w, "InvalidParameterValue", "MinCount",
            "Action=RunInstances&ImageId=%s&MinCount=0&MaxCount=1", ami);
}

static void an_unusable_image_or_key_or_zone_launches_nothing(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Windows", "win"), *pending = NULL;
    struct key_pair_rec key = { .id = "key-0123456789abcdef0",
                                .region = "us-east-1",
                                .name = "ed",
                                .type = "ed25519",
                                .public_key = (char *)"x" };

    OK(model_key_pair_insert(MODEL(w), &key, &e));
    ask(w, "Action=ImportImage&DiskContainer.1.Url=/d.raw&DiskContainer.1.Format=raw");
    pending = keep_at(w, "kilnImageId");
    refused(w, "InvalidAMIID.Unavailable", pending,
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1", pending);
    refused(w, "InvalidAMIID.NotFound", "The image id '[ami-00000000000000000]' does not exist",
            "Action=RunInstances&ImageId=ami-00000000000000000&MinCount=1&MaxCount=1");
    refused(w, "InvalidAMIID.Malformed", "expecting \"ami-...\"",
            "Action=RunInstances&ImageId=x&MinCount=1&MaxCount=1");
    refused(w, "InvalidKeyPair.NotFound", "The key pair 'no' does not exist",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&KeyName=no", ami);
    refused(w, "Unsupported", "ED25519 key pairs are not supported with Windows AMIs.",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&KeyName=ed", ami);
    refused(w, "InvalidParameterValue", "Invalid Availability Zone (us-west-1b)",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&Placement.AvailabilityZone="
            "us-west-1b",
            ami);
    refused(w, "InvalidParameterValue", "Invalid value 'x9.huge' for InstanceType.",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&InstanceType=x9.huge", ami);
    ask(w, "Action=DescribeInstances");
    assert_int_equal(count(w, "reservationSet/item"), 0);
}

static void c66_disks_of_a_launch_follow_the_mapping(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");
    const char *m = "instancesSet/item/blockDeviceMapping/item";

    ask(w,
        "Action=RunInstances&ImageId=%s&InstanceType=m5.large&MinCount=1&MaxCount=1&"
        "BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.VolumeSize=12&"
        "BlockDeviceMapping.2.DeviceName=xvdf&BlockDeviceMapping.2.Ebs.VolumeSize=1&"
        "BlockDeviceMapping.3.DeviceName=xvdg&BlockDeviceMapping.3.NoDevice=",
        ami);
    assert_int_equal(count(w, m), 2);
    assert_at(w, "instancesSet/item/blockDeviceMapping/item[1]/ebs/deleteOnTermination", "true");
    assert_at(w, "instancesSet/item/blockDeviceMapping/item[2]/ebs/deleteOnTermination", "false");
    refused(w, "InvalidBlockDeviceMapping", "expect size >= 8GB",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&"
            "BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.VolumeSize=7",
            ami);
    refused(w, "MissingParameter", "The request must contain the parameter ebs",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&"
            "BlockDeviceMapping.1.DeviceName=xvdf",
            ami);
    refused(w, "MissingParameter", "size or snapshotId",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&"
            "BlockDeviceMapping.1.DeviceName=xvdf&BlockDeviceMapping.1.Ebs.VolumeType=gp2",
            ami);
    refused(w, "InvalidParameterCombination", "encrypted",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&InstanceType=t1.micro&"
            "BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.Encrypted=true",
            ami);
}

static void c67_nvme_disks_of_the_type_need_no_mapping(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = NULL;
    _cleanup_free_ struct ephemeral_rec *v = NULL;
    size_t n = 0;

    ask(w, "Action=RunInstances&ImageId=%s&InstanceType=m5d.large&MinCount=1&MaxCount=1", ami);
    id = keep_at(w, "instancesSet/item/instanceId");
    OK(model_ephemeral_list(MODEL(w), id, &v, &n, &e));
    assert_int_equal(n, 1);
    assert_string_equal(v[0].virtual_name, "ephemeral0");
    assert_false(v[0].mapped);
    assert_int_equal(count(w, "instancesSet/item/blockDeviceMapping/item"), 1);
}

/* C-9, as far as it can be shown before volumes can be encrypted */
static void c9_an_encrypted_image_needs_a_type_that_can(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *snap = NULL;
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    struct snapshot_rec s;

    ask(w, "Action=DescribeImages&ImageId.1=%s", ami);
    snap = keep_at(w, "imagesSet/item/blockDeviceMapping/item/ebs/snapshotId");
    OK(model_snapshot_get(MODEL(w), NULL, snap, &s, &e));
    s.encrypted = true;
    OK(model_snapshot_save(MODEL(w), &s, &e));
    OK(model_image_get(MODEL(w), NULL, ami, &i, &e));
    i.mapping.v[0].encrypted = TRI_TRUE;
    OK(model_image_save(MODEL(w), &i, &e));
    refused(w, "InvalidParameterCombination", "'m1.small' does not support encrypted volumes",
            "Action=RunInstances&ImageId=%s&InstanceType=m1.small&MinCount=1&MaxCount=1", ami);
}

static void a_dry_run_changes_nothing(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");

    refused(w, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&DryRun=true", ami);
    assert_int_equal(w->status, 412);
    refused(w, "InvalidAMIID.NotFound", "", /* what validation finds wins */
            "Action=RunInstances&ImageId=ami-00000000000000000&MinCount=1&MaxCount=1&DryRun=true");
    ask(w, "Action=DescribeInstances");
    assert_int_equal(count(w, "reservationSet/item"), 0);
    ask(w, "Action=DescribeVolumes");
    assert_int_equal(count(w, "volumeSet/item"), 0);
}

static void stop_start_and_terminate_tell_both_states(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, ""), *job = NULL;

    ask(w, "Action=StopInstances&InstanceId.1=%s&Hibernate=false", id);
    assert_at(w, "instancesSet/item/currentState/name", "stopping");
    assert_at(w, "instancesSet/item/previousState/code", "16");
    ask(w, "Action=StopInstances&InstanceId.1=%s", id); /* no change, success, no second job */
    assert_at(w, "instancesSet/item/previousState/name", "stopping");
    job = xasprintf("stop %s\n", id);
    assert_int_equal(asked_for(w, job), 1);
    ask(w, "Action=StopInstances&InstanceId.1=%s&Force=true", id);
    assert_int_equal(asked_for(w, " force\n"), 1);
    refused(w, "IncorrectInstanceState", "'stopping'", "Action=StartInstances&InstanceId.1=%s", id);
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    assert_memory_equal(at(w, "reservationSet/item/instancesSet/item/reason"), "User initiated (20",
                        18);
    assert_at(w, "reservationSet/item/instancesSet/item/stateReason/code",
              "Client.UserInitiatedShutdown");

    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_STOPPED, NULL, NULL, NULL, &e));
    ask(w, "Action=StartInstances&InstanceId.1=%s", id);
    assert_at(w, "instancesSet/item/currentState/name", "pending");
    assert_at(w, "instancesSet/item/previousState/name", "stopped");
    refused(w, "IncorrectInstanceState", "'pending'", "Action=StopInstances&InstanceId.1=%s", id);
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    assert_at(w, "reservationSet/item/instancesSet/item/reason", "");
    assert_at(w, "reservationSet/item/instancesSet/item/stateReason", "(none)");
    instance_runs(w, id);

    ask(w, "Action=RebootInstances&InstanceId.1=%s", id);
    assert_at(w, "return", "true");
    ask(w, "Action=TerminateInstances&InstanceId.1=%s", id);
    assert_at(w, "instancesSet/item/currentState/name", "shutting-down");
    ask(w, "Action=TerminateInstances&InstanceId.1=%s", id);
    assert_at(w, "instancesSet/item/previousState/name", "shutting-down");
    assert_int_equal(asked_for(w, "terminate "), 1);
    refused(w, "IncorrectInstanceState", "'shutting-down'",
            "Action=RebootInstances&InstanceId.1=%s", id);
}

static void one_bad_instance_of_a_list_stops_the_request(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, "");
    _cleanup_free_ char *safe = run(w, ami, "&DisableApiTermination=true&DisableApiStop=true");

    refused(w, "InvalidInstanceID.NotFound", "The instance ID 'i-00000000000000000' does not exist",
            "Action=TerminateInstances&InstanceId.1=%s&InstanceId.2=i-00000000000000000", id);
    refused(w, "InvalidInstanceID.NotFound",
            "The instance IDs 'i-00000000000000000, i-11111111111111111' do not exist",
            "Action=DescribeInstances&InstanceId.0=i-00000000000000000&"
            "InstanceId.7=i-11111111111111111");
    refused(w, "OperationNotPermitted", "'disableApiTermination'",
            "Action=TerminateInstances&InstanceId.1=%s&InstanceId.2=%s", id, safe);
    refused(w, "OperationNotPermitted", "'disableApiStop'",
            "Action=StopInstances&InstanceId.1=%s&InstanceId.2=%s", id, safe);
    refused(w, "InvalidParameterCombination", "No instances specified", "Action=StopInstances");
    ask(w, "Action=DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=running");
    assert_int_equal(count(w, "reservationSet/item"), 2);
}

static void instances_are_shown_by_reservation_filter_and_page(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *token = NULL;

    w->api.cfg.memory_limit_mib = 0;
    for (int i = 0; i < 6; i++)
        ask(w,
            "Action=RunInstances&ImageId=%s&InstanceType=t3.micro&MinCount=2&MaxCount=2&"
            "TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=n&"
            "TagSpecification.1.Tag.1.Value=%d",
            ami, i);
    ask(w, "Action=DescribeInstances&MaxResults=5");
    assert_int_equal(count(w, "reservationSet/item"), 5);
    assert_int_equal(count(w, "reservationSet/item/instancesSet/item"), 10);
    token = keep_at(w, "nextToken");
    ask(w, "Action=DescribeInstances&MaxResults=5&NextToken=%s", token);
    assert_int_equal(count(w, "reservationSet/item"), 1);
    assert_int_equal(count(w, "nextToken"), 0);
    ask(w, "Action=DescribeInstances&Filter.1.Name=tag:n&Filter.1.Value.1=3&Filter.1.Value.2=4&"
           "Filter.2.Name=image-id&Filter.2.Value.1=ami-*");
    assert_int_equal(count(w, "reservationSet/item"), 2);
    refused(w, "InvalidParameterValue", "The filter 'nonsense' is invalid",
            "Action=DescribeInstances&Filter.1.Name=nonsense&Filter.1.Value.1=1");
    ask(w, "Action=DescribeInstances&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1");
    assert_int_equal(count(w, "reservationSet/item"), 0);
}

static void status_checks_pass_when_the_machine_runs(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = NULL;

    ask(w, "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1", ami);
    id = keep_at(w, "instancesSet/item/instanceId");
    ask(w, "Action=DescribeInstanceStatus&InstanceId.1=%s", id);
    assert_int_equal(count(w, "instanceStatusSet/item"), 0);
    ask(w, "Action=DescribeInstanceStatus&InstanceId.1=%s&IncludeAllInstances=true", id);
    assert_at(w, "instanceStatusSet/item/instanceStatus/status", "not-applicable");
    instance_runs(w, id);
    ask(w, "Action=DescribeInstanceStatus&InstanceId.1=%s", id);
    assert_at(w, "instanceStatusSet/item/instanceStatus/status", "ok");
    assert_at(w, "instanceStatusSet/item/systemStatus/details/item/status", "passed");
    assert_at(w, "instanceStatusSet/item/instanceState/name", "running");
}

static void the_console_is_base64(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, "");

    ask(w, "Action=GetConsoleOutput&InstanceId=%s&Latest=true", id);
    assert_at(w, "instanceId", id);
    assert_memory_equal(at(w, "output"), "Y29uc29sZSBvZiBp", 16); /* "console of i" */
    refused(w, "InvalidInstanceID.Malformed", "Invalid id: \"x\" (expecting \"i-...\")",
            "Action=GetConsoleOutput&InstanceId=x");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(a_launch_answers_pending_with_all_that_clients_read),
        STORY(what_packer_and_terraform_always_send_passes),
        STORY(a_token_makes_one_launch_of_two_requests),
        STORY(as_many_as_fit_are_launched_between_min_and_max),
        STORY(an_unusable_image_or_key_or_zone_launches_nothing),
        STORY(c66_disks_of_a_launch_follow_the_mapping),
        STORY(c67_nvme_disks_of_the_type_need_no_mapping),
        STORY(c9_an_encrypted_image_needs_a_type_that_can),
        STORY(a_dry_run_changes_nothing),
        STORY(stop_start_and_terminate_tell_both_states),
        STORY(one_bad_instance_of_a_list_stops_the_request),
        STORY(instances_are_shown_by_reservation_filter_and_page),
        STORY(status_checks_pass_when_the_machine_runs),
        STORY(the_console_is_base64),
    };

    return test_run(tests);
}
