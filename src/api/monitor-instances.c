/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "change.h"

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    { 0 },
};

static int monitor_instances(struct api_call *c, struct err *e)
{
    return api_monitor(c, true, e);
}

const struct api_action api_monitor_instances = {
    .name = "MonitorInstances",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = monitor_instances,
    .summary = "Notes that instances are to be monitored in detail; nothing measures them here.",
};
