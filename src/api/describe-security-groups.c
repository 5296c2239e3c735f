/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include <stdio.h>
#include <string.h>

#include "listing.h"
#include "place.h"

struct row {
    struct group_rec rec; /* first: see listing.h */
    struct rule_rec *rules;
    size_t n_rules;
    struct api_call *c; /* names of groups that rules name */
};

struct rows {
    struct row *v;
    size_t n;
};

static void rows_done(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->v[i].rules);
    free(r->v);
}

/* ---- filters --------------------------------------------------------------------------------- */

#define FILTER(fn, offer)                                                                          \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct group_rec *g = &((const struct row *)record)->rec;                            \
                                                                                                   \
        offer;                                                                                     \
    }                                                                                              \
    _Static_assert(1, "semicolon")

FILTER(by_description, filter_offer(f, g->description));
FILTER(by_id, filter_offer(f, g->id));
FILTER(by_name, filter_offer(f, g->name));
FILTER(by_owner, filter_offer(f, g->owner));
FILTER(by_vpc, filter_offer(f, g->vpc_id));

static void offer_port(struct filter_match *f, int port)
{
    if (port >= 0)
        filter_offer_uint(f, (uint64_t)port);
    else
        filter_offer(f, "-1");
}

static void offer_group_name(const struct row *row, const struct rule_rec *rule,
                             struct filter_match *f)
{
    struct group_rec g;
    struct err e = { 0 };

    if (rule->source_group_id[0] &&
        model_group_get(row->c->model, row->rec.region, rule->source_group_id, &g, &e) >= 0)
        filter_offer(f, g.name);
}

/* One filter for what comes in, one for what goes out. */
#define RULE_FILTER(fn, is_egress, offer)                                                          \
    static void fn(const void *record, struct filter_match *f)                                     \
    {                                                                                              \
        const struct row *row = record;                                                            \
                                                                                                   \
        for (size_t i = 0; i < row->n_rules; i++) {                                                \
            const struct rule_rec *p = &row->rules[i];                                             \
                                                                                                   \
            if (p->egress == (is_egress))                                                          \
                offer;                                                                             \
        }                                                                                          \
    }                                                                                              \
    _Static_assert(1, "semicolon")
