/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ports as they were told, and who waits for their taps. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net-priv.h"

void port_free(struct port *p)
{
    if (!p)
        return;
    close_fdp(&p->tap_fd);
    free(p);
}
DEFINE_FREEP(port_free, struct port);

/* The waiting ends; the callback may do anything with the room, also remove the port. */
void port_tell(struct port *p, int fd, const struct err *e)
{
    net_plug_fn fn = p->plug_fn;

    p->plug_fn = NULL;
    if (fn)
        fn(p->vpc->net, p->id, fd, e, p->plug_userdata);
    else
        close_fdp(&fd);
}

void port_drop_gone(struct vpc *v)
{
    for (struct port **p = &v->ports; *p;) {
        struct port *old = *p;

        if (!old->going) {
            p = &old->next;
            continue;
        }
        *p = old->next;
        v->n_ports--;
        port_free(old);
    }
}

/* ---- set ------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int groups_take(const char *const *groups, struct port *p, struct err *e)
{
    unsigned n = 0;
    int r;

    for (; groups && groups[p->n_groups]; p->n_groups++) {
        if (p->n_groups == NET_GROUPS_MAX)
            return err_set(e, E2BIG, ERR_LIMIT, "more than %d groups", NET_GROUPS_MAX);
        r = net_id_take(groups[p->n_groups], "sg", p->groups[p->n_groups], e);
        if (r < 0)
            return r;
    }
    qsort(p->groups, p->n_groups, sizeof p->groups[0], by_name);
    for (unsigned i = 0; i < p->n_groups; i++)
        if (n == 0 || strcmp(p->groups[n - 1], p->groups[i]) != 0)
            memmove(p->groups[n++], p->groups[i], sizeof p->groups[0]);
    p->n_groups = n;
    return 0;
}

static bool is_in_subnet(const struct vpc *v, uint32_t address)
{
    for (unsigned i = 0; i < v->n_subnets; i++) {
        struct cidr4 c = v->subnets[i];
        uint32_t last = c.address | ~net_mask(c.prefix);

        if (net_cidr_has(c, address))
            return address > c.address + 1 && address != last && address != v->range.address + 2;
    }
    return false;
}

static int public_take(const struct net *n, const char *text, struct port *p, struct err *e)
{
    struct cidr4 c = n->public_range;
    int r;

    if (!text || !text[0])
        return 0;
    if ((r = net_ip4_take(text, &p->public_ip, e)) < 0)
        return r;
    if (!c.prefix || !net_cidr_has(c, p->public_ip) || p->public_ip <= range_gate(n) ||
        p->public_ip == (c.address | ~net_mask(c.prefix)))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no public address of this installation",
                       text);
    return 0;
}

static int port_take(const struct vpc *v, const struct net_port_spec *spec, struct port *p,
                     struct err *e)
{
    int r;

    if ((r = net_id_take(spec->id, "eni", p->id, e)) < 0 ||
        (r = net_mac_take(spec->mac, p->mac, e)) < 0 ||
        (r = net_ip4_take(spec->address, &p->address, e)) < 0 ||
        (r = public_take(v->net, spec->public_address, p, e)) < 0 ||
        (r = groups_take(spec->groups, p, e)) < 0)
        return r;
    if (strcmp(p->mac, BRIDGE_MAC) == 0)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is the router's own MAC address", p->mac);
    if (!is_in_subnet(v, p->address))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no free address of a subnet of '%s'",
                       spec->address, v->id);
    net_name_tap(p->id, p->tap);
    return 0;
}

/* A port that is going holds nothing: its address is in no list any more. */
static int refuse_twins(const struct vpc *v, const struct port *mine, struct err *e)
{
    for (const struct port *p = v->ports; p; p = p->next) {
        if (p->going || strcmp(p->id, mine->id) == 0)
            continue;
        if (p->address == mine->address || strcmp(p->mac, mine->mac) == 0 ||
            strcmp(p->tap, mine->tap) == 0)
            return err_set(e, EEXIST, ERR_CONFLICT,
                           "'%s' of '%s' has the address, MAC or tap of '%s'", p->id, v->id,
                           mine->id);
    }
    return 0;
}

