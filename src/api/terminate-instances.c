/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "change.h"

#include "clock.h"

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    /* Termination never waits long for the guest. */
    { .name = "Force", .type = PARAM_IGNORED },
    { .name = "SkipOsShutdown", .type = PARAM_IGNORED },
    { 0 },
};

static bool gone(const struct instance_rec *i)
{
    return i->state == INSTANCE_TERMINATED || i->state == INSTANCE_SHUTTING_DOWN;
}

static int check(struct api_call *c, struct instance_rec *i, struct err *e)
{
    if (!gone(i) && i->disable_api_termination)
        return api_fail(c, e, "OperationNotPermitted",
                        "The instance '%s' may not be terminated. Modify its "
                        "'disableApiTermination' instance attribute and try again.",
                        i->id);
    return 0;
}

static int apply(struct api_call *c, struct instance_rec *i, struct err *e)
{
    int r;

    if (gone(i))
        return 0;
    api_user_initiated(i);
    i->terminated_ms = clock_real_ms();
    r = api_move_instance(c, i, INSTANCE_EV_TERMINATE, "Client.UserInitiatedShutdown",
                          "Client.UserInitiatedShutdown: User initiated shutdown", e);
    if (r < 0)
        return r;
    return jobs_terminate(c->jobs, i->id, e);
}

static int terminate_instances(struct api_call *c, struct err *e)
{
    return api_change_instances(c, &(struct api_change){ .check = check, .apply = apply }, e);
}

const struct api_action api_terminate_instances = {
    .name = "TerminateInstances",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = terminate_instances,
    .summary = "Ends instances for good; volumes go with them where so marked.",
};
