/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const char *const false_word[] = { "false", NULL };
static const char *const ip_name_word[] = { "ip-name", NULL };

static const struct api_param params[] = {
    { .name = "SubnetId", .type = PARAM_ID, .prefix = "subnet", .required = true },
    { .name = "MapPublicIpOnLaunch.Value", .type = PARAM_BOOL },
    { .name = "AssignIpv6AddressOnCreation.Value", .type = PARAM_NOT_YET, .words = false_word },
    { .name = "MapCustomerOwnedIpOnLaunch.Value", .type = PARAM_NOT_YET, .words = false_word },
    { .name = "CustomerOwnedIpv4Pool", .type = PARAM_NOT_YET },
    { .name = "EnableDns64.Value", .type = PARAM_NOT_YET, .words = false_word },
    { .name = "PrivateDnsHostnameTypeOnLaunch", .type = PARAM_NOT_YET, .words = ip_name_word },
    { .name = "EnableResourceNameDnsARecordOnLaunch.Value",
      .type = PARAM_NOT_YET,
      .words = false_word },
    { .name = "EnableResourceNameDnsAAAARecordOnLaunch.Value",
      .type = PARAM_NOT_YET,
      .words = false_word },
    { .name = "EnableLniAtDeviceIndex", .type = PARAM_NOT_YET },
    { .name = "DisableLniAtDeviceIndex.Value", .type = PARAM_NOT_YET },
    { 0 },
};

static int modify_subnet_attribute(struct api_call *c, struct err *e)
{
    struct subnet_rec s;
    int r = api_find_subnet(c, api_text(c, "SubnetId"), &s, e);

    if (r < 0)
        return r;
    s.map_public = api_bool(c, "MapPublicIpOnLaunch.Value", s.map_public);
    r = model_subnet_save(c->model, &s, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_modify_subnet_attribute = {
    .name = "ModifySubnetAttribute",
    .resource = "subnet",
    .flags = API_WRITES,
    .params = params,
    .handle = modify_subnet_attribute,
    .summary = "Says whether instances of a subnet are given public addresses.",
};
