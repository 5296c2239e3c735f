/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const struct api_param params[] = {
    { .name = "VolumeId", .type = PARAM_ID, .prefix = "vol", .required = true },
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i" },
    { .name = "Device", .type = PARAM_TEXT, .max_len = MODEL_DEVICE_MAX - 1 },
    { .name = "Force", .type = PARAM_BOOL },
    { 0 },
};

static int not_there(struct api_call *c, const struct attachment_rec *at, struct err *e)
{
    const char *device = api_text(c, "Device"), *instance = api_text(c, "InstanceId");

    return api_fail(c, e, "InvalidAttachment.NotFound",
                    "The volume %s is not attached to instance %s as device %s", at->volume_id,
                    instance ? instance : at->instance_id, device ? device : at->device);
}

static int check(struct api_call *c, const struct attachment_rec *at, struct err *e)
{
    const char *device = api_text(c, "Device"), *instance = api_text(c, "InstanceId");
    struct instance_rec i;
    int r;

    if ((instance && !str_eq(instance, at->instance_id)) || (device && !str_eq(device, at->device)))
        return not_there(c, at, e);
    if (at->state == ATTACH_ATTACHING ||
        (at->state == ATTACH_DETACHING && !api_bool(c, "Force", false)))
        return api_fail(c, e, "IncorrectState", "The volume '%s' is in the attachment state '%s'",
                        at->volume_id, model_attach_state_name(at->state));
    r = api_find_instance(c, at->instance_id, &i, e);
    if (r < 0)
        return r;
    if (str_eq(at->device, i.root_device_name) && i.state != INSTANCE_STOPPED)
        return api_fail(c, e, "OperationNotPermitted",
                        "Unable to detach root volume '%s' from instance '%s'", at->volume_id,
                        i.id);
    if (i.state != INSTANCE_RUNNING && i.state != INSTANCE_STOPPED)
        return api_fail(c, e, "IncorrectState", "Instance '%s' is not 'running' or 'stopped': '%s'",
                        i.id, model_instance_state_name(i.state));
    return 0;
}

static int find_attachment(struct api_call *c, struct attachment_rec *ret, struct err *e)
{
    struct err why = { 0 };
    struct volume_rec v;
    int r = api_find_volume(c, api_text(c, "VolumeId"), &v, e);

    if (r < 0)
        return r;
    r = model_attachment_get(c->model, v.id, ret, &why);
    if (r < 0 && why.kind == ERR_NOT_FOUND)
        return api_fail(c, e, "IncorrectState", "Volume '%s' is in the '%s' state.", v.id,
                        model_volume_state_name(v.state));
    if (r < 0)
        *e = why;
    return r;
}

static int detach_volume(struct api_call *c, struct err *e)
{
    struct attachment_rec at;
    int r = find_attachment(c, &at, e);

    if (r < 0)
        return r;
    r = check(c, &at, e);
    if (r < 0)
        return r;
    api_about(c, "attachment");
    r = model_attachment_state(c->model, at.volume_id, ATTACH_DETACHING, e);
    if (r < 0)
        return r;
    r = jobs_detach(c->jobs, at.volume_id, api_bool(c, "Force", false), e);
    if (r < 0)
        return r;
    at.state = ATTACH_DETACHING;
    api_put_attachment(c, &at);
    return 0;
}

const struct api_action api_detach_volume = {
    .name = "DetachVolume",
    .resource = "attachment",
    .flags = API_WRITES,
    .params = params,
    .handle = detach_volume,
    .summary = "Takes a volume from its instance.",
};
