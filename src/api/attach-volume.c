/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"

static const struct api_param params[] = {
    { .name = "VolumeId", .type = PARAM_ID, .prefix = "vol", .required = true },
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    { .name = "Device", .type = PARAM_TEXT, .required = true, .max_len = MODEL_DEVICE_MAX - 1 },
    { .name = "EbsCardIndex", .type = PARAM_NOT_YET },
    { 0 },
};

static int check_volume(struct api_call *c, const struct volume_rec *v,
                        const struct instance_rec *i, struct err *e)
{
    const struct instance_type *t = instance_type_find(i->type);

    if (v->state == VOLUME_ST_IN_USE)
        return api_fail(c, e, "VolumeInUse", "%s is already attached to an instance", v->id);
    if (v->state != VOLUME_ST_AVAILABLE)
        return api_fail(c, e, "IncorrectState",
                        "The volume '%s' is in the state '%s', not 'available'", v->id,
                        model_volume_state_name(v->state));
    if (!str_eq(v->zone, i->zone))
        return api_fail(c, e, "InvalidVolume.ZoneMismatch",
                        "The volume '%s' is not in the same availability zone as instance '%s'",
                        v->id, i->id);
    if (v->encrypted && (!t || !t->encryption))
        return api_fail(c, e, "EncryptedVolumesNotSupported",
                        "'%s' is encrypted and '%s' does not support encrypted volumes.", v->id,
                        i->type);
    return 0;
}

static int device_taken(struct api_call *c, const char *instance_id, const char *device,
                        struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    _cleanup_free_ struct ephemeral_rec *eph = NULL;
    size_t n_at = 0, n_eph = 0;
    int r = model_attachment_list(c->model, instance_id, &at, &n_at, e);

    if (r < 0)
        return r;
    r = model_ephemeral_list(c->model, instance_id, &eph, &n_eph, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n_at; i++)
        if (str_eq(at[i].device, device))
            return 1;
    for (size_t i = 0; i < n_eph; i++)
        if (str_eq(eph[i].device, device))
            return 1;
    return 0;
}

static int check_device(struct api_call *c, const struct instance_rec *i, const char *device,
                        struct err *e)
{
    int r = rules_device_name(device, e);

    if (r < 0)
        return r;
    r = device_taken(c, i->id, device, e);
    if (r < 0)
        return r;
    if (r > 0)
        return api_fail(c, e, "InvalidParameterValue",
                        "Invalid value '%s' for unixDevice. Attachment point %s is already in use",
                        device, device);
    return 0;
}

static int check(struct api_call *c, const struct volume_rec *v, const struct instance_rec *i,
                 struct err *e)
{
    int r;

    if (i->state != INSTANCE_RUNNING && i->state != INSTANCE_STOPPED)
        return api_fail(c, e, "IncorrectState", "Instance '%s' is not 'running' or 'stopped': '%s'",
                        i->id, model_instance_state_name(i->state));
    r = check_volume(c, v, i, e);
    if (r < 0)
        return r;
    return check_device(c, i, api_text(c, "Device"), e);
}

static int attach_volume(struct api_call *c, struct err *e)
{
    struct attachment_rec at = { .state = ATTACH_ATTACHING, .attached_ms = clock_real_ms() };
    struct instance_rec i;
    struct volume_rec v;
    int r = api_find_volume(c, api_text(c, "VolumeId"), &v, e);

    if (r < 0)
        return r;
    r = api_find_instance(c, api_text(c, "InstanceId"), &i, e);
    if (r < 0)
        return r;
    r = check(c, &v, &i, e);
    if (r < 0)
        return r;
    (void)str_copy(at.volume_id, sizeof(at.volume_id), v.id);
    (void)str_copy(at.instance_id, sizeof(at.instance_id), i.id);
    (void)str_copy(at.device, sizeof(at.device), api_text(c, "Device"));
    api_about(c, "attachment");
    r = model_attach(c->model, &at, e);
    if (r < 0)
        return r;
    r = jobs_attach(c->jobs, v.id, e);
    if (r < 0)
        return r;
    api_put_attachment(c, &at);
    return 0;
}

const struct api_action api_attach_volume = {
    .name = "AttachVolume",
    .resource = "attachment",
    .flags = API_WRITES,
    .params = params,
    .handle = attach_volume,
    .summary = "Gives a volume to an instance, at once when it runs.",
};
