/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const struct api_param params[] = {
    { .name = "VolumeId", .type = PARAM_ID, .prefix = "vol", .required = true },
    { 0 },
};

static int check(struct api_call *c, const struct volume_rec *v, struct err *e)
{
    struct attachment_rec at;
    struct err why = { 0 };

    if (model_attachment_get(c->model, v->id, &at, &why) >= 0)
        return api_fail(c, e, "VolumeInUse", "Volume %s is currently attached to %s", v->id,
                        at.instance_id);
    if (why.kind != ERR_NOT_FOUND) {
        *e = why;
        return -why.no;
    }
    return 0;
}

static int delete_volume(struct api_call *c, struct err *e)
{
    struct volume_rec v;
    int r = api_find_volume(c, api_text(c, "VolumeId"), &v, e);

    if (r < 0)
        return r;
    r = check(c, &v, e);
    if (r < 0)
        return r;
    if (v.state != VOLUME_ST_DELETING) { /* again: no second job */
        r = model_volume_move(c->model, v.id, VOLUME_EV_DELETE, NULL, e);
        if (r < 0)
            return r;
        r = jobs_delete_volume(c->jobs, v.id, e);
        if (r < 0)
            return r;
    }
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_delete_volume = {
    .name = "DeleteVolume",
    .resource = "volume",
    .flags = API_WRITES,
    .params = params,
    .handle = delete_volume,
    .summary = "Deletes a volume that is not attached.",
};
