/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api-priv.h"

static const struct api_param params[] = { { 0 } };

static int enable_ebs_encryption_by_default(struct api_call *c, struct err *e)
{
    int r = model_region_encrypts_set(c->model, c->region, true, e);

    if (r < 0)
        return r;
    xml_bool(c->out, "ebsEncryptionByDefault", true);
    return 0;
}

const struct api_action api_enable_ebs_encryption_by_default = {
    .name = "EnableEbsEncryptionByDefault",
    .resource = "region",
    .flags = API_WRITES,
    .params = params,
    .handle = enable_ebs_encryption_by_default,
    .summary = "Encrypts every new volume, import and copy in the region.",
};
