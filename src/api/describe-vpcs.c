/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include <stdio.h>
#include <string.h>

#include "listing.h"

#define FILTER(fn, offer)                                                                          \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct vpc_rec *v = record;                                                          \
                                                                                                   \
        (void)v;                                                                                   \
        offer;                                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")

FILTER(by_cidr, filter_offer(f, v->cidr));
FILTER(by_cidr_state, filter_offer(f, "associated"));
FILTER(by_default, filter_offer_bool(f, v->is_default));
FILTER(by_dhcp, filter_offer(f, "default"));
FILTER(by_id, filter_offer(f, v->id));
FILTER(by_owner, filter_offer(f, v->owner));
FILTER(by_state, filter_offer(f, "available"));

static const struct filter_def filters[] = {
    { "cidr", by_cidr },
    { "cidr-block-association.association-id", NULL },
    { "cidr-block-association.cidr-block", by_cidr },
    { "cidr-block-association.state", by_cidr_state },
    { "dhcp-options-id", by_dhcp },
    { "dhcpOptionsId", by_dhcp },
    { "ipv6-cidr-block-association.association-id", NULL },
    { "ipv6-cidr-block-association.ipv6-cidr-block", NULL },
    { "ipv6-cidr-block-association.ipv6-pool", NULL },
    { "ipv6-cidr-block-association.state", NULL },
    { "is-default", by_default },
    { "isDefault", by_default }, /* Ansible */
    { "owner-id", by_owner },
    { "state", by_state },
    { "vpc-id", by_id },
    { 0 },
};

static int put(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e)
{
    const struct vpc_rec *v = record;
    char association[MODEL_ID_MAX + 16];

    (void)e;
    (void)snprintf(association, sizeof(association), "vpc-cidr-assoc-%s", v->id + strlen("vpc-"));
    xml_text(c->out, "vpcId", v->id);
    xml_text(c->out, "ownerId", v->owner);
    xml_text(c->out, "state", "available");
    xml_text(c->out, "cidrBlock", v->cidr);
    xml_open(c->out, "cidrBlockAssociationSet");
    xml_open(c->out, "item");
    xml_text(c->out, "associationId", association);
    xml_text(c->out, "cidrBlock", v->cidr);
    xml_open(c->out, "cidrBlockState");
    xml_text(c->out, "state", "associated");
    xml_close(c->out, "cidrBlockState");
    xml_close(c->out, "item");
    xml_close(c->out, "cidrBlockAssociationSet");
    xml_text(c->out, "dhcpOptionsId", "default");
    xml_text(c->out, "instanceTenancy", "default");
    xml_bool(c->out, "isDefault", v->is_default);
    xml_tags(c->out, tags);
    return 0;
}

static const struct api_param params[] = {
    { .name = "VpcId.N", .type = PARAM_ID, .prefix = "vpc" },
    { 0 },
};

static int describe_vpcs(struct api_call *c, struct err *e)
{
    static const struct api_listing listing = { "VpcId", "vpcSet", sizeof(struct vpc_rec), filters,
                                                put };
    _cleanup_free_ struct vpc_rec *v = NULL;
    size_t n = 0;
    int r = api_filters_check(c, filters, e);

    if (r >= 0)
        r = model_vpc_default(c->model, c->region, NULL, e);
    if (r >= 0)
        r = api_find_vpcs(c, "VpcId", &v, &n, e);
    return r < 0 ? r : api_put_listing(c, &listing, v, n, e);
}

const struct api_action api_describe_vpcs = {
    .name = "DescribeVpcs",
    .resource = "vpc",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_vpcs,
    .summary = "Shows the networks; each region has a default one.",
};
