/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const char *const attribute_words[] = { "launchPermission", NULL };

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .required = true, .words = attribute_words },
    { 0 },
};

static int reset_image_attribute(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    int r = api_find_own_image(c, api_text(c, "ImageId"), &i, e);

    if (r >= 0)
        r = model_permissions_reset(c->model, i.id, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_reset_image_attribute = {
    .name = "ResetImageAttribute",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = reset_image_attribute,
    .summary = "Shares an image with nobody any more.",
};
