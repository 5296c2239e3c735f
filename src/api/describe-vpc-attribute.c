/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const struct {
    const char *name;
    bool value;
} attributes[] = {
    { "enableDnsHostnames", true },
    { "enableDnsSupport", true },
    { "enableNetworkAddressUsageMetrics", false },
};

static const struct api_param params[] = {
    { .name = "VpcId", .type = PARAM_ID, .prefix = "vpc", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .required = true, .max_len = 64 },
    { 0 },
};

static int describe_vpc_attribute(struct api_call *c, struct err *e)
{
    const char *name = api_text(c, "Attribute");
    struct vpc_rec vpc;
    char shown[80];
    int r = model_vpc_get(c->model, c->region, api_text(c, "VpcId"), &vpc, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        if (!str_eq(attributes[i].name, name))
            continue;
        xml_text(c->out, "vpcId", vpc.id);
        xml_open(c->out, name);
        xml_bool(c->out, "value", attributes[i].value);
        xml_close(c->out, name);
        return 0;
    }
    return api_fail(c, e, "InvalidParameterValue",
                    "Value (%s) for parameter attribute is invalid. Unknown attribute.",
                    str_show(name, shown, sizeof(shown)));
}

const struct api_action api_describe_vpc_attribute = {
    .name = "DescribeVpcAttribute",
    .resource = "vpc",
    .params = params,
    .handle = describe_vpc_attribute,
    .summary = "Shows one attribute of a network.",
};
