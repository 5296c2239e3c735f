/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elastic.h"

static const struct api_param params[] = {
    { .name = "AllocationId", .type = PARAM_ID, .prefix = "eipalloc" },
    { .name = "PublicIp", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i" },
    { .name = "NetworkInterfaceId", .type = PARAM_ID, .prefix = "eni" },
    { .name = "PrivateIpAddress", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "AllowReassociation", .type = PARAM_BOOL },
    { 0 },
};

static int find_by_instance(struct api_call *c, const char *id, struct interface_rec *ret,
                            struct err *e)
{
    struct instance_rec i;
    int r = api_find_instance(c, id, &i, e);

    if (r < 0)
        return r;
    if (i.state == INSTANCE_TERMINATED || i.state == INSTANCE_SHUTTING_DOWN)
        return api_fail(c, e, "IncorrectInstanceState",
                        "The instance '%s' is '%s': it takes no address", i.id,
                        model_instance_state_name(i.state));
    return model_interface_of(c->model, id, ret, e);
}

static int find_interface(struct api_call *c, struct interface_rec *ret, struct err *e)
{
    const char *instance = api_text(c, "InstanceId"), *nic = api_text(c, "NetworkInterfaceId");
    const char *private_ip = api_text(c, "PrivateIpAddress");
    int r;

    if (!instance == !nic)
        return api_fail(c, e, instance ? "InvalidParameterCombination" : "MissingParameter",
                        "Either an instance ID or a network interface ID must be specified");
    api_about(c, "network-interface");
    r = instance ? find_by_instance(c, instance, ret, e)
                 : model_interface_get(c->model, c->region, nic, ret, e);
    if (r >= 0 && private_ip && !str_eq(private_ip, ret->private_ip))
        return api_fail(c, e, "InvalidParameterValue",
                        "The private IP address %s is not one of the network interface '%s'",
                        private_ip, ret->id);
    return r;
}

static int associate_address(struct api_call *c, struct err *e)
{
    struct interface_rec nic;
    struct address_rec a;
    int r = api_named_address(c, &a, e);

    if (r >= 0)
        r = find_interface(c, &nic, e);
    if (r < 0)
        return r;
    api_about(c, "address");
    /* EC2 moves an address by itself; false is asked for. */
    r = model_address_associate(c->model, a.id, nic.id, api_bool(c, "AllowReassociation", true), &a,
                                e);
    if (r < 0)
        return r;
    jobs_network_changed(c->jobs, c->region);
    xml_return_true(c->out);
    xml_text(c->out, "associationId", a.association_id);
    return 0;
}

const struct api_action api_associate_address = {
    .name = "AssociateAddress",
    .resource = "address",
    .flags = API_WRITES,
    .params = params,
    .handle = associate_address,
    .summary = "Gives an instance an elastic address in place of the one it has.",
};
