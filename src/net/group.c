/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security groups as they were told: checked once, then trusted by filter.c. */
#include <errno.h>
#include <string.h>

#include "net-priv.h"

#define RULES_MAX 1000

void group_free(struct group *g)
{
    if (g)
        free(g->rules);
    free(g);
}
DEFINE_FREEP(group_free, struct group);

const struct group *group_find(const struct vpc *v, const char *id)
{
    for (const struct group *g = v->groups; g; g = g->next)
        if (strcmp(g->id, id) == 0)
            return g;
    return NULL;
}

static int ports_take(const struct net_rule *in, struct rule *out, struct err *e)
{
    out->from = in->from, out->to = in->to;
    if (in->proto == 6 || in->proto == 17) {
        if (in->from < 0 && in->to < 0)
            out->from = 0, out->to = 65535;
        if (out->from < 0 || out->to > 65535 || out->from > out->to)
            return err_set(e, EINVAL, ERR_INVALID, "%d to %d is no range of ports", in->from,
                           in->to);
    } else if (in->proto == 1 && (in->from < -1 || in->from > 255 || in->to < -1 || in->to > 255)) {
        return err_set(e, EINVAL, ERR_INVALID, "%d, %d is no type and code of ICMP", in->from,
                       in->to);
    }
    return 0;
}

static int rule_take(const struct net_rule *in, struct rule *out, struct err *e)
{
    int r;

    out->egress = in->egress;
    out->proto = in->proto;
    if (in->proto != NET_PROTO_ALL && (in->proto < 0 || in->proto > 255))
        return err_set(e, EINVAL, ERR_INVALID, "%d is no IP protocol", in->proto);
    if (!in->cidr == !in->group)
        return err_set(e, EINVAL, ERR_INVALID, "a rule names a range or a group, one of them");
    if ((r = ports_take(in, out, e)) < 0)
        return r;
    if (in->group)
        return net_id_take(in->group, "sg", out->group, e);
    r = net_cidr_take(in->cidr, &out->range, e);
    out->never = r == 0;
    return r < 0 ? r : 0;
}

static struct vpc *vpc_wanted(struct net *n, const char *id, struct err *e)
{
    struct vpc *v = id ? net_vpc_find(n, id) : NULL;

    if (v && !v->going)
        return v;
    (void)err_set(e, ENOENT, ERR_NOT_FOUND, "the network of '%.40s' does not exist", id ? id : "");
    return NULL;
}

static void unlink_group(struct vpc *v, const char *id)
{
    for (struct group **p = &v->groups; *p; p = &(*p)->next)
        if (strcmp((*p)->id, id) == 0) {
            struct group *old = *p;

            *p = old->next;
            group_free(old);
            return;
        }
}

static bool same(const struct group *a, const struct group *b)
{
    return a && a->n_rules == b->n_rules &&
           memcmp(a->rules, b->rules, a->n_rules * sizeof *a->rules) == 0;
}

int net_group_set(struct net *n, const struct net_group_spec *spec, struct err *e)
{
    _cleanup_(group_freep) struct group *g = xcalloc(1, sizeof *g);
    struct vpc *v = vpc_wanted(n, spec->vpc, e);
    int r;

    if (!v)
        return -ENOENT;
    if ((r = net_id_take(spec->id, "sg", g->id, e)) < 0)
        return r;
    if (spec->n_rules > RULES_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "'%s' has more than %d rules", g->id, RULES_MAX);
    g->rules = xcalloc(spec->n_rules + 1, sizeof *g->rules);
    g->n_rules = spec->n_rules;
    for (size_t i = 0; i < spec->n_rules; i++)
        if ((r = rule_take(&spec->rules[i], &g->rules[i], e)) < 0)
            return err_wrap(e, "rule %zu of '%s'", i, g->id);
    if (same(group_find(v, g->id), g))
        return 0;
    unlink_group(v, g->id);
    g->next = v->groups;
    v->groups = TAKE_PTR(g);
    v->filter_dirty = true;
    net_touch(n);
    return 0;
}

int net_group_remove(struct net *n, const char *vpc, const char *group, struct err *e)
{
    struct vpc *v = net_vpc_find(n, vpc);

    (void)e;
    if (!v || v->going)
        return 0;
    unlink_group(v, group);
    v->filter_dirty = true;
    net_touch(n);
    return 0;
}
