/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The packet filter as text for "nft -f": always the whole of our tables, in one transaction, so
 * that what is in force is either the old or the new and never depends on history.
 *
 * bridge kiln   every frame from a tap: source MAC, ARP sender and IP source must be the port's,
 *               DHCP must speak for the port's own MAC; IPv6, VLANs and all the rest are dropped.
 *               From tap to tap nothing is bridged: it is routed.
 * inet kiln     forward at priority -10: may the sender send this (egress rules)?
 *               forward at 0: may the receiver get it (ingress rules)?
 *               Both pass what belongs to an admitted connection. Costs do not grow with guests:
 *               one map lookup by address finds the chain of the port's set of groups, members of
 *               a group are a set.
 *               What the router itself does stands in filter-router.c, the host in filter-host.c.
 */
#include <string.h>

#include "net-priv.h"

/* ---- groups ---------------------------------------------------------------------------------- */

/* "sg-0123" -> "sg_0123" */
static void set_name(const char *id, char out[NET_ID_MAX])
{
    (void)str_copy(out, NET_ID_MAX, id);
    out[strcspn(out, "-")] = '_';
}

static bool in_group(const struct port *p, const char *id)
{
    for (unsigned i = 0; i < p->n_groups; i++)
        if (strcmp(p->groups[i], id) == 0)
            return true;
    return false;
}

static void add_address(struct str *s, uint32_t address, bool *first)
{
    char text[IP4_TEXT_MAX];

    net_ip4_text(address, text);
    str_addf(s, "%s%s", *first ? "elements = { " : ", ", text);
    *first = false;
}

static void end_elements(struct str *s, bool first)
{
    str_add(s, first ? "}\n" : " }; }\n");
}

/* Groups that are only named in rules have a set too, an empty one: nft must know the name. */
static void group_set(const struct vpc *v, const char *id, struct str *s)
{
    char name[NET_ID_MAX];
    bool first = true;

    set_name(id, name);
    str_addf(s, "set %s { type ipv4_addr; ", name);
    for (const struct port *p = v->ports; p; p = p->next)
        if (!p->going && in_group(p, id))
            add_address(s, p->address, &first);
    end_elements(s, first);
}

static void match_icmp(const struct rule *r, struct str *s)
{
    if (r->from < 0)
        str_add(s, "meta l4proto icmp ");
    else
        str_addf(s, "icmp type %d ", r->from);
    if (r->from >= 0 && r->to >= 0)
        str_addf(s, "icmp code %d ", r->to);
}

static void match_proto(const struct rule *r, struct str *s)
{
    if (r->proto == NET_PROTO_ALL)
        return;
    if (r->proto == 1) {
        match_icmp(r, s);
    } else if (r->proto == 6 || r->proto == 17) {
        const char *name = r->proto == 6 ? "tcp" : "udp";

        if (r->from == r->to)
            str_addf(s, "%s dport %d ", name, r->from);
        else if (r->from == 0 && r->to == 65535)
            str_addf(s, "meta l4proto %s ", name);
        else
            str_addf(s, "%s dport %d-%d ", name, r->from, r->to);
    } else {
        str_addf(s, "meta l4proto %d ", r->proto);
    }
}

static void group_rule(const struct rule *r, struct str *s)
{
    const char *side = r->egress ? "daddr" : "saddr";
    char text[NET_ID_MAX];

    if (r->never)
        return;
    str_add(s, "  ");
    if (r->group[0]) {
        set_name(r->group, text);
        str_addf(s, "ip %s @%s ", side, text);
    } else if (r->range.prefix) {
        net_ip4_text(r->range.address, text);
        str_addf(s, "ip %s %s/%u ", side, text, r->range.prefix);
    }
    match_proto(r, s);
    str_add(s, "accept\n");
}

static void group_chain(const struct group *g, bool egress, struct str *s)
{
    char name[NET_ID_MAX];

    set_name(g->id, name);
    str_addf(s, "chain %s_%s {\n", egress ? "out" : "in", name);
    for (size_t i = 0; i < g->n_rules; i++)
        if (g->rules[i].egress == egress)
            group_rule(&g->rules[i], s);
    str_add(s, "}\n");
}

/* ---- sets of groups: one chain for all ports that have the same ------------------------------ */

static bool same_groups(const struct port *a, const struct port *b)
{
    if (a->n_groups != b->n_groups)
        return false;
    for (unsigned i = 0; i < a->n_groups; i++)
        if (strcmp(a->groups[i], b->groups[i]) != 0)
            return false;
    return true;
}

/* Gives each port the number of its set of groups; first[k] is a port that has the set k. */
static size_t number_sets(const struct vpc *v, const struct port **first, size_t *number)
{
    size_t n = 0, i = 0, k;

    for (const struct port *p = v->ports; p; p = p->next) {
        if (p->going)
            continue;
        for (k = 0; k < n && !same_groups(first[k], p); k++)
            ;
        if (k == n)
            first[n++] = p;
        number[i++] = k;
    }
    return n;
}

static void set_chain(const struct vpc *v, const struct port *p, size_t k, bool egress,
                      struct str *s)
{
    char name[NET_ID_MAX];

