/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "share.h"

#define LIST "CreateVolumePermission"

static const char *const attribute_words[] = { "createVolumePermission", NULL };

static const struct api_param params[] = {
    { .name = "SnapshotId", .type = PARAM_ID, .prefix = "snap", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .words = attribute_words },
    API_PARAMS_SHARE(LIST),
    { 0 },
};

static int modify_snapshot_attribute(struct api_call *c, struct err *e)
{
    struct snapshot_rec s;
    int r = api_find_snapshot(c, api_text(c, "SnapshotId"), &s, e);

    if (r < 0)
        return r;
    if (!api_share_asked(c, LIST))
        return api_fail(c, e, "InvalidParameterCombination", "No attributes specified.");
    r = api_share(c, LIST, s.id, s.encrypted, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_modify_snapshot_attribute = {
    .name = "ModifySnapshotAttribute",
    .resource = "snapshot",
    .flags = API_WRITES,
    .params = params,
    .handle = modify_snapshot_attribute,
    .summary = "Changes with whom a snapshot is shared.",
};
