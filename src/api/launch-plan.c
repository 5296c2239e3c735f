/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "launch.h"

#include "clock.h"
#include "find.h"
#include "windows-tags.h"

#define DEFAULT_TYPE "m1.small"

static const char *const tagged[] = { "instance", "volume", "network-interface",
                                      "spot-instances-request", NULL };

void launch_done(struct launch *l)
{
    image_rec_done(&l->image);
    mapping_list_done(&l->mapping);
    tag_list_done(&l->instance_tags);
    tag_list_done(&l->volume_tags);
    tag_list_done(&l->interface_tags);
    free(l->user_data);
    key_pair_rec_done(&l->key);
}

static bool is_windows(const struct launch *l)
{
    return str_eq(l->image.platform, "windows");
}

static int plan_image(struct api_call *c, struct launch *l, struct err *e)
{
    int r = api_find_image(c, api_text(c, "ImageId"), &l->image, e);

    if (r < 0)
        return r;
    if (l->image.state == IMAGE_PENDING || l->image.state == IMAGE_FAILED)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is not available: it is %s", l->image.id,
                        model_image_state_name(l->image.state));
    if (l->image.state != IMAGE_AVAILABLE)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is no longer available", l->image.id);
    if (!str_eq(l->image.architecture, "x86_64") && !str_eq(l->image.architecture, "i386"))
        return api_fail(c, e, "Unsupported", "The architecture '%s' of '%s' does not run here",
                        l->image.architecture, l->image.id);
    return 0;
}

static int plan_type(struct api_call *c, struct launch *l, struct err *e)
{
    const char *name = api_text(c, "InstanceType");

    l->type = instance_type_find(name ? name : DEFAULT_TYPE);
    if (!l->type)
        return api_fail(c, e, "InvalidParameterValue", "Invalid value '%s' for InstanceType.",
                        name ? name : DEFAULT_TYPE);
    return 0;
}

static int plan_place(struct api_call *c, struct launch *l, struct err *e)
{
    int r = api_place_read(c, &l->place, e);

    if (r >= 0)
        api_about(c, c->action->resource);
    return r;
}

/* After the tags and the image. */
static int plan_prepare(struct api_call *c, struct launch *l, struct err *e)
{
    return windows_tags_instance(c, &l->instance_tags, l->image.platform, e);
}

/* After the tags and the image: both have a say. */
static int plan_metadata(struct api_call *c, struct launch *l, struct err *e)
{
    api_metadata_defaults(&l->image, &l->metadata);
    api_metadata_read(c, "MetadataOptions.", &l->metadata);
    return l->metadata.tags ? api_metadata_check_tags(c, &l->instance_tags, e) : 0;
}

static int plan_user_data(struct api_call *c, struct launch *l, struct err *e)
{
    return api_user_data(c, api_text(c, "UserData"), &l->user_data, &l->user_data_len, e);
}

static int plan_key(struct api_call *c, struct launch *l, struct err *e)
{
    const char *name = api_text(c, "KeyName");
    struct err why = { 0 };
    int r;

    if (!name)
        return 0;
    r = model_key_pair_get(c->model, c->region, name, &l->key, &why);
    /* The lookup takes ids too, a launch only names. */
    if ((r < 0 && why.kind == ERR_NOT_FOUND) || (r >= 0 && !str_eq(l->key.name, name)))
        return api_fail(c, e, "InvalidKeyPair.NotFound", "The key pair '%s' does not exist", name);
    if (r < 0) {
        *e = why;
        return r;
    }
    if (is_windows(l) && str_eq(l->key.type, "ed25519"))
        return api_fail(c, e, "Unsupported",
                        "ED25519 key pairs are not supported with Windows AMIs. Choose a different "
                        "key pair type and try again.");
    return 0;
}

/* Where everything new is encrypted, whatever the request says. */
static int encrypt_by_default(struct api_call *c, struct launch *l, struct err *e)
{
    bool on = false;
    int r = api_encrypted(c, false, &on, e);

    for (size_t i = 0; r >= 0 && on && i < l->mapping.n; i++) {
        struct mapping *m = &l->mapping.v[i];

        if (!m->has_ebs)
            continue;
        if (!l->type->encryption)
            return api_fail(c, e, "InvalidParameterCombination",
                            "Every volume is encrypted in %s and '%s' does not support encrypted "
                            "volumes.",
                            c->region, l->type->name);
        m->encrypted = TRI_TRUE;
    }
    return r;
}

static int plan_disks(struct api_call *c, struct launch *l, struct err *e)
{
    _cleanup_(mapping_list_done) struct mapping_list asked = { 0 };
    int r = api_mappings(c, &asked, e);

    if (r < 0)
        return r;
    r = api_mapping_check(c, &asked, e);
    if (r < 0)
        return r;
    r = rules_mapping_launch(&l->image.mapping, l->image.root_device_name, &asked, l->type,
                             api_snapshot_size, c, &l->mapping, e);
    if (r < 0)
        return api_mapping_refused(c, r, e);
    r = encrypt_by_default(c, l, e);
    return r < 0 ? r : api_mapping_check(c, &l->mapping, e);
}

static int plan_count(struct api_call *c, struct launch *l, struct err *e)
{
    uint64_t need = api_int(c, "MinCount", 1), want = api_int(c, "MaxCount", 1);

    if (need > want)
        return api_fail(c, e, "InvalidParameterCombination",
                        "MinCount (%ju) may not be greater than MaxCount (%ju)", (uintmax_t)need,
                        (uintmax_t)want);
    return api_capacity(c, l->type, need, want, &l->count, e);
}

static int plan_tags(struct api_call *c, struct launch *l, struct err *e)
{
    int r = api_tag_specs(c, "instance", tagged, &l->instance_tags, e);

    if (r >= 0)
        r = api_tag_specs(c, "volume", tagged, &l->volume_tags, e);
    if (r < 0)
        return r;
    return api_tag_specs(c, "network-interface", tagged, &l->interface_tags, e);
}

int launch_plan(struct api_call *c, struct launch *l, struct err *e)
{
    static int (*const parts[])(struct api_call *, struct launch *, struct err *) = {
        plan_tags,    plan_type,     plan_place,     plan_image, plan_key,
        plan_prepare, plan_metadata, plan_user_data, plan_disks, plan_count,
    };

    l->now_ms = clock_real_ms();
    model_new_id("r", l->reservation_id);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        int r = parts[i](c, l, e);

        if (r < 0)
            return r;
    }
    return 0;
}
