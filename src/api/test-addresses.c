/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public addresses as clients see them: of instances, and elastic ones. */
#include "test-ask.h"

#define INSTANCE "reservationSet/item/instancesSet/item"
#define NIC      INSTANCE "/networkInterfaceSet/item"
#define RANGE    "198.19.4.0/22"
#define RUN      "Action=RunInstances&ImageId=%s&MinCount=1&MaxCount=1"

static int with_range(void **state)
{
    struct world *w;

    (void)world_open(state);
    w = *state;
    OK(model_public_range_set(MODEL(w), RANGE, &e));
    return 0;
}

static void runs(struct world *w, const char *id)
{
    OK(model_instance_move(MODEL(w), id, INSTANCE_EV_RUNNING, "", "", NULL, &e));
}

static char *launch(struct world *w, const char *ami, const char *more)
{
    char *id;

    ask(w, RUN "%s", ami, more);
    assert_at(w, "instancesSet/item/dnsName", "");
    assert_int_equal(count(w, "instancesSet/item/ipAddress"), 0);
    id = keep_at(w, "instancesSet/item/instanceId");
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    assert_int_equal(count(w, INSTANCE "/ipAddress"), 0); /* it is pending */
    runs(w, id);
    return id;
}

static void shows(struct world *w, const char *id, const char *ip)
{
    ask(w, "Action=DescribeInstances&InstanceId.1=%s", id);
    assert_at(w, INSTANCE "/dnsName", ip);
    assert_at(w, INSTANCE "/ipAddress", ip[0] ? ip : "(none)");
    assert_at(w, NIC "/association/publicIp", ip[0] ? ip : "(none)");
    assert_at(w, NIC "/association/publicDnsName", ip[0] ? ip : "(none)");
    assert_at(w, NIC "/privateIpAddressesSet/item/association/publicIp", ip[0] ? ip : "(none)");
}

static void an_instance_has_an_address_while_it_runs(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");
    _cleanup_free_ char *a = launch(w, ami, "");

    shows(w, a, "198.19.4.2");
    assert_at(w, NIC "/association/ipOwnerId", "amazon");
    OK(model_instance_move(MODEL(w), a, INSTANCE_EV_STOP, NULL, NULL, NULL, &e));
    OK(model_instance_move(MODEL(w), a, INSTANCE_EV_STOPPED, NULL, NULL, NULL, &e));
    shows(w, a, "");
    ask(w, "Action=StartInstances&InstanceId.1=%s", a);
    shows(w, a, "");
    runs(w, a);
    shows(w, a, "198.19.4.3");
}

static void the_request_or_the_subnet_says_who_gets_one(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *subnet = NULL, *zone = NULL;
    _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL;

    a = launch(w, ami,
               "&NetworkInterface.1.DeviceIndex=0&"
               "NetworkInterface.1.AssociatePublicIpAddress=false");
    shows(w, a, "");
    ask(w, "Action=DescribeSubnets&Filter.1.Name=map-public-ip-on-launch&Filter.1.Value.1=true");
    assert_int_equal(count(w, "subnetSet/item"), 3);
    assert_at(w, "subnetSet/item/mapPublicIpOnLaunch", "true");
    subnet = keep_at(w, "subnetSet/item/subnetId");
    zone = keep_at(w, "subnetSet/item/availabilityZone");
    ask(w, "Action=ModifySubnetAttribute&SubnetId=%s&MapPublicIpOnLaunch.Value=false", subnet);
    ask(w, "Action=DescribeSubnets&SubnetId.1=%s", subnet);
    assert_at(w, "subnetSet/item/mapPublicIpOnLaunch", "false");
    b = launch(w, ami, "&Placement.AvailabilityZone=us-east-1a");
    shows(w, b, "");
    c = launch(w, ami,
               "&NetworkInterface.1.DeviceIndex=0&"
               "NetworkInterface.1.AssociatePublicIpAddress=true");
    shows(w, c, "198.19.4.2");
    d = launch(w, ami, "&Placement.AvailabilityZone=us-east-1b");
    shows(w, d, "198.19.4.3");
    refused(w, "InvalidSubnetID.NotFound", "subnet-0123456789abcdef0",
            "Action=ModifySubnetAttribute&SubnetId=subnet-0123456789abcdef0");
}

static void without_public_addresses_nothing_shows_one(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");
    _cleanup_free_ char *a = launch(w, ami,
                                    "&NetworkInterface.1.DeviceIndex=0&"
                                    "NetworkInterface.1.AssociatePublicIpAddress=true");

    shows(w, a, "");
    ask(w, "Action=DescribeSubnets");
    assert_at(w, "subnetSet/item/mapPublicIpOnLaunch", "false");
    refused(w, "UnsupportedOperation", "no public addresses", "Action=AllocateAddress");
}

