/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "str.h"

#define DIGITS_MIN 8
#define DIGITS_MAX 17
#define TAP_DIGITS 14

static int bad(struct err *e, const char *what, const char *text)
{
    char buf[80];

    return err_set(e, EINVAL, ERR_INVALID, "'%s' is no %s",
                   str_show(text ? text : "", buf, sizeof buf), what);
}

int net_id_take(const char *id, const char *prefix, char ret[NET_ID_MAX], struct err *e)
{
    size_t plen = strlen(prefix), n;

    if (!id || !str_starts(id, prefix) || id[plen] != '-')
        return err_set(e, EINVAL, ERR_INVALID, "'%.40s' is no id that begins with '%s-'",
                       id ? id : "", prefix);
    n = strspn(id + plen + 1, "0123456789abcdef");
    if (n < DIGITS_MIN || n > DIGITS_MAX || id[plen + 1 + n])
        return bad(e, "id", id);
    return str_copy(ret, NET_ID_MAX, id) < 0 ? bad(e, "id", id) : 0;
}

int net_ip4_take(const char *text, uint32_t *ret, struct err *e)
{
    struct in_addr a;

    if (!text || inet_pton(AF_INET, text, &a) != 1)
        return bad(e, "IPv4 address", text);
    *ret = ntohl(a.s_addr);
    return 0;
}

uint32_t net_mask(unsigned prefix)
{
    return prefix ? ~UINT32_C(0) << (32 - prefix) : 0;
}

int net_cidr_take(const char *text, struct cidr4 *ret, struct err *e)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    char address[INET6_ADDRSTRLEN];
    struct in6_addr six;
    struct in_addr four;
    uint64_t prefix;
    bool is_six;

    if (!slash || (size_t)(slash - text) >= sizeof address)
        return bad(e, "address range", text);
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    is_six = strchr(address, ':') != NULL;
    if (parse_u64(slash + 1, 0, is_six ? 128 : 32, &prefix) < 0)
        return bad(e, "address range", text);
    if (is_six)
        return inet_pton(AF_INET6, address, &six) == 1 ? 0 : bad(e, "address range", text);
    if (inet_pton(AF_INET, address, &four) != 1)
        return bad(e, "address range", text);
    ret->prefix = (unsigned)prefix;
    ret->address = ntohl(four.s_addr) & net_mask(ret->prefix);
    return 1;
}

int net_mac_take(const char *text, char ret[MAC_TEXT_MAX], struct err *e)
{
    uint8_t first;

    if (!text || strlen(text) != MAC_TEXT_MAX - 1)
        return bad(e, "MAC address", text);
    for (size_t i = 0; i < MAC_TEXT_MAX - 1; i++)
        if (i % 3 == 2 ? text[i] != ':' : !strchr("0123456789abcdef", text[i]))
            return bad(e, "MAC address in lower case", text);
    if (hex_decode((char[]){ text[0], text[1], '\0' }, &first, 1) < 0 || (first & 1) ||
        strcmp(text, "00:00:00:00:00:00") == 0)
        return bad(e, "station's MAC address", text);
    return str_copy(ret, MAC_TEXT_MAX, text);
}

int net_domain_take(const char *text, char ret[DOMAIN_MAX], struct err *e)
{
    size_t n = text ? strlen(text) : 0;

    if (n == 0 || n >= DOMAIN_MAX || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") != n ||
        strchr(".-", text[0]) || strchr(".-", text[n - 1]) || strstr(text, ".."))
        return bad(e, "domain name", text);
    return str_copy(ret, DOMAIN_MAX, text);
}

void net_ip4_text(uint32_t address, char out[IP4_TEXT_MAX])
{
    (void)snprintf(out, IP4_TEXT_MAX, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
                   address >> 8 & 0xff, address & 0xff);
}

void net_cidr_text(struct cidr4 c, char out[CIDR_TEXT_MAX])
{
    char text[IP4_TEXT_MAX];

    net_ip4_text(c.address, text);
    (void)snprintf(out, CIDR_TEXT_MAX, "%s/%u", text, c.prefix & 63);
}

uint64_t net_hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return h;
}

static const char *digits_of(const char *id)
{
    const char *dash = strchr(id, '-');

    return dash ? dash + 1 : id;
}

void net_name_ns(const char *tag, const char *vpc, char out[NET_NAME_MAX])
{
    (void)snprintf(out, NET_NAME_MAX, "kiln-%s-%s", tag, digits_of(vpc));
}

void net_name_veth(const char *tag, const char *vpc, char out[NET_IF_MAX])
{
    (void)snprintf(out, NET_IF_MAX, "k%.8s%06x", tag, (unsigned)(net_hash(vpc) & 0xffffff));
}

void net_name_tap(const char *port, char out[NET_IF_MAX])
{
    const char *d = digits_of(port);
    size_t n = strlen(d);

    (void)snprintf(out, NET_IF_MAX, "t%.14s", n > TAP_DIGITS ? d + n - TAP_DIGITS : d);
}
