/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "listing.h"
#include "place.h"

static void by_group(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct rule_rec *)record)->group_id);
}

static void by_id(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct rule_rec *)record)->id);
}

static const struct filter_def filters[] = {
    { "group-id", by_group },
    { "security-group-rule-id", by_id },
    { 0 },
};

static int put(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e)
{
    (void)e;
    api_put_rule(c, record);
    xml_tags(c->out, tags);
    return 0;
}

static const struct api_param params[] = {
    { .name = "SecurityGroupRuleId.N", .type = PARAM_ID, .prefix = "sgr" },
    { 0 },
};

static int describe_security_group_rules(struct api_call *c, struct err *e)
{
    static const struct api_listing listing = { "SecurityGroupRuleId", "securityGroupRuleSet",
                                                sizeof(struct rule_rec), filters, put };
    _cleanup_free_ struct rule_rec *v = NULL;
    size_t n = 0;
    int r = api_filters_check(c, filters, e);

    if (r >= 0)
        r = model_vpc_default(c->model, c->region, NULL, e);
    if (r >= 0)
        r = api_find_rules(c, "SecurityGroupRuleId", &v, &n, e);
    return r < 0 ? r : api_put_listing(c, &listing, v, n, e);
}

const struct api_action api_describe_security_group_rules = {
    .name = "DescribeSecurityGroupRules",
    .resource = "security-group-rule",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_security_group_rules,
    .summary = "Shows the rules of security groups, each with an id of its own.",
};
