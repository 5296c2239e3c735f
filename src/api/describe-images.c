/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clock.h"
#include "find.h"
#include "listing.h"

#include <stdio.h>

#include "log.h"

#define REC(record) ((const struct image_rec *)(record))

#define FILTER(fn, offer)                                                                          \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct image_rec *i = record;                                                        \
                                                                                                   \
        (void)i;                                                                                   \
        offer;                                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")
#define DISK_FILTER(fn, has, offer)                                                                \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        for (size_t k = 0; k < REC(record)->mapping.n; k++) {                                      \
            const struct mapping *m = &REC(record)->mapping.v[k];                                  \
                                                                                                   \
            if (has)                                                                               \
                offer;                                                                             \
        }                                                                                          \
    }                                                                                              \
    _Static_assert(1, "semicolon")

static void offer_set(struct filter_match *f, const char *text)
{
    if (text[0])
        filter_offer(f, text);
}

static void by_location(const void *record, struct filter_match *f)
{
    const char *alias = api_owner_alias(REC(record)->owner);
    _cleanup_free_ char *text =
        xasprintf("%s/%s", alias[0] ? alias : REC(record)->owner, REC(record)->name);

    filter_offer(f, text);
}

FILTER(by_architecture, filter_offer(f, i->architecture));
FILTER(by_boot_mode, offer_set(f, i->boot_mode));
FILTER(by_created, filter_offer_time(f, i->created_ms));
FILTER(by_description, filter_offer(f, i->description));
FILTER(by_ena, filter_offer_bool(f, i->ena_support));
FILTER(by_hypervisor, filter_offer(f, "xen"));
FILTER(by_id, filter_offer(f, i->id));
FILTER(by_image_type, filter_offer(f, "machine"));
FILTER(by_public, filter_offer_bool(f, i->is_public));
FILTER(by_name, filter_offer(f, i->name));
FILTER(by_alias, offer_set(f, api_owner_alias(i->owner)));
FILTER(by_owner, filter_offer(f, i->owner));
FILTER(by_platform, offer_set(f, i->platform));
FILTER(by_root_device, filter_offer(f, i->root_device_name));
FILTER(by_root_type, filter_offer(f, i->root_device_type));
FILTER(by_source_image, offer_set(f, i->source_image_id));
FILTER(by_source_region, offer_set(f, i->source_image_region));
FILTER(by_source_instance, offer_set(f, i->source_instance_id));
FILTER(by_state, filter_offer(f, model_image_state_name(i->state)));
FILTER(by_reason_code, offer_set(f, i->state_reason_code));
FILTER(by_reason, offer_set(f, i->state_reason));
FILTER(by_sriov, offer_set(f, i->sriov_net_support ? "simple" : ""));
FILTER(by_tpm, offer_set(f, i->tpm_support));
FILTER(by_imds, offer_set(f, i->imds_support));
FILTER(by_usage, filter_offer(f, i->usage_operation));
FILTER(by_virtualization, filter_offer(f, i->virtualization_type));
FILTER(by_allowed, filter_offer_bool(f, true));
FILTER(by_free_tier, filter_offer_bool(f, false));
DISK_FILTER(by_disk_dot, m->has_ebs, filter_offer_bool(f, m->delete_on_termination == TRI_TRUE));
DISK_FILTER(by_disk_device, true, filter_offer(f, m->device));
DISK_FILTER(by_disk_snapshot, m->snapshot_id[0], filter_offer(f, m->snapshot_id));
DISK_FILTER(by_disk_size, m->has_ebs, filter_offer_uint(f, m->size_gib));
DISK_FILTER(by_disk_type, m->has_ebs, filter_offer(f, m->volume_type));
DISK_FILTER(by_disk_encrypted, m->has_ebs, filter_offer_bool(f, m->encrypted == TRI_TRUE));

