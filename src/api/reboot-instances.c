/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "change.h"

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    { 0 },
};

static int check(struct api_call *c, struct instance_rec *i, struct err *e)
{
    return i->state == INSTANCE_RUNNING ? 0 : api_wrong_state(c, i, "rebooted", e);
}

static int apply(struct api_call *c, struct instance_rec *i, struct err *e)
{
    return jobs_reboot(c->jobs, i->id, e);
}

static int reboot_instances(struct api_call *c, struct err *e)
{
    return api_change_instances(
        c, &(struct api_change){ .check = check, .apply = apply, .plain = true }, e);
}

const struct api_action api_reboot_instances = {
    .name = "RebootInstances",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = reboot_instances,
    .summary = "Asks guests to shut down and boots them again; they stay 'running'.",
};
