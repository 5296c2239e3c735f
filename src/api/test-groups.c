/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security groups: what Packer, Ansible and Terraform do with them. */
#include "test-ask.h"

static char *group(struct world *w, const char *name)
{
    ask(w, "Action=CreateSecurityGroup&GroupName=%s&GroupDescription=Temporary", name);
    return keep_at(w, "groupId");
}

#define SSH                                                                                        \
    "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22&"        \
    "IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"

/* Steps 6 to 8 and 25 of Packer. */
static void a_group_comes_opens_and_goes(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = NULL, *rule = NULL;

    ask(w,
        "Action=CreateSecurityGroup&GroupName=packer_1&GroupDescription=Temporary%%20group&VpcId=&"
        "TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=a&"
        "TagSpecification.1.Tag.1.Value=b");
    id = keep_at(w, "groupId");
    assert_memory_equal(id, "sg-", 3);
    assert_at(w, "tagSet/item/key", "a");
    ask(w, "Action=AuthorizeSecurityGroupIngress&GroupId=%s&" SSH, id);
    assert_at(w, "return", "true");
    assert_at(w, "securityGroupRuleSet/item/cidrIpv4", "0.0.0.0/0");
    assert_at(w, "securityGroupRuleSet/item/isEgress", "false");
    rule = keep_at(w, "securityGroupRuleSet/item/securityGroupRuleId");
    assert_int_equal(asked_for(w, "network-changed us-east-1\n"), 1);
    ask(w, "Action=DescribeSecurityGroups&GroupId.1=%s", id);
    assert_at(w, "securityGroupInfo/item/groupDescription", "Temporary group");
    assert_at(w, "securityGroupInfo/item/ipPermissions/item/fromPort", "22");
    assert_at(w, "securityGroupInfo/item/ipPermissions/item/ipRanges/item/cidrIp", "0.0.0.0/0");
    assert_int_equal(count(w, "securityGroupInfo/item/ipPermissionsEgress/item"), 1);
    assert_at(w, "securityGroupInfo/item/tagSet/item/value", "b");

    refused(
        w, "InvalidPermission.Duplicate",
        "the specified rule \"peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW\" already "
        "exists",
        "Action=AuthorizeSecurityGroupIngress&GroupName=packer_1&" SSH);
    ask(w, "Action=DescribeSecurityGroupRules&Filter.1.Name=group-id&Filter.1.Value.1=%s", id);
    assert_int_equal(count(w, "securityGroupRuleSet/item"), 2);
    ask(w, "Action=RevokeSecurityGroupIngress&GroupId=%s&SecurityGroupRuleId.1=%s", id, rule);
    assert_at(w, "revokedSecurityGroupRuleSet/item/securityGroupRuleId", rule);
    refused(w, "InvalidPermission.NotFound",
            "The specified rule does not exist in this security group.",
            "Action=RevokeSecurityGroupIngress&GroupId=%s&" SSH, id);
    refused(w, "InvalidSecurityGroupRuleId.NotFound", rule,
            "Action=RevokeSecurityGroupIngress&GroupId=%s&SecurityGroupRuleId.1=%s", id, rule);
    ask(w, "Action=DeleteSecurityGroup&GroupId=%s", id);
    refused(w, "InvalidGroup.NotFound", id, "Action=DeleteSecurityGroup&GroupId=%s", id);
}

