/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks of a request: where an instance goes and which groups it is a member of. */
#pragma once

#include "api-priv.h"

/* Where a launch puts its instances. */
struct api_place {
    struct subnet_rec subnet;
    char groups[MODEL_GROUPS_MAX][MODEL_ID_MAX];
    size_t n_groups;
    const char *private_ip, *description; /* NULL: not given */
    bool wants_public;                    /* a public address, at each start */
};

/* RunInstances: SubnetId, SecurityGroup.N, SecurityGroupId.N, PrivateIpAddress or the one
 * NetworkInterface.N; and Placement.AvailabilityZone. */
int api_place_read(struct api_call *c, struct api_place *ret, struct err *e);
/* Gives the instance, which is in the database, its interface; fills in the record's addresses. */
int api_place_instance(struct api_call *c, const struct api_place *p, struct instance_rec *i,
                       const struct tag_list *tags, struct err *e);

/* Adds the groups that a list names by id, each once. */
int api_groups_by_id(struct api_call *c, const char *list, struct api_place *p, struct err *e);

/* The group that GroupId or GroupName (of the default VPC) means. */
int api_named_group(struct api_call *c, struct group_rec *ret, struct err *e);
/* A group of a VPC by its name: InvalidGroup.NotFound. */
int api_find_group_named(struct api_call *c, const char *vpc_id, const char *name,
                         struct group_rec *ret, struct err *e);

/* ---- renderers (put-network.c) */

/* groupSet/item/{groupId,groupName} */
void api_put_group_set(struct api_call *c, const struct group_rec *v, size_t n);
/* The inside of networkInterfaceSet/item of an instance, and most of DescribeNetworkInterfaces'.
 * shown: its public address, NULL when it has none; with_ids: seen from outside of its instance,
 * which is named, and so are the ids of an elastic address. */
void api_put_interface(struct api_call *c, const struct interface_rec *nic,
                       const struct group_rec *groups, size_t n_groups,
                       const struct public_view *shown, bool with_ids);
/* Whose a public address is: the account's own, or "amazon". */
const char *api_public_owner(const struct interface_rec *nic, const struct public_view *shown);
/* The inside of securityGroupRuleSet/item, without tags. */
void api_put_rule(struct api_call *c, const struct rule_rec *rule);
/* "arn:aws:ec2:REGION:ACCOUNT:WORD/ID" */
void api_put_arn(struct api_call *c, const char *element, const char *owner, const char *word,
                 const char *id);
