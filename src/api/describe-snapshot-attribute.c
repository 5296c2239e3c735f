/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "share.h"

static const char *const attribute_words[] = { "createVolumePermission", "productCodes", NULL };

static const struct api_param params[] = {
    { .name = "SnapshotId", .type = PARAM_ID, .prefix = "snap", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .required = true, .words = attribute_words },
    { 0 },
};

static int describe_snapshot_attribute(struct api_call *c, struct err *e)
{
    struct snapshot_rec s;
    int r = api_find_snapshot(c, api_text(c, "SnapshotId"), &s, e);

    if (r < 0)
        return r;
    xml_text(c->out, "snapshotId", s.id);
    if (str_eq(api_text(c, "Attribute"), "createVolumePermission"))
        return api_put_shares(c, "createVolumePermission", s.id, e);
    xml_always(c->out, "productCodes", "");
    return 0;
}

const struct api_action api_describe_snapshot_attribute = {
    .name = "DescribeSnapshotAttribute",
    .resource = "snapshot",
    .params = params,
    .handle = describe_snapshot_attribute,
    .summary = "Says with whom a snapshot is shared.",
};
