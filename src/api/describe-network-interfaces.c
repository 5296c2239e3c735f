/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "listing.h"
#include "place.h"

struct row {
    struct interface_rec rec; /* first: see listing.h */
    struct group_rec *groups;
    size_t n_groups;
    bool has_public;
    struct public_view shown;
};

struct rows {
    struct row *v;
    size_t n;
};

static void rows_done(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->v[i].groups);
    free(r->v);
}

#define FILTER(fn, offer)                                                                          \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct row *row = record;                                                            \
                                                                                                   \
        (void)row;                                                                                 \
        offer;                                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")

FILTER(by_attached, filter_offer(f, "attached"));
FILTER(by_attach_time, filter_offer_time(f, row->rec.created_ms));
FILTER(by_attachment, filter_offer(f, row->rec.attachment_id));
FILTER(by_description, filter_offer(f, row->rec.description));
FILTER(by_dot, filter_offer_bool(f, row->rec.delete_on_termination));
FILTER(by_false, filter_offer_bool(f, false));
FILTER(by_id, filter_offer(f, row->rec.id));
FILTER(by_in_use, filter_offer(f, "in-use"));
FILTER(by_instance, filter_offer(f, row->rec.instance_id));
FILTER(by_ip, filter_offer(f, row->rec.private_ip));
FILTER(by_mac, filter_offer(f, row->rec.mac));
FILTER(by_owner, filter_offer(f, row->rec.owner));
FILTER(by_subnet, filter_offer(f, row->rec.subnet_id));
FILTER(by_true, filter_offer_bool(f, true));
FILTER(by_type, filter_offer(f, "interface"));
FILTER(by_vpc, filter_offer(f, row->rec.vpc_id));
FILTER(by_zero, filter_offer_uint(f, 0));
FILTER(by_zone, filter_offer(f, row->rec.zone));

#define PUBLIC_FILTER(fn, value)                                                                   \
    FILTER(fn, if (row->has_public && (value)[0]) filter_offer(f, value))

PUBLIC_FILTER(by_public_ip, row->shown.ip); /* which is the name as well */
PUBLIC_FILTER(by_allocation, row->shown.allocation_id);
PUBLIC_FILTER(by_association, row->shown.association_id);
PUBLIC_FILTER(by_public_owner, api_public_owner(&row->rec, &row->shown));

static void by_group(const void *record, struct filter_match *f)
{
    const struct row *row = record;

    for (size_t i = 0; i < row->n_groups; i++)
        filter_offer(f, row->groups[i].id);
}

static void by_group_name(const void *record, struct filter_match *f)
{
    const struct row *row = record;

    for (size_t i = 0; i < row->n_groups; i++)
        filter_offer(f, row->groups[i].name);
}

static void by_name(const void *record, struct filter_match *f)
{
    const struct row *row = record;
    char name[RULES_HOST_MAX];

    rules_private_dns(row->rec.private_ip, row->rec.region, name);
    filter_offer(f, name);
}

static const struct filter_def filters[] = {
    { "addresses.association.owner-id", by_public_owner },
    { "addresses.association.public-ip", by_public_ip },
    { "addresses.primary", by_true },
    { "addresses.private-ip-address", by_ip },
    { "association.allocation-id", by_allocation },
    { "association.association-id", by_association },
    { "association.ip-owner-id", by_public_owner },
    { "association.public-dns-name", by_public_ip },
    { "association.public-ip", by_public_ip },
    { "attachment.attach-time", by_attach_time },
    { "attachment.attachment-id", by_attachment },
    { "attachment.delete-on-termination", by_dot },
    { "attachment.device-index", by_zero },
    { "attachment.instance-id", by_instance },
    { "attachment.instance-owner-id", by_owner },
    { "attachment.network-card-index", by_zero },
    { "attachment.status", by_attached },
    { "availability-zone", by_zone },
    { "availability-zone-id", NULL },
    { "description", by_description },
    { "group-id", by_group },
    { "group-name", by_group_name },
    { "interface-type", by_type },
    { "ipv6-addresses.ipv6-address", NULL },
    { "mac-address", by_mac },
    { "network-interface-id", by_id },
    { "owner-id", by_owner },
    { "private-dns-name", by_name },
    { "private-ip-address", by_ip },
    { "requester-id", NULL },
    { "requester-managed", by_false },
    { "source-dest-check", by_true },
    { "status", by_in_use },
    { "subnet-id", by_subnet },
    { "vpc-id", by_vpc },
    { 0 },
};

static int put(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e)
{
    const struct row *row = record;

    (void)e;
    api_put_interface(c, &row->rec, row->groups, row->n_groups,
                      row->has_public ? &row->shown : NULL, true);
    xml_text(c->out, "availabilityZone", row->rec.zone);
    xml_bool(c->out, "requesterManaged", false);
    xml_tags(c->out, tags);
    return 0;
}

static const struct api_param params[] = {
    { .name = "NetworkInterfaceId.N", .type = PARAM_ID, .prefix = "eni" },
    /* None is managed by somebody else. */
    { .name = "IncludeManagedResources", .type = PARAM_IGNORED },
    { 0 },
};

static int describe_network_interfaces(struct api_call *c, struct err *e)
{
    static const struct api_listing listing = { "NetworkInterfaceId", "networkInterfaceSet",
                                                sizeof(struct row), filters, put };
    _cleanup_free_ struct interface_rec *v = NULL;
    _cleanup_(rows_done) struct rows rows = { 0 };
    size_t n = 0;
    int r = api_filters_check(c, filters, e);

    if (r >= 0)
        r = api_find_interfaces(c, "NetworkInterfaceId", &v, &n, e);
    if (r < 0)
        return r;
    rows.v = xcalloc(n + 1, sizeof(*rows.v));
    for (; rows.n < n && r >= 0; rows.n++) {
        struct row *row = &rows.v[rows.n];

        row->rec = v[rows.n];
        r = model_interface_groups(c->model, row->rec.id, &row->groups, &row->n_groups, e);
        if (r >= 0)
            r = model_public_of(c->model, &row->rec, &row->shown, e);
        row->has_public = r > 0;
    }
    return r < 0 ? r : api_put_listing(c, &listing, rows.v, n, e);
}

const struct api_action api_describe_network_interfaces = {
    .name = "DescribeNetworkInterfaces",
    .resource = "network-interface",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_network_interfaces,
    .summary = "Shows the network interfaces of instances.",
};
