/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { .name = "DeleteAssociatedSnapshots", .type = PARAM_BOOL },
    { 0 },
};

/* The word of deleteSnapshotResultSet, or NULL with the error held. */
static const char *delete_one(struct api_call *c, const char *id, struct err *e)
{
    char image[MODEL_ID_MAX];
    struct err why = { 0 };
    struct snapshot_rec s;
    int r;

    if (model_snapshot_get(c->model, c->region, id, &s, &why) < 0)
        return "success"; /* it is gone already */
    r = model_snapshot_user(c->model, id, image, e);
    if (r < 0)
        return NULL;
    if (r > 0 || s.state == SNAPSHOT_PENDING)
        return "skipped";
    if (model_snapshot_delete(c->model, id, e) < 0 || jobs_delete_snapshot(c->jobs, id, e) < 0)
        return NULL;
    return "success";
}

static int delete_snapshots(struct api_call *c, const struct image_rec *i, struct err *e)
{
    xml_open(c->out, "deleteSnapshotResultSet");
    for (size_t k = 0; k < i->mapping.n; k++) {
        const char *id = i->mapping.v[k].snapshot_id, *word;

        if (!id[0])
            continue;
        word = delete_one(c, id, e);
        if (!word)
            return -e->no;
        xml_open(c->out, "item");
        xml_text(c->out, "snapshotId", id);
        xml_text(c->out, "returnCode", word);
        xml_close(c->out, "item");
    }
    xml_close(c->out, "deleteSnapshotResultSet");
    return 0;
}

static int check_protection(struct api_call *c, const struct image_rec *i, struct err *e)
{
    char until[CLOCK_ISO_MAX];

    if (i->protection != IMAGE_UNPROTECTED)
        return api_fail(c, e, "OperationNotPermitted",
                        "The image '%s' is protected from being deregistered. Disable its "
                        "deregistration protection and try again.",
                        i->id);
    if (i->protected_until_ms <= clock_real_ms())
        return 0;
    clock_iso8601(i->protected_until_ms, until);
    return api_fail(c, e, "OperationNotPermitted",
                    "The cooldown of the deregistration protection of '%s' ends at %s", i->id,
                    until);
}

static int deregister_image(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    int r = api_find_own_image(c, api_text(c, "ImageId"), &i, e);

    if (r >= 0)
        r = check_protection(c, &i, e);
    if (r < 0)
        return r;
    r = model_image_move(c->model, i.id, IMAGE_EV_DEREGISTER, NULL, NULL, NULL, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    if (!api_bool(c, "DeleteAssociatedSnapshots", false))
        return 0;
    api_about(c, "snapshot");
    return delete_snapshots(c, &i, e);
}

const struct api_action api_deregister_image = {
    .name = "DeregisterImage",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = deregister_image,
    .summary = "Ends an image; its snapshots stay unless they are to go with it.",
};