static void a_range_without_a_free_address_launches_nothing(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *a = NULL;

    OK(model_public_range_set(MODEL(w), "198.19.4.0/30", &e)); /* one */
    a = launch(w, ami, "");
    refused(w, "InsufficientAddressCapacity", "no public address of 198.19.4.0/30 is free", RUN,
            ami);
    ask(w, "Action=DescribeInstances");
    assert_int_equal(count(w, INSTANCE), 1);
}

static void filters_know_public_addresses(void **state)
{
    static const char *const names[] = {
        "ip-address",
        "dns-name",
        "network-interface.association.public-ip",
        "network-interface.addresses.association.public-ip",
    };
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin");
    _cleanup_free_ char *a = launch(w, ami, ""), *b = launch(w, ami, "");

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ask(w, "Action=DescribeInstances&Filter.1.Name=%s&Filter.1.Value.1=198.19.4.3", names[i]);
        assert_int_equal(count(w, INSTANCE), 1);
        assert_at(w, INSTANCE "/instanceId", b);
    }
    ask(w, "Action=DescribeInstances&Filter.1.Name=network-interface.association.ip-owner-id&"
           "Filter.1.Value.1=amazon");
    assert_int_equal(count(w, INSTANCE), 2);
    ask(w, "Action=DescribeNetworkInterfaces&Filter.1.Name=association.public-ip&"
           "Filter.1.Value.1=198.19.4.2");
    assert_int_equal(count(w, "networkInterfaceSet/item"), 1);
    assert_at(w, "networkInterfaceSet/item/attachment/instanceId", a);
    assert_at(w, "networkInterfaceSet/item/association/publicIp", "198.19.4.2");
    assert_int_equal(count(w, "networkInterfaceSet/item/association/allocationId"), 0);
}

/* ---- elastic addresses ----------------------------------------------------------------------- */

static void an_elastic_address_goes_through_its_life(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = NULL, *as = NULL, *again = NULL;
    _cleanup_free_ char *a = launch(w, ami, "");
    int before;

    ask(w, "Action=AllocateAddress&Domain=vpc&TagSpecification.1.ResourceType=elastic-ip&"
           "TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=front");
    assert_at(w, "publicIp", "198.19.4.3");
    assert_at(w, "domain", "vpc");
    id = keep_at(w, "allocationId");
    ask(w, "Action=DescribeAddresses&Filter.1.Name=tag:Name&Filter.1.Value.1=front");
    assert_at(w, "addressesSet/item/allocationId", id);
    assert_at(w, "addressesSet/item/tagSet/item/value", "front");
    assert_int_equal(count(w, "addressesSet/item/associationId"), 0);

    before = asked_for(w, "network-changed us-east-1");
    ask(w, "Action=AssociateAddress&AllocationId=%s&InstanceId=%s", id, a);
    as = keep_at(w, "associationId");
    assert_int_equal(asked_for(w, "network-changed us-east-1"), before + 1);
    shows(w, a, "198.19.4.3");
    assert_at(w, NIC "/association/ipOwnerId", model_account(MODEL(w)));
    ask(w, "Action=DescribeAddresses&AllocationId.1=%s", id);
    assert_at(w, "addressesSet/item/instanceId", a);
    assert_at(w, "addressesSet/item/associationId", as);
    assert_at(w, "addressesSet/item/privateIpAddress", "172.31.0.10");
    ask(w,
        "Action=DescribeAddresses&PublicIp.1=198.19.4.3&Filter.1.Name=instance-id&"
        "Filter.1.Value.1=%s",
        a);
    assert_int_equal(count(w, "addressesSet/item"), 1);
    ask(w,
        "Action=DescribeNetworkInterfaces&Filter.1.Name=association.allocation-id&"
        "Filter.1.Value.1=%s",
        id);
    assert_at(w, "networkInterfaceSet/item/association/associationId", as);
    ask(w, "Action=AssociateAddress&PublicIp=198.19.4.3&InstanceId=%s", a);
    again = keep_at(w, "associationId");
    assert_string_equal(again, as);

    refused(w, "InvalidIPAddress.InUse", "198.19.4.3 is in use",
            "Action=ReleaseAddress&AllocationId=%s", id);
    ask(w, "Action=DisassociateAddress&AssociationId=%s", as);
    shows(w, a, "198.19.4.4"); /* one of its own again */
    ask(w, "Action=ReleaseAddress&AllocationId=%s", id);
    ask(w, "Action=DescribeAddresses");
    assert_int_equal(count(w, "addressesSet/item"), 0);
    refused(w, "InvalidAllocationID.NotFound", id, "Action=DescribeAddresses&AllocationId.1=%s",
            id);
}

