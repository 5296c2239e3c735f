/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attributes of instances, options of the metadata service, the console's other things. */
#include "test-ask.h"

static char *stopped(struct world *w, const char *ami, const char *more)
{
    char *id = run(w, ami, more);

    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_STOP, NULL, NULL, NULL, &e));
    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_STOPPED, NULL, NULL, NULL, &e));
    return id;
}

static void assert_attribute(struct world *w, const char *id, const char *name, const char *value)
{
    _cleanup_free_ char *path = xasprintf("%s/value", name);

    ask(w, "Action=DescribeInstanceAttribute&InstanceId=%s&Attribute=%s", id, name);
    assert_at(w, "instanceId", id);
    assert_at(w, path, value);
}

static void each_attribute_is_shown(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, "&UserData=YWJj");
    static const struct {
        const char *name, *value;
    } rows[] = {
        { "instanceType", "m5.large" },
        { "userData", "YWJj" },
        { "disableApiTermination", "false" },
        { "disableApiStop", "false" },
        { "instanceInitiatedShutdownBehavior", "stop" },
        { "rootDeviceName", "/dev/sda1" },
        { "sourceDestCheck", "true" },
        { "ebsOptimized", "false" },
        { "kernel", "(none)" },
        { "ramdisk", "(none)" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_attribute(w, id, rows[i].name, rows[i].value);
    ask(w, "Action=DescribeInstanceAttribute&InstanceId=%s&Attribute=blockDeviceMapping", id);
    assert_at(w, "blockDeviceMapping/item/deviceName", "/dev/sda1");
    refused(w, "InvalidParameterValue",
            "Value (userdata) for parameter attribute is invalid. Unknown attribute.",
            "Action=DescribeInstanceAttribute&InstanceId=%s&Attribute=userdata", id);
}

static void user_data_change_while_it_is_stopped(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");
    _cleanup_free_ char *id = stopped(w, ami, "&UserData=YWJj"), *runs = run(w, ami, "");

    ask(w, "Action=ModifyInstanceAttribute&InstanceId=%s&UserData.Value=ZGVm", id);
    assert_at(w, "return", "true");
    assert_attribute(w, id, "userData", "ZGVm");
    ask(w, "Action=ModifyInstanceAttribute&InstanceId=%s&Attribute=userData&Value=Z2hp", id);
    assert_attribute(w, id, "userData", "Z2hp");
    ask(w, "Action=ModifyInstanceAttribute&InstanceId=%s&UserData.Value=", id);
    assert_attribute(w, id, "userData", "(none)");
    refused(w, "InvalidParameterValue", "Invalid BASE64 encoding of user data",
            "Action=ModifyInstanceAttribute&InstanceId=%s&UserData.Value=*", id);
    refused(w, "IncorrectInstanceState", "is not in the 'stopped' state.",
            "Action=ModifyInstanceAttribute&InstanceId=%s&UserData.Value=YWJj", runs);
}

static void a_stopped_instance_may_get_another_type(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = stopped(w, ami, "");
    _cleanup_free_ struct ephemeral_rec *v = NULL, *none = NULL;
    size_t n = 0;

    ask(w, "Action=ModifyInstanceAttribute&InstanceId=%s&InstanceType.Value=m5d.large", id);
    assert_attribute(w, id, "instanceType", "m5d.large");
    OK(model_ephemeral_list(MODEL(w), id, &v, &n, &e));
    assert_int_equal(n, 1);
    assert_string_equal(v[0].virtual_name, "ephemeral0");
    ask(w, "Action=ModifyInstanceAttribute&InstanceId=%s&Attribute=instanceType&Value=t3.micro",
        id);
    OK(model_ephemeral_list(MODEL(w), id, &none, &n, &e));
    assert_int_equal(n, 0);
    refused(w, "InvalidParameterValue", "Invalid value 'x9.huge' for InstanceType.",
            "Action=ModifyInstanceAttribute&InstanceId=%s&InstanceType.Value=x9.huge", id);
    assert_attribute(w, id, "instanceType", "t3.micro");
}

static void protection_and_disks_change_while_it_runs(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, "");

    ask(w, "Action=ModifyInstanceAttribute&InstanceId=%s&DisableApiTermination.Value=true", id);
    refused(w, "OperationNotPermitted", "disableApiTermination",
            "Action=TerminateInstances&InstanceId.1=%s", id);
    ask(w,
        "Action=ModifyInstanceAttribute&InstanceId=%s&Attribute=disableApiTermination&"
        "Value=false",
        id);
    ask(w,
        "Action=ModifyInstanceAttribute&InstanceId=%s&InstanceInitiatedShutdownBehavior.Value="
        "terminate",
        id);
    assert_attribute(w, id, "instanceInitiatedShutdownBehavior", "terminate");
    ask(w,
        "Action=ModifyInstanceAttribute&InstanceId=%s&BlockDeviceMapping.1.DeviceName=/dev/sda1&"
        "BlockDeviceMapping.1.Ebs.DeleteOnTermination=false",
        id);
    ask(w, "Action=DescribeInstanceAttribute&InstanceId=%s&Attribute=blockDeviceMapping", id);
    assert_at(w, "blockDeviceMapping/item/ebs/deleteOnTermination", "false");
    refused(w, "InvalidInstanceAttributeValue", "No device is currently mapped at /dev/sdx",
            "Action=ModifyInstanceAttribute&InstanceId=%s&BlockDeviceMapping.1.DeviceName=/dev/sdx&"
            "BlockDeviceMapping.1.Ebs.DeleteOnTermination=false",
            id);
    refused(w, "InvalidParameterCombination",
            "Fields for multiple attribute types specified: disableApiStop, disableApiTermination",
            "Action=ModifyInstanceAttribute&InstanceId=%s&DisableApiTermination.Value=true&"
            "DisableApiStop.Value=true",
            id);
    refused(w, "InvalidParameterCombination", "No attributes specified.",
            "Action=ModifyInstanceAttribute&InstanceId=%s", id);
    refused(w, "InvalidParameterValue", "Unknown attribute.",
            "Action=ModifyInstanceAttribute&InstanceId=%s&Attribute=colour&Value=red", id);
    ask(w, "Action=ModifyInstanceAttribute&InstanceId=%s&SourceDestCheck.Value=true", id);
    refused(w, "UnsupportedOperation", "SourceDestCheck",
            "Action=ModifyInstanceAttribute&InstanceId=%s&SourceDestCheck.Value=false", id);
    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_TERMINATE, NULL, NULL, NULL, &e));
    refused(w, "IncorrectInstanceState", "'shutting-down'",
            "Action=ModifyInstanceAttribute&InstanceId=%s&DisableApiTermination.Value=false", id);
}

