/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"
#include "put.h"

static const char *const false_word[] = { "false", NULL };
static const char *const tagged[] = { "volume", NULL };

static const struct api_param params[] = {
    { .name = "AvailabilityZone", .type = PARAM_TEXT, .required = true, .max_len = 31 },
    { .name = "AvailabilityZoneId", .type = PARAM_NOT_YET },
    { .name = "Size", .type = PARAM_INT, .min = 1 },
    { .name = "SnapshotId", .type = PARAM_ID, .prefix = "snap" },
    { .name = "VolumeType", .type = PARAM_TEXT, .max_len = 15 },
    { .name = "Iops", .type = PARAM_INT },
    { .name = "Throughput", .type = PARAM_INT },
    { .name = "Encrypted", .type = PARAM_BOOL },
    { .name = "KmsKeyId", .type = PARAM_NOT_YET },
    { .name = "MultiAttachEnabled", .type = PARAM_NOT_YET, .words = false_word },
    { .name = "OutpostArn", .type = PARAM_NOT_YET },
    { .name = "VolumeInitializationRate", .type = PARAM_NOT_YET },
    { .name = "Operator.*", .type = PARAM_NOT_YET },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

/* The snapshot gives the size when none is asked for, and may not be larger than the volume. */
static int from_snapshot(struct api_call *c, struct volume_rec *v, struct err *e)
{
    struct snapshot_rec s;
    int r = api_find_snapshot(c, api_text(c, "SnapshotId"), &s, e);

    if (r < 0)
        return r;
    if (s.state != SNAPSHOT_COMPLETED)
        return api_fail(c, e, "IncorrectState",
                        "The snapshot '%s' is in the state '%s', not 'completed'", s.id,
                        model_snapshot_state_name(s.state));
    if (v->size_gib == 0)
        v->size_gib = s.volume_size_gib;
    if (v->size_gib < s.volume_size_gib)
        return api_fail(c, e, "InvalidParameterValue",
                        "Volume of size %juGB is smaller than snapshot '%s', expect size >= %juGB",
                        (uintmax_t)v->size_gib, s.id, (uintmax_t)s.volume_size_gib);
    if (s.encrypted && !v->encrypted && !api_bool(c, "Encrypted", true))
        return api_fail(c, e, "InvalidParameterCombination",
                        "The snapshot '%s' is encrypted, a volume of it cannot be unencrypted",
                        s.id);
    v->encrypted = v->encrypted || s.encrypted;
    (void)str_copy(v->snapshot_id, sizeof(v->snapshot_id), s.id);
    (void)str_copy(v->platform, sizeof(v->platform), s.platform);
    return 0;
}

static int plan(struct api_call *c, struct volume_rec *v, struct err *e)
{
    const char *type = api_text(c, "VolumeType"), *zone = api_text(c, "AvailabilityZone");
    int r = 0;

    if (!api_zone(c, zone, v->zone))
        return api_fail(c, e, "InvalidZone.NotFound", "The zone '%s' does not exist.", zone);
    if (!api_has(c, "Size") && !api_has(c, "SnapshotId"))
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter size or snapshotId");
    v->size_gib = api_int(c, "Size", 0);
    r = api_encrypted(c, api_bool(c, "Encrypted", false), &v->encrypted, e);
    if (r < 0)
        return r;
    v->iops = (uint32_t)api_int(c, "Iops", 0);
    v->throughput = (uint32_t)api_int(c, "Throughput", 0);
    (void)str_copy(v->type, sizeof(v->type), type ? type : "");
    if (api_has(c, "SnapshotId"))
        r = from_snapshot(c, v, e);
    if (r < 0)
        return r;
    r = rules_volume(v->type, v->size_gib, &v->iops, &v->throughput, e);
    return r < 0 ? api_mapping_refused(c, r, e) : 0;
}

static int create_volume(struct api_call *c, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct volume_rec v = { .state = VOLUME_ST_CREATING, .created_ms = clock_real_ms() };
    int r = api_tag_specs(c, "volume", tagged, &tags, e);

    if (r < 0)
        return r;
    r = plan(c, &v, e);
    if (r < 0)
        return r;
    model_new_id("vol", v.id);
    (void)str_copy(v.region, sizeof(v.region), c->region);
    (void)str_copy(v.owner, sizeof(v.owner), c->account);
    r = model_volume_insert(c->model, &v, e);
    if (r < 0)
        return r;
    r = api_tag(c, v.id, &tags, e);
    if (r < 0)
        return r;
    r = jobs_create_volume(c->jobs, v.id, e);
    if (r < 0)
        return r;
    (void)str_copy(c->resource_id, sizeof(c->resource_id), v.id);
    api_put_volume(c, &v, NULL, &tags);
    api_put_no_tags(c, &tags);
    return 0;
}

static int replay(struct api_call *c, const char *resource_id, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct volume_rec v;
    int r = api_find_volume(c, resource_id, &v, e);

    if (r < 0)
        return r;
    r = model_tags_get(c->model, v.id, &tags, e);
    if (r < 0)
        return r;
    api_put_volume(c, &v, NULL, &tags);
    api_put_no_tags(c, &tags);
    return 0;
}

const struct api_action api_create_volume = {
    .name = "CreateVolume",
    .resource = "volume",
    .flags = API_WRITES | API_TOKEN,
    .params = params,
    .handle = create_volume,
    .replay = replay,
    .summary = "Makes an empty volume, or one that starts with a snapshot's content.",
};
