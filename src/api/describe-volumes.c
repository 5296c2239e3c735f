/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"
#include "put.h"

struct row {
    const struct volume_rec *rec;
    struct attachment_rec at; /* volume_id "" : not attached */
};

#define REC(record) (((const struct row *)(record))->rec)
#define AT(record)  (&((const struct row *)(record))->at)

#define FILTER(fn, offer)                                                                          \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        offer;                                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")
#define ATTACHMENT_FILTER(fn, offer)                                                               \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        if (AT(record)->volume_id[0])                                                              \
            offer;                                                                                 \
    }                                                                                              \
    _Static_assert(1, "semicolon")

FILTER(by_zone, filter_offer(f, REC(record)->zone));
FILTER(by_created, filter_offer_time(f, REC(record)->created_ms));
FILTER(by_encrypted, filter_offer_bool(f, REC(record)->encrypted));
FILTER(by_size, filter_offer_uint(f, REC(record)->size_gib));
FILTER(by_snapshot, filter_offer(f, REC(record)->snapshot_id));
FILTER(by_status, filter_offer(f, model_volume_state_name(REC(record)->state)));
FILTER(by_id, filter_offer(f, REC(record)->id));
FILTER(by_type, filter_offer(f, REC(record)->type));
FILTER(by_false, ((void)record, filter_offer_bool(f, false)));
ATTACHMENT_FILTER(by_attach_time, filter_offer_time(f, AT(record)->attached_ms));
ATTACHMENT_FILTER(by_dot, filter_offer_bool(f, AT(record)->delete_on_termination));
ATTACHMENT_FILTER(by_device, filter_offer(f, AT(record)->device));
ATTACHMENT_FILTER(by_instance, filter_offer(f, AT(record)->instance_id));
ATTACHMENT_FILTER(by_attach_status, filter_offer(f, model_attach_state_name(AT(record)->state)));

static const struct filter_def filters[] = {
    { "attachment.attach-time", by_attach_time },
    { "attachment.delete-on-termination", by_dot },
    { "attachment.device", by_device },
    { "attachment.instance-id", by_instance },
    { "attachment.status", by_attach_status },
    { "availability-zone", by_zone },
    { "availability-zone-id", NULL },
    { "create-time", by_created },
    { "encrypted", by_encrypted },
    { "fast-restored", by_false },
    { "multi-attach-enabled", by_false },
    { "operator.managed", by_false },
    { "operator.principal", NULL },
    { "size", by_size },
    { "snapshot-id", by_snapshot },
    { "status", by_status },
    { "volume-id", by_id },
    { "volume-type", by_type },
    { 0 },
};

static int attachment_of(struct api_call *c, const char *volume_id, struct attachment_rec *ret,
                         struct err *e)
{
    struct err why = { 0 };
    int r;

    *ret = (struct attachment_rec){ 0 };
    r = model_attachment_get(c->model, volume_id, ret, &why);
    if (r >= 0 || why.kind == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return r;
}

/* 1 when the volume passes all filters */
static int passes(struct api_call *c, const struct volume_rec *v, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct row row = { .rec = v };
    int r;

    if (api_count(c, "Filter") == 0)
        return 1;
    r = attachment_of(c, v->id, &row.at, e);
    if (r < 0)
        return r;
    r = model_tags_get(c->model, v->id, &tags, e);
    if (r < 0)
        return r;
    return api_filters_pass(c, filters, &row, &tags);
}

static int put_item(struct api_call *c, const struct volume_rec *v, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct attachment_rec at;
    int r = attachment_of(c, v->id, &at, e);

    if (r < 0)
        return r;
    r = model_tags_get(c->model, v->id, &tags, e);
    if (r < 0)
        return r;
    xml_open(c->out, "item");
    api_put_volume(c, v, at.volume_id[0] ? &at : NULL, &tags);
    api_put_fill(c, v->id);
    xml_close(c->out, "item");
    return 0;
}

static int put_page(struct api_call *c, const struct volume_rec *v, size_t n, struct err *e)
{
    size_t from = 0, to = 0;
    int r = api_page(c, n, api_count(c, "VolumeId"), &from, &to, e);

    if (r < 0)
        return r;
    xml_open(c->out, "volumeSet");
    for (size_t i = from; i < to; i++) {
        r = put_item(c, &v[i], e);
        if (r < 0)
            return r;
    }
    xml_close(c->out, "volumeSet");
    api_page_end(c, n, to);
    return 0;
}

static const struct api_param params[] = {
    { .name = "VolumeId.N", .type = PARAM_ID, .prefix = "vol" },
    /* No volume is managed by somebody else. */
    { .name = "IncludeManagedResources", .type = PARAM_IGNORED },
    { 0 },
};

static int describe_volumes(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct volume_rec *v = NULL;
    size_t n = 0, kept = 0;
    int r = api_filters_check(c, filters, e);

    if (r < 0)
        return r;
    r = api_find_volumes(c, "VolumeId", &v, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        r = passes(c, &v[i], e);
        if (r < 0)
            return r;
        if (r > 0 && i != kept)
            v[kept] = v[i];
        kept += r > 0;
    }
    return put_page(c, v, kept, e);
}

const struct api_action api_describe_volumes = {
    .name = "DescribeVolumes",
    .resource = "volume",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_volumes,
    .summary = "Shows volumes and their attachments.",
};
