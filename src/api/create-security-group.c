/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "clock.h"
#include "place.h"

#define GROUPS_MAX 2500 /* of a region, EC2's default */

static const char *const tagged[] = { "security-group", NULL };

static const struct api_param params[] = {
    { .name = "GroupName", .type = PARAM_TEXT, .required = true },
    { .name = "GroupDescription", .type = PARAM_TEXT, .required = true },
    { .name = "VpcId", .type = PARAM_ID, .prefix = "vpc" },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

static int check_names(struct api_call *c, struct group_rec *g, struct err *e)
{
    const char *name = api_text(c, "GroupName"), *text = api_text(c, "GroupDescription");
    int r = rules_group_name(name, e);

    if (r >= 0)
        r = rules_group_description(text, e);
    if (r < 0)
        return r;
    if (str_eq_nocase(name, "default"))
        return api_fail(c, e, "InvalidGroup.Reserved",
                        "Cannot use reserved security group name: %s", name);
    (void)str_copy(g->name, sizeof(g->name), name); /* both fit: rules_group_* */
    (void)str_copy(g->description, sizeof(g->description), text);
    return 0;
}

static int find_vpc(struct api_call *c, struct group_rec *g, struct err *e)
{
    const char *id = api_text(c, "VpcId");
    struct vpc_rec vpc;
    int r;

    api_about(c, "vpc");
    r = model_vpc_default(c->model, c->region, &vpc, e);
    if (r >= 0 && id)
        r = model_vpc_get(c->model, c->region, id, &vpc, e);
    if (r < 0)
        return r;
    api_about(c, c->action->resource);
    (void)str_copy(g->vpc_id, sizeof(g->vpc_id), vpc.id);
    return 0;
}

static int check_count(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct group_rec *v = NULL;
    size_t n = 0;
    int r = model_group_list(c->model, c->region, &v, &n, e);

    if (r >= 0 && n >= GROUPS_MAX)
        return api_fail(c, e, "SecurityGroupLimitExceeded",
                        "The maximum number of security groups of a region has been reached: %d",
                        GROUPS_MAX);
    return r;
}

static int create_security_group(struct api_call *c, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct group_rec g = { .created_ms = clock_real_ms() };
    int r = api_tag_specs(c, tagged[0], tagged, &tags, e);

    if (r >= 0)
        r = check_names(c, &g, e);
    if (r >= 0)
        r = find_vpc(c, &g, e);
    if (r >= 0)
        r = check_count(c, e);
    if (r < 0)
        return r;
    model_new_id("sg", g.id);
    (void)str_copy(g.region, sizeof(g.region), c->region);
    (void)str_copy(g.owner, sizeof(g.owner), c->account);
    r = model_group_insert(c->model, &g, e);
    if (r >= 0)
        r = api_tag(c, g.id, &tags, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    xml_text(c->out, "groupId", g.id);
    api_put_arn(c, "securityGroupArn", g.owner, "security-group", g.id);
    xml_tags(c->out, &tags);
    return 0;
}

const struct api_action api_create_security_group = {
    .name = "CreateSecurityGroup",
    .resource = "security-group",
    .flags = API_WRITES,
    .params = params,
    .handle = create_security_group,
    .summary = "Makes a security group that lets everything out and nothing in.",
};
