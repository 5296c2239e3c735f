/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api-priv.h"

static const struct api_param params[] = { { 0 } };

static int disable_ebs_encryption_by_default(struct api_call *c, struct err *e)
{
    int r = model_region_encrypts_set(c->model, c->region, false, e);

    if (r < 0)
        return r;
    xml_bool(c->out, "ebsEncryptionByDefault", false);
    return 0;
}

const struct api_action api_disable_ebs_encryption_by_default = {
    .name = "DisableEbsEncryptionByDefault",
    .resource = "region",
    .flags = API_WRITES,
    .params = params,
    .handle = disable_ebs_encryption_by_default,
    .summary = "Encrypts only what is asked for again; what is encrypted stays so.",
};
