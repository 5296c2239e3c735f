/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts for "ip -batch", and the settings of the kernel that go with them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "file.h"
#include "log.h"
#include "net-priv.h"

#define LINK_BASE  UINT32_C(0xa9fec000) /* LINK_RANGE: 8192 pairs */
#define LINK_PAIRS 8192U

/* ---- addresses ------------------------------------------------------------------------------- */

static uint32_t ifa_address(const struct ifaddrs *i)
{
    if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
        return 0;
    return ntohl(((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr.s_addr);
}

static bool pair_is_free(const struct ifaddrs *all, const char *veth, uint32_t host)
{
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
        if ((ifa_address(i) & ~UINT32_C(1)) == host && strcmp(i->ifa_name, veth) != 0)
            return false;
    return true;
}

/* The pair of addresses of the way out: what the link has, else by the VPC's name, else the next
 * one that nobody on this host has. */
int link_choose(struct vpc *v, struct err *e)
{
    struct cidr4 range = { LINK_BASE, 18 };
    struct ifaddrs *all;
    uint32_t first = (uint32_t)(net_hash(v->ns) % LINK_PAIRS);

    if (!v->net->nat || v->link)
        return 0;
    if (getifaddrs(&all) < 0)
        return err_errno(e, "list the addresses of the host");
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
        if (strcmp(i->ifa_name, v->veth) == 0 && net_cidr_has(range, ifa_address(i)))
            v->link = ifa_address(i) & ~UINT32_C(1);
    for (uint32_t k = 0; !v->link && k < LINK_PAIRS; k++) {
        uint32_t host = LINK_BASE + 2 * ((first + k) % LINK_PAIRS);

        if (pair_is_free(all, v->veth, host))
            v->link = host;
    }
    freeifaddrs(all);
    if (!v->link)
        return err_set(e, ENOSPC, ERR_LIMIT, "no address of %s is free for '%s'", LINK_RANGE,
                       v->id);
    return 0;
}

/* ---- settings -------------------------------------------------------------------------------- */

static int setting(const char *path, const char *value, bool optional, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 && optional && errno == ENOENT)
        return 0;
    if (fd < 0 || write_full(fd, value, strlen(value)) < 0)
        return err_errno(e, "set '%s'", path);
    return 0;
}

/* Before the bridge is made: it inherits the defaults. The ports of the bridge are isolated, so
 * that a frame of one guest to another goes through the router, where connections are tracked in
 * every kernel; the router answers for the neighbours (proxy_arp_pvlan). */
static const struct {
    const char *path, *value;
    bool optional;
} settings[] = {
    { "/proc/sys/net/ipv4/ip_forward", "1", false },
    { "/proc/sys/net/ipv4/conf/all/send_redirects", "0", false },
    { "/proc/sys/net/ipv4/conf/default/send_redirects", "0", false },
    { "/proc/sys/net/ipv4/conf/all/accept_source_route", "0", false },
    { "/proc/sys/net/ipv4/conf/default/proxy_arp_pvlan", "1", false },
    { "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1", true },
    { "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1", true },
    { "/proc/sys/net/bridge/bridge-nf-call-iptables", "0", true },
    { "/proc/sys/net/bridge/bridge-nf-call-arptables", "0", true },
};

int link_sysctl(const struct vpc *v, struct err *e)
{
    _ns_scope_ struct ns_scope scope = NS_SCOPE_INIT;
    int r = ns_enter(v->net, v->ns_fd, &scope, e);

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(settings); i++)
        r = setting(settings[i].path, settings[i].value, settings[i].optional, e);
    return r;
}

/* As soon as there is a bridge: without it the router would wait up to 0.8 s before it answers for
 * a neighbour. */
int link_no_delay(const struct vpc *v, struct err *e)
{
    _ns_scope_ struct ns_scope scope = NS_SCOPE_INIT;
    int r = ns_enter(v->net, v->ns_fd, &scope, e);

    return r < 0 ? r : setting("/proc/sys/net/ipv4/neigh/" BRIDGE "/proxy_delay", "0", false, e);
}

