/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where instances are: networks, addresses, security groups; and what their guests are given. */
#include "test-ask.h"

#define INSTANCE "reservationSet/item/instancesSet/item"
#define NIC      INSTANCE "/networkInterfaceSet/item"

static void a_region_has_a_default_network(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *vpc = NULL, *subnet = NULL;

    ask(w, "Action=DescribeVpcs&Filter.1.Name=isDefault&Filter.1.Value.1=true");
    assert_int_equal(count(w, "vpcSet/item"), 1);
    assert_at(w, "vpcSet/item/cidrBlock", "172.31.0.0/16");
    assert_at(w, "vpcSet/item/isDefault", "true");
    assert_at(w, "vpcSet/item/state", "available");
    vpc = keep_at(w, "vpcSet/item/vpcId");
    ask(w, "Action=DescribeVpcAttribute&VpcId=%s&Attribute=enableDnsHostnames", vpc);
    assert_at(w, "enableDnsHostnames/value", "true");
    refused(w, "InvalidParameterValue", "Unknown attribute.",
            "Action=DescribeVpcAttribute&VpcId=%s&Attribute=colour", vpc);
    ask(w, "Action=DescribeVpcs&VpcId.1=%s", vpc);
    assert_at(w, "vpcSet/item/vpcId", vpc);

    ask(w,
        "Action=DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1=%s&Filter.2.Name="
        "default-for-az&Filter.2.Value.1=true&Filter.3.Name=state&Filter.3.Value.1=available",
        vpc);
    assert_int_equal(count(w, "subnetSet/item"), 3);
    assert_at(w, "subnetSet/item[2]/availabilityZone", "us-east-1b");
    assert_at(w, "subnetSet/item[2]/availabilityZoneId", "use1-az2");
    assert_at(w, "subnetSet/item[2]/cidrBlock", "172.31.16.0/20");
    assert_at(w, "subnetSet/item[2]/availableIpAddressCount", "4091");
    subnet = keep_at(w, "subnetSet/item[2]/subnetId");
    ask(w, "Action=DescribeSubnets&SubnetId.1=%s", subnet);
    assert_int_equal(count(w, "subnetSet/item"), 1);

    ask(w, "Action=DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1=%s", vpc);
    assert_int_equal(count(w, "securityGroupInfo/item"), 1);
    assert_at(w, "securityGroupInfo/item/groupName", "default");
    assert_at(w, "securityGroupInfo/item/ipPermissions/item/ipProtocol", "-1");
    assert_int_equal(count(w, "securityGroupInfo/item/ipPermissions/item/fromPort"), 0);
    assert_int_equal(count(w, "securityGroupInfo/item/ipPermissions/item/groups/item"), 1);
    assert_at(w, "securityGroupInfo/item/ipPermissionsEgress/item/ipRanges/item/cidrIp",
              "0.0.0.0/0");

    refused(w, "InvalidVpcID.NotFound", "The vpc ID 'vpc-00000000000000000' does not exist",
            "Action=DescribeVpcs&VpcId.1=vpc-00000000000000000");
    refused(w, "InvalidSubnetID.NotFound",
            "The subnet IDs 'subnet-00000000000000000, subnet-00000000000000001' do not exist",
            "Action=DescribeSubnets&SubnetId.1=subnet-00000000000000000&"
            "SubnetId.2=subnet-00000000000000001");
    refused(w, "InvalidGroup.NotFound", "The security group 'sg-00000000000000000' does not exist",
            "Action=DescribeSecurityGroups&GroupId.1=sg-00000000000000000");
    refused(w, "InvalidGroupId.Malformed", "expecting \"sg-...\"",
            "Action=DescribeSecurityGroups&GroupId.1=x");
    refused(w, "InvalidGroup.NotFound", "The security group 'none' does not exist in VPC",
            "Action=DescribeSecurityGroups&GroupName.1=none");
}