/* Terraform begins with taking the rule away that lets everything out. */
static void what_goes_out_is_a_rule_too(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = group(w, "tf");

    ask(w,
        "Action=RevokeSecurityGroupEgress&GroupId=%s&IpPermissions.1.IpProtocol=-1&"
        "IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0&IpPermissions.1.FromPort=0&"
        "IpPermissions.1.ToPort=0",
        id);
    ask(w,
        "Action=AuthorizeSecurityGroupEgress&GroupId=%s&IpPermissions.1.IpProtocol=6&"
        "IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443&"
        "IpPermissions.1.IpRanges.1.CidrIp=10.1.2.3/8&"
        "IpPermissions.1.IpRanges.1.Description=out&"
        "IpPermissions.1.Ipv6Ranges.1.CidrIpv6=::/0&"
        "TagSpecification.1.ResourceType=security-group-rule&TagSpecification.1.Tag.1.Key=k&"
        "TagSpecification.1.Tag.1.Value=v",
        id);
    assert_int_equal(count(w, "securityGroupRuleSet/item"), 2);
    assert_at(w, "securityGroupRuleSet/item[1]/cidrIpv4", "10.0.0.0/8");
    assert_at(w, "securityGroupRuleSet/item[1]/tagSet/item/key", "k");
    assert_at(w, "securityGroupRuleSet/item[2]/cidrIpv6", "::/0");
    ask(w, "Action=DescribeSecurityGroups&Filter.1.Name=egress.ip-permission.cidr&"
           "Filter.1.Value.1=10.0.0.0/8");
    assert_int_equal(count(w, "securityGroupInfo/item"), 1);
    assert_int_equal(count(w, "securityGroupInfo/item/ipPermissionsEgress/item"), 1);
    assert_at(w, "securityGroupInfo/item/ipPermissionsEgress/item/ipProtocol", "tcp");
    assert_at(w, "securityGroupInfo/item/ipPermissionsEgress/item/ipRanges/item/description",
              "out");
    assert_at(w, "securityGroupInfo/item/ipPermissionsEgress/item/ipv6Ranges/item/cidrIpv6",
              "::/0");
}

static void a_group_may_be_the_peer_of_another(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *web = group(w, "web"), *app = group(w, "app");

    ask(w,
        "Action=AuthorizeSecurityGroupIngress&GroupId=%s&IpPermissions.1.IpProtocol=tcp&"
        "IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=81&"
        "IpPermissions.1.Groups.1.GroupId=%s",
        app, web);
    assert_at(w, "securityGroupRuleSet/item/referencedGroupInfo/groupId", web);
    ask(w, "Action=AuthorizeSecurityGroupIngress&GroupName=app&SourceSecurityGroupName=web");
    assert_at(w, "securityGroupRuleSet/item/ipProtocol", "-1");
    ask(w, "Action=DescribeSecurityGroups&GroupId.1=%s", app);
    assert_int_equal(count(w, "securityGroupInfo/item/ipPermissions/item"), 2);
    assert_at(w, "securityGroupInfo/item/ipPermissions/item[1]/groups/item/groupId", web);
    refused(w, "DependencyViolation", "has a dependent object",
            "Action=DeleteSecurityGroup&GroupId=%s", web);
    refused(w, "InvalidGroup.NotFound", "The security group 'none' does not exist in VPC",
            "Action=AuthorizeSecurityGroupIngress&GroupId=%s&IpPermissions.1.IpProtocol=-1&"
            "IpPermissions.1.Groups.1.GroupName=none",
            app);
}

