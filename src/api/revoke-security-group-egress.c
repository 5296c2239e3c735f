/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "permission.h"

static const struct api_param params[] = {
    { .name = "SecurityGroupRuleId.N", .type = PARAM_ID, .prefix = "sgr" },
    API_PARAMS_PERMISSIONS,
    { 0 },
};

static int revoke_security_group_egress(struct api_call *c, struct err *e)
{
    return api_revoke(c, true, e);
}

const struct api_action api_revoke_security_group_egress = {
    .name = "RevokeSecurityGroupEgress",
    .resource = "security-group-rule",
    .flags = API_WRITES,
    .params = params,
    .handle = revoke_security_group_egress,
    .summary = "Takes rules away that let something out.",
};
