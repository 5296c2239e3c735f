/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "change.h"

#include "clock.h"
#include "find.h"

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    { .name = "AdditionalInfo", .type = PARAM_NOT_YET },
    { 0 },
};

/* A root volume may be detached while the instance is stopped. */
static int check_root(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    int r = model_attachment_list(c->model, i->id, &at, &n, e);

    if (r < 0)
        return r;
    for (size_t k = 0; k < n; k++)
        if (str_eq(at[k].device, i->root_device_name))
            return 0;
    return api_fail(c, e, "InvalidParameterValue",
                    "Invalid value '%s' for instanceId. Instance does not have a volume attached "
                    "at root (%s)",
                    i->id, i->root_device_name);
}

static int check(struct api_call *c, struct instance_rec *i, struct err *e)
{
    switch (i->state) {
    case INSTANCE_PENDING:
    case INSTANCE_RUNNING:
        return 0;
    case INSTANCE_STOPPED:
        return check_root(c, i, e);
    case INSTANCE_STOPPING:
    case INSTANCE_SHUTTING_DOWN:
    case INSTANCE_TERMINATED:
        break;
    }
    return api_wrong_state(c, i, "started", e);
}

/* A stopped instance holds no memory, so there may be none left for it. Each one is counted before
 * the next one is asked for: the move below is in the same transaction. */
static int check_capacity(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    const struct instance_type *t = instance_type_find(i->type);

    if (!t)
        return api_fail(c, e, "Unsupported", "The instance type '%s' of '%s' is not offered here",
                        i->type, i->id);
    return api_capacity(c, t, 1, 1, NULL, e);
}

static int apply(struct api_call *c, struct instance_rec *i, struct err *e)
{
    int r;

    if (i->state != INSTANCE_STOPPED)
        return 0;
    r = check_capacity(c, i, e);
    if (r < 0)
        return r;
    i->transition_reason[0] = 0;
    i->status_ok = false;
    i->launched_ms = clock_real_ms();
    r = api_move_instance(c, i, INSTANCE_EV_START, "", "", e);
    if (r < 0)
        return r;
    return jobs_start(c->jobs, i->id, e);
}

static int start_instances(struct api_call *c, struct err *e)
{
    return api_change_instances(c, &(struct api_change){ .check = check, .apply = apply }, e);
}

const struct api_action api_start_instances = {
    .name = "StartInstances",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = start_instances,
    .summary = "Boots stopped instances again.",
};