static void an_elastic_address_moves_unless_told_not_to(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = NULL;
    _cleanup_free_ char *a = launch(w, ami, ""), *b = launch(w, ami, "");

    ask(w, "Action=AllocateAddress");
    id = keep_at(w, "allocationId");
    ask(w, "Action=AssociateAddress&AllocationId=%s&InstanceId=%s", id, a);
    refused(w, "Resource.AlreadyAssociated", id,
            "Action=AssociateAddress&AllocationId=%s&InstanceId=%s&AllowReassociation=false", id,
            b);
    ask(w, "Action=AssociateAddress&AllocationId=%s&InstanceId=%s", id, b);
    shows(w, b, "198.19.4.4");
    shows(w, a, "198.19.4.5");
    ask(w, "Action=DisassociateAddress&PublicIp=198.19.4.4");
    shows(w, b, "198.19.4.6");
}

static void what_cannot_be_is_refused_by_code(void **state)
{
    static const char none[] = "eipalloc-0123456789abcdef0";
    struct world *w = *state;
    _cleanup_free_ char *ami = import(w, "Linux", "lin"), *id = NULL;
    _cleanup_free_ char *a = launch(w, ami, "");

    refused(w, "InvalidAllocationID.NotFound", none,
            "Action=AssociateAddress&AllocationId=%s&InstanceId=%s", none, a);
    refused(w, "InvalidAllocationID.NotFound", none, "Action=ReleaseAddress&AllocationId=%s", none);
    refused(w, "InvalidAddress.NotFound", "1.2.3.4", "Action=ReleaseAddress&PublicIp=1.2.3.4");
    refused(w, "InvalidAddress.NotFound", "1.2.3.4", "Action=DescribeAddresses&PublicIp.1=1.2.3.4");
    refused(w, "InvalidAssociationID.NotFound", "eipassoc-0123456789abcdef0",
            "Action=DisassociateAddress&AssociationId=eipassoc-0123456789abcdef0");
    refused(w, "MissingParameter", "", "Action=ReleaseAddress");
    refused(w, "MissingParameter", "", "Action=DisassociateAddress");
    ask(w, "Action=AllocateAddress&Address=198.19.5.9");
    id = keep_at(w, "allocationId");
    refused(w, "InvalidIPAddress.InUse", "198.19.5.9", "Action=AllocateAddress&Address=198.19.5.9");
    refused(w, "InvalidAddress.NotFound", "8.8.8.8", "Action=AllocateAddress&Address=8.8.8.8");
    refused(w, "InvalidAssociationID.NotFound", "198.19.5.9",
            "Action=DisassociateAddress&PublicIp=198.19.5.9");
    refused(w, "MissingParameter", "", "Action=AssociateAddress&AllocationId=%s", id);
    refused(w, "InvalidInstanceID.NotFound", "i-0123456789abcdef0",
            "Action=AssociateAddress&AllocationId=%s&InstanceId=i-0123456789abcdef0", id);
    refused(w, "InvalidParameterValue", "172.31.0.77",
            "Action=AssociateAddress&AllocationId=%s&InstanceId=%s&PrivateIpAddress=172.31.0.77",
            id, a);
    OK(model_instance_move(MODEL(w), a, INSTANCE_EV_TERMINATE, NULL, NULL, NULL, &e));
    refused(w, "IncorrectInstanceState", "shutting-down",
            "Action=AssociateAddress&AllocationId=%s&InstanceId=%s", id, a);
    for (unsigned i = 1; i < MODEL_ADDRESSES_MAX; i++)
        ask(w, "Action=AllocateAddress");
    refused(w, "AddressLimitExceeded", "maximum number of addresses", "Action=AllocateAddress");
    refused(w, "DryRunOperation", "", "Action=ReleaseAddress&AllocationId=%s&DryRun=true", id);
}

#define WITH_RANGE(f) cmocka_unit_test_setup_teardown(f, with_range, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RANGE(an_instance_has_an_address_while_it_runs),
        WITH_RANGE(the_request_or_the_subnet_says_who_gets_one),
        cmocka_unit_test_setup_teardown(without_public_addresses_nothing_shows_one, world_open,
                                        world_close),
        WITH_RANGE(a_range_without_a_free_address_launches_nothing),
        WITH_RANGE(filters_know_public_addresses),
        WITH_RANGE(an_elastic_address_goes_through_its_life),
        WITH_RANGE(an_elastic_address_moves_unless_told_not_to),
        WITH_RANGE(what_cannot_be_is_refused_by_code),
    };

    return test_run(tests);
}
