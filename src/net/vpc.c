/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A VPC as it was told; how it becomes so stands in vpc-steps.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net-priv.h"

int vpc_new(struct net *n, const char *id, struct vpc **ret, struct err *e)
{
    struct vpc *v = xcalloc(1, sizeof *v);
    int r = net_id_take(id, "vpc", v->id, e);

    v->ns_fd = -1;
    if (r < 0) {
        free(v);
        return r;
    }
    v->net = n;
    v->dir = xasprintf("%s/%s", n->dir, v->id);
    net_name_ns(n->tag, v->id, v->ns);
    net_name_veth(n->tag, v->id, v->veth);
    v->ns_fd = ns_open(v->ns);
    v->ns_made = v->found = v->ns_fd >= 0;
    v->link_dirty = v->filter_dirty = v->dhcp_dirty = true;
    *ret = v;
    return 0;
}

void vpc_free(struct vpc *v)
{
    if (!v)
        return;
    while (v->ports) {
        struct port *p = v->ports;

        v->ports = p->next;
        port_free(p);
    }
    while (v->groups) {
        struct group *g = v->groups;

        v->groups = g->next;
        group_free(g);
    }
    task_free(v->task);
    child_free(v->dnsmasq);
    (void)sd_event_source_disable_unref(v->retry);
    (void)sd_event_source_disable_unref(v->dnsmasq_retry);
    close_fdp(&v->ns_fd);
    free(v->dnsmasq_said);
    free(v->dir);
    free(v);
}

bool vpc_is_settled(const struct vpc *v)
{
    if (v->task)
        return false;
    if (v->failures >= FAILURES_FINAL)
        return true;
    if (v->going)
        return v->down;
    return !v->retry && v->up && !v->link_dirty && !v->filter_dirty && !v->dhcp_dirty &&
           !v->sweep && !vpc_has_going(v) && !vpc_next_waiting(v) && !v->dnsmasq_stopping;
}

/* ---- set, remove ----------------------------------------------------------------------------- */

static int subnets_take(const struct net_vpc_spec *spec, struct cidr4 range,
                        struct cidr4 ret[NET_SUBNETS_MAX], unsigned *ret_n, struct err *e)
{
    unsigned n = 0;
    int r;

    for (; spec->subnets && spec->subnets[n]; n++) {
        if (n == NET_SUBNETS_MAX)
            return err_set(e, E2BIG, ERR_LIMIT, "more than %d subnets", NET_SUBNETS_MAX);
        if ((r = net_cidr_take(spec->subnets[n], &ret[n], e)) < 0)
            return r;
        if (r == 0 || ret[n].prefix < range.prefix || ret[n].prefix > 28 ||
            !net_cidr_has(range, ret[n].address))
            return err_set(e, EINVAL, ERR_INVALID, "'%s' is no subnet of '%s'", spec->subnets[n],
                           spec->cidr);
    }
    *ret_n = n;
    return 0;
}

static int vpc_take(const struct net_vpc_spec *spec, struct vpc *ret, struct err *e)
{
    int r = net_cidr_take(spec->cidr, &ret->range, e);

    if (r < 0)
        return r;
    if (r == 0 || ret->range.prefix < 16 || ret->range.prefix > 28 ||
        ret->range.address >> 16 == 0xa9fe || ret->range.address >> 24 == 127 ||
        ret->range.address >> 28 >= 14)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' cannot be the range of a VPC", spec->cidr);
    if ((r = net_domain_take(spec->domain, ret->domain, e)) < 0)
        return r;
    return subnets_take(spec, ret->range, ret->subnets, &ret->n_subnets, e);
}

static bool same(const struct vpc *a, const struct vpc *b)
{
    return a->range.address == b->range.address && a->range.prefix == b->range.prefix &&
           a->n_subnets == b->n_subnets && strcmp(a->domain, b->domain) == 0 &&
           memcmp(a->subnets, b->subnets, sizeof a->subnets) == 0;
}

int net_vpc_set(struct net *n, const struct net_vpc_spec *spec, struct err *e)
{
    struct vpc told = { 0 }, *v = spec->id ? net_vpc_find(n, spec->id) : NULL;
    int r = vpc_take(spec, &told, e);

    if (r < 0)
        return err_wrap(e, "the network of '%.40s'", spec->id ? spec->id : "");
    if (n->public_range.prefix && net_cidr_meet(told.range, n->public_range))
        return err_set(e, EINVAL, ERR_INVALID,
                       "the network of '%s' (%s) meets the range of public addresses (%s)",
                       spec->id, spec->cidr, n->public_text);
    if (v && v->going)
        return err_set(e, EBUSY, ERR_CONFLICT, "the network of '%s' is being removed", v->id);
    if (v && same(v, &told))
        return 0;
    if (!v) {
        if ((r = vpc_new(n, spec->id, &v, e)) < 0)
            return r;
        v->next = n->vpcs;
        n->vpcs = v;
    }
    v->range = told.range;
    v->n_subnets = told.n_subnets;
    memcpy(v->subnets, told.subnets, sizeof v->subnets);
    memcpy(v->domain, told.domain, sizeof v->domain);
    v->link_dirty = v->filter_dirty = v->dhcp_dirty = true;
    net_touch(n);
    return 0;
}

int net_vpc_remove(struct net *n, const char *vpc, struct err *e)
{
    struct vpc *v = net_vpc_find(n, vpc);

    if (!v)
        return 0;
    for (const struct port *p = v->ports; p; p = p->next)
        if (!p->going)
            return err_set(e, EBUSY, ERR_CONFLICT, "the network of '%s' still has the port '%s'",
                           v->id, p->id);
    v->going = true;
    v->failures = 0;
    net_touch(n);
    return 0;
}
