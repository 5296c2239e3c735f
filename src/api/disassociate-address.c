/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elastic.h"

static const struct api_param params[] = {
    { .name = "AssociationId", .type = PARAM_ID, .prefix = "eipassoc" },
    { .name = "PublicIp", .type = PARAM_TEXT, .max_len = 15 },
    { 0 },
};

static int find(struct api_call *c, struct address_rec *ret, struct err *e)
{
    const char *id = api_text(c, "AssociationId"), *ip = api_text(c, "PublicIp");
    int r;

    if (!id == !ip)
        return api_fail(c, e, id ? "InvalidParameterCombination" : "MissingParameter",
                        "Either public IP or association id must be specified");
    r = id ? model_address_by_association(c->model, c->region, id, ret, e)
           : model_address_by_ip(c->model, c->region, ip, ret, e);
    if (r < 0 && e->kind == ERR_NOT_FOUND)
        c->wire_code = id ? "InvalidAssociationID.NotFound" : "InvalidAddress.NotFound";
    if (r >= 0 && !ret->association_id[0])
        return api_fail(c, e, "InvalidAssociationID.NotFound", "Address %s is not associated",
                        ret->public_ip);
    return r;
}

static int disassociate_address(struct api_call *c, struct err *e)
{
    struct address_rec a;
    int r = find(c, &a, e);

    if (r >= 0)
        r = model_address_disassociate(c->model, a.id, e);
    if (r < 0)
        return r;
    jobs_network_changed(c->jobs, c->region);
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_disassociate_address = {
    .name = "DisassociateAddress",
    .resource = "address",
    .flags = API_WRITES,
    .params = params,
    .handle = disassociate_address,
    .summary = "Takes an elastic address from its instance; the account keeps it.",
};
