/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "put.h"
#include "share.h"

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .required = true, .max_len = 64 },
    { 0 },
};

static int put_value(struct api_call *c, const char *name, const char *value)
{
    api_put_inside(c, name, "value", value);
    return 0;
}

static int put_last_launched(struct api_call *c, const struct image_rec *i)
{
    xml_open(c->out, "lastLaunchedTime");
    if (i->last_launched_ms)
        xml_time(c->out, "value", i->last_launched_ms);
    xml_close(c->out, "lastLaunchedTime");
    return 0;
}

#define ATTRIBUTE(fn, body)                                                                        \
    static int fn(struct api_call *c, const struct image_rec *i, struct err *e)                    \
    {                                                                                              \
        (void)i;                                                                                   \
        (void)e;                                                                                   \
        return body;                                                                               \
    }                                                                                              \
    _Static_assert(1, "semicolon")

ATTRIBUTE(put_description, put_value(c, "description", i->description));
ATTRIBUTE(put_launch, api_put_shares(c, "launchPermission", i->id, e));
ATTRIBUTE(put_codes, (xml_always(c->out, "productCodes", ""), 0));
ATTRIBUTE(put_kernel, put_value(c, "kernel", NULL));
ATTRIBUTE(put_ramdisk, put_value(c, "ramdisk", NULL));
ATTRIBUTE(put_sriov, put_value(c, "sriovNetSupport", i->sriov_net_support ? "simple" : NULL));
ATTRIBUTE(put_boot_mode, put_value(c, "bootMode", i->boot_mode));
ATTRIBUTE(put_tpm, put_value(c, "tpmSupport", i->tpm_support));
ATTRIBUTE(put_imds, put_value(c, "imdsSupport", i->imds_support));
ATTRIBUTE(put_launched, put_last_launched(c, i));
ATTRIBUTE(put_protection,
          put_value(c, "deregistrationProtection", model_image_protection_name(i->protection)));
/* EC2 refuses it to everybody; DescribeImages has it. */
ATTRIBUTE(put_mapping,
          api_fail(c, e, "AuthFailure", "Unauthorized attempt to access restricted resource"));

static const struct {
    const char *name;
    int (*put)(struct api_call *c, const struct image_rec *i, struct err *e);
} attributes[] = {
    { "blockDeviceMapping", put_mapping },
    { "bootMode", put_boot_mode },
    { "deregistrationProtection", put_protection },
    { "description", put_description },
    { "imdsSupport", put_imds },
    { "kernel", put_kernel },
    { "lastLaunchedTime", put_launched },
    { "launchPermission", put_launch },
    { "productCodes", put_codes },
    { "ramdisk", put_ramdisk },
    { "sriovNetSupport", put_sriov },
    { "tpmSupport", put_tpm },
};

static int describe_image_attribute(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    const char *name = api_text(c, "Attribute");
    int r = api_find_image(c, api_text(c, "ImageId"), &i, e);

    if (r < 0)
        return r;
    if (i.state == IMAGE_DEREGISTERED)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is no longer available", i.id);
    for (size_t k = 0; k < ARRAY_LEN(attributes); k++) {
        if (!str_eq(attributes[k].name, name))
            continue;
        xml_text(c->out, "imageId", i.id);
        return attributes[k].put(c, &i, e);
    }
    return api_unknown_attribute(c, name, e);
}

const struct api_action api_describe_image_attribute = {
    .name = "DescribeImageAttribute",
    .resource = "image",
    .params = params,
    .handle = describe_image_attribute,
    .summary = "Says one attribute of an image.",
};