    str_addf(s, "chain %s_%zu {\n", egress ? "from" : "to", k);
    for (unsigned i = 0; i < p->n_groups; i++)
        if (group_find(v, p->groups[i])) {
            set_name(p->groups[i], name);
            str_addf(s, "  jump %s_%s\n", egress ? "out" : "in", name);
        }
    str_add(s, "}\n");
}

static void set_map(const struct vpc *v, const size_t *number, bool egress, struct str *s)
{
    char address[IP4_TEXT_MAX];
    bool first = true;
    size_t i = 0;

    str_addf(s, "map %s { type ipv4_addr : verdict; ", egress ? "senders" : "receivers");
    for (const struct port *p = v->ports; p; p = p->next) {
        if (p->going)
            continue;
        net_ip4_text(p->address, address);
        str_addf(s, "%s%s : jump %s_%zu", first ? "elements = { " : ", ", address,
                 egress ? "from" : "to", number[i++]);
        first = false;
    }
    end_elements(s, first);
}

static void group_sets(const struct vpc *v, struct str *s)
{
    for (const struct group *g = v->groups; g; g = g->next) {
        group_set(v, g->id, s);
        for (size_t i = 0; i < g->n_rules; i++)
            if (g->rules[i].group[0] && !group_find(v, g->rules[i].group))
                group_set(v, g->rules[i].group, s); /* twice is fine */
    }
}

static void groups_text(const struct vpc *v, struct str *s)
{
    const struct port **first = xcalloc(v->n_ports + 1, sizeof *first);
    size_t *number = xcalloc(v->n_ports + 1, sizeof *number);
    size_t n = number_sets(v, first, number);

    group_sets(v, s);
    for (int egress = 0; egress < 2; egress++) {
        for (const struct group *g = v->groups; g; g = g->next)
            group_chain(g, egress, s);
        for (size_t k = 0; k < n; k++)
            set_chain(v, first[k], k, egress, s);
        set_map(v, number, egress, s);
    }
    free(first);
    free(number);
}

/* ---- bridge: nobody speaks for another ------------------------------------------------------- */

/* chaddr is compared as raw payload, which nft knows as a number. */
static void number_of_mac(const char *mac, char out[16])
{
    size_t n = 0;

    for (; *mac; mac++)
        if (*mac != ':')
            out[n++] = *mac;
    out[n] = '\0';
}

static void port_set(const struct vpc *v, const char *name, const char *type, int kind,
                     struct str *s)
{
    char address[IP4_TEXT_MAX], raw[16];
    bool first = true;

    str_addf(s, "set %s { %s; ", name, type);
    for (const struct port *p = v->ports; p; p = p->next) {
        if (p->going)
            continue;
        net_ip4_text(p->address, address);
        number_of_mac(p->mac, raw);
        str_addf(s, "%s\"%s\" . ", first ? "elements = { " : ", ", p->tap);
        first = false;
        if (kind == 0)
            str_add(s, p->mac);
        else if (kind == 1)
            str_addf(s, "%s . %s", p->mac, address);
        else
            str_addf(s, "0x%s", raw);
    }
    end_elements(s, first);
}

static void bridge_text(const struct vpc *v, struct str *s)
{
    str_add(s, "table bridge kiln\ndelete table bridge kiln\ntable bridge kiln {\n");
    port_set(v, "macs", "type ifname . ether_addr", 0, s);
    port_set(v, "addresses", "type ifname . ether_addr . ipv4_addr", 1, s);
    port_set(v, "chaddrs", "typeof iifname . @th,288,48", 2, s);
    str_add(s,
            "chain from_guests {\n"
            "  type filter hook prerouting priority -300; policy drop;\n"
            "  iifname . ether saddr != @macs drop\n"
            "  ether type arp iifname . arp saddr ether . arp saddr ip @addresses accept\n"
            "  ether type arp arp saddr ip 0.0.0.0 iifname . arp saddr ether @macs accept\n"
            "  ether type ip udp dport 67 jump dhcp\n"
            "  ether type ip iifname . ether saddr . ip saddr @addresses accept\n"
            "}\n"
            "chain dhcp {\n"
            "  ip frag-off & 0x3fff != 0 drop\n"
            "  ip saddr 0.0.0.0 iifname . @th,288,48 @chaddrs accept\n"
            "  iifname . ether saddr . ip saddr @addresses iifname . @th,288,48 @chaddrs accept\n"
            "  drop\n"
            "}\n"
            "chain between { type filter hook forward priority 0; policy drop; }\n"
            "chain to_guests {\n"
            "  type filter hook output priority 0; policy accept;\n"
            "  ether type ip udp dport 68 oifname . @th,288,48 != @chaddrs drop\n"
            "}\n}\n");
}

/* ---- all of it ------------------------------------------------------------------------------- */

void filter_vpc_text(const struct vpc *v, struct str *s)
{
    bridge_text(v, s);
    str_add(s, "table inet kiln\ndelete table inet kiln\ntable inet kiln {\n");
    groups_text(v, s);
    filter_router_text(v, s);
    str_add(s, "}\n");
}