#define RULE_FILTERS(fn, offer)                                                                    \
    RULE_FILTER(in_##fn, false, offer);                                                            \
    RULE_FILTER(out_##fn, true, offer)

RULE_FILTERS(cidr, filter_offer(f, strchr(p->cidr, ':') || !p->cidr[0] ? NULL : p->cidr));
RULE_FILTERS(cidr6, filter_offer(f, strchr(p->cidr, ':') ? p->cidr : NULL));
RULE_FILTERS(from, offer_port(f, p->from_port));
RULE_FILTERS(to, offer_port(f, p->to_port));
RULE_FILTERS(protocol, filter_offer(f, p->protocol));
RULE_FILTERS(group, filter_offer(f, p->source_group_id[0] ? p->source_group_id : NULL));
RULE_FILTERS(group_name, offer_group_name(row, p, f));

static const struct filter_def filters[] = {
    { "description", by_description },
    { "egress.ip-permission.cidr", out_cidr },
    { "egress.ip-permission.from-port", out_from },
    { "egress.ip-permission.group-id", out_group },
    { "egress.ip-permission.group-name", out_group_name },
    { "egress.ip-permission.ipv6-cidr", out_cidr6 },
    { "egress.ip-permission.prefix-list-id", NULL },
    { "egress.ip-permission.protocol", out_protocol },
    { "egress.ip-permission.to-port", out_to },
    { "egress.ip-permission.user-id", by_owner },
    { "group-id", by_id },
    { "group-name", by_name },
    { "ip-permission.cidr", in_cidr },
    { "ip-permission.from-port", in_from },
    { "ip-permission.group-id", in_group },
    { "ip-permission.group-name", in_group_name },
    { "ip-permission.ipv6-cidr", in_cidr6 },
    { "ip-permission.prefix-list-id", NULL },
    { "ip-permission.protocol", in_protocol },
    { "ip-permission.to-port", in_to },
    { "ip-permission.user-id", by_owner },
    { "owner-id", by_owner },
    { "vpc-id", by_vpc },
    { 0 },
};

/* ---- permissions: rules of one protocol and range of ports are one --------------------------- */

static bool same_ports(const struct rule_rec *a, const struct rule_rec *b)
{
    return a->egress == b->egress && str_eq(a->protocol, b->protocol) &&
           a->from_port == b->from_port && a->to_port == b->to_port;
}

static void put_port(struct api_call *c, const char *element, int port)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", port);
    xml_text(c->out, element, text);
}

enum peer { PEER_GROUP, PEER_IPV4, PEER_IPV6 };

static enum peer peer_of(const struct rule_rec *p)
{
    if (p->source_group_id[0])
        return PEER_GROUP;
    return strchr(p->cidr, ':') ? PEER_IPV6 : PEER_IPV4;
}

static void put_peers(struct api_call *c, const struct row *row, const struct rule_rec *like,
                      enum peer kind, const char *element)
{
    static const char *const names[] = { "groupId", "cidrIp", "cidrIpv6" };

    xml_open(c->out, element);
    for (size_t i = 0; i < row->n_rules; i++) {
        const struct rule_rec *p = &row->rules[i];

        if (!same_ports(p, like) || peer_of(p) != kind)
            continue;
        xml_open(c->out, "item");
        if (kind == PEER_GROUP)
            xml_text(c->out, "userId", row->rec.owner);
        xml_text(c->out, names[kind], kind == PEER_GROUP ? p->source_group_id : p->cidr);
        xml_text(c->out, "description", p->description);
        xml_close(c->out, "item");
    }
    xml_close(c->out, element);
}

static void put_permission(struct api_call *c, const struct row *row, const struct rule_rec *like)
{
    xml_open(c->out, "item");
    xml_text(c->out, "ipProtocol", like->protocol);
    if (str_eq(like->protocol, "tcp") || str_eq(like->protocol, "udp") ||
        str_starts(like->protocol, "icmp")) {
        put_port(c, "fromPort", like->from_port);
        put_port(c, "toPort", like->to_port);
    }
    put_peers(c, row, like, PEER_GROUP, "groups");
    put_peers(c, row, like, PEER_IPV4, "ipRanges");
    put_peers(c, row, like, PEER_IPV6, "ipv6Ranges");
    xml_always(c->out, "prefixListIds", "");
    xml_close(c->out, "item");
}

static void put_permissions(struct api_call *c, const struct row *row, bool egress,
                            const char *element)
{
    xml_open(c->out, element);
    for (size_t i = 0; i < row->n_rules; i++) {
        bool first = row->rules[i].egress == egress;

        for (size_t k = 0; k < i && first; k++)
            first = !same_ports(&row->rules[k], &row->rules[i]);
        if (first)
            put_permission(c, row, &row->rules[i]);
    }
    xml_close(c->out, element);
}

static int put(struct api_call *c, const void *record, const struct tag_list *tags, struct err *e)
{
    const struct row *row = record;
    const struct group_rec *g = &row->rec;

    (void)e;
    xml_text(c->out, "ownerId", g->owner);
    xml_text(c->out, "groupId", g->id);
    xml_text(c->out, "groupName", g->name);
    xml_text(c->out, "groupDescription", g->description);
    xml_text(c->out, "vpcId", g->vpc_id);
    api_put_arn(c, "securityGroupArn", g->owner, "security-group", g->id);
    put_permissions(c, row, false, "ipPermissions");
    put_permissions(c, row, true, "ipPermissionsEgress");
    xml_tags(c->out, tags);
    return 0;
}

/* ---- the action ------------------------------------------------------------------------------ */

static const struct api_param params[] = {
    { .name = "GroupId.N", .type = PARAM_ID, .prefix = "sg" },
    { .name = "GroupName.N", .type = PARAM_TEXT, .max_len = 255 },
    { 0 },
};

/* The groups that GroupId.N and GroupName.N (of the default VPC) name; all without either. */
static int find(struct api_call *c, struct group_rec **ret, size_t *ret_n, struct err *e)
{
    _cleanup_free_ struct group_rec *by_ids = NULL, *all = NULL;
    size_t names = api_count(c, "GroupName"), n = 0;
    struct vpc_rec vpc;
    int r = model_vpc_default(c->model, c->region, &vpc, e);

    if (r >= 0 && (names == 0 || api_count(c, "GroupId")))
        r = api_find_groups(c, "GroupId", &by_ids, &n, e);
    if (r < 0)
        return r;
    all = calloc(n + names + 1, sizeof(*all));
    if (!all)
        return err_oom(e);
    for (size_t i = 0; i < n; i++)
        all[i] = by_ids[i];
    for (size_t i = 0; i < names; i++) {
        bool twice = false;

        r = api_find_group_named(c, vpc.id, api_item(c, "GroupName", i, ""), &all[n], e);
        if (r < 0)
            return r;
        for (size_t k = 0; k < n; k++)
            twice |= str_eq(all[k].id, all[n].id);
        n += !twice;
    }
    *ret = TAKE_PTR(all);
    *ret_n = n;
    return 0;
}

static int describe_security_groups(struct api_call *c, struct err *e)
{
    static const struct api_listing listing = { "GroupId", "securityGroupInfo", sizeof(struct row),
                                                filters, put };
    _cleanup_free_ struct group_rec *v = NULL;
    _cleanup_(rows_done) struct rows rows = { 0 };
    size_t n = 0;
    int r = api_filters_check(c, filters, e);

    if (r >= 0)
        r = find(c, &v, &n, e);
    if (r < 0)
        return r;
    rows.v = xcalloc(n + 1, sizeof(*rows.v));
    for (; rows.n < n && r >= 0; rows.n++) {
        struct row *row = &rows.v[rows.n];

        *row = (struct row){ .rec = v[rows.n], .c = c };
        r = model_group_rules(c->model, row->rec.id, &row->rules, &row->n_rules, e);
    }
    return r < 0 ? r : api_put_listing(c, &listing, rows.v, n, e);
}

const struct api_action api_describe_security_groups = {
    .name = "DescribeSecurityGroups",
    .resource = "security-group",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_security_groups,
    .summary = "Shows security groups with what they let in and out.",
};