static void metadata_options_change_at_once(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, "");
    _cleanup_free_ char *bad = NULL;

    ask(w, "Action=ModifyInstanceMetadataOptions&InstanceId=%s&HttpTokens=required", id);
    assert_at(w, "instanceMetadataOptions/httpTokens", "required");
    assert_at(w, "instanceMetadataOptions/httpPutResponseHopLimit", "1");
    ask(w,
        "Action=ModifyInstanceMetadataOptions&InstanceId=%s&HttpPutResponseHopLimit=64&"
        "HttpEndpoint=disabled&InstanceMetadataTags=enabled",
        id);
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
#define OPTIONS "reservationSet/item/instancesSet/item/metadataOptions"
    assert_at(w, OPTIONS "/httpTokens", "required");
    assert_at(w, OPTIONS "/httpEndpoint", "disabled");
    assert_at(w, OPTIONS "/httpPutResponseHopLimit", "64");
    assert_at(w, OPTIONS "/instanceMetadataTags", "enabled");
    refused(w, "InvalidParameterValue", "from 1 to 64",
            "Action=ModifyInstanceMetadataOptions&InstanceId=%s&HttpPutResponseHopLimit=0", id);
    refused(w, "InvalidParameterValue", "'a b' is not a valid tag key.",
            "Action=CreateTags&ResourceId.1=%s&Tag.1.Key=a%%20b&Tag.1.Value=", id);

    bad = run(w, ami, "");
    ask(w, "Action=CreateTags&ResourceId.1=%s&Tag.1.Key=a%%20b&Tag.1.Value=", bad);
    refused(w, "InvalidParameterValue", "'a b' is not a valid tag key.",
            "Action=ModifyInstanceMetadataOptions&InstanceId=%s&InstanceMetadataTags=enabled", bad);
}