static void an_instance_has_an_address_of_its_zone(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *vpc = NULL;
    _cleanup_free_ char *a = run(w, ami, "&Placement.AvailabilityZone=us-east-1b");
    _cleanup_free_ char *b = NULL;

    ask(w, "Action=DescribeInstances&InstanceId.1=%s", a);
    assert_at(w, INSTANCE "/placement/availabilityZone", "us-east-1b");
    assert_at(w, INSTANCE "/privateIpAddress", "172.31.16.10");
    assert_at(w, INSTANCE "/privateDnsName", "ip-172-31-16-10.ec2.internal");
    assert_at(w, INSTANCE "/groupSet/item/groupName", "default");
    assert_at(w, INSTANCE "/sourceDestCheck", "true");
    assert_at(w, NIC "/privateIpAddress", "172.31.16.10");
    assert_at(w, NIC "/attachment/deviceIndex", "0");
    assert_at(w, NIC "/attachment/status", "attached");
    assert_at(w, NIC "/privateIpAddressesSet/item/primary", "true");
    assert_at(w, NIC "/groupSet/item/groupName", "default");
    assert_memory_equal(at(w, NIC "/networkInterfaceId"), "eni-", 4);
    assert_memory_equal(at(w, NIC "/macAddress"), "0a:", 3);
    vpc = keep_at(w, INSTANCE "/vpcId");
    assert_int_equal(asked_for(w, "network-changed us-east-1\n"), 1);

    b = run(w, ami, "");
    ask(w,
        "Action=DescribeInstances&Filter.1.Name=vpc-id&Filter.1.Value.1=%s&"
        "Filter.2.Name=private-ip-address&Filter.2.Value.1=172.31.0.*&"
        "Filter.3.Name=network-interface.group-name&Filter.3.Value.1=default",
        vpc);
    assert_int_equal(count(w, INSTANCE), 1);
    assert_at(w, INSTANCE "/instanceId", b);

    ask(w,
        "Action=DescribeNetworkInterfaces&Filter.1.Name=attachment.instance-id&"
        "Filter.1.Value.1=%s",
        a);
    assert_int_equal(count(w, "networkInterfaceSet/item"), 1);
    assert_at(w, "networkInterfaceSet/item/privateIpAddress", "172.31.16.10");
    assert_at(w, "networkInterfaceSet/item/availabilityZone", "us-east-1b");
    assert_at(w, "networkInterfaceSet/item/status", "in-use");

    ask(w, "Action=TerminateInstances&InstanceId.1=%s", a);
    OK(model_instance_move(MODEL(w), a, INSTANCE_EV_TERMINATED, NULL, NULL, NULL, &e));
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", a);
    assert_at(w, INSTANCE "/privateIpAddress", "(none)");
    assert_at(w, INSTANCE "/vpcId", "(none)");
    assert_at(w, INSTANCE "/privateDnsName", "");
    assert_int_equal(count(w, NIC), 0);
}

static void a_launch_says_where_in_two_ways(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *subnet = NULL, *group = NULL;
    const char *place = "instancesSet/item/placement/availabilityZone";

    ask(w, "Action=DescribeSubnets&Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1c");
    subnet = keep_at(w, "subnetSet/item/subnetId");
    ask(w, "Action=DescribeSecurityGroups&GroupName.1=default");
    group = keep_at(w, "securityGroupInfo/item/groupId");

    ask(w,
        "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&SubnetId=%s&SecurityGroupId.1=%s&"
        "PrivateIpAddress=172.31.32.99",
        ami, subnet, group);
    assert_at(w, place, "us-east-1c");
    assert_at(w, "instancesSet/item/privateIpAddress", "172.31.32.99");
    assert_at(w, "instancesSet/item/subnetId", subnet);

    ask(w,
        "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1&NetworkInterface.1.DeviceIndex=0&"
        "NetworkInterface.1.SubnetId=%s&NetworkInterface.1.DeleteOnTermination=true&"
        "NetworkInterface.1.SecurityGroupId.1=%s&"
        "NetworkInterface.1.AssociatePublicIpAddress=true&"
        "TagSpecification.1.ResourceType=network-interface&TagSpecification.1.Tag.1.Key=a&"
        "TagSpecification.1.Tag.1.Value=b",
        ami, subnet, group);
    assert_at(w, "instancesSet/item/privateIpAddress", "172.31.32.10");
    ask(w, "Action=DescribeTags&Filter.1.Name=resource-type&Filter.1.Value.1=network-interface");
    assert_at(w, "tagSet/item/key", "a");

#define RUN "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1"
    refused(w, "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet ID may not be specified on the same "
            "request",
            RUN "&SubnetId=%s&NetworkInterface.1.DeviceIndex=0", ami, subnet);
    refused(w, "InvalidParameterCombination", "instance-level security groups",
            RUN "&SecurityGroup.1=default&NetworkInterface.1.DeviceIndex=0", ami);
    refused(w, "InvalidParameterCombination",
            "The parameter groupName cannot be used with the parameter subnet",
            RUN "&SubnetId=%s&SecurityGroup.1=default", ami, subnet);
    refused(w, "InvalidParameterValue", "is in the Availability Zone us-east-1c",
            RUN "&SubnetId=%s&Placement.AvailabilityZone=us-east-1a", ami, subnet);
    refused(w, "InvalidSubnetID.NotFound", "'subnet-00000000000000000' does not exist",
            RUN "&SubnetId=subnet-00000000000000000", ami);
    refused(w, "InvalidGroup.NotFound", "The security group 'sg-00000000000000000' does not exist",
            RUN "&SecurityGroupId.1=sg-00000000000000000", ami);
    refused(w, "InvalidGroup.NotFound", "The security group 'none' does not exist in VPC 'vpc-",
            RUN "&SecurityGroup.1=none", ami);
    refused(w, "InvalidIPAddress.InUse", "Address 172.31.32.99 is in use.",
            RUN "&SubnetId=%s&PrivateIpAddress=172.31.32.99", ami, subnet);
    refused(w, "InvalidParameterValue", "does not fall within the subnet's address range",
            RUN "&SubnetId=%s&PrivateIpAddress=10.0.0.1", ami, subnet);
    refused(w, "InvalidParameterCombination", "2 instances",
            "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=2&PrivateIpAddress=172.31.0.9",
            ami);
    refused(w, "InvalidParameterValue", "deviceIndex", RUN "&NetworkInterface.1.DeviceIndex=1",
            ami);
    refused(w, "UnsupportedOperation", "one network interface",
            RUN "&NetworkInterface.1.DeviceIndex=0&NetworkInterface.2.DeviceIndex=1", ami);
    refused(w, "UnsupportedOperation", "DeleteOnTermination=false",
            RUN "&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.DeleteOnTermination=false",
            ami);
    refused(w, "UnsupportedOperation", "NetworkInterface.1.Ipv6AddressCount",
            RUN "&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.Ipv6AddressCount=1", ami);
}

