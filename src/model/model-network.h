/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of model.h that is about networks: include that. */
#pragma once

/* ---- networks ---------------------------------------------------------------------------------
 */

#define MODEL_VPC_CIDR "172.31.0.0/16" /* of each default VPC */

struct vpc_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], owner[16], cidr[MODEL_CIDR_MAX];
    bool is_default;
    uint64_t created_ms;
};
struct subnet_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], zone[MODEL_REGION_MAX], owner[16];
    char vpc_id[MODEL_ID_MAX], cidr[MODEL_CIDR_MAX];
    bool default_for_az;
    uint64_t created_ms;
    bool map_public; /* MapPublicIpOnLaunch */
};
/* The default VPC of a region, with a subnet in each zone and its group "default": made at the
 * first call, the same ever after. ret may be NULL. */
int model_vpc_default(struct model *m, const char *region, struct vpc_rec *ret, struct err *e);
int model_vpc_get(struct model *m, const char *region, const char *id, struct vpc_rec *ret,
                  struct err *e);
int model_vpc_list(struct model *m, const char *region, struct vpc_rec **ret, size_t *ret_n,
                   struct err *e);
int model_subnet_get(struct model *m, const char *region, const char *id, struct subnet_rec *ret,
                     struct err *e);
/* By address. */
int model_subnet_list(struct model *m, const char *region, struct subnet_rec **ret, size_t *ret_n,
                      struct err *e);
/* The default VPC's subnet of a zone. */
int model_subnet_default(struct model *m, const char *region, const char *zone,
                         struct subnet_rec *ret, struct err *e);
/* Saves map_public. */
int model_subnet_save(struct model *m, const struct subnet_rec *rec, struct err *e);
/* Addresses that nothing has, without those that EC2 keeps (the first four and the last). */
int model_subnet_free(struct model *m, const struct subnet_rec *s, uint64_t *ret, struct err *e);

/* Each instance has one from its launch until it is terminated. */
struct interface_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], zone[MODEL_REGION_MAX], owner[16];
    char vpc_id[MODEL_ID_MAX], subnet_id[MODEL_ID_MAX], instance_id[MODEL_ID_MAX];
    char attachment_id[MODEL_ID_MAX]; /* "eni-attach-…" */
    char mac[18], private_ip[16], description[MODEL_TEXT_MAX];
    bool delete_on_termination;
    uint64_t created_ms; /* and attached */
    bool wants_public;   /* gets a public address at each start */
    char public_ip[16];  /* such an address; see model_public_of */
};
/* Makes the interface of rec->instance_id in rec->subnet_id, a member of n groups of the subnet's
 * VPC (0: of its group "default"), and tells the instance's record of it. Fills in id,
 * attachment_id, region, zone, owner, vpc_id, mac (the instance's), created_ms, the first free
 * address from .10 on when private_ip is "", and a public one when it wants one. ERR_INVALID: an
 * address that is not one of the subnet's
 * (-ERANGE) or a group of another VPC (-EXDEV); ERR_EXISTS: the address is taken; ERR_LIMIT: none
 * is free (-EADDRNOTAVAIL: no public one). */
int model_interface_insert(struct model *m, struct interface_rec *rec, const char *const *groups,
                           size_t n, struct err *e);
int model_interface_get(struct model *m, const char *region, const char *id,
                        struct interface_rec *ret, struct err *e);
/* By time, then by id. */
int model_interface_list(struct model *m, const char *region, struct interface_rec **ret,
                         size_t *ret_n, struct err *e);
/* ERR_NOT_FOUND when the instance has none (it is terminated). */
int model_interface_of(struct model *m, const char *instance_id, struct interface_rec *ret,
                       struct err *e);

/* ---- security groups --------------------------------------------------------------------------
 */

struct group_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], owner[16], vpc_id[MODEL_ID_MAX];
    char name[256], description[256];
    uint64_t created_ms;
};
/* What may come in or go out: one peer, which is a block of addresses or the members of a group. */
struct rule_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], group_id[MODEL_ID_MAX];
    bool egress;
    char protocol[8];       /* "-1" any, "tcp", "udp", "icmp", "icmpv6", or a number */
    int from_port, to_port; /* tcp, udp: 0-65535; icmp: type and code, -1 any; else -1 */
    char cidr[MODEL_CIDR_MAX], source_group_id[MODEL_ID_MAX]; /* one of them is "" */
    char description[256];
};
/* With the rule that lets everything out. ERR_EXISTS when the VPC has a group of that name. */
int model_group_insert(struct model *m, const struct group_rec *rec, struct err *e);
int model_group_get(struct model *m, const char *region, const char *id, struct group_rec *ret,
                    struct err *e);