/* Without a function: EC2 has the filter, no image of Kiln has such a value. */
static const struct filter_def filters[] = {
    { "architecture", by_architecture },
    { "block-device-mapping.delete-on-termination", by_disk_dot },
    { "block-device-mapping.device-name", by_disk_device },
    { "block-device-mapping.encrypted", by_disk_encrypted },
    { "block-device-mapping.snapshot-id", by_disk_snapshot },
    { "block-device-mapping.volume-size", by_disk_size },
    { "block-device-mapping.volume-type", by_disk_type },
    { "boot-mode", by_boot_mode },
    { "creation-date", by_created },
    { "description", by_description },
    { "ena-support", by_ena },
    { "free-tier-eligible", by_free_tier },
    { "hypervisor", by_hypervisor },
    { "image-allowed", by_allowed },
    { "image-id", by_id },
    { "image-type", by_image_type },
    { "imds-support", by_imds },
    { "is-public", by_public },
    { "kernel-id", NULL },
    { "manifest-location", by_location },
    { "name", by_name },
    { "owner-alias", by_alias },
    { "owner-id", by_owner },
    { "platform", by_platform },
    { "product-code", NULL },
    { "product-code.type", NULL },
    { "ramdisk-id", NULL },
    { "root-device-name", by_root_device },
    { "root-device-type", by_root_type },
    { "source-image-id", by_source_image },
    { "source-image-region", by_source_region },
    { "source-instance-id", by_source_instance },
    { "sriov-net-support", by_sriov },
    { "state", by_state },
    { "state-reason-code", by_reason_code },
    { "state-reason-message", by_reason },
    { "tpm-support", by_tpm },
    { "usage-operation", by_usage },
    { "virtualization-type", by_virtualization },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "ImageId.N", .type = PARAM_ID, .prefix = "ami" },
    { .name = "Owner.N", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "ExecutableBy.N", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "IncludeDeprecated", .type = PARAM_BOOL },
    { .name = "IncludeDisabled", .type = PARAM_BOOL },
    { 0 },
};

static const char *const owner_words[] = { "self", "amazon", "aws-marketplace", "aws-backup-vault",
                                           NULL };
static const char *const executable_words[] = { "self", "all", NULL };

/* "self" and accounts: launch permissions given by name; "all": public images. */
static bool executable(struct api_call *c, const struct image_rec *i)
{
    _cleanup_free_ struct permission_rec *v = NULL;
    size_t n = api_count(c, "ExecutableBy"), n_shares = 0;
    struct err e = { 0 };

    if (n == 0)
        return true;
    if (model_permissions_list(c->model, i->id, &v, &n_shares, &e) < 0) {
        log_error("api", "look with whom '%s' is shared: %s", i->id, e.msg);
        return false;
    }
    for (size_t k = 0; k < n; k++) {
        const char *who = api_item(c, "ExecutableBy", k, "");

        if (str_eq(who, "self"))
            who = c->account;
        for (size_t s = 0; s < n_shares; s++)
            if (str_eq(who, v[s].grantee))
                return true;
    }
    return false;
}

/* Owners see their own, and everybody those that are asked for by id. */
static bool is_too_old(struct api_call *c, const struct image_rec *i)
{
    return i->deprecated_ms && i->deprecated_ms <= clock_real_ms() &&
           !str_eq(i->owner, c->account) && !api_bool(c, "IncludeDeprecated", false) &&
           api_count(c, "ImageId") == 0;
}

static bool wanted(struct api_call *c, const void *record)
{
    const struct image_rec *i = record;

    if (i->state == IMAGE_DEREGISTERED) /* named by its id: rule 13 of ec2-clients.md */
        return false;
    if (i->state == IMAGE_DISABLED && !api_bool(c, "IncludeDisabled", false) &&
        api_count(c, "ImageId") == 0)
        return false;
    if (is_too_old(c, i))
        return false;
    return api_owner_matches(c, "Owner", i->owner) && executable(c, i);
}

static int put(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e)
{
    return api_put_image(c, record, tags, e);
}

static const struct api_listing listing = { .list = "ImageId",
                                            .element = "imagesSet",
                                            .size = sizeof(struct image_rec),
                                            .filters = filters,
                                            .wanted = wanted,
                                            .put = put };

struct images {
    struct image_rec *v;
    size_t n;
};

static void images_done(struct images *l)
{
    image_list_free(l->v, l->n);
}

static int describe_images(struct api_call *c, struct err *e)
{
    _cleanup_(images_done) struct images all = { 0 };
    int r = api_filters_check(c, filters, e);

    if (r < 0)
        return r;
    r = api_owners_check(c, "Owner", owner_words, e);
    if (r < 0)
        return r;
    r = api_owners_check(c, "ExecutableBy", executable_words, e);
    if (r < 0)
        return r;
    r = api_find_images(c, "ImageId", &all.v, &all.n, e);
    if (r < 0)
        return r;
    return api_put_listing(c, &listing, all.v, all.n, e);
}

const struct api_action api_describe_images = {
    .name = "DescribeImages",
    .resource = "image",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 1,
    .max_results_max = 1000,
    .handle = describe_images,
    .summary = "Shows images that one may launch.",
};
