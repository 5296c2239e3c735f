/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the router of a VPC does: its own services, what may be forwarded, addresses translated. */
#include "net-priv.h"

#define CONNECTIONS_MAX "8192" /* of one guest to others and the world, and the same to it */

static void input_text(const struct vpc *v, struct str *s)
{
    char dns[IP4_TEXT_MAX];

    net_ip4_text(v->range.address + 2, dns);
    str_addf(s,
             "chain input {\n"
             "  type filter hook input priority 0; policy drop;\n"
             "  iifname lo accept\n"
             "  ct state established,related accept\n"
             "  iifname " BRIDGE " jump from_bridge\n"
             "}\n"
             "chain from_bridge {\n"
             "  udp sport 68 udp dport 67 accept\n"
             "  ip daddr { %s, " DNS_ADDRESS " } meta l4proto { tcp, udp } th dport 53 accept\n"
             "  ip daddr " IMDS_ADDRESS " tcp dport 80 accept\n"
             "  fib daddr type { broadcast, multicast } drop\n"
             "  meta l4proto tcp reject with tcp reset\n"
             "  reject with icmp type port-unreachable\n"
             "}\n",
             dns);
}

/* A guest that asks without end must not fill the table of connections that it shares: the router's
 * own services are not tracked at all. */
static void untracked_text(const struct vpc *v, struct str *s)
{
    char dns[IP4_TEXT_MAX];

    net_ip4_text(v->range.address + 2, dns);
    str_addf(s,
             "chain untracked_in {\n"
             "  type filter hook prerouting priority -300; policy accept;\n"
             "  iifname " BRIDGE " ip daddr " IMDS_ADDRESS " tcp dport 80 notrack\n"
             "  iifname " BRIDGE " ip daddr { %s, " DNS_ADDRESS " } meta l4proto { tcp, udp }"
             " th dport 53 notrack\n"
             "  iifname " BRIDGE " udp sport 68 udp dport 67 notrack\n"
             "}\n"
             "chain untracked_out {\n"
             "  type filter hook output priority -300; policy accept;\n"
             "  oifname " BRIDGE " ip saddr " IMDS_ADDRESS " tcp sport 80 notrack\n"
             "  oifname " BRIDGE " ip saddr { %s, " DNS_ADDRESS " } meta l4proto { tcp, udp }"
             " th sport 53 notrack\n"
             "  oifname " BRIDGE " udp sport 67 udp dport 68 notrack\n"
             "}\n",
             dns, dns);
}

/* ---- public addresses ------------------------------------------------------------------------ */

/* "198.19.0.2 : 172.31.0.10, ..." by public address, the other way round, or as pairs */
static void public_elements(const struct vpc *v, bool from_private, const char *between,
                            struct str *s)
{
    char mine[IP4_TEXT_MAX], shown[IP4_TEXT_MAX];
    bool first = true;

    for (const struct port *p = v->ports; p; p = p->next) {
        if (p->going || !p->public_ip)
            continue;
        net_ip4_text(p->address, mine);
        net_ip4_text(p->public_ip, shown);
        str_addf(s, "%s%s %s %s", first ? "elements = { " : ", ", from_private ? mine : shown,
                 between, from_private ? shown : mine);
        first = false;
    }
    str_add(s, first ? "}\n" : " }; }\n");
}

static void public_maps(const struct vpc *v, struct str *s)
{
    str_add(s, "map inward { type ipv4_addr : ipv4_addr; ");
    public_elements(v, false, ":", s);
    str_add(s, "map outward { type ipv4_addr : ipv4_addr; ");
    public_elements(v, true, ":", s);
    str_add(s, "set pairs { type ipv4_addr . ipv4_addr; ");
    public_elements(v, false, ".", s);
}

/* ---- what is forwarded ----------------------------------------------------------------------- */

/* A connection is made for a pair of addresses. When the public one goes to another port, the old
 * owner neither gets nor sends a packet more in its name; the table of connections would go on. */
