/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include <stdio.h>

#define REC(record) ((const struct snapshot_rec *)(record))

static void by_description(const void *record, struct filter_match *f)
{
    filter_offer(f, REC(record)->description);
}

static void by_encrypted(const void *record, struct filter_match *f)
{
    filter_offer_bool(f, REC(record)->encrypted);
}

static void by_alias(const void *record, struct filter_match *f)
{
    filter_offer(f, api_owner_alias(REC(record)->owner));
}

static void by_owner(const void *record, struct filter_match *f)
{
    filter_offer(f, REC(record)->owner);
}

static void by_progress(const void *record, struct filter_match *f)
{
    char text[16];

    snprintf(text, sizeof(text), "%u%%", REC(record)->progress);
    filter_offer(f, text);
}

static void by_id(const void *record, struct filter_match *f)
{
    filter_offer(f, REC(record)->id);
}

static void by_start(const void *record, struct filter_match *f)
{
    filter_offer_time(f, REC(record)->started_ms);
}

static void by_status(const void *record, struct filter_match *f)
{
    filter_offer(f, model_snapshot_state_name(REC(record)->state));
}

static void by_tier(const void *record, struct filter_match *f)
{
    (void)record;
    filter_offer(f, "standard");
}

static void by_volume(const void *record, struct filter_match *f)
{
    filter_offer(f, REC(record)->volume_id);
}

static void by_size(const void *record, struct filter_match *f)
{
    filter_offer_uint(f, REC(record)->volume_size_gib);
}

static const struct filter_def filters[] = {
    { "description", by_description },
    { "encrypted", by_encrypted },
    { "owner-alias", by_alias },
    { "owner-id", by_owner },
    { "progress", by_progress },
    { "snapshot-id", by_id },
    { "start-time", by_start },
    { "status", by_status },
    { "storage-tier", by_tier },
    { "transfer-type", NULL },
    { "volume-id", by_volume },
    { "volume-size", by_size },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "SnapshotId.N", .type = PARAM_ID, .prefix = "snap" },
    { .name = "Owner.N", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "RestorableBy.N", .type = PARAM_TEXT, .max_len = 64 },
    { 0 },
};

static const char *const owner_words[] = { "self", "amazon", "aws-marketplace", NULL };
static const char *const restorable_words[] = { "self", "all", NULL };

/* Snapshots are private in this version: whoever owns one may restore it, nobody else. */
static bool wanted(struct api_call *c, const struct snapshot_rec *s)
{
    return api_owner_matches(c, "Owner", s->owner) &&
           api_owner_matches(c, "RestorableBy", s->owner);
}

static int keep(struct api_call *c, struct snapshot_rec *v, size_t n, size_t *ret_n, struct err *e)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        _cleanup_(tag_list_done) struct tag_list tags = { 0 };
        int r = 0;

        if (!wanted(c, &v[i]))
            continue;
        if (api_count(c, "Filter") > 0)
            r = model_tags_get(c->model, v[i].id, &tags, e);
        if (r < 0)
            return r;
        if (!api_filters_pass(c, filters, &v[i], &tags))
            continue;
        if (i != kept)
            v[kept] = v[i];
        kept++;
    }
    *ret_n = kept;
    return 0;
}

static int put_item(struct api_call *c, const struct snapshot_rec *s, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = model_tags_get(c->model, s->id, &tags, e);

    if (r < 0)
        return r;
    xml_open(c->out, "item");
    api_put_snapshot(c, s, &tags);
    xml_close(c->out, "item");
    return 0;
}

static int put_page(struct api_call *c, const struct snapshot_rec *v, size_t n, struct err *e)
{
    size_t from = 0, to = 0;
    int r = api_page(c, n, api_count(c, "SnapshotId"), &from, &to, e);

    if (r < 0)
        return r;
    xml_open(c->out, "snapshotSet");
    for (size_t i = from; i < to; i++) {
        r = put_item(c, &v[i], e);
        if (r < 0)
            return r;
    }
    xml_close(c->out, "snapshotSet");
    api_page_end(c, n, to);
    return 0;
}

static int describe_snapshots(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct snapshot_rec *v = NULL;
    size_t n = 0;
    int r = api_filters_check(c, filters, e);

    if (r < 0)
        return r;
    r = api_owners_check(c, "Owner", owner_words, e);
    if (r < 0)
        return r;
    r = api_owners_check(c, "RestorableBy", restorable_words, e);
    if (r < 0)
        return r;
    r = api_find_snapshots(c, "SnapshotId", &v, &n, e);
    if (r < 0)
        return r;
    r = keep(c, v, n, &n, e);
    if (r < 0)
        return r;
    return put_page(c, v, n, e);
}

const struct api_action api_describe_snapshots = {
    .name = "DescribeSnapshots",
    .resource = "snapshot",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_snapshots,
    .summary = "Shows snapshots.",
};
