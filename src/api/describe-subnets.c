/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include <stdio.h>
#include <string.h>

#include "listing.h"
#include "place.h"
#include "regions.h"

struct row {
    struct subnet_rec rec; /* first: see listing.h */
    uint64_t addresses;    /* free ones */
    char zone_id[MODEL_REGION_MAX + 8];
    bool maps; /* public addresses, where there are any */
};

#define FILTER(fn, offer)                                                                          \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct row *row = record;                                                            \
                                                                                                   \
        (void)row;                                                                                 \
        offer;                                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")

FILTER(by_zone, filter_offer(f, row->rec.zone));
FILTER(by_zone_id, filter_offer(f, row->zone_id));
FILTER(by_addresses, filter_offer_uint(f, row->addresses));
FILTER(by_cidr, filter_offer(f, row->rec.cidr));
FILTER(by_default, filter_offer_bool(f, row->rec.default_for_az));
FILTER(by_false, filter_offer_bool(f, false));
FILTER(by_id, filter_offer(f, row->rec.id));
FILTER(by_maps, filter_offer_bool(f, row->maps));
FILTER(by_owner, filter_offer(f, row->rec.owner));
FILTER(by_state, filter_offer(f, "available"));
FILTER(by_vpc, filter_offer(f, row->rec.vpc_id));

static const struct filter_def filters[] = {
    { "availability-zone", by_zone },
    { "availabilityZone", by_zone },
    { "availability-zone-id", by_zone_id },
    { "availabilityZoneId", by_zone_id },
    { "available-ip-address-count", by_addresses },
    { "cidr-block", by_cidr },
    { "cidr", by_cidr },
    { "cidrBlock", by_cidr },
    { "customer-owned-ipv4-pool", NULL },
    { "default-for-az", by_default },
    { "defaultForAz", by_default },
    { "enable-dns64", by_false },
    { "enable-lni-at-device-index", NULL },
    { "ipv6-cidr-block-association.association-id", NULL },
    { "ipv6-cidr-block-association.ipv6-cidr-block", NULL },
    { "ipv6-cidr-block-association.state", NULL },
    { "ipv6-native", by_false },
    { "map-customer-owned-ip-on-launch", by_false },
    { "map-public-ip-on-launch", by_maps },
    { "outpost-arn", NULL },
    { "owner-id", by_owner },
    { "private-dns-name-options-on-launch.enable-resource-name-dns-a-record", by_false },
    { "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", by_false },
    { "private-dns-name-options-on-launch.hostname-type", NULL },
    { "state", by_state },
    { "subnet-arn", NULL },
    { "subnet-id", by_id },
    { "vpc-id", by_vpc },
    { 0 },
};

static int put(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e)
{
    const struct row *row = record;
    const struct subnet_rec *s = &row->rec;

    (void)e;
    xml_text(c->out, "subnetId", s->id);
    api_put_arn(c, "subnetArn", s->owner, "subnet", s->id);
    xml_text(c->out, "state", "available");
    xml_text(c->out, "ownerId", s->owner);
    xml_text(c->out, "vpcId", s->vpc_id);
    xml_text(c->out, "cidrBlock", s->cidr);
    xml_always(c->out, "ipv6CidrBlockAssociationSet", "");
    xml_bool(c->out, "assignIpv6AddressOnCreation", false);
    xml_uint(c->out, "availableIpAddressCount", row->addresses);
    xml_text(c->out, "availabilityZone", s->zone);
    xml_text(c->out, "availabilityZoneId", row->zone_id);
    xml_bool(c->out, "defaultForAz", s->default_for_az);
    xml_bool(c->out, "mapPublicIpOnLaunch", row->maps);
    xml_tags(c->out, tags);
    return 0;
}

static int fill(struct api_call *c, const struct subnet_rec *s, struct row *row, struct err *e)
{
    char word[MODEL_REGION_MAX];
    char letter = s->zone[0] ? s->zone[strlen(s->zone) - 1] : 'a';

    row->rec = *s;
    row->maps = s->map_public && model_public_range(c->model);
    region_short(c->region, word, sizeof(word));
    (void)snprintf(row->zone_id, sizeof(row->zone_id), "%s-az%d", word, letter - 'a' + 1);
    return model_subnet_free(c->model, s, &row->addresses, e);
}

static const struct api_param params[] = {
    { .name = "SubnetId.N", .type = PARAM_ID, .prefix = "subnet" },
    { 0 },
};

static int describe_subnets(struct api_call *c, struct err *e)
{
    static const struct api_listing listing = { "SubnetId", "subnetSet", sizeof(struct row),
                                                filters, put };
    _cleanup_free_ struct subnet_rec *v = NULL;
    _cleanup_free_ struct row *rows = NULL;
    size_t n = 0;
    int r = api_filters_check(c, filters, e);

    if (r >= 0)
        r = model_vpc_default(c->model, c->region, NULL, e);
    if (r >= 0)
        r = api_find_subnets(c, "SubnetId", &v, &n, e);
    if (r < 0)
        return r;
    rows = xcalloc(n + 1, sizeof(*rows));
    for (size_t i = 0; i < n && r >= 0; i++)
        r = fill(c, &v[i], &rows[i], e);
    return r < 0 ? r : api_put_listing(c, &listing, rows, n, e);
}

const struct api_action api_describe_subnets = {
    .name = "DescribeSubnets",
    .resource = "subnet",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_subnets,
    .summary = "Shows the subnets, one in each zone, with their free addresses.",
};
