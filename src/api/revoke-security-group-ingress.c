/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "permission.h"

static const struct api_param params[] = {
    { .name = "GroupName", .type = PARAM_TEXT, .max_len = 255 },
    { .name = "SecurityGroupRuleId.N", .type = PARAM_ID, .prefix = "sgr" },
    API_PARAMS_PERMISSIONS,
    { 0 },
};

static int revoke_security_group_ingress(struct api_call *c, struct err *e)
{
    return api_revoke(c, false, e);
}

const struct api_action api_revoke_security_group_ingress = {
    .name = "RevokeSecurityGroupIngress",
    .resource = "security-group-rule",
    .flags = API_WRITES,
    .params = params,
    .handle = revoke_security_group_ingress,
    .summary = "Takes rules away that let something in.",
};
