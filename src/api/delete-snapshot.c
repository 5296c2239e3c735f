/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const struct api_param params[] = {
    { .name = "SnapshotId", .type = PARAM_ID, .prefix = "snap", .required = true },
    { 0 },
};

static int check(struct api_call *c, const struct snapshot_rec *s, struct err *e)
{
    char image[MODEL_ID_MAX];
    int r = model_snapshot_user(c->model, s->id, image, e);

    if (r < 0)
        return r;
    if (r > 0)
        return api_fail(c, e, "InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s",
                        s->id, image);
    if (s->state == SNAPSHOT_PENDING) /* a job writes to it */
        return api_fail(c, e, "IncorrectState",
                        "The snapshot '%s' is pending. Wait until it is completed, then delete it.",
                        s->id);
    return 0;
}

static int delete_snapshot(struct api_call *c, struct err *e)
{
    struct snapshot_rec s;
    int r = api_find_snapshot(c, api_text(c, "SnapshotId"), &s, e);

    if (r < 0)
        return r;
    r = check(c, &s, e);
    if (r < 0)
        return r;
    r = model_snapshot_delete(c->model, s.id, e);
    if (r < 0)
        return r;
    r = jobs_delete_snapshot(c->jobs, s.id, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_delete_snapshot = {
    .name = "DeleteSnapshot",
    .resource = "snapshot",
    .flags = API_WRITES,
    .params = params,
    .handle = delete_snapshot,
    .summary = "Deletes a snapshot that no image uses; what others share of it stays.",
};
