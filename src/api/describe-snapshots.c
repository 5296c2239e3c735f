/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"
#include "listing.h"

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
static bool wanted(struct api_call *c, const void *record)
{
    return api_owner_matches(c, "Owner", REC(record)->owner) &&
           api_owner_matches(c, "RestorableBy", REC(record)->owner);
}

static int put(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e)
{
    (void)e;
    api_put_snapshot(c, record, tags);
    return 0;
}

static const struct api_listing listing = { .list = "SnapshotId",
                                            .element = "snapshotSet",
                                            .size = sizeof(struct snapshot_rec),
                                            .filters = filters,
                                            .wanted = wanted,
                                            .put = put };

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
    return api_put_listing(c, &listing, v, n, e);
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
