/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"
#include "put.h"

static const char *const region_word[] = { "regional", NULL };
static const char *const tagged[] = { "snapshot", NULL };

static const struct api_param params[] = {
    { .name = "VolumeId", .type = PARAM_ID, .prefix = "vol", .required = true },
    { .name = "Description", .type = PARAM_TEXT, .max_len = 255 },
    { .name = "Location", .type = PARAM_NOT_YET, .words = region_word },
    { .name = "OutpostArn", .type = PARAM_NOT_YET },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

static int check_volume(struct api_call *c, const struct volume_rec *v, struct err *e)
{
    if (v->state == VOLUME_ST_AVAILABLE || v->state == VOLUME_ST_IN_USE)
        return 0;
    return api_fail(c, e, "IncorrectState",
                    "The volume '%s' is in the state '%s', from which no snapshot can be taken",
                    v->id, model_volume_state_name(v->state));
}

static void fill(struct api_call *c, const struct volume_rec *v, struct snapshot_rec *s)
{
    const char *description = api_text(c, "Description");

    *s = (struct snapshot_rec){
        .state = SNAPSHOT_PENDING,
        .volume_size_gib = v->size_gib,
        .started_ms = clock_real_ms(),
        .encrypted = v->encrypted,
    };
    model_new_id("snap", s->id);
    (void)str_copy(s->region, sizeof(s->region), c->region);
    (void)str_copy(s->owner, sizeof(s->owner), c->account);
    (void)str_copy(s->volume_id, sizeof(s->volume_id), v->id);
    (void)str_copy(s->platform, sizeof(s->platform), v->platform);
    (void)str_copy(s->description, sizeof(s->description), description ? description : "");
}

static int create_snapshot(struct api_call *c, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct volume_rec v;
    struct snapshot_rec s;
    int r = api_tag_specs(c, "snapshot", tagged, &tags, e);

    if (r < 0)
        return r;
    r = api_find_volume(c, api_text(c, "VolumeId"), &v, e);
    if (r < 0)
        return r;
    r = check_volume(c, &v, e);
    if (r < 0)
        return r;
    fill(c, &v, &s);
    r = model_snapshot_insert(c->model, &s, e);
    if (r < 0)
        return r;
    r = api_tag(c, s.id, &tags, e);
    if (r < 0)
        return r;
    r = jobs_create_snapshots(c->jobs, (const char *const[]){ s.id }, 1, e);
    if (r < 0)
        return r;
    api_put_snapshot(c, &s, &tags);
    api_put_no_tags(c, &tags);
    return 0;
}

const struct api_action api_create_snapshot = {
    .name = "CreateSnapshot",
    .resource = "snapshot",
    .flags = API_WRITES,
    .params = params,
    .handle = create_snapshot,
    .summary = "Fixes a volume's content of this instant; only what changed is stored.",
};
