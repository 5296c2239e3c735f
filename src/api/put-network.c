/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network interfaces, groups and rules as several answers show them. */
#include "place.h"

#include <stdio.h>
#include <string.h>

void api_put_arn(struct api_call *c, const char *element, const char *owner, const char *word,
                 const char *id)
{
    char arn[160];

    (void)snprintf(arn, sizeof(arn), "arn:aws:ec2:%s:%s:%s/%s", c->region, owner, word, id);
    xml_text(c->out, element, arn);
}

void api_put_group_set(struct api_call *c, const struct group_rec *v, size_t n)
{
    xml_open(c->out, "groupSet");
    for (size_t i = 0; i < n; i++) {
        xml_open(c->out, "item");
        xml_text(c->out, "groupId", v[i].id);
        xml_text(c->out, "groupName", v[i].name);
        xml_close(c->out, "item");
    }
    xml_close(c->out, "groupSet");
}

const char *api_public_owner(const struct interface_rec *nic, const struct public_view *shown)
{
    return shown->allocation_id[0] ? nic->owner : "amazon";
}

/* The address is its own name: see docs/design/net.md. */
static void put_association(struct api_call *c, const struct interface_rec *nic,
                            const struct public_view *shown, bool with_ids)
{
    if (!shown)
        return;
    xml_open(c->out, "association");
    xml_text(c->out, "publicIp", shown->ip);
    xml_text(c->out, "publicDnsName", shown->ip);
    xml_text(c->out, "ipOwnerId", api_public_owner(nic, shown));
    if (with_ids) {
        xml_text(c->out, "allocationId", shown->allocation_id);
        xml_text(c->out, "associationId", shown->association_id);
    }
    xml_close(c->out, "association");
}

static void put_addresses(struct api_call *c, const struct interface_rec *nic, const char *name,
                          const struct public_view *shown, bool with_ids)
{
    xml_text(c->out, "privateIpAddress", nic->private_ip);
    xml_text(c->out, "privateDnsName", name);
    xml_open(c->out, "privateIpAddressesSet");
    xml_open(c->out, "item");
    xml_text(c->out, "privateIpAddress", nic->private_ip);
    xml_text(c->out, "privateDnsName", name);
    xml_bool(c->out, "primary", true);
    put_association(c, nic, shown, with_ids);
    xml_close(c->out, "item");
    xml_close(c->out, "privateIpAddressesSet");
    xml_always(c->out, "ipv6AddressesSet", "");
}

void api_put_interface(struct api_call *c, const struct interface_rec *nic,
                       const struct group_rec *groups, size_t n_groups,
                       const struct public_view *shown, bool with_ids)
{
    char name[RULES_HOST_MAX];

    rules_private_dns(nic->private_ip, nic->region, name);
    xml_text(c->out, "networkInterfaceId", nic->id);
    xml_text(c->out, "subnetId", nic->subnet_id);
    xml_text(c->out, "vpcId", nic->vpc_id);
    xml_always(c->out, "description", nic->description);
    xml_text(c->out, "ownerId", nic->owner);
    xml_text(c->out, "status", "in-use");
    xml_text(c->out, "interfaceType", "interface");
    xml_text(c->out, "macAddress", nic->mac);
    put_addresses(c, nic, name, shown, with_ids);
    put_association(c, nic, shown, with_ids);
    xml_bool(c->out, "sourceDestCheck", true);
    api_put_group_set(c, groups, n_groups);
    xml_open(c->out, "attachment");
    xml_text(c->out, "attachmentId", nic->attachment_id);
    xml_uint(c->out, "deviceIndex", 0);
    xml_uint(c->out, "networkCardIndex", 0);
    xml_text(c->out, "status", "attached");
    xml_time(c->out, "attachTime", nic->created_ms);
    xml_bool(c->out, "deleteOnTermination", nic->delete_on_termination);
    if (with_ids) { /* seen from an instance, it goes without saying */
        xml_text(c->out, "instanceId", nic->instance_id);
        xml_text(c->out, "instanceOwnerId", nic->owner);
    }
    xml_close(c->out, "attachment");
}

static void put_number(struct api_call *c, const char *element, int v)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", v);
    xml_text(c->out, element, text);
}

void api_put_rule(struct api_call *c, const struct rule_rec *rule)
{
    xml_text(c->out, "securityGroupRuleId", rule->id);
    xml_text(c->out, "groupId", rule->group_id);
    xml_text(c->out, "groupOwnerId", c->account);
    xml_bool(c->out, "isEgress", rule->egress);
    xml_text(c->out, "ipProtocol", rule->protocol);
    put_number(c, "fromPort", rule->from_port);
    put_number(c, "toPort", rule->to_port);
    if (strchr(rule->cidr, ':'))
        xml_text(c->out, "cidrIpv6", rule->cidr);
    else
        xml_text(c->out, "cidrIpv4", rule->cidr);
    if (rule->source_group_id[0]) {
        xml_open(c->out, "referencedGroupInfo");
        xml_text(c->out, "groupId", rule->source_group_id);
        xml_text(c->out, "userId", c->account);
        xml_close(c->out, "referencedGroupInfo");
    }
    xml_text(c->out, "description", rule->description);
    api_put_arn(c, "securityGroupRuleArn", c->account, "security-group-rule", rule->id);
}
