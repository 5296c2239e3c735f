/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "permission.h"

static const struct api_param params[] = {
    { .name = "GroupName", .type = PARAM_TEXT, .max_len = 255 },
    API_PARAMS_TAG_SPECS,
    API_PARAMS_PERMISSIONS,
    { 0 },
};

static int authorize_security_group_ingress(struct api_call *c, struct err *e)
{
    return api_authorize(c, false, e);
}

const struct api_action api_authorize_security_group_ingress = {
    .name = "AuthorizeSecurityGroupIngress",
    .resource = "security-group-rule",
    .flags = API_WRITES,
    .params = params,
    .handle = authorize_security_group_ingress,
    .summary = "Lets more in to the members of a security group.",
};
