/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include <stdio.h>

static const char *const names[] = { "default-vpc",
                                     "max-elastic-ips",
                                     "max-instances",
                                     "supported-platforms",
                                     "vpc-max-elastic-ips",
                                     "vpc-max-security-groups-per-interface",
                                     NULL };

static const struct api_param params[] = {
    { .name = "AttributeName.N", .type = PARAM_TEXT, .words = names },
    { 0 },
};

static bool is_asked_for(const struct api_call *c, const char *name)
{
    size_t n = api_count(c, "AttributeName");

    for (size_t i = 0; i < n; i++)
        if (str_eq(api_item(c, "AttributeName", i, ""), name))
            return true;
    return n == 0;
}

static void put(struct api_call *c, const char *name, const char *value)
{
    if (!is_asked_for(c, name))
        return;
    xml_open(c->out, "item");
    xml_text(c->out, "attributeName", name);
    xml_open(c->out, "attributeValueSet");
    xml_open(c->out, "item");
    xml_text(c->out, "attributeValue", value);
    xml_close(c->out, "item");
    xml_close(c->out, "attributeValueSet");
    xml_close(c->out, "item");
}

static void put_number(struct api_call *c, const char *name, unsigned v)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%u", v);
    put(c, name, text);
}

static int describe_account_attributes(struct api_call *c, struct err *e)
{
    struct vpc_rec vpc;
    int r = model_vpc_default(c->model, c->region, &vpc, e);

    if (r < 0)
        return r;
    xml_open(c->out, "accountAttributeSet");
    put(c, "supported-platforms", "VPC");
    put(c, "default-vpc", vpc.id);
    put_number(c, "max-instances", c->cfg->max_instances ? c->cfg->max_instances : 1000);
    put_number(c, "max-elastic-ips", MODEL_ADDRESSES_MAX);
    put_number(c, "vpc-max-elastic-ips", MODEL_ADDRESSES_MAX);
    put_number(c, "vpc-max-security-groups-per-interface", MODEL_GROUPS_MAX);
    xml_close(c->out, "accountAttributeSet");
    return 0;
}

const struct api_action api_describe_account_attributes = {
    .name = "DescribeAccountAttributes",
    .resource = "vpc",
    .params = params,
    .handle = describe_account_attributes,
    .summary = "Shows the default network and limits of the account.",
};