int model_group_find(struct model *m, const char *vpc_id, const char *name, struct group_rec *ret,
                     struct err *e);
/* By name, then by id. */
int model_group_list(struct model *m, const char *region, struct group_rec **ret, size_t *ret_n,
                     struct err *e);
/* With its rules and tags. ERR_CONFLICT when an interface is a member, or a rule of another group
 * names it; ERR_DENIED for a VPC's "default". */
int model_group_delete(struct model *m, const char *id, struct err *e);
/* ERR_EXISTS for a rule that is there, ERR_LIMIT when the group is full. */
int model_rule_insert(struct model *m, const struct rule_rec *rec, struct err *e);
int model_rule_get(struct model *m, const char *region, const char *id, struct rule_rec *ret,
                   struct err *e);
/* The rule of that group, direction, protocol, ports and peer. */
int model_rule_find(struct model *m, const struct rule_rec *like, struct rule_rec *ret,
                    struct err *e);
int model_rule_list(struct model *m, const char *region, struct rule_rec **ret, size_t *ret_n,
                    struct err *e);
/* Ingress first, in the order they were made. */
int model_group_rules(struct model *m, const char *group_id, struct rule_rec **ret, size_t *ret_n,
                      struct err *e);
int model_rule_delete(struct model *m, const char *id, struct err *e);
/* The groups that an interface is a member of, by name. */
int model_interface_groups(struct model *m, const char *interface_id, struct group_rec **ret,
                           size_t *ret_n, struct err *e);
/* Replaces them; ERR_INVALID (-EXDEV) for a group of another VPC, (-E2BIG) for none or too many. */
int model_interface_groups_set(struct model *m, const char *interface_id, const char *const *groups,
                               size_t n, struct err *e);

/* ---- public addresses ------------------------------------------------------------------------ */

/* An instance's public address is an elastic one that is associated with it, or else one that it
 * was given at its start, kept by a reboot, and lost when it stops. */

#define MODEL_ADDRESSES_MAX 5 /* elastic ones, of an account in a region */

/* The range that they are of, from now on: its first two addresses and its last are nobody's. NULL:
 * there are none. Running instances that want one and have none of this range get one; elastic ones
 * of another range stay, and are out of use. */
int model_public_range_set(struct model *m, const char *cidr, struct err *e);
/* NULL: none. */
const char *model_public_range(const struct model *m);
/* The range of last time, also of an earlier process: 1, or 0 when there was none. */
int model_public_range_before(struct model *m, char ret[MODEL_CIDR_MAX], struct err *e);

/* An elastic address. */
struct address_rec {
    char id[MODEL_ID_MAX], region[MODEL_REGION_MAX], owner[16]; /* "eipalloc-…" */
    char public_ip[16];
    char interface_id[MODEL_ID_MAX], association_id[MODEL_ID_MAX]; /* "": with none */
    uint64_t created_ms;
};
/* Fills in *ret; wanted NULL: the next free one. ERR_LIMIT: the account has as many as it may
 * (-EDQUOT), or none is free (-EADDRNOTAVAIL); ERR_EXISTS: the wanted one is taken; ERR_NOT_FOUND:
 * it is not of the range; ERR_DENIED: there are no public addresses. */
int model_address_allocate(struct model *m, const char *region, const char *wanted,
                           struct address_rec *ret, struct err *e);
int model_address_get(struct model *m, const char *region, const char *id, struct address_rec *ret,
                      struct err *e);
/* By its address or by its association. */
int model_address_by_ip(struct model *m, const char *region, const char *ip,
                        struct address_rec *ret, struct err *e);
int model_address_by_association(struct model *m, const char *region, const char *association_id,
                                 struct address_rec *ret, struct err *e);
/* By time, then by id. */
int model_address_list(struct model *m, const char *region, struct address_rec **ret, size_t *ret_n,
                       struct err *e);
/* The interface's other public address goes, and so does the address's other interface; ERR_EXISTS
 * when there is one of these and move is false. Once more with the same: nothing changes. */
int model_address_associate(struct model *m, const char *id, const char *interface_id, bool move,
                            struct address_rec *ret, struct err *e);
/* The interface gets an address of its own again when it wants one and its instance runs. */
int model_address_disassociate(struct model *m, const char *id, struct err *e);
/* ERR_CONFLICT while it is associated. */
int model_address_release(struct model *m, const char *id, struct err *e);

/* What an interface's public address is. */
struct public_view {
    char ip[16];
    char allocation_id[MODEL_ID_MAX], association_id[MODEL_ID_MAX]; /* "": not an elastic one */
};
/* 1, or 0 when it has none. */
int model_public_of(struct model *m, const struct interface_rec *nic, struct public_view *ret,
                    struct err *e);
