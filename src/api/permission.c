/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "permission.h"

#include <string.h>

#include "find.h"
#include "parse.h"
#include "place.h"

#define REQUEST_RULES_MAX 1000

struct plan {
    struct group_rec group;
    bool egress;
    struct rule_rec *v;
    size_t n;
};

static void plan_done(struct plan *p)
{
    free(p->v);
}

/* ---- one permission -------------------------------------------------------------------------- */

static int parse_port(struct api_call *c, const char *name, const char *text, int *ret,
                      struct err *e)
{
    uint64_t v = 0;

    if (str_eq(text, "-1")) {
        *ret = -1;
        return 0;
    }
    if (parse_u64(text, 0, 65535, &v) < 0)
        return api_fail(c, e, "InvalidParameterValue",
                        "Value (%s) for parameter %s is invalid. A number from -1 to 65535 is "
                        "expected.",
                        text, name);
    *ret = (int)v;
    return 0;
}

/* Protocol and ports of the permission, without a peer. */
static int read_ports(struct api_call *c, const struct plan *p, const char *protocol,
                      const char *from, const char *to, struct rule_rec *rule, struct err *e)
{
    int r = 0;

    *rule = (struct rule_rec){ .egress = p->egress, .from_port = -1, .to_port = -1 };
    (void)str_copy(rule->region, sizeof(rule->region), c->region);
    (void)str_copy(rule->group_id, sizeof(rule->group_id), p->group.id);
    if (!protocol)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter ipProtocol");
    (void)str_copy(rule->protocol, sizeof(rule->protocol),
                   protocol); /* fits: the table's max_len */
    if (from)
        r = parse_port(c, "FromPort", from, &rule->from_port, e);
    if (r >= 0 && to)
        r = parse_port(c, "ToPort", to, &rule->to_port, e);
    if (r < 0)
        return r;
    r = rules_permission(rule, e);
    if (r < 0)
        return r;
    if ((str_eq(rule->protocol, "tcp") || str_eq(rule->protocol, "udp")) && (!from || !to))
        return api_fail(c, e, "InvalidParameterValue",
                        "Invalid value for portRange. Must specify both from and to ports with "
                        "TCP/UDP.");
    return 0;
}

static bool same(const struct rule_rec *a, const struct rule_rec *b)
{
    return str_eq(a->protocol, b->protocol) && a->from_port == b->from_port &&
           a->to_port == b->to_port && str_eq(a->cidr, b->cidr) &&
           str_eq(a->source_group_id, b->source_group_id);
}

static int add(struct api_call *c, struct plan *p, const struct rule_rec *rule, struct err *e)
{
    struct rule_rec *bigger;

    for (size_t i = 0; i < p->n; i++)
        if (same(&p->v[i], rule))
            return api_fail(c, e, "InvalidParameterValue",
                            "The same permission must not appear multiple times");
    if (p->n == REQUEST_RULES_MAX)
        return api_fail(c, e, "RulesPerSecurityGroupLimitExceeded",
                        "The request has more than %d rules", REQUEST_RULES_MAX);
    bigger = reallocarray(p->v, p->n + 1, sizeof(*bigger));
    if (!bigger)
        return err_oom(e);
    p->v = bigger;
    p->v[p->n] = *rule;
    model_new_id("sgr", p->v[p->n].id);
    p->n++;
    return 0;
}

static int add_range(struct api_call *c, struct plan *p, struct rule_rec rule, bool ipv6,
                     const char *cidr, const char *description, struct err *e)
{
    int r = rules_cidr(cidr ? cidr : "", ipv6, rule.cidr, e);

    if (r < 0)
        return r;
    (void)str_copy(rule.description, sizeof(rule.description), description ? description : "");
    return add(c, p, &rule, e);
}

