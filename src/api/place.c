/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "place.h"

#include <errno.h>

#include "find.h"
#include "parse.h"

/* ---- groups ---------------------------------------------------------------------------------- */

int api_find_group_named(struct api_call *c, const char *vpc_id, const char *name,
                         struct group_rec *ret, struct err *e)
{
    api_about(c, "security-group");
    return model_group_find(c->model, vpc_id, name, ret, e);
}

int api_named_group(struct api_call *c, struct group_rec *ret, struct err *e)
{
    const char *id = api_text(c, "GroupId"), *name = api_text(c, "GroupName");
    struct vpc_rec vpc;
    int r;

    if (id)
        return api_find_group(c, id, ret, e);
    if (!name)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter groupName or groupId");
    r = model_vpc_default(c->model, c->region, &vpc, e);
    return r < 0 ? r : api_find_group_named(c, vpc.id, name, ret, e);
}

static int add_group(struct api_call *c, struct api_place *p, const struct group_rec *g,
                     struct err *e)
{
    for (size_t i = 0; i < p->n_groups; i++)
        if (str_eq(p->groups[i], g->id))
            return 0;
    if (p->n_groups == MODEL_GROUPS_MAX)
        return api_fail(c, e, "SecurityGroupsPerInterfaceLimitExceeded",
                        "The maximum number of security groups per interface has been reached: %d",
                        MODEL_GROUPS_MAX);
    return str_copy(p->groups[p->n_groups++], MODEL_ID_MAX, g->id);
}

