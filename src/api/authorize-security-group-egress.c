/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "permission.h"

static const struct api_param params[] = {
    API_PARAMS_TAG_SPECS,
    API_PARAMS_PERMISSIONS,
    { 0 },
};

static int authorize_security_group_egress(struct api_call *c, struct err *e)
{
    return api_authorize(c, true, e);
}

const struct api_action api_authorize_security_group_egress = {
    .name = "AuthorizeSecurityGroupEgress",
    .resource = "security-group-rule",
    .flags = API_WRITES,
    .params = params,
    .handle = authorize_security_group_egress,
    .summary = "Lets more out of the members of a security group.",
};
