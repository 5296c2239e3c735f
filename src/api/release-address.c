/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elastic.h"

static const struct api_param params[] = {
    { .name = "AllocationId", .type = PARAM_ID, .prefix = "eipalloc" },
    { .name = "PublicIp", .type = PARAM_TEXT, .max_len = 15 },
    /* A region is one group of networks here. */
    { .name = "NetworkBorderGroup", .type = PARAM_IGNORED },
    { 0 },
};

static int release_address(struct api_call *c, struct err *e)
{
    struct address_rec a;
    int r = api_named_address(c, &a, e);

    if (r >= 0)
        r = model_address_release(c->model, a.id, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_release_address = {
    .name = "ReleaseAddress",
    .resource = "address",
    .flags = API_WRITES,
    .params = params,
    .handle = release_address,
    .summary = "Gives an elastic address back that is with no instance.",
};