static void members_change_while_it_runs(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *web = group(w, "web"), *ami = import(w, "Linux", "lin");
    _cleanup_free_ char *more = xasprintf("&SecurityGroupId.1=%s", web);
    _cleanup_free_ char *id = run(w, ami, more), *standard = NULL;

    ask(w, "Action=DescribeInstanceAttribute&InstanceId=%s&Attribute=groupSet", id);
    assert_int_equal(count(w, "groupSet/item"), 1);
    assert_at(w, "groupSet/item/groupId", web);
    refused(w, "DependencyViolation", "", "Action=DeleteSecurityGroup&GroupName=web");
    ask(w, "Action=DescribeSecurityGroups&GroupName.1=default");
    standard = keep_at(w, "securityGroupInfo/item/groupId");
    ask(w, "Action=ModifyInstanceAttribute&InstanceId=%s&GroupId.1=%s", id, standard);
    assert_int_equal(asked_for(w, "network-changed us-east-1\n"), 2);
    ask(w, "Action=DescribeInstances&Filter.1.Name=instance.group-name&Filter.1.Value.1=default");
    assert_int_equal(count(w, "reservationSet/item"), 1);
    ask(w, "Action=DeleteSecurityGroup&GroupName=web");
    refused(w, "InvalidGroup.NotFound", web,
            "Action=ModifyInstanceAttribute&InstanceId=%s&GroupId.1=%s", id, web);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = group(w, "g");
    static const struct {
        const char *code, *message, *more;
    } rows[] = {
        { "MissingParameter", "ipPermissions", "" },
        { "MissingParameter", "ipProtocol", "&IpPermissions.1.FromPort=1" },
        { "MissingParameter", "ipRanges", "&IpPermissions.1.IpProtocol=-1" },
        { "InvalidParameterValue", "CIDR block 10.0.0.0/33 is malformed",
          "&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/33" },
        { "InvalidParameterValue", "Must specify both from and to ports with TCP/UDP",
          "&IpProtocol=tcp&CidrIp=0.0.0.0/0" },
        { "InvalidParameterValue", "Must specify both from and to ports with TCP/UDP",
          "&IpProtocol=tcp&CidrIp=0.0.0.0/0&FromPort=23&ToPort=22" },
        { "InvalidParameterValue", "FromPort",
          "&IpProtocol=tcp&CidrIp=0.0.0.0/0&FromPort=70000&ToPort=22" },
        { "InvalidParameterValue", "Unknown protocol.", "&IpProtocol=foo&CidrIp=0.0.0.0/0" },
        { "InvalidParameterValue", "The same permission must not appear multiple times",
          "&" SSH "&IpPermissions.1.IpRanges.2.CidrIp=0.0.0.0/0" },
        { "InvalidParameterCombination", "ipPermissions", "&" SSH "&CidrIp=0.0.0.0/0" },
        { "UnsupportedOperation", "PrefixListIds",
          "&IpPermissions.1.IpProtocol=-1&IpPermissions.1.PrefixListIds.1.PrefixListId=pl-1" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        refused(w, rows[i].code, rows[i].message,
                "Action=AuthorizeSecurityGroupIngress&GroupId=%s%s", id, rows[i].more);
    refused(w, "InvalidGroup.Duplicate", "The security group 'g' already exists for VPC 'vpc-",
            "Action=CreateSecurityGroup&GroupName=g&GroupDescription=x");
    refused(w, "InvalidGroup.Reserved", "default",
            "Action=CreateSecurityGroup&GroupName=default&GroupDescription=x");
    refused(w, "InvalidParameterValue", "sg-*",
            "Action=CreateSecurityGroup&GroupName=sg-1&GroupDescription=x");
    refused(w, "InvalidVpcID.NotFound", "'vpc-00000000000000000' does not exist",
            "Action=CreateSecurityGroup&GroupName=h&GroupDescription=x&"
            "VpcId=vpc-00000000000000000");
    refused(w, "CannotDelete", "cannot be deleted by a user",
            "Action=DeleteSecurityGroup&GroupName=default");
    refused(w, "MissingParameter", "groupName or groupId", "Action=DeleteSecurityGroup");
    refused(w, "MissingParameter", "securityGroupRuleIds",
            "Action=RevokeSecurityGroupIngress&GroupId=%s", id);
}

static void a_dry_run_leaves_groups_alone(void **state)
{
    struct world *w = *state;
    _cleanup_free_ char *id = group(w, "g");

    refused(w, "DryRunOperation", "",
            "Action=AuthorizeSecurityGroupIngress&DryRun=true&GroupId=%s&" SSH, id);
    ask(w, "Action=DescribeSecurityGroups&GroupId.1=%s", id);
    assert_int_equal(count(w, "securityGroupInfo/item/ipPermissions/item"), 0);
    refused(w, "DryRunOperation", "",
            "Action=CreateSecurityGroup&DryRun=true&GroupName=h&GroupDescription=x");
    refused(w, "InvalidGroup.NotFound", "", "Action=DescribeSecurityGroups&GroupName.1=h");
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        STORY(a_group_comes_opens_and_goes),       STORY(what_goes_out_is_a_rule_too),
        STORY(a_group_may_be_the_peer_of_another), STORY(members_change_while_it_runs),
        STORY(what_cannot_be_is_refused_by_name),  STORY(a_dry_run_leaves_groups_alone),
    };

    return test_run(tests);
}