int api_groups_by_id(struct api_call *c, const char *list, struct api_place *p, struct err *e)
{
    for (size_t i = 0; i < api_count(c, list); i++) {
        const char *id = api_item(c, list, i, "");
        struct group_rec g;
        int r = id ? api_find_group(c, id, &g, e) : 0;

        if (r >= 0 && id)
            r = add_group(c, p, &g, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int groups_by_name(struct api_call *c, const char *list, struct api_place *p, struct err *e)
{
    for (size_t i = 0; i < api_count(c, list); i++) {
        const char *name = api_item(c, list, i, "");
        struct group_rec g;
        int r = name ? api_find_group_named(c, p->subnet.vpc_id, name, &g, e) : 0;

        if (r >= 0 && name)
            r = add_group(c, p, &g, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- where ----------------------------------------------------------------------------------- */

static int read_subnet(struct api_call *c, const char *subnet_id, struct api_place *p,
                       struct err *e)
{
    const char *asked = api_text(c, "Placement.AvailabilityZone");
    char zone[MODEL_REGION_MAX];
    int r;

    if (!api_zone(c, asked, zone))
        return api_fail(c, e, "InvalidParameterValue", "Invalid Availability Zone (%s)", asked);
    api_about(c, "subnet");
    r = model_vpc_default(c->model, c->region, NULL, e);
    if (r < 0)
        return r;
    if (!subnet_id)
        return model_subnet_default(c->model, c->region, zone, &p->subnet, e);
    r = api_find_subnet(c, subnet_id, &p->subnet, e);
    if (r < 0)
        return r;
    if (asked && !str_eq(zone, p->subnet.zone))
        return api_fail(c, e, "InvalidParameterValue",
                        "The subnet '%s' is in the Availability Zone %s, not in %s", subnet_id,
                        p->subnet.zone, zone);
    return 0;
}

static int check_beside_interface(struct api_call *c, struct err *e)
{
    static const struct {
        const char *name, *what;
    } rows[] = {
        { "SubnetId", "subnet ID" },
        { "PrivateIpAddress", "private IP address" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (api_has(c, rows[i].name))
            return api_fail(c, e, "InvalidParameterCombination",
                            "Network interfaces and an instance-level %s may not be specified on "
                            "the same request",
                            rows[i].what);
    if (api_count(c, "SecurityGroup") || api_count(c, "SecurityGroupId"))
        return api_fail(c, e, "InvalidParameterCombination",
                        "Network interfaces and an instance-level security groups may not be "
                        "specified on the same request");
    return 0;
}

static int check_interface(struct api_call *c, struct err *e)
{
    const char *index = api_item(c, "NetworkInterface", 0, "DeviceIndex");
    const char *end = api_item(c, "NetworkInterface", 0, "DeleteOnTermination");
    bool goes = true;

    if (api_count(c, "NetworkInterface") > 1)
        return api_fail(c, e, "UnsupportedOperation",
                        "An instance has one network interface in this version of Kiln, the "
                        "request names %zu",
                        api_count(c, "NetworkInterface"));
    if (!index)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter deviceIndex of each network "
                        "interface");
    if (!str_eq(index, "0"))
        return api_fail(c, e, "InvalidParameterValue",
                        "Value (%s) for parameter deviceIndex is invalid. The primary network "
                        "interface has the index 0.",
                        index);
    if (end && parse_bool(end, &goes) == 0 && !goes)
        return api_fail(c, e, "UnsupportedOperation",
                        "A network interface that stays behind its instance "
                        "(DeleteOnTermination=false) is not supported by this version of Kiln");
    return 0;
}

static int read_interface(struct api_call *c, struct api_place *p, struct err *e)
{
    const char *asked;
    char list[64];
    int r = check_beside_interface(c, e);

    if (r >= 0)
        r = check_interface(c, e);
    if (r >= 0)
        r = read_subnet(c, api_item(c, "NetworkInterface", 0, "SubnetId"), p, e);
    if (r < 0)
        return r;
    p->private_ip = api_item(c, "NetworkInterface", 0, "PrivateIpAddress");
    p->description = api_item(c, "NetworkInterface", 0, "Description");
    p->wants_public = p->subnet.map_public;
    asked = api_item(c, "NetworkInterface", 0, "AssociatePublicIpAddress");
    if (asked)
        (void)parse_bool(asked, &p->wants_public); /* its type was checked */
    return api_groups_by_id(
        c, api_sub(c, "NetworkInterface", 0, "SecurityGroupId", list, sizeof(list)), p, e);
}

static int read_plain(struct api_call *c, struct api_place *p, struct err *e)
{
    int r;

    if (api_has(c, "SubnetId") && api_count(c, "SecurityGroup"))
        return api_fail(c, e, "InvalidParameterCombination",
                        "The parameter groupName cannot be used with the parameter subnet");
    r = read_subnet(c, api_text(c, "SubnetId"), p, e);
    if (r < 0)
        return r;
    p->private_ip = api_text(c, "PrivateIpAddress");
    p->wants_public = p->subnet.map_public;
    r = api_groups_by_id(c, "SecurityGroupId", p, e);
    return r < 0 ? r : groups_by_name(c, "SecurityGroup", p, e);
}

int api_place_read(struct api_call *c, struct api_place *ret, struct err *e)
{
    struct api_place p = { 0 };
    int r = api_count(c, "NetworkInterface") ? read_interface(c, &p, e) : read_plain(c, &p, e);

    if (r < 0)
        return r;
    if (p.private_ip && api_int(c, "MaxCount", 1) > 1)
        return api_fail(c, e, "InvalidParameterCombination",
                        "A private IP address cannot be given to %ju instances",
                        (uintmax_t)api_int(c, "MaxCount", 1));
    *ret = p;
    return 0;
}

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

int api_place_instance(struct api_call *c, const struct api_place *p, struct instance_rec *i,
                       const struct tag_list *tags, struct err *e)
{
    struct interface_rec nic = { .delete_on_termination = true, .wants_public = p->wants_public };
    const char *groups[MODEL_GROUPS_MAX];
    int r;

    for (size_t k = 0; k < p->n_groups; k++)
        groups[k] = p->groups[k];
    COPY(nic.instance_id, i->id);
    COPY(nic.subnet_id, p->subnet.id);
    COPY(nic.description, p->description ? p->description : "");
    if (p->private_ip && str_copy(nic.private_ip, sizeof(nic.private_ip), p->private_ip) < 0)
        return api_fail(c, e, "InvalidParameterValue",
                        "Invalid value for address. It is no IPv4 address.");
    api_about(c, "network-interface");
    r = model_interface_insert(c->model, &nic, groups, p->n_groups, e);
    if (r == -EADDRNOTAVAIL)
        c->wire_code = "InsufficientAddressCapacity";
    if (r < 0)
        return r;
    COPY(i->vpc_id, nic.vpc_id);
    COPY(i->subnet_id, nic.subnet_id);
    COPY(i->private_ip, nic.private_ip);
    return api_tag(c, nic.id, tags, e);
}
