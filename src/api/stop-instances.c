/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "change.h"

static const char *const false_word[] = { "false", NULL };

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    { .name = "Force", .type = PARAM_BOOL },
    { .name = "Hibernate", .type = PARAM_NOT_YET, .words = false_word },
    { .name = "SkipOsShutdown", .type = PARAM_BOOL },
    { 0 },
};

static bool hard(const struct api_call *c)
{
    return api_bool(c, "Force", false) || api_bool(c, "SkipOsShutdown", false);
}

static int check(struct api_call *c, struct instance_rec *i, struct err *e)
{
    if (i->state == INSTANCE_STOPPED || i->state == INSTANCE_STOPPING)
        return 0;
    if (i->state != INSTANCE_RUNNING)
        return api_wrong_state(c, i, "stopped", e);
    if (i->disable_api_stop)
        return api_fail(
            c, e, "OperationNotPermitted",
            "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance "
            "attribute and try again.",
            i->id);
    return 0;
}

static int apply(struct api_call *c, struct instance_rec *i, struct err *e)
{
    int r;

    if (i->state == INSTANCE_STOPPED)
        return 0;
    if (i->state == INSTANCE_STOPPING) /* waits for the guest: Force ends the wait */
        return hard(c) ? jobs_stop(c->jobs, i->id, true, e) : 0;
    api_user_initiated(i);
    r = api_move_instance(c, i, INSTANCE_EV_STOP, "Client.UserInitiatedShutdown",
                          "Client.UserInitiatedShutdown: User initiated shutdown", e);
    if (r < 0)
        return r;
    return jobs_stop(c->jobs, i->id, hard(c), e);
}

static int stop_instances(struct api_call *c, struct err *e)
{
    return api_change_instances(c, &(struct api_change){ .check = check, .apply = apply }, e);
}

const struct api_action api_stop_instances = {
    .name = "StopInstances",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = stop_instances,
    .summary = "Shuts guests down, by force if asked to; their volumes stay.",
};