static void moved_text(const struct vpc *v, struct str *s)
{
    char mine[IP4_TEXT_MAX];

    net_ip4_text(v->link + 1, mine);
    str_addf(s,
             "  iifname " WAY_OUT " ct direction original"
             " ct original ip daddr . ip daddr != @pairs drop\n"
             "  oifname " WAY_OUT " ct direction original ct status snat ct reply ip daddr != %s"
             " ct reply ip daddr . ip saddr != @pairs drop\n",
             mine);
}

/* From outside only what was translated goes on; nobody out there has an address of in here. */
static void from_world_text(const struct vpc *v, struct str *s)
{
    char range[IP4_TEXT_MAX];

    net_ip4_text(v->range.address, range);
    str_addf(s,
             "chain from_world {\n"
             "  ip saddr { %s/%u, 169.254.169.0/24, 127.0.0.0/8, 224.0.0.0/3 } drop\n"
             "  ct state new add @busy_in { ip daddr ct count over " CONNECTIONS_MAX " } drop\n"
             "  ct status dnat accept\n"
             "  drop\n"
             "}\n",
             range, v->range.prefix);
}

static void forward_text(const struct vpc *v, struct str *s)
{
    str_add(s, "set busy { type ipv4_addr; size 4096; flags dynamic; }\n"
               "set busy_in { type ipv4_addr; size 4096; flags dynamic; }\n");
    from_world_text(v, s);
    str_add(s, "chain may_send {\n"
               "  type filter hook forward priority -10; policy drop;\n");
    if (v->link)
        moved_text(v, s);
    str_add(s, "  ct state established,related accept\n"
               "  ct state invalid drop\n"
               "  iifname " WAY_OUT " jump from_world\n"
               "  iifname != " BRIDGE " drop\n"
               "  ct state new add @busy { ip saddr ct count over " CONNECTIONS_MAX " } drop\n"
               "  ct status dnat accept\n"
               "  ip daddr { 169.254.0.0/16, 127.0.0.0/8, 224.0.0.0/3 } drop\n"
               "  ip saddr vmap @senders\n"
               "}\n"
               "chain may_get {\n"
               "  type filter hook forward priority 0; policy drop;\n"
               "  ct state established,related accept\n"
               "  oifname " WAY_OUT " accept\n"
               "  ip daddr vmap @receivers\n"
               "}\n");
}

/* ---- addresses translated -------------------------------------------------------------------- */

static void service_dnat(struct str *s, const char *from, const char *proto, unsigned port,
                         uint32_t to)
{
    char text[IP4_TEXT_MAX];

    net_ip4_text(to, text);
    if (to)
        str_addf(s, "  iifname " BRIDGE " ip daddr %s %s dport %u dnat ip to %s\n", from, proto,
                 port, text);
}

/* A public address is one to one; who has none goes out by the address of the VPC's link. From
 * guest to guest by public address the way leads over the host and back, as in EC2: the receiver's
 * rules see the sender's public address. */
static void nat_text(const struct vpc *v, struct str *s)
{
    if (!v->link)
        return;
    str_add(s, "chain services {\n  type nat hook prerouting priority -100; policy accept;\n");
    service_dnat(s, NTP_ADDRESS, "udp", 123, v->net->ntp);
    service_dnat(s, KMS_ADDRESS_0, "tcp", 1688, v->net->kms);
    service_dnat(s, KMS_ADDRESS_1, "tcp", 1688, v->net->kms);
    str_add(s, "  iifname " WAY_OUT " dnat ip to ip daddr map @inward\n"
               "}\nchain out {\n"
               "  type nat hook postrouting priority 100; policy accept;\n"
               "  oifname " WAY_OUT " snat ip to ip saddr map @outward\n"
               "  oifname " WAY_OUT " masquerade\n}\n");
}

void filter_router_text(const struct vpc *v, struct str *s)
{
    untracked_text(v, s);
    input_text(v, s);
    public_maps(v, s);
    forward_text(v, s);
    nat_text(v, s);
}