/* One port has it, of all VPCs; who was told last. The one before will hear of it, too. */
static void take_public(struct net *n, const struct port *mine)
{
    for (struct vpc *v = n->vpcs; mine->public_ip && v; v = v->next)
        for (struct port *p = v->ports; p; p = p->next)
            if (p->public_ip == mine->public_ip && strcmp(p->id, mine->id) != 0) {
                p->public_ip = 0;
                v->filter_dirty = n->routes_dirty = true;
            }
}

static bool same(const struct port *a, const struct port *b)
{
    return a->address == b->address && a->public_ip == b->public_ip &&
           strcmp(a->mac, b->mac) == 0 && a->n_groups == b->n_groups &&
           memcmp(a->groups, b->groups, sizeof a->groups) == 0;
}

static struct port *find_wanted(const struct vpc *v, const char *id)
{
    for (struct port *p = v->ports; p; p = p->next)
        if (!p->going && strcmp(p->id, id) == 0)
            return p;
    return NULL;
}

static void take_over(struct vpc *v, struct port *have, const struct port *told)
{
    if (have->address != told->address || strcmp(have->mac, told->mac) != 0)
        v->dhcp_dirty = v->link_dirty = true;
    v->filter_dirty = v->net->routes_dirty = true;
    (void)str_copy(have->mac, sizeof have->mac, told->mac);
    have->address = told->address;
    have->public_ip = told->public_ip;
    have->n_groups = told->n_groups;
    memcpy(have->groups, told->groups, sizeof have->groups);
}

int net_port_set(struct net *n, const struct net_port_spec *spec, struct err *e)
{
    _cleanup_(port_freep) struct port *p = xcalloc(1, sizeof *p);
    struct vpc *v = spec->vpc ? net_vpc_find(n, spec->vpc) : NULL;
    struct port *have;
    int r;

    p->tap_fd = -1;
    if (!v || v->going)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "the network of '%.40s' does not exist",
                       spec->vpc ? spec->vpc : "");
    if ((r = port_take(v, spec, p, e)) < 0 || (r = refuse_twins(v, p, e)) < 0)
        return r;
    have = find_wanted(v, p->id);
    if (have && same(have, p))
        return 0;
    if (!have && v->n_ports >= NET_PORTS_MAX)
        return err_set(e, ENOSPC, ERR_LIMIT, "'%s' has %d ports, no more fit", v->id,
                       NET_PORTS_MAX);
    take_public(n, p);
    if (have) {
        take_over(v, have, p);
    } else {
        p->vpc = v;
        p->next = v->ports;
        v->ports = TAKE_PTR(p);
        v->n_ports++;
        v->filter_dirty = v->dhcp_dirty = n->routes_dirty = true;
    }
    net_touch(n);
    return 0;
}

/* ---- plug, remove ---------------------------------------------------------------------------- */

int net_port_plug(struct net *n, const char *port, net_plug_fn fn, void *userdata, struct err *e)
{
    struct port *p = net_port_find(n, port);

    if (!p)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "the network port '%s' does not exist", port);
    if (p->plug_fn)
        return err_set(e, EBUSY, ERR_CONFLICT, "the network port '%s' is being plugged", port);
    p->plug_fn = fn;
    p->plug_userdata = userdata;
    net_touch(n);
    return 0;
}

void net_port_unplug(struct net *n, const char *port)
{
    struct port *p = net_port_find(n, port);

    if (p)
        p->plug_fn = NULL;
}

int net_port_remove(struct net *n, const char *port, struct err *e)
{
    struct port *p = net_port_find(n, port);
    struct err gone = { 0 };

    (void)e;
    if (!p)
        return 0;
    p->going = true;
    p->vpc->filter_dirty = p->vpc->dhcp_dirty = n->routes_dirty = true;
    net_touch(n);
    if (p->plug_fn) {
        (void)err_set(&gone, ENOENT, ERR_NOT_FOUND, "the network port '%s' was removed", port);
        port_tell(p, -1, &gone);
    }
    return 0;
}

const char *net_port_at(const struct net *n, const char *vpc, const char *address)
{
    const struct vpc *v = net_vpc_find(n, vpc);
    struct err e = { 0 };
    uint32_t a;

    if (!v || v->going || net_ip4_take(address, &a, &e) < 0)
        return NULL;
    for (const struct port *p = v->ports; p; p = p->next)
        if (!p->going && p->address == a)
            return p->id;
    return NULL;
}
