/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public addresses on the host: the range that they come from, and the routes that lead to them.
 *
 *   unreachable 198.19.24.0/22 metric M
 *       The range is this home's; M is of its name. What nobody has goes nowhere, and another home
 *       takes another range. While its daemon lives, an abstract socket says the same: two that
 *       start at one time do not take the same.
 *   198.19.24.7 via LINK dev kHHHHHHHHvvvvvv src 198.19.24.1
 *       One for each address in use.
 *
 * Nothing is remembered: the routes that stand are read each time, and made what they are to be. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "file.h"
#include "log.h"
#include "net-priv.h"

#define ROUTES     "/proc/net/route"
#define ROUTES_MAX (16U << 20)
#define SLACK_MAX  1  /* routes this wide stand for "everywhere": 0.0.0.0/1 of a VPN */
#define RANGE_MIN  16 /* prefixes of a range */
#define RANGE_MAX  29
#define METRIC_BIT UINT32_C(0x40000000) /* no program uses such metrics */

uint32_t range_gate(const struct net *n)
{
    return n->public_range.address + 1;
}

/* ---- the host's routes ----------------------------------------------------------------------- */

/* "eth0 0011C6C6 00000000 0001 0 0 0 00FCFFFF 0 0 0": addresses as they lie in memory. */
int public_route_take(const char *line, struct public_route *ret)
{
    unsigned to, gateway, flags, mask;
    int metric;

    if (sscanf(line, "%15s %8x %8x %4x %*d %*u %d %8x", ret->dev, &to, &gateway, &flags, &metric,
               &mask) != 6)
        return -EINVAL;
    mask = ntohl(mask);
    ret->to.prefix = (unsigned)__builtin_popcount(mask);
    if (mask != net_mask(ret->to.prefix))
        return -EINVAL;
    ret->to.address = ntohl(to) & mask;
    ret->metric = (uint32_t)metric;
    ret->reject = flags & RTF_REJECT;
    return 0;
}

/* fn returns true to end it */
static int each_route(bool (*fn)(const struct public_route *r, void *userdata), void *userdata,
                      struct err *e)
{
    _cleanup_free_ char *text = NULL;
    struct public_route route;
    char *save = NULL;
    int r = file_read(ROUTES, ROUTES_MAX, &text, NULL, e);

    if (r < 0)
        return r;
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        if (public_route_take(l, &route) == 0 && fn(&route, userdata)) /* the first line is none */
            return 1;
    return 0;
}

static bool is_our_link(const struct net *n, const char *dev)
{
    return dev[0] == 'k' && str_starts(dev + 1, n->tag);
}

static bool is_our_mark(const struct net *n, const struct public_route *r)
{
    return r->reject && r->metric == n->public_metric;
}

/* ---- choosing a range ------------------------------------------------------------------------ */

struct meeting {
    const struct net *n;
    struct cidr4 range;
    char what[96]; /* that it meets */
};

static bool meets_route(const struct public_route *r, void *userdata)
{
    struct meeting *m = userdata;
    char text[CIDR_TEXT_MAX];

    if (is_our_link(m->n, r->dev) || is_our_mark(m->n, r) || r->to.prefix <= SLACK_MAX ||
        !net_cidr_meet(r->to, m->range))
        return false;
    net_cidr_text(r->to, text);
    if (r->reject)
        (void)snprintf(m->what, sizeof m->what, "the unreachable route %s (of another Kiln?)",
                       text);
    else
        (void)snprintf(m->what, sizeof m->what, "the route %s of '%s'", text, r->dev);
    return true;
}

static bool meets_address(struct meeting *m, const struct ifaddrs *i)
{
    const struct sockaddr_in *a = (const void *)i->ifa_addr, *mask = (const void *)i->ifa_netmask;
    struct cidr4 c = { .prefix = 32 };
    char text[CIDR_TEXT_MAX];

    if (!a || a->sin_family != AF_INET || is_our_link(m->n, i->ifa_name))
        return false;
    if (mask)
        c.prefix = (unsigned)__builtin_popcount(mask->sin_addr.s_addr);
    c.address = ntohl(a->sin_addr.s_addr) & net_mask(c.prefix);
    if (!net_cidr_meet(c, m->range))
        return false;
    net_cidr_text(c, text);
    (void)snprintf(m->what, sizeof m->what, "the network %s of '%s'", text, i->ifa_name);
    return true;
}