static void user_data_are_kept_as_bytes(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");
    _cleanup_free_ char *id = run(w, ami, "&UserData=I2Nsb3VkLWNvbmZpZwo%3D");
    _cleanup_free_ void *got = NULL;
    _cleanup_free_ char *big = xcalloc(1, 22000);
    size_t n = 0;

    OK(model_user_data_get(MODEL(w), id, &got, &n, &e));
    assert_int_equal(n, 14);
    assert_memory_equal(got, "#cloud-config\n", 14);
    refused(w, "InvalidParameterValue", "Invalid BASE64 encoding of user data", RUN "&UserData=*",
            ami);
    memset(big, 'A', 21848); /* 16386 bytes */
    {
        _cleanup_free_ char *body = xasprintf(RUN "&UserData=%s", ami, big);

        send_body(w, body);
        assert_at(w, "Errors/Error/Code", "InvalidParameterValue");
        assert_at(w, "Errors/Error/Message", "User data is limited to 16384 bytes");
    }
}

static void options_of_the_metadata_service_are_kept(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");
    const char *o = "instancesSet/item/metadataOptions/httpTokens";

    ask(w,
        RUN "&InstanceType=t3.micro&MetadataOptions.HttpTokens=required&"
            "MetadataOptions.HttpPutResponseHopLimit=2&MetadataOptions.HttpEndpoint=enabled&"
            "MetadataOptions.InstanceMetadataTags=enabled",
        ami);
    assert_at(w, o, "required");
    assert_at(w, "instancesSet/item/metadataOptions/httpPutResponseHopLimit", "2");
    assert_at(w, "instancesSet/item/metadataOptions/instanceMetadataTags", "enabled");
    assert_at(w, "instancesSet/item/metadataOptions/state", "applied");
    ask(w, "Action=DescribeInstances&Filter.1.Name=metadata-options.http-tokens&"
           "Filter.1.Value.1=required&Filter.2.Name=metadata-options.http-put-response-hop-limit&"
           "Filter.2.Value.1=2");
    assert_int_equal(count(w, INSTANCE), 1);
    refused(w, "InvalidParameterValue", "from 1 to 64",
            RUN "&MetadataOptions.HttpPutResponseHopLimit=65", ami);
    refused(w, "InvalidParameterValue", "Expected: optional, required",
            RUN "&MetadataOptions.HttpTokens=maybe", ami);
    refused(w, "InvalidParameterValue", "'a b' is not a valid tag key.",
            RUN "&MetadataOptions.InstanceMetadataTags=enabled&"
                "TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a%%20b&"
                "TagSpecification.1.Tag.1.Value=c",
            ami);
}

static void an_image_may_want_tokens(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");
    _cleanup_(image_rec_done) struct image_rec i = { 0 };

    OK(model_image_get(MODEL(w), NULL, ami, &i, &e));
    (void)str_copy(i.imds_support, sizeof(i.imds_support), "v2.0");
    OK(model_image_save(MODEL(w), &i, &e));
    ask(w, RUN, ami);
    assert_at(w, "instancesSet/item/metadataOptions/httpTokens", "required");
    assert_at(w, "instancesSet/item/metadataOptions/httpPutResponseHopLimit", "2");
    ask(w, RUN "&MetadataOptions.HttpTokens=optional", ami);
    assert_at(w, "instancesSet/item/metadataOptions/httpTokens", "optional");
}

static void what_the_guest_said_is_shown(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Windows", "win"), *id = run(w, ami, "");

    ask(w, "Action=DescribeInstanceStatus&InstanceId.1=%s", id);
    assert_at(w, "instanceStatusSet/item/kilnGuest", "(none)");
    OK(model_instance_guest(MODEL(w), id, "Windows is Ready to use", NULL, &e));
    ask(w, "Action=DescribeInstanceStatus&InstanceId.1=%s", id);
    assert_at(w, "instanceStatusSet/item/kilnGuest", "Windows is Ready to use");
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    assert_at(w, INSTANCE "/kilnGuest", "Windows is Ready to use");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(a_region_has_a_default_network),
        STORY(an_instance_has_an_address_of_its_zone),
        STORY(a_launch_says_where_in_two_ways),
        STORY(user_data_are_kept_as_bytes),
        STORY(options_of_the_metadata_service_are_kept),
        STORY(an_image_may_want_tokens),
        STORY(what_the_guest_said_is_shown),
    };

    return test_run(tests);
}
