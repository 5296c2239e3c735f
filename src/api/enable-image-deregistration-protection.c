/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { .name = "WithCooldown", .type = PARAM_BOOL },
    { 0 },
};

static int enable_image_deregistration_protection(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    int r = api_find_own_image(c, api_text(c, "ImageId"), &i, e);

    if (r < 0)
        return r;
    i.protection = api_bool(c, "WithCooldown", false) ? IMAGE_PROTECTED_COOLDOWN : IMAGE_PROTECTED;
    i.protected_until_ms = 0;
    r = model_image_save(c->model, &i, e);
    if (r < 0)
        return r;
    xml_text(c->out, "return", model_image_protection_name(i.protection));
    return 0;
}

const struct api_action api_enable_image_deregistration_protection = {
    .name = "EnableImageDeregistrationProtection",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = enable_image_deregistration_protection,
    .summary =
        "Keeps an image from being deregistered, with a cooldown for a day longer than that.",
};
