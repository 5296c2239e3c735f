/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CreateImage: the image and its snapshots are registered as 'pending' in one transaction; the job
 * freezes the volumes and uploads. */
#include "find.h"

#include <stdio.h>
#include <errno.h>

#include "clock.h"
#include "windows-tags.h"

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

static const char *const region_word[] = { "regional", NULL };
static const char *const tagged[] = { "image", "snapshot", NULL };

static const struct api_param params[] = {
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    { .name = "Name", .type = PARAM_TEXT, .required = true },
    { .name = "Description", .type = PARAM_TEXT },
    { .name = "NoReboot", .type = PARAM_BOOL },
    { .name = "SnapshotLocation", .type = PARAM_NOT_YET, .words = region_word },
    API_PARAMS_MAPPINGS,
    API_PARAMS_TAG_SPECS,
    { 0 },
};

struct plan {
    struct instance_rec instance;
    struct attachment_rec *at;
    struct volume_rec *volumes; /* of at[], by index */
    size_t n;
    struct mapping_list now; /* the instance's mapping */
    bool *needs_snapshot;    /* by entry of image.mapping */
    struct image_rec image;
    struct tag_list image_tags, snapshot_tags;
};

static void plan_done(struct plan *p)
{
    free(p->at);
    free(p->volumes);
    free(p->needs_snapshot);
    mapping_list_done(&p->now);
    image_rec_done(&p->image);
    tag_list_done(&p->image_tags);
    tag_list_done(&p->snapshot_tags);
}

/* ---- what is asked for ----------------------------------------------------------------------- */

/* Packer asks again for a quarter of an hour when it reads this code and this sentence, which is
 * right for states that pass. */
static int check_state(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    switch (i->state) {
    case INSTANCE_RUNNING:
    case INSTANCE_STOPPED:
        return 0;
    case INSTANCE_PENDING:
    case INSTANCE_STOPPING:
        return api_fail(c, e, "InvalidParameterValue",
                        "Instance is not in state 'running' or 'stopped': '%s' is '%s'", i->id,
                        model_instance_state_name(i->state));
    case INSTANCE_SHUTTING_DOWN:
    case INSTANCE_TERMINATED:
        break;
    }
    return api_fail(c, e, "IncorrectInstanceState",
                    "Instance is not in state 'running' or 'stopped': '%s' is '%s'", i->id,
                    model_instance_state_name(i->state));
}

static int read_request(struct api_call *c, struct plan *p, struct err *e)
{
    int r = api_image_texts(c, e);

    if (r < 0)
        return r;
    r = api_tag_specs(c, "image", tagged, &p->image_tags, e);
    if (r < 0)
        return r;
    r = api_tag_specs(c, "snapshot", tagged, &p->snapshot_tags, e);
    if (r < 0)
        return r;
    r = api_find_instance(c, api_text(c, "InstanceId"), &p->instance, e);
    if (r < 0)
        return r;
    r = check_state(c, &p->instance, e);
    return r < 0 ? r : windows_tags_image(c, &p->image_tags, p->instance.platform, e);
}

/* ---- the mapping ----------------------------------------------------------------------------- */

static int add_volume(struct plan *p, size_t k, struct err *e)
{
    const struct volume_rec *v = &p->volumes[k];
    struct mapping m = {
        .has_ebs = true,
        .size_gib = v->size_gib,
        .iops = v->iops,
        .throughput = v->throughput,
        .delete_on_termination = p->at[k].delete_on_termination ? TRI_TRUE : TRI_FALSE,
        .encrypted = v->encrypted ? TRI_TRUE : TRI_FALSE,
    };

    COPY(m.device, p->at[k].device);
    COPY(m.volume_type, v->type);
    return mapping_list_add(&p->now, &m) < 0 ? err_oom(e) : 0;
}

