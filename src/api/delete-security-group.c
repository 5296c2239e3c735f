/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "place.h"

static const struct api_param params[] = {
    { .name = "GroupId", .type = PARAM_ID, .prefix = "sg" },
    { .name = "GroupName", .type = PARAM_TEXT, .max_len = 255 },
    { 0 },
};

static int delete_security_group(struct api_call *c, struct err *e)
{
    struct group_rec g;
    int r = api_named_group(c, &g, e);

    if (r >= 0)
        r = model_group_delete(c->model, g.id, e);
    if (r < 0)
        return r;
    jobs_network_changed(c->jobs, c->region);
    xml_return_true(c->out);
    xml_text(c->out, "groupId", g.id);
    return 0;
}

const struct api_action api_delete_security_group = {
    .name = "DeleteSecurityGroup",
    .resource = "security-group",
    .flags = API_WRITES,
    .params = params,
    .handle = delete_security_group,
    .summary = "Deletes a security group without members that no other group names.",
};
