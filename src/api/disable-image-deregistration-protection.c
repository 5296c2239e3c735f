/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"

#define COOLDOWN_MS (24ULL * 3600 * 1000)

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { 0 },
};

static int disable_image_deregistration_protection(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    int r = api_find_own_image(c, api_text(c, "ImageId"), &i, e);

    if (r < 0)
        return r;
    if (i.protection == IMAGE_PROTECTED_COOLDOWN)
        i.protected_until_ms = clock_real_ms() + COOLDOWN_MS;
    i.protection = IMAGE_UNPROTECTED;
    r = model_image_save(c->model, &i, e);
    if (r < 0)
        return r;
    xml_text(c->out, "return", model_image_protection_name(i.protection));
    return 0;
}

const struct api_action api_disable_image_deregistration_protection = {
    .name = "DisableImageDeregistrationProtection",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = disable_image_deregistration_protection,
    .summary =
        "Lets an image be deregistered again: at once, or a day later if there is a cooldown.",
};