static int add_group(struct api_call *c, struct plan *p, struct rule_rec rule, const char *id,
                     const char *name, const char *description, struct err *e)
{
    struct group_rec g;
    int r;

    if (!id && !name)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter groupId or groupName of the "
                        "other group");
    r = id ? api_find_group(c, id, &g, e) : api_find_group_named(c, p->group.vpc_id, name, &g, e);
    if (r < 0)
        return r;
    api_about(c, c->action->resource);
    (void)str_copy(rule.source_group_id, sizeof(rule.source_group_id), g.id);
    (void)str_copy(rule.description, sizeof(rule.description), description ? description : "");
    return add(c, p, &rule, e);
}

/* ---- the request ----------------------------------------------------------------------------- */

static int read_ranges(struct api_call *c, struct plan *p, size_t i, const struct rule_rec *rule,
                       bool ipv6, struct err *e)
{
    char list[64];
    int r = 0;

    (void)api_sub(c, "IpPermissions", i, ipv6 ? "Ipv6Ranges" : "IpRanges", list, sizeof(list));
    for (size_t k = 0; k < api_count(c, list) && r >= 0; k++)
        r = add_range(c, p, *rule, ipv6, api_item(c, list, k, ipv6 ? "CidrIpv6" : "CidrIp"),
                      api_item(c, list, k, "Description"), e);
    return r;
}

static int read_groups(struct api_call *c, struct plan *p, size_t i, const struct rule_rec *rule,
                       struct err *e)
{
    char list[64];
    int r = 0;

    (void)api_sub(c, "IpPermissions", i, "Groups", list, sizeof(list));
    for (size_t k = 0; k < api_count(c, list) && r >= 0; k++)
        r = add_group(c, p, *rule, api_item(c, list, k, "GroupId"),
                      api_item(c, list, k, "GroupName"), api_item(c, list, k, "Description"), e);
    return r;
}

static int read_permission(struct api_call *c, struct plan *p, size_t i, struct err *e)
{
    size_t before = p->n;
    struct rule_rec rule;
    int r = read_ports(c, p, api_item(c, "IpPermissions", i, "IpProtocol"),
                       api_item(c, "IpPermissions", i, "FromPort"),
                       api_item(c, "IpPermissions", i, "ToPort"), &rule, e);

    if (r >= 0)
        r = read_ranges(c, p, i, &rule, false, e);
    if (r >= 0)
        r = read_ranges(c, p, i, &rule, true, e);
    if (r >= 0)
        r = read_groups(c, p, i, &rule, e);
    if (r >= 0 && p->n == before)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter ipRanges, ipv6Ranges or groups of "
                        "each permission");
    return r;
}

/* "everything from members of that group", as the oldest clients say it: no protocol, no ports. */
static int read_old_form(struct api_call *c, struct plan *p, struct err *e)
{
    const char *source = api_text(c, "SourceSecurityGroupName");
    const char *protocol = api_text(c, "IpProtocol");
    struct rule_rec rule;
    int r = read_ports(c, p, protocol || !source ? protocol : "-1", api_text(c, "FromPort"),
                       api_text(c, "ToPort"), &rule, e);

    if (r < 0)
        return r;
    if (source)
        return add_group(c, p, rule, NULL, source, NULL, e);
    return add_range(c, p, rule, false, api_text(c, "CidrIp"), NULL, e);
}

static int read_plan(struct api_call *c, struct plan *p, struct err *e)
{
    size_t n = api_count(c, "IpPermissions");
    bool old = api_has(c, "CidrIp") || api_has(c, "SourceSecurityGroupName");
    int r = api_named_group(c, &p->group, e);

    if (r < 0)
        return r;
    api_about(c, c->action->resource);
    if (n && old)
        return api_fail(c, e, "InvalidParameterCombination",
                        "The parameter ipPermissions may not be used in combination with cidrIp or "
                        "sourceSecurityGroupName");
    for (size_t i = 0; i < n && r >= 0; i++)
        r = read_permission(c, p, i, e);
    if (old)
        r = read_old_form(c, p, e);
    return r;
}