int link_forwarding_on(struct err *e)
{
    const char *path = "/proc/sys/net/ipv4/ip_forward";
    _cleanup_free_ char *now = NULL;
    int r = file_read(path, 16, &now, NULL, e);

    if (r < 0 || now[0] == '1')
        return r;
    log_notice("net", "turns on net.ipv4.ip_forward, so that guests reach the world");
    return setting(path, "1", false, e);
}

/* ---- the host's side ------------------------------------------------------------------------- */

/* What the host was when the range was another. */
static int old_gates(const struct vpc *v, struct str *s, struct err *e)
{
    struct ifaddrs *all;

    if (getifaddrs(&all) < 0)
        return err_errno(e, "list the addresses of the host");
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        uint32_t a = ifa_address(i);
        char text[IP4_TEXT_MAX];

        if (!a || strcmp(i->ifa_name, v->veth) != 0 || a == v->link ||
            (v->net->public_range.prefix && a == range_gate(v->net)))
            continue;
        net_ip4_text(a, text);
        str_addf(s, "addr flush to %s dev %s\n", text, v->veth);
    }
    freeifaddrs(all);
    return 0;
}

int link_host_text(const struct vpc *v, struct str *s, struct err *e)
{
    char host[IP4_TEXT_MAX], gate[IP4_TEXT_MAX];
    int r;

    if (!v->ns_made)
        str_addf(s, "netns add %s\n", v->ns);
    if (v->link) {
        net_ip4_text(v->link, host);
        if (if_nametoindex(v->veth) == 0)
            str_addf(s, "link add %s mtu %u type veth peer name " WAY_OUT " mtu %u netns %s\n",
                     v->veth, v->net->mtu, v->net->mtu, v->ns);
        str_addf(s, "addr replace %s/31 dev %s\nlink set %s up\n", host, v->veth, v->veth);
        if (v->net->public_range.prefix) {
            net_ip4_text(range_gate(v->net), gate);
            str_addf(s, "addr replace %s/32 dev %s scope link\n", gate, v->veth);
        }
        if ((r = old_gates(v, s, e)) < 0)
            return r;
    } else if (if_nametoindex(v->veth) != 0) { /* of a time with a way out */
        str_addf(s, "link del %s\n", v->veth);
    }
    return str_check(s, "the commands for the host's links", e);
}

/* ---- inside ---------------------------------------------------------------------------------- */

static void want(struct str *s, uint32_t address, unsigned prefix)
{
    char text[IP4_TEXT_MAX];

    net_ip4_text(address, text);
    str_addf(s, "addr replace %s/%u dev " BRIDGE "\n", text, prefix);
}

static void bridge_addresses(const struct vpc *v, struct str *s)
{
    static const char *const fixed[] = { IMDS_ADDRESS, DNS_ADDRESS, NTP_ADDRESS, KMS_ADDRESS_0,
                                         KMS_ADDRESS_1 };

    for (unsigned i = 0; i < v->n_subnets; i++)
        want(s, v->subnets[i].address + 1, v->subnets[i].prefix);
    want(s, v->range.address + 2, 32);
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        str_addf(s, "addr replace %s/32 dev " BRIDGE "\n", fixed[i]);
}

/* What an earlier set of subnets left: a router address that none has now. */
static int old_addresses(const struct vpc *v, struct str *s, struct err *e)
{
    _ns_scope_ struct ns_scope scope = NS_SCOPE_INIT;
    struct ifaddrs *all;
    int r = ns_enter(v->net, v->ns_fd, &scope, e);

    if (r < 0)
        return r;
    if (getifaddrs(&all) < 0)
        return err_errno(e, "list the addresses of '%s'", v->id);
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        uint32_t a = ifa_address(i);
        bool wanted = a == v->range.address + 2 || a >> 16 == 0xa9fe;
        char text[IP4_TEXT_MAX];

        if (!a || strcmp(i->ifa_name, BRIDGE) != 0)
            continue;
        for (unsigned k = 0; k < v->n_subnets; k++)
            wanted |= a == v->subnets[k].address + 1;
        net_ip4_text(a, text);
        if (!wanted)
            str_addf(s, "addr flush to %s dev " BRIDGE "\n", text);
    }
    freeifaddrs(all);
    return 0;
}

