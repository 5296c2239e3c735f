/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CopyImage: the image and copies of its snapshots are registered as 'pending' in one transaction;
 * the job makes the copies. Launch permissions are not copied. */
#include "copied.h"
#include "find.h"

#include <stdio.h>

#include "clock.h"
#include "rules.h"

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

static const char *const tagged[] = { "image", "snapshot", NULL };

static const struct api_param params[] = {
    { .name = "SourceImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { .name = "Name", .type = PARAM_TEXT, .required = true },
    API_PARAMS_COPY,
    { .name = "DestinationAvailabilityZoneId", .type = PARAM_NOT_YET },
    { .name = "CopyImageTags", .type = PARAM_BOOL },
    /* A copy is there as soon as it can be. */
    { .name = "SnapshotCopyCompletionDurationMinutes", .type = PARAM_IGNORED },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

struct plan {
    struct image_rec source, image;
    struct tag_list image_tags, snapshot_tags;
    struct snapshot_rec *from, *made; /* by entry of image.mapping */
    struct jobs_copy *jobs;
    size_t n; /* of jobs */
};

static void plan_done(struct plan *p)
{
    image_rec_done(&p->source);
    image_rec_done(&p->image);
    tag_list_done(&p->image_tags);
    tag_list_done(&p->snapshot_tags);
    free(p->from);
    free(p->made);
    free(p->jobs);
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static int find_source(struct api_call *c, struct plan *p, struct err *e)
{
    const char *here = c->region;
    int r;

    c->region = api_text(c, "SourceRegion");
    r = api_find_image(c, api_text(c, "SourceImageId"), &p->source, e);
    c->region = here;
    if (r < 0)
        return r;
    if (p->source.state != IMAGE_AVAILABLE)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is not available: it is %s", p->source.id,
                        model_image_state_name(p->source.state));
    return 0;
}

/* The source's own tags, unless the request gives a key another value. */
static int copy_tags(struct api_call *c, struct plan *p, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list all = { 0 };
    int r = model_tags_get(c->model, p->source.id, &all, e);

    for (size_t i = 0; r >= 0 && i < all.n; i++) {
        bool given = false;

        for (size_t k = 0; k < p->image_tags.n; k++)
            given |= str_eq(all.v[i].key, p->image_tags.v[k].key);
        if (!given && tag_list_add(&p->image_tags, all.v[i].key, all.v[i].value) < 0)
            return err_oom(e);
    }
    return r;
}

static int read_request(struct api_call *c, struct plan *p, struct err *e)
{
    int r = api_image_texts(c, e);

    if (r >= 0)
        r = api_tag_specs(c, "image", tagged, &p->image_tags, e);
    if (r >= 0)
        r = api_tag_specs(c, "snapshot", tagged, &p->snapshot_tags, e);
    if (r >= 0)
        r = api_copy_from(c, e);
    if (r >= 0)
        r = find_source(c, p, e);
    if (r >= 0 && api_bool(c, "CopyImageTags", false))
        r = copy_tags(c, p, e);
    return r;
}

/* ---- records --------------------------------------------------------------------------------- */

/* What the image is, stays; what was done with it (launches, sharing), does not. */
static int fill_image(struct api_call *c, struct plan *p, struct err *e)
{
    const char *description = api_text(c, "Description");
    const struct image_rec *src = &p->source;
    struct image_rec *i = &p->image;

    model_new_id("ami", i->id);
    i->state = IMAGE_PENDING;
    i->created_ms = clock_real_ms();
    i->ena_support = src->ena_support;
    i->sriov_net_support = src->sriov_net_support;
    COPY(i->region, c->region);
    COPY(i->owner, c->account);
    COPY(i->name, api_text(c, "Name"));
    COPY(i->description, description ? description : "");
    COPY(i->platform, src->platform);
    COPY(i->platform_details, src->platform_details);
    COPY(i->usage_operation, src->usage_operation);
    COPY(i->architecture, src->architecture);
    COPY(i->root_device_name, src->root_device_name);
    COPY(i->root_device_type, src->root_device_type);
    COPY(i->virtualization_type, src->virtualization_type);
    COPY(i->boot_mode, src->boot_mode);
    COPY(i->tpm_support, src->tpm_support);
    COPY(i->imds_support, src->imds_support);
    COPY(i->source_image_id, src->id);
    COPY(i->source_image_region, src->region);
    return mapping_list_copy(&i->mapping, &src->mapping) < 0 ? err_oom(e) : 0;
}

/* EC2's words: "Task created on 1,700,000,000,000." */
static void describe(const struct plan *p, const char *snapshot, char *out, size_t size)
{
    uint64_t ms = p->image.created_ms;

    (void)snprintf(out, size,
                   "Copied for DestinationAmi %s from SourceAmi %s for SourceSnapshot %s. Task "
                   "created on %ju,%03ju,%03ju,%03ju,%03ju.",
                   p->image.id, p->source.id, snapshot, (uintmax_t)(ms / 1000000000000),
                   (uintmax_t)(ms / 1000000000 % 1000), (uintmax_t)(ms / 1000000 % 1000),
                   (uintmax_t)(ms / 1000 % 1000), (uintmax_t)(ms % 1000));
}

static int insert_snapshots(struct api_call *c, struct plan *p, struct err *e)
{
    size_t n = p->image.mapping.n;
    char description[MODEL_TEXT_MAX];

    p->from = xcalloc(n + 1, sizeof(*p->from));
    p->made = xcalloc(n + 1, sizeof(*p->made));
    p->jobs = xcalloc(n + 1, sizeof(*p->jobs));
    for (size_t k = 0; k < n; k++) {
        struct mapping *m = &p->image.mapping.v[k];
        int r;

        if (!m->snapshot_id[0])
            continue;
        r = api_copy_source(c, m->snapshot_id, &p->from[k], e);
        if (r < 0)
            return r;
        describe(p, m->snapshot_id, description, sizeof(description));
        r = api_copy_record(c, &p->from[k], description, &p->snapshot_tags, &p->made[k],
                            &p->jobs[p->n], e);
        if (r < 0)
            return r;
        p->n++;
        COPY(m->snapshot_id, p->made[k].id);
        m->encrypted = p->made[k].encrypted ? TRI_TRUE : TRI_FALSE;
    }
    return 0;
}

static int copy_image(struct api_call *c, struct err *e)
{
    _cleanup_(plan_done) struct plan p = { 0 };
    int r = read_request(c, &p, e);

    if (r >= 0)
        r = fill_image(c, &p, e);
    if (r >= 0)
        r = insert_snapshots(c, &p, e);
    if (r < 0)
        return r;
    api_about(c, "image");
    r = model_image_insert(c->model, &p.image, e);
    if (r >= 0)
        r = api_tag(c, p.image.id, &p.image_tags, e);
    if (r >= 0)
        r = jobs_copy_snapshots(c->jobs, p.image.id, p.jobs, p.n, e);
    if (r < 0)
        return r;
    COPY(c->resource_id, p.image.id);
    xml_text(c->out, "imageId", p.image.id);
    return 0;
}

static int replay(struct api_call *c, const char *resource_id, struct err *e)
{
    (void)e;
    xml_text(c->out, "imageId", resource_id);
    return 0;
}

const struct api_action api_copy_image = {
    .name = "CopyImage",
    .resource = "image",
    .flags = API_WRITES | API_TOKEN,
    .params = params,
    .handle = copy_image,
    .replay = replay,
    .summary = "Makes an image of an image, here or of another region; it may be encrypted.",
};