static int put_rule(struct api_call *c, const struct rule_rec *rule, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = model_tags_get(c->model, rule->id, &tags, e);

    if (r < 0)
        return r;
    xml_open(c->out, "item");
    api_put_rule(c, rule);
    xml_tags(c->out, &tags);
    xml_close(c->out, "item");
    return 0;
}

/* ---- authorize ------------------------------------------------------------------------------- */

static int insert_rules(struct api_call *c, const struct plan *p, const struct tag_list *tags,
                        struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < p->n && r >= 0; i++) {
        api_about(c, c->action->resource);
        r = model_rule_insert(c->model, &p->v[i], e);
        if (r >= 0)
            r = api_tag(c, p->v[i].id, tags, e);
    }
    return r;
}

int api_authorize(struct api_call *c, bool egress, struct err *e)
{
    static const char *const tagged[] = { "security-group-rule", NULL };
    _cleanup_(plan_done) struct plan p = { .egress = egress };
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = api_tag_specs(c, tagged[0], tagged, &tags, e);

    if (r >= 0)
        r = read_plan(c, &p, e);
    if (r < 0)
        return r;
    if (p.n == 0)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter ipPermissions");
    r = insert_rules(c, &p, &tags, e);
    if (r < 0)
        return r;
    jobs_network_changed(c->jobs, c->region);
    xml_return_true(c->out);
    xml_open(c->out, "securityGroupRuleSet");
    for (size_t i = 0; i < p.n && r >= 0; i++)
        r = put_rule(c, &p.v[i], e);
    xml_close(c->out, "securityGroupRuleSet");
    return r;
}

/* ---- revoke ---------------------------------------------------------------------------------- */

static int add_by_id(struct api_call *c, struct plan *p, const char *id, struct err *e)
{
    struct rule_rec rule;
    int r = api_find_rule(c, id, &rule, e);

    if (r < 0)
        return r;
    api_about(c, c->action->resource);
    if (!str_eq(rule.group_id, p->group.id) || rule.egress != p->egress)
        return api_fail(c, e, "InvalidSecurityGroupRuleId.NotFound",
                        "The security group rule ID '%s' is not one of the %s rules of '%s'", id,
                        p->egress ? "outbound" : "inbound", p->group.id);
    r = add(c, p, &rule, e);
    if (r >= 0)
        p->v[p->n - 1] = rule; /* with its own id */
    return r;
}

/* Puts the rules that are there in place of those that were described. */
static int find_rules(struct api_call *c, struct plan *p, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < p->n && r >= 0; i++)
        r = model_rule_find(c->model, &p->v[i], &p->v[i], e);
    return r;
}

static int put_revoked(struct api_call *c, const struct rule_rec *rule, struct err *e)
{
    int r = model_rule_delete(c->model, rule->id, e);

    if (r < 0)
        return r;
    xml_open(c->out, "item");
    api_put_rule(c, rule);
    xml_close(c->out, "item");
    return 0;
}

int api_revoke(struct api_call *c, bool egress, struct err *e)
{
    _cleanup_(plan_done) struct plan p = { .egress = egress };
    size_t n = api_count(c, "SecurityGroupRuleId");
    int r = read_plan(c, &p, e);

    if (r >= 0)
        r = find_rules(c, &p, e);
    for (size_t i = 0; i < n && r >= 0; i++)
        r = add_by_id(c, &p, api_item(c, "SecurityGroupRuleId", i, ""), e);
    if (r < 0)
        return r;
    if (p.n == 0)
        return api_fail(c, e, "MissingParameter",
                        "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
    jobs_network_changed(c->jobs, c->region);
    xml_return_true(c->out);
    xml_open(c->out, "revokedSecurityGroupRuleSet");
    for (size_t i = 0; i < p.n && r >= 0; i++)
        r = put_revoked(c, &p.v[i], e);
    xml_close(c->out, "revokedSecurityGroupRuleSet");
    return r;
}
