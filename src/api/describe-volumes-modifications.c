/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"
#include "put.h"

#define REC(record) ((const struct modification_rec *)(record))

#define FILTER(fn, offer)                                                                          \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        offer;                                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")

FILTER(by_state, filter_offer(f, model_modification_state_name(REC(record)->state)));
FILTER(by_old_iops, filter_offer_uint(f, REC(record)->from.iops));
FILTER(by_old_size, filter_offer_uint(f, REC(record)->from.size_gib));
FILTER(by_old_type, filter_offer(f, REC(record)->from.type));
FILTER(by_start, filter_offer_time(f, REC(record)->started_ms));
FILTER(by_iops, filter_offer_uint(f, REC(record)->to.iops));
FILTER(by_size, filter_offer_uint(f, REC(record)->to.size_gib));
FILTER(by_type, filter_offer(f, REC(record)->to.type));
FILTER(by_id, filter_offer(f, REC(record)->volume_id));
FILTER(by_false, ((void)record, filter_offer_bool(f, false)));

static const struct filter_def filters[] = {
    { "modification-state", by_state },
    { "operator.managed", by_false },
    { "operator.principal", NULL },
    { "original-iops", by_old_iops },
    { "original-size", by_old_size },
    { "original-volume-type", by_old_type },
    { "originalMultiAttachEnabled", by_false },
    { "start-time", by_start },
    { "target-iops", by_iops },
    { "target-size", by_size },
    { "target-volume-type", by_type },
    { "targetMultiAttachEnabled", by_false },
    { "volume-id", by_id },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "VolumeId.N", .type = PARAM_ID, .prefix = "vol" },
    { 0 },
};

static void put_shape(struct api_call *c, const struct volume_shape *s, bool target)
{
    xml_uint(c->out, target ? "targetSize" : "originalSize", s->size_gib);
    xml_text(c->out, target ? "targetVolumeType" : "originalVolumeType", s->type);
    if (s->iops)
        xml_uint(c->out, target ? "targetIops" : "originalIops", s->iops);
    if (s->throughput)
        xml_uint(c->out, target ? "targetThroughput" : "originalThroughput", s->throughput);
    xml_bool(c->out, target ? "targetMultiAttachEnabled" : "originalMultiAttachEnabled", false);
}

void api_put_modification(struct api_call *c, const struct modification_rec *m)
{
    xml_text(c->out, "volumeId", m->volume_id);
    xml_text(c->out, "modificationState", model_modification_state_name(m->state));
    xml_text(c->out, "statusMessage", m->status_message);
    put_shape(c, &m->from, false);
    put_shape(c, &m->to, true);
    xml_uint(c->out, "progress", m->state == MODIFICATION_COMPLETED ? 100 : 0);
    xml_time(c->out, "startTime", m->started_ms);
    if (m->ended_ms)
        xml_time(c->out, "endTime", m->ended_ms);
}

/* Those that the request names: a volume that never was modified is an error, as in EC2. */
static int find_named(struct api_call *c, struct modification_rec **ret, size_t *ret_n,
                      struct err *e)
{
    _cleanup_free_ struct volume_rec *volumes = NULL;
    _cleanup_free_ struct modification_rec *v = NULL;
    size_t n = 0;
    int r = api_find_volumes(c, "VolumeId", &volumes, &n, e);

    if (r < 0)
        return r;
    v = xcalloc(n + 1, sizeof(*v));
    for (size_t i = 0; i < n; i++) {
        r = model_modification_get(c->model, c->region, volumes[i].id, &v[i], e);
        if (r < 0 && e->kind == ERR_NOT_FOUND)
            c->wire_code = "InvalidVolumeModification.NotFound";
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(v);
    *ret_n = n;
    return 0;
}

static int describe_volumes_modifications(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct modification_rec *v = NULL;
    size_t n = 0, kept = 0, from = 0, to = 0;
    int r = api_filters_check(c, filters, e);

    if (r >= 0)
        r = api_count(c, "VolumeId") ? find_named(c, &v, &n, e)
                                     : model_modification_list(c->model, c->region, &v, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        if (api_filters_pass(c, filters, &v[i], NULL))
            v[kept++] = v[i];
    r = api_page(c, kept, api_count(c, "VolumeId"), &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, "volumeModificationSet");
    for (size_t i = from; i < to; i++) {
        xml_open(c->out, "item");
        api_put_modification(c, &v[i]);
        xml_close(c->out, "item");
    }
    xml_close(c->out, "volumeModificationSet");
    api_page_end(c, kept, to);
    return 0;
}

const struct api_action api_describe_volumes_modifications = {
    .name = "DescribeVolumesModifications",
    .resource = "volume",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 1,
    .max_results_max = 500,
    .handle = describe_volumes_modifications,
    .summary = "Shows how volumes were modified last, and how far that is.",
};
