/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api-priv.h"

static const struct api_param params[] = { { 0 } };

static int get_ebs_encryption_by_default(struct api_call *c, struct err *e)
{
    bool on = false;
    int r = model_region_encrypts(c->model, c->region, &on, e);

    if (r < 0)
        return r;
    xml_bool(c->out, "ebsEncryptionByDefault", on);
    return 0;
}

const struct api_action api_get_ebs_encryption_by_default = {
    .name = "GetEbsEncryptionByDefault",
    .resource = "region",
    .params = params,
    .handle = get_ebs_encryption_by_default,
    .summary = "Says whether everything new in the region is encrypted.",
};
