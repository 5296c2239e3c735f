/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copied.h"
#include "find.h"
#include "put.h"
#include "rules.h"

static const char *const tagged[] = { "snapshot", NULL };

static const struct api_param params[] = {
    { .name = "SourceSnapshotId", .type = PARAM_ID, .prefix = "snap", .required = true },
    API_PARAMS_COPY,
    { .name = "DestinationRegion", .type = PARAM_TEXT, .max_len = MODEL_REGION_MAX - 1 },
    /* Clients sign a second request for EC2's own use; one address has all regions here. */
    { .name = "PresignedUrl", .type = PARAM_IGNORED },
    /* A copy is there as soon as it can be. */
    { .name = "CompletionDurationMinutes", .type = PARAM_IGNORED },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

/* It is where the request was signed for; clients say it once more. */
static int check_destination(struct api_call *c, struct err *e)
{
    const char *to = api_text(c, "DestinationRegion");

    if (!to || str_eq(to, c->region))
        return 0;
    return api_fail(c, e, "InvalidParameterValue",
                    "Value (%s) for parameter DestinationRegion is invalid. The request was sent "
                    "to %s",
                    to, c->region);
}

static int copy_snapshot(struct api_call *c, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    const char *description = api_text(c, "Description");
    struct snapshot_rec source, made;
    struct jobs_copy job;
    int r = api_tag_specs(c, "snapshot", tagged, &tags, e);

    if (r >= 0)
        r = check_destination(c, e);
    if (r >= 0)
        r = api_copy_from(c, e);
    if (r >= 0 && description)
        r = rules_description(description, e);
    if (r >= 0)
        r = api_copy_source(c, api_text(c, "SourceSnapshotId"), &source, e);
    if (r >= 0)
        r = api_copy_record(c, &source, description ? description : "", &tags, &made, &job, e);
    if (r >= 0)
        r = jobs_copy_snapshots(c->jobs, NULL, &job, 1, e);
    if (r < 0)
        return r;
    xml_text(c->out, "snapshotId", made.id);
    xml_tags(c->out, &tags);
    api_put_no_tags(c, &tags);
    return 0;
}

const struct api_action api_copy_snapshot = {
    .name = "CopySnapshot",
    .resource = "snapshot",
    .flags = API_WRITES,
    .params = params,
    .handle = copy_snapshot,
    .summary = "Makes a snapshot of a snapshot, here or of another region; it may be encrypted.",
};