/* 1: it meets something (m->what), 0: it is free */
static int meets(struct meeting *m, struct err *e)
{
    struct ifaddrs *all;
    int r = 0;

    if (getifaddrs(&all) < 0)
        return err_errno(e, "list the addresses of the host");
    for (const struct ifaddrs *i = all; i && !r; i = i->ifa_next)
        r = meets_address(m, i);
    freeifaddrs(all);
    return r ? r : each_route(meets_route, m, e);
}

/* 1: it is ours, 0: another daemon has it (m->what) */
static int take(struct net *n, struct meeting *m, struct err *e)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    char text[CIDR_TEXT_MAX];
    int len;

    net_cidr_text(m->range, text);
    len = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "kiln-public-%s", text);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a,
                       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) < 0) {
        if (fd >= 0 && errno == EADDRINUSE) {
            (void)snprintf(m->what, sizeof m->what, "the range %s of another Kiln", text);
            return 0;
        }
        return err_errno(e, "hold the range '%s'", text);
    }
    n->public_fd = TAKE_FD(fd);
    n->public_range = m->range;
    (void)str_copy(n->public_text, sizeof n->public_text, text);
    return 1;
}

static bool find_mark(const struct public_route *r, void *userdata)
{
    struct meeting *m = userdata;

    if (!is_our_mark(m->n, r) || !net_cidr_has(m->range, r->to.address) ||
        r->to.prefix != NET_PUBLIC_PART)
        return false;
    m->range = r->to;
    return true;
}

/* 1 and taken, when it is free */
static int take_if_free(struct net *n, struct meeting *m, struct cidr4 range, struct err *e)
{
    int r;

    m->range = range;
    r = meets(m, e);
    if (r != 0)
        return r < 0 ? r : 0;
    return take(n, m, e);
}

/* The part that this home has now, else the one of before. */
static int last_part(struct net *n, struct cidr4 all, const char *before, struct cidr4 *ret,
                     struct err *e)
{
    struct meeting m = { .n = n, .range = all };
    struct err unread = { 0 };
    int r = each_route(find_mark, &m, e);

    if (r < 0)
        return r;
    if (r > 0)
        *ret = m.range;
    else if (!before || net_cidr_take(before, ret, &unread) != 1)
        return 0;
    return ret->prefix == NET_PUBLIC_PART && net_cidr_has(all, ret->address);
}

static int choose_part(struct net *n, const char *before, struct err *e)
{
    const unsigned shift = 32 - NET_PUBLIC_PART;
    struct meeting m = { .n = n };
    struct cidr4 all, last;
    uint32_t parts, first;
    int r;

    if ((r = net_cidr_take(NET_PUBLIC_DEFAULT, &all, e)) < 0 ||
        (r = last_part(n, all, before, &last, e)) < 0)
        return r;
    if (r > 0 && (r = take_if_free(n, &m, last, e)) != 0)
        return r < 0 ? r : 0;
    parts = 1U << (NET_PUBLIC_PART - all.prefix);
    first = (uint32_t)(net_hash(n->home) % parts);
    for (uint32_t k = 0; k < parts; k++) {
        last = (struct cidr4){ all.address | (first + k) % parts << shift, NET_PUBLIC_PART };
        if ((r = take_if_free(n, &m, last, e)) != 0)
            return r < 0 ? r : 0;
    }
    log_warning("net",
                "no public addresses: all of " NET_PUBLIC_DEFAULT " is in use on this host (%s); "
                "'--public-addresses' can name another range",
                m.what);
    return 0;
}

