/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

#define WORDS(name, ...) static const char *const name[] = { __VA_ARGS__, NULL }
WORDS(architectures, "x86_64", "i386");
WORDS(hvm_word, "hvm");
WORDS(boot_modes, "legacy-bios", "uefi", "uefi-preferred");
WORDS(tpm_versions, "v2.0");
WORDS(imds_versions, "v2.0");
WORDS(sriov_words, "simple");
WORDS(tagged, "image");

static const struct api_param params[] = {
    { .name = "Name", .type = PARAM_TEXT, .required = true },
    { .name = "Description", .type = PARAM_TEXT },
    { .name = "Architecture", .type = PARAM_TEXT, .words = architectures },
    { .name = "RootDeviceName", .type = PARAM_TEXT, .max_len = MODEL_DEVICE_MAX - 1 },
    /* There is nothing else here, so it is the default too. */
    { .name = "VirtualizationType", .type = PARAM_NOT_YET, .words = hvm_word },
    { .name = "EnaSupport", .type = PARAM_BOOL },
    { .name = "SriovNetSupport", .type = PARAM_TEXT, .words = sriov_words },
    { .name = "BootMode", .type = PARAM_TEXT, .words = boot_modes },
    { .name = "TpmSupport", .type = PARAM_TEXT, .words = tpm_versions },
    { .name = "ImdsSupport", .type = PARAM_TEXT, .words = imds_versions },
    { .name = "ImageLocation", .type = PARAM_NOT_YET },
    { .name = "BillingProduct.N", .type = PARAM_NOT_YET },
    { .name = "KernelId", .type = PARAM_NOT_YET },
    { .name = "RamdiskId", .type = PARAM_NOT_YET },
    { .name = "UefiData", .type = PARAM_NOT_YET },
    API_PARAMS_MAPPINGS,
    API_PARAMS_TAG_SPECS,
    { 0 },
};

static void copy_or(struct api_call *c, char *dst, size_t size, const char *param,
                    const char *fallback)
{
    const char *text = api_text(c, param);

    (void)str_copy(dst, size, text ? text : fallback);
}

static void fill(struct api_call *c, struct image_rec *i)
{
    model_new_id("ami", i->id);
    i->state = IMAGE_AVAILABLE;
    i->created_ms = clock_real_ms();
    i->ena_support = api_bool(c, "EnaSupport", false);
    i->sriov_net_support = api_has(c, "SriovNetSupport");
    COPY(i->region, c->region);
    COPY(i->owner, c->account);
    COPY(i->name, api_text(c, "Name"));
    copy_or(c, i->description, sizeof(i->description), "Description", "");
    copy_or(c, i->architecture, sizeof(i->architecture), "Architecture", "x86_64");
    copy_or(c, i->root_device_name, sizeof(i->root_device_name), "RootDeviceName", "/dev/sda1");
    copy_or(c, i->boot_mode, sizeof(i->boot_mode), "BootMode", "");
    copy_or(c, i->tpm_support, sizeof(i->tpm_support), "TpmSupport", "");
    copy_or(c, i->imds_support, sizeof(i->imds_support), "ImdsSupport", "");
    COPY(i->root_device_type, "ebs");
    COPY(i->virtualization_type, "hvm");
    COPY(i->platform_details, "Linux/UNIX");
    COPY(i->usage_operation, "RunInstances");
}

/* C-15 */
static int check_root(struct api_call *c, const struct image_rec *i, const struct mapping *root,
                      struct err *e)
{
    struct snapshot_rec s;
    int r;

    if (!root)
        return api_fail(c, e, "InvalidBlockDeviceMapping",
                        "The block device mapping has no entry for the root device '%s'",
                        i->root_device_name);
    if (!root->snapshot_id[0])
        return api_fail(c, e, "InvalidBlockDeviceMapping",
                        "The root device '%s' must name a snapshot", i->root_device_name);
    r = api_find_snapshot(c, root->snapshot_id, &s, e);
    if (r < 0)
        return r;
    if (str_eq(s.platform, "windows"))
        return api_fail(c, e, "UnsupportedOperation",
                        "The snapshot '%s' is of the root volume of a Windows instance. A Windows "
                        "image cannot be registered from a snapshot: launch an instance and use "
                        "CreateImage.",
                        s.id);
    return 0;
}

/* The mapping of an image has sizes and defaults, as one that CreateImage makes: the rules that
 * apply at a launch of it apply now. */
static int plan_mapping(struct api_call *c, struct image_rec *i, struct err *e)
{
    _cleanup_(mapping_list_done) struct mapping_list asked = { 0 };
    _cleanup_free_ bool *needs_snapshot = NULL;
    static const struct mapping_list nothing;
    int r = api_mappings(c, &asked, e);

    if (r < 0)
        return r;
    r = api_mapping_check(c, &asked, e);
    if (r < 0)
        return r;
    r = check_root(c, i, mapping_find(&asked, i->root_device_name), e);
    if (r < 0)
        return r;
    r = rules_mapping_image(&nothing, i->root_device_name, &asked, api_snapshot_size, c,
                            &i->mapping, &needs_snapshot, e);
    return r < 0 ? api_mapping_refused(c, r, e) : 0;
}

static int register_image(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = api_image_texts(c, e);

    if (r < 0)
        return r;
    r = api_tag_specs(c, "image", tagged, &tags, e);
    if (r < 0)
        return r;
    fill(c, &i);
    if (i.tpm_support[0] && !str_starts(i.boot_mode, "uefi"))
        return api_fail(c, e, "InvalidParameterCombination", "TpmSupport %s needs BootMode uefi",
                        i.tpm_support);
    r = plan_mapping(c, &i, e);
    if (r < 0)
        return r;
    api_about(c, "image");
    r = model_image_insert(c->model, &i, e);
    if (r < 0)
        return r;
    r = api_tag(c, i.id, &tags, e);
    if (r < 0)
        return r;
    xml_text(c->out, "imageId", i.id);
    return 0;
}

const struct api_action api_register_image = {
    .name = "RegisterImage",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = register_image,
    .summary = "Makes an image of snapshots; not of a Windows root volume's.",
};
