/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elastic.h"
#include "put.h"

static const char *const domains[] = { "vpc", "standard", NULL }; /* there is nothing but VPCs */
static const char *const tagged[] = { "elastic-ip", NULL };
static const char *const pools[] = { "amazon", NULL };

static const struct api_param params[] = {
    { .name = "Domain", .type = PARAM_TEXT, .words = domains },
    { .name = "Address", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "PublicIpv4Pool", .type = PARAM_NOT_YET, .words = pools },
    /* A region is one group of networks here. */
    { .name = "NetworkBorderGroup", .type = PARAM_IGNORED },
    { .name = "CustomerOwnedIpv4Pool", .type = PARAM_NOT_YET },
    { .name = "IpamPoolId", .type = PARAM_NOT_YET },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

static int allocate_address(struct api_call *c, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct address_rec a;
    int r = api_tag_specs(c, tagged[0], tagged, &tags, e);

    if (r < 0)
        return r;
    r = model_address_allocate(c->model, c->region, api_text(c, "Address"), &a, e);
    if (r < 0)
        return api_address_refused(c, r, e);
    r = api_tag(c, a.id, &tags, e);
    if (r < 0)
        return r;
    xml_text(c->out, "publicIp", a.public_ip);
    xml_text(c->out, "domain", "vpc");
    xml_text(c->out, "allocationId", a.id);
    xml_text(c->out, "publicIpv4Pool", "amazon");
    xml_text(c->out, "networkBorderGroup", c->region);
    return 0;
}

const struct api_action api_allocate_address = {
    .name = "AllocateAddress",
    .resource = "address",
    .flags = API_WRITES,
    .params = params,
    .handle = allocate_address,
    .summary = "Takes an elastic address: it is the account's until it is released.",
};
