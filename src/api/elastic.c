/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elastic.h"

#include <errno.h>

int api_named_address(struct api_call *c, struct address_rec *ret, struct err *e)
{
    const char *id = api_text(c, "AllocationId"), *ip = api_text(c, "PublicIp");
    int r;

    if (id && ip)
        return api_fail(
            c, e, "InvalidParameterCombination",
            "You may specify public IP or allocation id, but not both in the same call");
    if (!id && !ip)
        return api_fail(c, e, "MissingParameter",
                        "Either public IP or allocation id must be specified");
    api_about(c, "address");
    if (id)
        return model_address_get(c->model, c->region, id, ret, e);
    r = model_address_by_ip(c->model, c->region, ip, ret, e);
    if (r < 0 && e->kind == ERR_NOT_FOUND)
        c->wire_code = "InvalidAddress.NotFound";
    return r;
}

int api_address_refused(struct api_call *c, int r, struct err *e)
{
    if (r == -EADDRNOTAVAIL)
        c->wire_code = "InsufficientAddressCapacity";
    else if (r < 0 && e->kind == ERR_NOT_FOUND)
        c->wire_code = "InvalidAddress.NotFound";
    else if (r < 0 && e->kind == ERR_EXISTS)
        c->wire_code = "InvalidIPAddress.InUse";
    return r;
}
