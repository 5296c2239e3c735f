/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api-priv.h"

static const struct api_param params[] = { { 0 } };

static int get_ebs_default_kms_key_id(struct api_call *c, struct err *e)
{
    (void)e;
    xml_text(c->out, "kmsKeyId", "alias/aws/ebs"); /* the installation's key; there is no other */
    return 0;
}

const struct api_action api_get_ebs_default_kms_key_id = {
    .name = "GetEbsDefaultKmsKeyId",
    .resource = "region",
    .params = params,
    .handle = get_ebs_default_kms_key_id,
    .summary = "Names the key that volumes are encrypted with.",
};
