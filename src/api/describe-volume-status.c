/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#define REC(record) ((const struct volume_rec *)(record))

/* A volume whose files could not be made has nothing to read. */
static const char *status_of(const struct volume_rec *v)
{
    switch (v->state) {
    case VOLUME_ST_AVAILABLE:
    case VOLUME_ST_IN_USE:
        return "ok";
    case VOLUME_ST_ERROR:
        return "impaired";
    case VOLUME_ST_CREATING:
    case VOLUME_ST_DELETING:
    case VOLUME_ST_DELETED:
    case VOLUME_ST_MAX:
        break;
    }
    return "insufficient-data";
}

static const char *io_of(const struct volume_rec *v)
{
    return v->state == VOLUME_ST_ERROR ? "failed" : "passed";
}

static void by_zone(const void *record, struct filter_match *f)
{
    filter_offer(f, REC(record)->zone);
}

static void by_status(const void *record, struct filter_match *f)
{
    filter_offer(f, status_of(record));
}

static void by_detail(const void *record, struct filter_match *f)
{
    (void)record;
    filter_offer(f, "io-enabled");
    filter_offer(f, "io-performance");
}

static void by_detail_status(const void *record, struct filter_match *f)
{
    filter_offer(f, io_of(record));
    filter_offer(f, "not-applicable");
}

static const struct filter_def filters[] = {
    { "action.code", NULL },
    { "action.description", NULL },
    { "action.event-id", NULL },
    { "availability-zone", by_zone },
    { "availability-zone-id", NULL },
    { "event.description", NULL },
    { "event.event-id", NULL },
    { "event.event-type", NULL },
    { "event.not-after", NULL },
    { "event.not-before", NULL },
    { "operator.managed", NULL },
    { "operator.principal", NULL },
    { "volume-status.details-name", by_detail },
    { "volume-status.details-status", by_detail_status },
    { "volume-status.status", by_status },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "VolumeId.N", .type = PARAM_ID, .prefix = "vol" },
    /* No volume is managed by somebody else. */
    { .name = "IncludeManagedResources", .type = PARAM_IGNORED },
    { 0 },
};

static void put_detail(struct api_call *c, const char *name, const char *status)
{
    xml_open(c->out, "item");
    xml_text(c->out, "name", name);
    xml_text(c->out, "status", status);
    xml_close(c->out, "item");
}

static void put_status(struct api_call *c, const struct volume_rec *v)
{
    xml_open(c->out, "item");
    xml_text(c->out, "volumeId", v->id);
    xml_text(c->out, "availabilityZone", v->zone);
    xml_open(c->out, "volumeStatus");
    xml_text(c->out, "status", status_of(v));
    xml_open(c->out, "details");
    put_detail(c, "io-enabled", io_of(v));
    put_detail(c, "io-performance", "not-applicable");
    xml_close(c->out, "details");
    xml_close(c->out, "volumeStatus");
    xml_always(c->out, "eventsSet", "");
    xml_always(c->out, "actionsSet", "");
    xml_close(c->out, "item");
}

static int describe_volume_status(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct volume_rec *v = NULL;
    size_t n = 0, kept = 0, from = 0, to = 0;
    int r = api_filters_check(c, filters, e);

    if (r < 0)
        return r;
    r = api_find_volumes(c, "VolumeId", &v, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        if (api_filters_pass(c, filters, &v[i], NULL))
            v[kept++] = v[i];
    r = api_page(c, kept, api_count(c, "VolumeId"), &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, "volumeStatusSet");
    for (size_t i = from; i < to; i++)
        put_status(c, &v[i]);
    xml_close(c->out, "volumeStatusSet");
    api_page_end(c, kept, to);
    return 0;
}

const struct api_action api_describe_volume_status = {
    .name = "DescribeVolumeStatus",
    .resource = "volume",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_volume_status,
    .summary = "Says whether volumes can be read and written.",
};
