/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elastic.h"

#include "listing.h"

struct row {
    struct address_rec rec; /* first: see listing.h */
    bool is_used;
    struct interface_rec nic;
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
#define USED_FILTER(fn, value) FILTER(fn, if (row->is_used) filter_offer(f, value))

FILTER(by_domain, filter_offer(f, "vpc"));
FILTER(by_group, filter_offer(f, row->rec.region));
FILTER(by_id, filter_offer(f, row->rec.id));
FILTER(by_ip, filter_offer(f, row->rec.public_ip));
USED_FILTER(by_association, row->rec.association_id);
USED_FILTER(by_instance, row->nic.instance_id);
USED_FILTER(by_nic, row->nic.id);
USED_FILTER(by_owner, row->nic.owner);
USED_FILTER(by_private_ip, row->nic.private_ip);

static const struct filter_def filters[] = {
    { "allocation-id", by_id },
    { "association-id", by_association },
    { "domain", by_domain },
    { "instance-id", by_instance },
    { "instance-owner-id", by_owner },
    { "network-border-group", by_group },
    { "network-interface-id", by_nic },
    { "network-interface-owner-id", by_owner },
    { "private-ip-address", by_private_ip },
    { "public-ip", by_ip },
    { 0 },
};

static int put(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e)
{
    const struct row *row = record;

    (void)e;
    xml_text(c->out, "publicIp", row->rec.public_ip);
    xml_text(c->out, "allocationId", row->rec.id);
    xml_text(c->out, "domain", "vpc");
    xml_text(c->out, "publicIpv4Pool", "amazon");
    xml_text(c->out, "networkBorderGroup", row->rec.region);
    if (row->is_used) {
        xml_text(c->out, "associationId", row->rec.association_id);
        xml_text(c->out, "instanceId", row->nic.instance_id);
        xml_text(c->out, "networkInterfaceId", row->nic.id);
        xml_text(c->out, "networkInterfaceOwnerId", row->nic.owner);
        xml_text(c->out, "privateIpAddress", row->nic.private_ip);
    }
    xml_tags(c->out, tags);
    return 0;
}

static const struct api_param params[] = {
    { .name = "PublicIp.N", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "AllocationId.N", .type = PARAM_ID, .prefix = "eipalloc" },
    { 0 },
};

static bool wanted(struct api_call *c, const void *record)
{
    const struct row *row = record;
    size_t n = api_count(c, "PublicIp");

    for (size_t i = 0; i < n; i++)
        if (str_eq(api_item(c, "PublicIp", i, ""), row->rec.public_ip))
            return true;
    return n == 0;
}

/* Every address that is named must be one of the region. */
static int check_named(struct api_call *c, struct err *e)
{
    for (size_t i = 0; i < api_count(c, "PublicIp"); i++) {
        const char *ip = api_item(c, "PublicIp", i, "");
        struct address_rec a;
        int r = ip ? model_address_by_ip(c->model, c->region, ip, &a, e) : 0;

        if (r < 0 && e->kind == ERR_NOT_FOUND)
            c->wire_code = "InvalidAddress.NotFound";
        if (r < 0)
            return r;
    }
    return 0;
}

static int fill(struct api_call *c, const struct address_rec *a, struct row *row, struct err *e)
{
    row->rec = *a;
    row->is_used = a->interface_id[0];
    return row->is_used ? model_interface_get(c->model, NULL, a->interface_id, &row->nic, e) : 0;
}

static int describe_addresses(struct api_call *c, struct err *e)
{
    static const struct api_listing listing = {
        "AllocationId", "addressesSet", sizeof(struct row), filters, put, wanted
    };
    _cleanup_free_ struct address_rec *v = NULL;
    _cleanup_free_ struct row *rows = NULL;
    size_t n = 0;
    int r = api_filters_check(c, filters, e);

    if (r >= 0)
        r = check_named(c, e);
    if (r >= 0)
        r = api_find_addresses(c, "AllocationId", &v, &n, e);
    if (r < 0)
        return r;
    rows = xcalloc(n + 1, sizeof(*rows));
    for (size_t i = 0; i < n && r >= 0; i++)
        r = fill(c, &v[i], &rows[i], e);
    return r < 0 ? r : api_put_listing(c, &listing, rows, n, e);
}

const struct api_action api_describe_addresses = {
    .name = "DescribeAddresses",
    .resource = "address",
    .flags = API_FILTERS,
    .params = params,
    .handle = describe_addresses,
    .summary = "Shows the account's elastic addresses and whose they are.",
};
