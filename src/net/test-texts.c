/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told to nft, ip and dnsmasq, without any of them. */
#include <errno.h>
#include <string.h>

#include "net-priv.h"
#include "test.h"

static struct net n;
static struct vpc v;
static struct port ports[3];
static struct group groups[2];
static struct rule rules[4];

static void add_port(unsigned i, const char *mac, uint32_t address, const char *group)
{
    struct port *p = &ports[i];

    *p = (struct port){ .vpc = &v, .next = v.ports, .address = address, .n_groups = 1 };
    (void)str_copy(p->mac, sizeof p->mac, mac);
    (void)str_copy(p->groups[0], sizeof p->groups[0], group);
    (void)str_copy(p->tap, sizeof p->tap, (const char *[]){ "t1", "t2", "t3" }[i]);
    v.ports = p;
    v.n_ports++;
}

static int set_up(void **unused)
{
    (void)unused;
    n = (struct net){ .tag = "01234567",
                      .table = "kiln_01234567",
                      .mtu = 1500,
                      .dnsmasq = (char *)"/usr/sbin/dnsmasq",
                      .user = (char *)"kiln" };
    v = (struct vpc){ .net = &n,
                      .range = { 0xac1f0000, 16 },
                      .n_subnets = 1,
                      .dir = (char *)"/h/run/net/vpc-1",
                      .domain = "ec2.internal" };
    v.subnets[0] = (struct cidr4){ 0xac1f1000, 20 };
    memset(rules, 0, sizeof rules);
    groups[0] = (struct group){ .id = "sg-00000001", .rules = rules, .n_rules = 0 };
    v.groups = &groups[0];
    add_port(0, "02:00:00:00:00:01", 0xac1f1005, "sg-00000001");
    add_port(1, "02:00:00:00:00:02", 0xac1f1006, "sg-00000001");
    add_port(2, "02:00:00:00:00:03", 0xac1f1007, "sg-00000002");
    return 0;
}

static void has(const struct str *s, const char *text)
{
    if (!strstr(str_text(s), text))
        fail_msg("no '%s' in:\n%s", text, str_text(s));
}

static void has_not(const struct str *s, const char *text)
{
    if (strstr(str_text(s), text))
        fail_msg("'%s' in:\n%s", text, str_text(s));
}

static void rules_become_matches(void **unused)
{
    static const struct {
        struct rule r;
        const char *text;
    } rows[] = {
        { { .proto = -1 }, "{\n  accept\n}" },
        { { .proto = -1, .range = { 0x0a000000, 8 } }, "  ip saddr 10.0.0.0/8 accept\n" },
        { { .proto = 6, .from = 22, .to = 22 }, "  tcp dport 22 accept\n" },
        { { .proto = 17, .from = 1, .to = 9 }, "  udp dport 1-9 accept\n" },
        { { .proto = 6, .from = 0, .to = 65535 }, "  meta l4proto tcp accept\n" },
        { { .proto = 1, .from = -1, .to = -1 }, "  meta l4proto icmp accept\n" },
        { { .proto = 1, .from = 8, .to = -1 }, "  icmp type 8 accept\n" },
        { { .proto = 1, .from = 3, .to = 4 }, "  icmp type 3 icmp code 4 accept\n" },
        { { .proto = 50 }, "  meta l4proto 50 accept\n" },
        { { .proto = 6, .from = 1, .to = 1, .group = "sg-00000002" },
          "  ip saddr @sg_00000002 tcp dport 1 accept\n" },
        { { .proto = 6, .egress = true, .from = 1, .to = 1, .range = { 0x01020304, 32 } },
          "  ip daddr 1.2.3.4/32 tcp dport 1 accept\n" },
        { { .proto = -1, .never = true }, "chain in_sg_00000001 {\n}" },
    };

    (void)unused;
    groups[0].n_rules = 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);

        rules[0] = rows[i].r;
        filter_vpc_text(&v, &s);
        has(&s, rows[i].text);
    }
}

static void ports_of_the_same_groups_share_a_chain(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);

    (void)unused;
    filter_vpc_text(&v, &s);
    has(&s, "map receivers { type ipv4_addr : verdict; elements = { 172.31.16.7 : jump to_0, "
            "172.31.16.6 : jump to_1, 172.31.16.5 : jump to_1 }; }");
    has(&s, "chain to_1 {\n  jump in_sg_00000001\n}");
    has(&s, "chain to_0 {\n}"); /* its group does not exist */
    has_not(&s, "to_2");
}

static void a_port_that_goes_is_in_no_text(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);

    (void)unused;
    ports[0].going = true;
    filter_vpc_text(&v, &s);
    dhcp_hosts_text(&v, &s);
    has_not(&s, "172.31.16.5");
    has_not(&s, "02:00:00:00:00:01");
    has(&s, "02:00:00:00:00:02,172.31.16.6,ip-172-31-16-6,3600\n");
    ports[0].going = false;
    ports[1].going = ports[2].going = ports[0].going = true;
    str_done(&s);
    filter_vpc_text(&v, &s);
    has(&s, "set macs { type ifname . ether_addr; }");
}

