/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { 0 },
};

static int disable_image_deprecation(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    int r = api_find_own_image(c, api_text(c, "ImageId"), &i, e);

    i.deprecated_ms = 0;
    if (r >= 0)
        r = model_image_save(c->model, &i, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_disable_image_deprecation = {
    .name = "DisableImageDeprecation",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = disable_image_deprecation,
    .summary = "Ends the deprecation of an image.",
};
