/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "change.h"

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    { 0 },
};

static int unmonitor_instances(struct api_call *c, struct err *e)
{
    return api_monitor(c, false, e);
}

const struct api_action api_unmonitor_instances = {
    .name = "UnmonitorInstances",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = unmonitor_instances,
    .summary = "Notes that instances are not to be monitored in detail.",
};
