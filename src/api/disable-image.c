/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { 0 },
};

static int disable_image(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    int r = api_find_own_image(c, api_text(c, "ImageId"), &i, e);

    if (r < 0)
        return r;
    if (i.state != IMAGE_AVAILABLE && i.state != IMAGE_DISABLED)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is not available: it is %s", i.id,
                        model_image_state_name(i.state));
    r = model_image_move(c->model, i.id, IMAGE_EV_DISABLE, NULL, NULL, NULL, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_disable_image = {
    .name = "DisableImage",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = disable_image,
    .summary = "Takes an image out of use: no launch, shared with nobody, its snapshots stay.",
};