static int choose_told(struct net *n, const char *text, struct err *e)
{
    struct meeting m = { .n = n };
    int r = net_cidr_take(text, &m.range, e);
    uint32_t a = m.range.address;

    if (r < 0)
        return r;
    if (r == 0 || m.range.prefix < RANGE_MIN || m.range.prefix > RANGE_MAX || a >> 24 == 0 ||
        a >> 24 == 127 || a >> 16 == 0xa9fe || a >> 28 >= 14)
        return err_set(e, EINVAL, ERR_INVALID,
                       "'%s' cannot be the range of public addresses: an IPv4 range of /%d to /%d "
                       "can",
                       text, RANGE_MIN, RANGE_MAX);
    if ((r = take_if_free(n, &m, m.range, e)) < 0)
        return r;
    if (r == 0)
        return err_set(e, EADDRINUSE, ERR_CONFLICT,
                       "public addresses cannot be of '%s': it meets %s", text, m.what);
    return 0;
}

int range_choose(struct net *n, const struct net_config *cfg, struct err *e)
{
    const char *text = cfg->public_addresses;

    n->public_metric = METRIC_BIT | ((uint32_t)net_hash(n->home) & (METRIC_BIT - 1));
    if (text && strcmp(text, "none") == 0)
        return 0;
    if (!n->nat && text)
        return err_set(e, EINVAL, ERR_INVALID,
                       "public addresses need the way out that is turned off");
    if (!n->nat)
        return 0;
    return text ? choose_told(n, text, e) : choose_part(n, cfg->public_before, e);
}

/* ---- routes ---------------------------------------------------------------------------------- */

struct standing {
    const struct net *n;
    struct str *s;
    bool wanted, marked;
    uint32_t *have; /* addresses that have the right route */
    size_t n_have, max;
};

/* The network that an address is in; NULL: nobody has it. */
static const struct vpc *vpc_of(const struct net *n, uint32_t address)
{
    for (const struct vpc *v = n->vpcs; v; v = v->next)
        for (const struct port *p = v->going ? NULL : v->ports; p; p = p->next)
            if (!p->going && p->public_ip == address)
                return v;
    return NULL;
}

static bool look_at(const struct public_route *r, void *userdata)
{
    struct standing *st = userdata;
    const struct net *n = st->n;
    char text[CIDR_TEXT_MAX];
    const struct vpc *v;

    net_cidr_text(r->to, text);
    if (is_our_mark(n, r)) {
        if (st->wanted && r->to.prefix == n->public_range.prefix &&
            r->to.address == n->public_range.address)
            st->marked = true;
        else
            str_addf(st->s, "route del unreachable %s metric %u\n", text, r->metric);
    } else if (is_our_link(n, r->dev) && r->to.prefix == 32) {
        v = st->wanted ? vpc_of(n, r->to.address) : NULL;
        if (v && strcmp(v->veth, r->dev) == 0 && st->n_have < st->max)
            st->have[st->n_have++] = r->to.address;
        else
            str_addf(st->s, "route del %s dev %s\n", text, r->dev);
    }
    return false;
}

static void add_missing(const struct standing *st, const struct vpc *v, const struct port *p)
{
    char to[IP4_TEXT_MAX], via[IP4_TEXT_MAX], from[IP4_TEXT_MAX];

    for (size_t i = 0; i < st->n_have; i++)
        if (st->have[i] == p->public_ip)
            return;
    net_ip4_text(p->public_ip, to);
    net_ip4_text(v->link + 1, via);
    net_ip4_text(range_gate(st->n), from);
    str_addf(st->s, "route replace %s/32 via %s dev %s src %s\n", to, via, v->veth, from);
}

void public_routes_text(const struct net *n, bool wanted, struct str *s)
{
    struct standing st = { .n = n, .s = s, .wanted = wanted };
    struct err e = { 0 };

    for (const struct vpc *v = n->vpcs; v; v = v->next)
        st.max += v->n_ports;
    st.have = xcalloc(st.max + 1, sizeof *st.have);
    if (each_route(look_at, &st, &e) < 0)
        log_warning("net", "%s; routes to public addresses are all made anew", e.msg);
    if (wanted && n->public_range.prefix && !st.marked)
        str_addf(s, "route replace unreachable %s metric %u\n", n->public_text, n->public_metric);
    for (const struct vpc *v = n->vpcs; wanted && v; v = v->next) {
        if (v->going || !v->link || !v->host_linked)
            continue; /* comes back when it has its link */
        for (const struct port *p = v->ports; p; p = p->next)
            if (!p->going && p->public_ip)
                add_missing(&st, v, p);
    }
    free(st.have);
}