static void a_password_comes_when_the_guest_has_printed_it(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Windows", "win"), *linux_ami = import(w, "Linux", "lin");
    _cleanup_free_ char *id = NULL, *no_key = run(w, ami, ""), *other = run(w, linux_ami, "");

    ask(w, "Action=CreateKeyPair&KeyName=k");
    id = run(w, ami, "&KeyName=k");
    ask(w, "Action=GetPasswordData&InstanceId=%s", id);
    assert_at(w, "instanceId", id);
    assert_at(w, "passwordData", ""); /* clients want it to be there */
    assert_non_null(strstr(at(w, "kilnReason"), "has not printed a password yet"));
    OK(model_instance_guest(MODEL(w), id, NULL, "c2VjcmV0", &e));
    ask(w, "Action=GetPasswordData&InstanceId=%s", id);
    assert_at(w, "passwordData", "c2VjcmV0");
    assert_at(w, "kilnReason", "(none)");
    ask(w, "Action=GetPasswordData&InstanceId=%s", no_key);
    assert_non_null(strstr(at(w, "kilnReason"), "without a key pair"));
    ask(w, "Action=GetPasswordData&InstanceId=%s", other);
    assert_non_null(strstr(at(w, "kilnReason"), "not a Windows one"));
}

static void the_screen_is_base64(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = run(w, ami, "");

    ask(w, "Action=GetConsoleScreenshot&InstanceId=%s&WakeUp=true", id);
    assert_at(w, "instanceId", id);
    assert_at(w, "imageData", "/9j/"); /* how a JPEG begins */
    refused(w, "DryRunOperation", "", "Action=GetConsoleScreenshot&InstanceId=%s&DryRun=true", id);
    assert_int_equal(asked_for(w, "screenshot "), 1);
    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_STOP, NULL, NULL, NULL, &e));
    refused(w, "IncorrectInstanceState", "'stopping'", "Action=GetConsoleScreenshot&InstanceId=%s",
            id);
}

static void the_rest_is_small(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *vpc = NULL;

    ask(w, "Action=DescribeAddresses&Filter.1.Name=instance-id&Filter.1.Value.1=i-1");
    assert_int_equal(count(w, "addressesSet/item"), 0);
    refused(w, "InvalidAddress.NotFound", "Address '1.2.3.4' not found.",
            "Action=DescribeAddresses&PublicIp.1=1.2.3.4");
    ask(w, "Action=DescribeVpcs");
    vpc = keep_at(w, "vpcSet/item/vpcId");
    ask(w, "Action=DescribeAccountAttributes&AttributeName.1=default-vpc");
    assert_int_equal(count(w, "accountAttributeSet/item"), 1);
    assert_at(w, "accountAttributeSet/item/attributeValueSet/item/attributeValue", vpc);
    ask(w, "Action=RunInstances&ImageId=%s&InstanceType=t3.micro&MinCount=1&MaxCount=1", ami);
    free(run(w, ami, ""));
    ask(w, "Action=DescribeInstanceCreditSpecifications");
    assert_int_equal(count(w, "instanceCreditSpecificationSet/item"), 1);
    assert_at(w, "instanceCreditSpecificationSet/item/cpuCredits", "unlimited");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(each_attribute_is_shown),
        STORY(user_data_change_while_it_is_stopped),
        STORY(a_stopped_instance_may_get_another_type),
        STORY(protection_and_disks_change_while_it_runs),
        STORY(metadata_options_change_at_once),
        STORY(a_password_comes_when_the_guest_has_printed_it),
        STORY(the_screen_is_base64),
        STORY(the_rest_is_small),
    };

    return test_run(tests);
}
