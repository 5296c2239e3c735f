/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses, blocks of them, and the values of a security group's rule. */
#include "rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "str.h"
#include "utf8.h"

#define NAME_CHARACTERS                                                                            \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._-:/()#,@[]+=&;{}!$*"

int rules_ipv4(const char *text, uint32_t *ret)
{
    struct in_addr a;

    if (inet_pton(AF_INET, text, &a) != 1)
        return -EINVAL;
    *ret = ntohl(a.s_addr);
    return 0;
}

void rules_ipv4_text(uint32_t ip, char ret[16])
{
    (void)snprintf(ret, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 0xff, ip >> 8 & 0xff, ip & 0xff);
}

/* Address and prefix length of "a/n" (n may be missing: all bits); family's bits. */
static int split(const char *text, int family, uint8_t addr[16], unsigned *ret_len)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    unsigned bits = family == AF_INET ? 32 : 128;
    char ip[INET6_ADDRSTRLEN];
    uint64_t len = bits;

    if (n >= sizeof ip)
        return -EINVAL;
    memcpy(ip, text, n);
    ip[n] = '\0';
    if (inet_pton(family, ip, addr) != 1 || (slash && parse_u64(slash + 1, 0, bits, &len) < 0))
        return -EINVAL;
    *ret_len = (unsigned)len;
    return 0;
}

static void clear_host_bits(uint8_t addr[16], unsigned len, unsigned bits)
{
    for (unsigned i = len; i < bits; i++)
        addr[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

int rules_ipv4_block(const char *cidr, uint32_t *ret_first, uint64_t *ret_n)
{
    uint8_t addr[16] = { 0 };
    unsigned len = 0;

    if (split(cidr, AF_INET, addr, &len) < 0)
        return -EINVAL;
    clear_host_bits(addr, len, 32);
    *ret_first = (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 |
                 (uint32_t)addr[3];
    *ret_n = 1ULL << (32 - len);
    return 0;
}

int rules_cidr(const char *text, bool ipv6, char ret[MODEL_CIDR_MAX], struct err *e)
{
    int family = ipv6 ? AF_INET6 : AF_INET, n;
    uint8_t addr[16] = { 0 };
    char ip[INET6_ADDRSTRLEN], out[MODEL_CIDR_MAX + 8], shown[80];
    unsigned len = 0;

    if (split(text, family, addr, &len) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "CIDR block %s is malformed",
                       str_show(text, shown, sizeof shown));
    clear_host_bits(addr, len, ipv6 ? 128 : 32);
    if (!inet_ntop(family, addr, ip, sizeof ip))
        return err_errno(e, "write an address");
    n = snprintf(out, sizeof out, "%s/%u", ip, len);
    if (n < 0 || n >= MODEL_CIDR_MAX) /* an IPv6 address that ends in an IPv4 one */
        return err_set(e, EINVAL, ERR_INVALID, "CIDR block %s is malformed",
                       str_show(text, shown, sizeof shown));
    memcpy(ret, out, (size_t)n + 1);
    return 0;
}

void rules_private_domain(const char *region, char ret[RULES_HOST_MAX])
{
    if (str_eq(region, "us-east-1"))
        (void)str_copy(ret, RULES_HOST_MAX, "ec2.internal");
    else
        (void)snprintf(ret, RULES_HOST_MAX, "%.40s.compute.internal", region);
}

void rules_private_dns(const char *private_ip, const char *region, char ret[RULES_HOST_MAX])
{
    char name[16], domain[RULES_HOST_MAX];

    ret[0] = '\0';
    if (!private_ip[0] || str_copy(name, sizeof name, private_ip) < 0)
        return;
    for (char *p = name; *p; p++)
        *p = *p == '.' ? '-' : *p;
    rules_private_domain(region, domain);
    (void)snprintf(ret, RULES_HOST_MAX, "ip-%s.%.60s", name, domain);
}

/* ---- security groups ------------------------------------------------------------------------- */

static int check_name(const char *what, const char *text, struct err *e)
{
    char shown[80];

    if (utf8_count(text) > 255)
        return err_set(e, EINVAL, ERR_INVALID,
                       "Value for parameter %s is too long: at most 255 characters are expected",
                       what);
    if (text[strspn(text, NAME_CHARACTERS)])
        return err_set(
            e, EINVAL, ERR_INVALID,
            "Value (%s) for parameter %s is invalid. Character sets beyond ASCII are not "
            "supported; letters, digits, spaces and ._-:/()#,@[]+=&;{}!$* are.",
            str_show(text, shown, sizeof shown), what);
    return 0;
}

int rules_group_name(const char *name, struct err *e)
{
    char shown[80];

    if (!name[0])
        return err_set(e, EINVAL, ERR_INVALID, "The group name must not be empty");
    if (str_starts(name, "sg-"))
        return err_set(e, EINVAL, ERR_INVALID,
                       "Value (%s) for parameter GroupName is invalid. Group names may not be in "
                       "the format sg-*",
                       str_show(name, shown, sizeof shown));
    return check_name("GroupName", name, e);
}

int rules_group_description(const char *text, struct err *e)
{
    return check_name("GroupDescription", text, e);
}

static const struct {
    const char *number, *name;
} protocols[] = { { "1", "icmp" }, { "6", "tcp" }, { "17", "udp" }, { "58", "icmpv6" } };

static int check_protocol(struct rule_rec *rule, struct err *e)
{
    uint64_t n;

    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (str_eq_nocase(rule->protocol, protocols[i].name) ||
            str_eq(rule->protocol, protocols[i].number))
            return str_copy(rule->protocol, sizeof rule->protocol, protocols[i].name);
    if (str_eq(rule->protocol, "all")) /* as the command line says it */
        return str_copy(rule->protocol, sizeof rule->protocol, "-1");
    if (str_eq(rule->protocol, "-1") || parse_u64(rule->protocol, 0, 255, &n) == 0)
        return 0;
    return err_set(e, EINVAL, ERR_INVALID, "Invalid value '%s' for IP protocol. Unknown protocol.",
                   rule->protocol);
}

static int bad_ports(const struct rule_rec *rule, struct err *e)
{
    return err_set(e, EINVAL, ERR_INVALID,
                   "Invalid value for portRange. Must specify both from and to ports with TCP/UDP: "
                   "%d to %d is no range of ports",
                   rule->from_port, rule->to_port);
}

int rules_permission(struct rule_rec *rule, struct err *e)
{
    int r = check_protocol(rule, e), from = rule->from_port, to = rule->to_port;

    if (r < 0)
        return r;
    if (str_eq(rule->protocol, "tcp") || str_eq(rule->protocol, "udp")) {
        if (from == -1 && to == -1) { /* all of them, as some clients write it */
            rule->from_port = 0;
            rule->to_port = 65535;
            return 0;
        }
        return from < 0 || to > 65535 || from > to ? bad_ports(rule, e) : 0;
    }
    if (str_starts(rule->protocol, "icmp")) {
        if (from < -1 || from > 255 || to < -1 || to > 255)
            return err_set(e, EINVAL, ERR_INVALID,
                           "Invalid value '%d' and '%d' for ICMP type and code", from, to);
        return 0;
    }
    rule->from_port = rule->to_port = -1;
    return 0;
}
