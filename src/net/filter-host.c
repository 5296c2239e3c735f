/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inet kiln_TAG in the host's namespace: guests reach nothing that the host itself serves, and of
 * other networks of any Kiln the public addresses only; nobody outside has a public address as its
 * own; what goes out into the world is masqueraded. */
#include "net-priv.h"

/* Names of the world's name servers may be on this host: asked by dnsmasq, and by guests. */
static void host_dns(const struct net *n, struct str *s)
{
    char text[IP4_TEXT_MAX];

    for (unsigned i = 0; i < n->n_dns; i++) {
        net_ip4_text(n->dns[i], text);
        str_addf(s, "  ip daddr %s meta l4proto { tcp, udp } th dport 53 return\n", text);
    }
}

/* Public addresses: reached from everywhere, and the rules of the receiver's groups
 * decide; but nobody from outside claims one. "gate" is the host's own among them: so it comes to
 * guests itself, and so do guests that have none. */
static void forward_text(const struct net *n, const char *range, struct str *s)
{
    str_add(s, "chain forward {\n"
               "  type filter hook forward priority -10; policy accept;\n");
    if (range[0])
        str_addf(s, "  iifname != \"k%s*\" ip saddr %s drop\n", n->tag, range);
    str_addf(s, "  oifname \"k%s*\" ct state established,related accept\n", n->tag);
    if (range[0])
        str_addf(s, "  oifname \"k%s*\" ip daddr %s accept\n", n->tag, range);
    str_addf(s,
             "  oifname \"k%s*\" drop\n"
             "  iifname \"k%s*\" ip daddr { 169.254.0.0/16, 127.0.0.0/8 } drop\n"
             "}\n",
             n->tag, n->tag);
}

/* Before the others: another Kiln on this host, or an older one, masquerades LINK_RANGE as well. */
static void gate_text(const struct net *n, const char *range, struct str *s)
{
    char gate[IP4_TEXT_MAX];

    net_ip4_text(range_gate(n), gate);
    str_addf(s,
             "chain gate {\n"
             "  type nat hook postrouting priority 99; policy accept;\n"
             "  ip saddr " LINK_RANGE " oifname \"k%s*\" ip daddr %s snat ip to %s\n"
             "}\n",
             n->tag, range, gate);
}

static void out_text(const struct net *n, const char *range, struct str *s)
{
    if (range[0])
        gate_text(n, range, s);
    str_add(s, "chain out {\n"
               "  type nat hook postrouting priority 100; policy accept;\n");
    if (range[0])
        str_addf(s, "  ip saddr %s oifname != \"k%s*\" masquerade\n", range, n->tag);
    str_add(s, "  ip saddr " LINK_RANGE " ip daddr != " LINK_RANGE " masquerade\n"
               "}\n}\n");
}

static void input_text(const struct net *n, const char *range, struct str *s)
{
    str_add(s, "chain input {\n"
               "  type filter hook input priority -10; policy accept;\n");
    if (range[0])
        str_addf(s, "  iifname != lo iifname != \"k%s*\" ip saddr %s drop\n", n->tag, range);
    str_addf(s,
             "  iifname \"k%s*\" jump from_guests\n"
             "}\n"
             "chain from_guests {\n"
             "  ct state established,related return\n",
             n->tag);
    host_dns(n, s);
    str_add(s, "  drop\n"
               "}\n");
}

void filter_host_text(const struct net *n, struct str *s)
{
    char range[CIDR_TEXT_MAX] = "";

    if (n->public_range.prefix)
        net_cidr_text(n->public_range, range);
    str_addf(s, "table inet %s\ndelete table inet %s\ntable inet %s {\n", n->table, n->table,
             n->table);
    input_text(n, range, s);
    /* From guest to guest a packet comes back by the link it came from: no reason to complain. */
    str_addf(s,
             "chain output {\n"
             "  type filter hook output priority -10; policy accept;\n"
             "  oifname \"k%s*\" icmp type redirect drop\n"
             "}\n",
             n->tag);
    forward_text(n, range, s);
    out_text(n, range, s);
}