/* Volumes on their way in or out are not part of the instance. */
static int map_volumes(struct api_call *c, struct plan *p, struct err *e)
{
    int r = model_attachment_list(c->model, p->instance.id, &p->at, &p->n, e);

    if (r < 0)
        return r;
    p->volumes = xcalloc(p->n + 1, sizeof(*p->volumes));
    for (size_t k = 0; k < p->n; k++) {
        r = api_find_volume(c, p->at[k].volume_id, &p->volumes[k], e);
        if (r < 0)
            return r;
        if (p->at[k].state == ATTACH_ATTACHING || p->at[k].state == ATTACH_DETACHING)
            continue;
        r = add_volume(p, k, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int map_ephemerals(struct api_call *c, struct plan *p, struct err *e)
{
    _cleanup_free_ struct ephemeral_rec *v = NULL;
    size_t n = 0;
    int r = model_ephemeral_list(c->model, p->instance.id, &v, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct mapping m = { .delete_on_termination = TRI_UNSET, .encrypted = TRI_UNSET };

        if (!v[i].mapped)
            continue;
        COPY(m.device, v[i].device);
        COPY(m.virtual_name, v[i].virtual_name);
        if (mapping_list_add(&p->now, &m) < 0)
            return err_oom(e);
    }
    return r;
}

static int plan_mapping(struct api_call *c, struct plan *p, struct err *e)
{
    _cleanup_(mapping_list_done) struct mapping_list asked = { 0 };
    int r = api_mappings(c, &asked, e);

    if (r < 0)
        return r;
    r = map_volumes(c, p, e);
    if (r < 0)
        return r;
    if (!mapping_find(&p->now, p->instance.root_device_name))
        return api_fail(c, e, "IncorrectInstanceState", "The root volume of '%s' is not attached",
                        p->instance.id);
    r = map_ephemerals(c, p, e);
    if (r < 0)
        return r;
    r = rules_mapping_image(&p->now, p->instance.root_device_name, &asked, api_snapshot_size, c,
                            &p->image.mapping, &p->needs_snapshot, e);
    if (r < 0)
        return api_mapping_refused(c, r, e);
    return api_mapping_check(c, &p->image.mapping, e); /* after the rules: they know better why */
}

/* ---- records --------------------------------------------------------------------------------- */

/* What the instance does not know comes from the image that it was launched from. */
static void inherit(struct api_call *c, struct image_rec *i)
{
    _cleanup_(image_rec_done) struct image_rec source = { 0 };
    struct err e = { 0 };

    if (model_image_get(c->model, c->region, i->source_image_id, &source, &e) < 0)
        return; /* forgotten: the plain values stand */
    i->sriov_net_support = source.sriov_net_support;
    COPY(i->tpm_support, source.tpm_support);
    COPY(i->imds_support, source.imds_support);
    COPY(i->virtualization_type, source.virtualization_type);
}

static void fill_image(struct api_call *c, struct plan *p)
{
    const struct instance_rec *src = &p->instance;
    const char *description = api_text(c, "Description");
    struct image_rec *i = &p->image;

    model_new_id("ami", i->id);
    i->state = IMAGE_PENDING;
    i->created_ms = clock_real_ms();
    i->ena_support = src->ena_support;
    COPY(i->region, c->region);
    COPY(i->owner, c->account);
    COPY(i->name, api_text(c, "Name"));
    COPY(i->description, description ? description : "");
    COPY(i->platform, src->platform);
    COPY(i->platform_details, src->platform_details);
    COPY(i->usage_operation, src->usage_operation);
    COPY(i->architecture, src->architecture);
    COPY(i->root_device_name, src->root_device_name);
    COPY(i->root_device_type, "ebs");
    COPY(i->virtualization_type, "hvm");
    COPY(i->boot_mode, src->boot_mode);
    COPY(i->source_instance_id, src->id);
    COPY(i->source_image_id, src->image_id);
    COPY(i->source_image_region, c->region);
    inherit(c, i);
}

static const struct volume_rec *volume_at(const struct plan *p, const char *device)
{
    for (size_t k = 0; k < p->n; k++)
        if (str_eq(p->at[k].device, device))
            return &p->volumes[k];
    return NULL;
}

/* The snapshot has the volume's size, whatever size the image's mapping asks for. */
static int insert_snapshot(struct api_call *c, struct plan *p, struct mapping *m, struct err *e)
{
    const struct volume_rec *v = volume_at(p, m->device);
    struct snapshot_rec s = { .state = SNAPSHOT_PENDING, .started_ms = p->image.created_ms };
    int r;

    if (!v)
        return err_set(e, EIO, ERR_OTHER, "find the volume at '%s' of '%s'", m->device,
                       p->instance.id);
    s.volume_size_gib = v->size_gib;
    s.encrypted = v->encrypted;
    model_new_id("snap", s.id);
    COPY(s.region, c->region);
    COPY(s.owner, c->account);
    COPY(s.volume_id, v->id);
    COPY(s.platform,
         str_eq(m->device, p->image.root_device_name) ? p->image.platform : v->platform);
    snprintf(s.description, sizeof(s.description), "Created by CreateImage(%s) for %s",
             p->instance.id, p->image.id);
    r = model_snapshot_insert(c->model, &s, e);
    if (r < 0)
        return r;
    COPY(m->snapshot_id, s.id);
    return api_tag(c, s.id, &p->snapshot_tags, e);
}

static int insert(struct api_call *c, struct plan *p, struct err *e)
{
    int r;

    for (size_t k = 0; k < p->image.mapping.n; k++) {
        if (!p->needs_snapshot[k])
            continue;
        api_about(c, "snapshot");
        r = insert_snapshot(c, p, &p->image.mapping.v[k], e);
        if (r < 0)
            return r;
    }
    api_about(c, "image");
    r = model_image_insert(c->model, &p->image, e);
    if (r < 0)
        return r;
    return api_tag(c, p->image.id, &p->image_tags, e);
}

static int create_image(struct api_call *c, struct err *e)
{
    _cleanup_(plan_done) struct plan p = { 0 };
    int r = read_request(c, &p, e);

    if (r < 0)
        return r;
    r = plan_mapping(c, &p, e);
    if (r < 0)
        return r;
    fill_image(c, &p);
    r = insert(c, &p, e);
    if (r < 0)
        return r;
    r = jobs_create_image(c->jobs, p.image.id, p.instance.id, api_bool(c, "NoReboot", false), e);
    if (r < 0)
        return r;
    xml_text(c->out, "imageId", p.image.id);
    return 0;
}

const struct api_action api_create_image = {
    .name = "CreateImage",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = create_image,
    .summary =
        "Makes an image of an instance: a snapshot of each of its volumes, and their mapping.",
};
