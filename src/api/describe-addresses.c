/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nobody has an elastic address here; Libcloud asks for them with every list of instances. */
#include "api-priv.h"

static const struct filter_def filters[] = {
    { "allocation-id", NULL },
    { "association-id", NULL },
    { "domain", NULL },
    { "instance-id", NULL },
    { "instance-owner-id", NULL },
    { "network-border-group", NULL },
    { "network-interface-id", NULL },
    { "network-interface-owner-id", NULL },
    { "private-ip-address", NULL },
    { "public-ip", NULL },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "PublicIp.N", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "AllocationId.N", .type = PARAM_ID, .prefix = "eipalloc" },
    { 0 },
};

static int describe_addresses(struct api_call *c, struct err *e)
{
    int r = api_filters_check(c, filters, e);

    if (r < 0)
        return r;
    if (api_count(c, "PublicIp"))
        return api_fail(c, e, "InvalidAddress.NotFound", "Address '%s' not found.",
                        api_item(c, "PublicIp", 0, ""));
    if (api_count(c, "AllocationId"))
        return api_fail(c, e, "InvalidAllocationID.NotFound",
                        "The allocation ID '%s' does not exist",
                        api_item(c, "AllocationId", 0, ""));
    xml_always(c->out, "addressesSet", "");
    return 0;
}

const struct api_action api_describe_addresses = {
    .name = "DescribeAddresses",
    .resource = "network-interface",
    .flags = API_FILTERS,
    .params = params,
    .handle = describe_addresses,
    .summary = "Shows elastic addresses, of which there are none.",
};