static void dnsmasq_is_told_router_and_routes(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);

    (void)unused;
    n.dns[n.n_dns++] = 0x0a000001;
    dhcp_args(&v, &s);
    has(&s, "--dhcp-range=set:s0,172.31.16.0,static,255.255.240.0,3600\n");
    has(&s, "--dhcp-option=tag:s0,3,172.31.16.1\n");
    has(&s, "--dhcp-option=tag:s0,121,169.254.169.254/32,0.0.0.0,0.0.0.0/0,172.31.16.1\n");
    has(&s, "--dhcp-option=6,172.31.0.2\n");
    has_not(&s, "--server"); /* no way out: names are refused */
    n.nat = true;
    dhcp_args(&v, &s);
    has(&s, "--server=10.0.0.1\n");
}

static void leases_of_nobody_are_left_out(void **unused)
{
    static const char mine[] = "1800000000 02:00:00:00:00:01 172.31.16.5 ip-172-31-16-5 01:02\n";
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    bool stale = true;

    (void)unused;
    dhcp_leases_keep(&v, mine, &s, &stale);
    assert_string_equal(str_text(&s), mine);
    assert_false(stale);
    str_done(&s);
    dhcp_leases_keep(&v,
                     "1 02:00:00:00:00:09 172.31.16.5 * *\n"  /* another MAC has the address */
                     "1 02:00:00:00:00:01 172.31.16.55 * *\n" /* and the other way round */
                     "nonsense\n\n"
                     "1 02:00:00:00:00:01 172.31.16.5 a b\n"
                     "1 02:00:00:00:00:01 172.31.16.5",
                     &s, &stale);
    assert_true(stale);
    assert_string_equal(str_text(&s), "1 02:00:00:00:00:01 172.31.16.5 a b\n");
}

static void the_host_guards_itself_before_it_forwards(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);

    (void)unused;
    filter_host_text(&n, &s);
    has(&s, "iifname \"k01234567*\" jump from_guests");
    has(&s, "oifname \"k01234567*\" drop");
    has(&s, "ip saddr 169.254.192.0/18 ip daddr != 169.254.192.0/18 masquerade");
}

static void a_public_address_is_translated_both_ways(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);

    (void)unused;
    v.link = 0xa9fec000;
    filter_vpc_text(&v, &s);
    has(&s, "map inward { type ipv4_addr : ipv4_addr; }");
    str_done(&s);
    ports[0].public_ip = 0xc6130002;
    ports[1].public_ip = 0xc6130003;
    ports[1].going = true;
    filter_vpc_text(&v, &s);
    has(&s, "map inward { type ipv4_addr : ipv4_addr; elements = { 198.19.0.2 : 172.31.16.5 }; }");
    has(&s, "map outward { type ipv4_addr : ipv4_addr; elements = { 172.31.16.5 : 198.19.0.2 }; }");
    has(&s, "set pairs { type ipv4_addr . ipv4_addr; elements = { 198.19.0.2 . 172.31.16.5 }; }");
    has(&s, "ct reply ip daddr != 169.254.192.1 ");
    has_not(&s, "198.19.0.3");
}

static void the_host_lets_in_what_is_for_public_addresses(void **unused)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);

    (void)unused;
    filter_host_text(&n, &s);
    has_not(&s, "198.19");
    str_done(&s);
    n.public_range = (struct cidr4){ 0xc6130400, 22 };
    filter_host_text(&n, &s);
    has(&s, "iifname != lo iifname != \"k01234567*\" ip saddr 198.19.4.0/22 drop");
    has(&s, "oifname \"k01234567*\" ip daddr 198.19.4.0/22 accept\n  oifname \"k01234567*\" drop");
    has(&s, "snat ip to 198.19.4.1\n");
}

static void routes_of_the_kernel_are_read(void **unused)
{
    static const struct {
        const char *line;
        struct public_route r;
    } good[] = {
        { "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0   ",
          { "eth0", { 0, 0 }, 100, false } },
        { "*\t000413C6\t00000000\t0200\t0\t0\t1073741825\t00FCFFFF\t0\t0\t0",
          { "*", { 0xc6130400, 22 }, 0x40000001, true } },
        { "k0123456789abcd\t050413C6\t01C0FEA9\t0007\t0\t0\t0\tFFFFFFFF\t0\t0\t0",
          { "k0123456789abcd", { 0xc6130405, 32 }, 0, false } },
    };
    static const char *const bad[] = {
        "Iface\tDestination\tGateway \tFlags",
        "",
        "eth0 0 0",
        "eth0 0 0 1 0 0 0 FF00FF00 0 0 0",
        "a-name-that-is-too-long-for-a-link 0 0 1 0 0 0 0 0 0 0",
    };
    struct public_route r;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(public_route_take(good[i].line, &r), 0);
        assert_string_equal(r.dev, good[i].r.dev);
        assert_int_equal(r.to.address, good[i].r.to.address);
        assert_int_equal(r.to.prefix, good[i].r.to.prefix);
        assert_int_equal(r.metric, good[i].r.metric);
        assert_int_equal(r.reject, good[i].r.reject);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(public_route_take(bad[i], &r), -EINVAL);
}

#define unit(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit(rules_become_matches),
        unit(ports_of_the_same_groups_share_a_chain),
        unit(a_port_that_goes_is_in_no_text),
        unit(dnsmasq_is_told_router_and_routes),
        unit(leases_of_nobody_are_left_out),
        unit(the_host_guards_itself_before_it_forwards),
        unit(a_public_address_is_translated_both_ways),
        unit(the_host_lets_in_what_is_for_public_addresses),
        unit(routes_of_the_kernel_are_read),
    };

    return test_run(tests);
}