int link_inside_text(const struct vpc *v, struct str *s, struct err *e)
{
    char text[IP4_TEXT_MAX];
    int r = 0;

    str_add(s, "link set lo up\n");
    if (!ns_has_link(v, BRIDGE))
        str_add(s, "link add " BRIDGE " address " BRIDGE_MAC " type bridge stp_state 0 "
                   "forward_delay 0 mcast_snooping 0\n");
    else
        r = old_addresses(v, s, e);
    if (r < 0)
        return r;
    str_addf(s, "link set " BRIDGE " mtu %u\n", v->net->mtu);
    bridge_addresses(v, s);
    str_add(s, "link set " BRIDGE " up\nneigh flush dev " BRIDGE " nud permanent\n");
    for (const struct port *p = v->ports; p; p = p->next) {
        net_ip4_text(p->address, text);
        if (!p->going)
            str_addf(s, "neigh replace %s lladdr %s dev " BRIDGE " nud permanent\n", text, p->mac);
    }
    net_ip4_text(v->range.address, text); /* what no subnet has stays inside */
    str_addf(s, "route replace unreachable %s/%u metric 4096\n", text, v->range.prefix);
    if (v->link) {
        net_ip4_text(v->link + 1, text);
        str_addf(s, "addr replace %s/31 dev " WAY_OUT "\nlink set " WAY_OUT " up\n", text);
        net_ip4_text(v->link, text);
        str_addf(s, "route replace default via %s\n", text);
    }
    return str_check(s, "the commands for the links of a VPC", e);
}

void link_plug_text(const struct port *p, unsigned mtu, struct str *s)
{
    char address[IP4_TEXT_MAX];

    net_ip4_text(p->address, address);
    str_addf(s, "link set %s mtu %u master " BRIDGE "\n", p->tap, mtu);
    str_addf(s,
             "link set %s type bridge_slave isolated on learning off flood off mcast_flood off\n",
             p->tap);
    str_addf(s, "link set %s up\n", p->tap);
    str_addf(s, "neigh replace %s lladdr %s dev " BRIDGE " nud permanent\n", address, p->mac);
}

void link_known_text(const struct port *p, struct str *s)
{
    str_addf(s, "fdb replace %s dev %s master static\n", p->mac, p->tap);
}

void link_gone_text(const struct vpc *v, struct str *s)
{
    char address[IP4_TEXT_MAX];

    for (const struct port *p = v->ports; p; p = p->next) {
        if (!p->going)
            continue;
        net_ip4_text(p->address, address);
        str_addf(s, "link del %s\nneigh del %s dev " BRIDGE "\n", p->tap, address);
    }
}

struct sweep {
    const struct vpc *v;
    struct str *s;
};

static void sweep_tap(const char *name, void *userdata)
{
    struct sweep *w = userdata;

    for (const struct port *p = w->v->ports; p; p = p->next)
        if (strcmp(p->tap, name) == 0)
            return;
    str_addf(w->s, "link del %s\n", name);
}

void link_sweep_text(const struct vpc *v, struct str *s)
{
    struct sweep w = { v, s };

    ns_each_link(v->net, v->ns_fd, "t", sweep_tap, &w);
}

static void empty_tap(const char *name, void *userdata)
{
    str_addf(userdata, "link del %s\n", name);
}

void link_empty_text(const struct vpc *v, struct str *s)
{
    ns_each_link(v->net, v->ns_fd, "t", empty_tap, s);
    str_add(s, "link del " BRIDGE "\nlink del " WAY_OUT "\n");
}
