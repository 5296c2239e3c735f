/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CreateSnapshots: the records of all volumes' snapshots in one transaction; the job freezes the
 * volumes together. */
#include "find.h"

#include <stdio.h>

#include "clock.h"
#include "jobs.h"

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

static const char *const region_word[] = { "regional", NULL };
static const char *const volume_word[] = { "volume", NULL };
static const char *const tagged[] = { "snapshot", NULL };

static const struct api_param params[] = {
    { .name = "InstanceSpecification.InstanceId",
      .type = PARAM_ID,
      .prefix = "i",
      .required = true },
    { .name = "InstanceSpecification.ExcludeBootVolume", .type = PARAM_BOOL },
    { .name = "InstanceSpecification.ExcludeDataVolumeId.N", .type = PARAM_ID, .prefix = "vol" },
    { .name = "Description", .type = PARAM_TEXT, .max_len = 255 },
    { .name = "CopyTagsFromSource", .type = PARAM_TEXT, .words = volume_word },
    { .name = "Location", .type = PARAM_NOT_YET, .words = region_word },
    { .name = "OutpostArn", .type = PARAM_NOT_YET },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

#define EXCLUDED "InstanceSpecification.ExcludeDataVolumeId"

struct plan {
    struct instance_rec instance;
    struct attachment_rec *at;
    size_t n_at;
    struct tag_list tags;
    struct snapshot_rec *made;
    const char **ids;
    size_t n;
};

static void plan_done(struct plan *p)
{
    free(p->at);
    free(p->made);
    free(p->ids);
    tag_list_done(&p->tags);
}

/* ---- which volumes --------------------------------------------------------------------------- */

static bool is_root(const struct plan *p, const struct attachment_rec *at)
{
    return str_eq(at->device, p->instance.root_device_name);
}

static bool is_excluded(const struct api_call *c, const char *volume_id)
{
    for (size_t i = 0; i < api_count(c, EXCLUDED); i++)
        if (str_eq(api_item(c, EXCLUDED, i, ""), volume_id))
            return true;
    return false;
}

static int check_excluded(struct api_call *c, const struct plan *p, struct err *e)
{
    for (size_t i = 0; i < api_count(c, EXCLUDED); i++) {
        const char *id = api_item(c, EXCLUDED, i, "");
        bool data = false;

        for (size_t k = 0; k < p->n_at; k++)
            data |= str_eq(p->at[k].volume_id, id) && !is_root(p, &p->at[k]);
        if (id && !data)
            return api_fail(c, e, "InvalidParameterValue",
                            "The volume '%s' is not a data volume of instance '%s'", id,
                            p->instance.id);
    }
    return 0;
}

/* Volumes on their way in or out are not part of the instance. */
static bool is_taken(const struct api_call *c, const struct plan *p,
                     const struct attachment_rec *at)
{
    if (at->state == ATTACH_ATTACHING || at->state == ATTACH_DETACHING)
        return false;
    if (is_root(p, at))
        return !api_bool(c, "InstanceSpecification.ExcludeBootVolume", false);
    return !is_excluded(c, at->volume_id);
}

static int read_request(struct api_call *c, struct plan *p, struct err *e)
{
    int r = api_tag_specs(c, "snapshot", tagged, &p->tags, e);

    if (r >= 0)
        r = api_find_instance(c, api_text(c, "InstanceSpecification.InstanceId"), &p->instance, e);
    if (r < 0)
        return r;
    if (p->instance.state != INSTANCE_RUNNING && p->instance.state != INSTANCE_STOPPED &&
        p->instance.state != INSTANCE_STOPPING)
        return api_fail(
            c, e, "IncorrectInstanceState",
            "The instance '%s' is in the state '%s', in which no snapshots can be taken",
            p->instance.id, model_instance_state_name(p->instance.state));
    r = model_attachment_list(c->model, p->instance.id, &p->at, &p->n_at, e);
    return r < 0 ? r : check_excluded(c, p, e);
}

/* ---- records --------------------------------------------------------------------------------- */

/* The volume's own, unless the request gives a key another value. */
static int tag(struct api_call *c, const struct plan *p, const struct snapshot_rec *s,
               struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = 0;

    if (api_has(c, "CopyTagsFromSource"))
        r = model_tags_get(c->model, s->volume_id, &tags, e);
    if (r >= 0)
        r = api_tag(c, s->id, &tags, e);
    return r < 0 ? r : api_tag(c, s->id, &p->tags, e);
}

static int insert(struct api_call *c, struct plan *p, const struct attachment_rec *at,
                  struct snapshot_rec *s, struct err *e)
{
    const char *description = api_text(c, "Description");
    struct volume_rec v;
    int r = api_find_volume(c, at->volume_id, &v, e);

    if (r < 0)
        return r;
    *s = (struct snapshot_rec){ .state = SNAPSHOT_PENDING,
                                .started_ms = clock_real_ms(),
                                .volume_size_gib = v.size_gib,
                                .encrypted = v.encrypted };
    model_new_id("snap", s->id);
    COPY(s->region, c->region);
    COPY(s->owner, c->account);
    COPY(s->volume_id, v.id);
    COPY(s->platform, v.platform);
    COPY(s->description, description ? description : "");
    api_about(c, "snapshot");
    r = model_snapshot_insert(c->model, s, e);
    return r < 0 ? r : tag(c, p, s, e);
}

/* SnapshotInfo: EC2 calls the status "state" here. */
static int put(struct api_call *c, const struct snapshot_rec *s, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = model_tags_get(c->model, s->id, &tags, e);

    if (r < 0)
        return r;
    xml_open(c->out, "item");
    xml_text(c->out, "snapshotId", s->id);
    xml_text(c->out, "volumeId", s->volume_id);
    xml_text(c->out, "state", model_snapshot_state_name(s->state));
    xml_time(c->out, "startTime", s->started_ms);
    xml_text(c->out, "progress", "0%");
    xml_text(c->out, "ownerId", s->owner);
    xml_uint(c->out, "volumeSize", s->volume_size_gib);
    xml_always(c->out, "description", s->description);
    xml_bool(c->out, "encrypted", s->encrypted);
    xml_tags(c->out, &tags);
    xml_close(c->out, "item");
    return 0;
}

static int create_snapshots(struct api_call *c, struct err *e)
{
    _cleanup_(plan_done) struct plan p = { 0 };
    int r = read_request(c, &p, e);

    if (r < 0)
        return r;
    p.made = xcalloc(p.n_at + 1, sizeof(*p.made));
    p.ids = xcalloc(p.n_at + 1, sizeof(*p.ids));
    for (size_t k = 0; k < p.n_at; k++) {
        if (!is_taken(c, &p, &p.at[k]))
            continue;
        r = insert(c, &p, &p.at[k], &p.made[p.n], e);
        if (r < 0)
            return r;
        p.ids[p.n] = p.made[p.n].id;
        p.n++;
    }
    if (p.n == 0)
        return api_fail(c, e, "InvalidParameterCombination",
                        "No volume of instance '%s' is left to take a snapshot of", p.instance.id);
    r = jobs_create_snapshots(c->jobs, p.ids, p.n, e);
    xml_open(c->out, "snapshotSet");
    for (size_t k = 0; k < p.n && r >= 0; k++)
        r = put(c, &p.made[k], e);
    xml_close(c->out, "snapshotSet");
    return r < 0 ? r : 0;
}

const struct api_action api_create_snapshots = {
    .name = "CreateSnapshots",
    .resource = "snapshot",
    .flags = API_WRITES,
    .params = params,
    .handle = create_snapshots,
    .summary = "Fixes the content of an instance's volumes, all at one instant.",
};
