/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const char *const attribute_words[] = { "createVolumePermission", NULL };

static const struct api_param params[] = {
    { .name = "SnapshotId", .type = PARAM_ID, .prefix = "snap", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .required = true, .words = attribute_words },
    { 0 },
};

static int reset_snapshot_attribute(struct api_call *c, struct err *e)
{
    struct snapshot_rec s;
    int r = api_find_snapshot(c, api_text(c, "SnapshotId"), &s, e);

    if (r >= 0)
        r = model_permissions_reset(c->model, s.id, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_reset_snapshot_attribute = {
    .name = "ResetSnapshotAttribute",
    .resource = "snapshot",
    .flags = API_WRITES,
    .params = params,
    .handle = reset_snapshot_attribute,
    .summary = "Shares a snapshot with nobody any more.",
};
