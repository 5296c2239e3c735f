/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of outside text before it enters a command, and the names that are derived from it. Every
 * text that passes is made of characters that mean nothing to ip, nft or dnsmasq. */
#pragma once

#include "err.h"

#define NET_ID_MAX    32 /* "eni-0123456789abcdef0" and its NUL, with room */
#define NET_NAME_MAX  64
#define NET_IF_MAX    16 /* IFNAMSIZ */
#define IP4_TEXT_MAX  16
#define CIDR_TEXT_MAX (IP4_TEXT_MAX + 3)
#define MAC_TEXT_MAX  18
#define DOMAIN_MAX    65

struct cidr4 {
    uint32_t address; /* host order, the bits behind the prefix are zero */
    unsigned prefix;
};

/* PREFIX-xxxxxxxx with 8 to 17 lower-case hex digits; copied. */
int net_id_take(const char *id, const char *prefix, char ret[NET_ID_MAX], struct err *e);
int net_ip4_take(const char *text, uint32_t *ret, struct err *e);
/* 1: IPv4 and *ret; 0: a good IPv6 range, nothing written. */
int net_cidr_take(const char *text, struct cidr4 *ret, struct err *e);
/* One station's address, lower case, never a group's. */
int net_mac_take(const char *text, char ret[MAC_TEXT_MAX], struct err *e);
int net_domain_take(const char *text, char ret[DOMAIN_MAX], struct err *e);

void net_ip4_text(uint32_t address, char out[IP4_TEXT_MAX]);
void net_cidr_text(struct cidr4 c, char out[CIDR_TEXT_MAX]);
uint32_t net_mask(unsigned prefix);
static inline bool net_cidr_has(struct cidr4 c, uint32_t address)
{
    return (address & net_mask(c.prefix)) == c.address;
}
static inline bool net_cidr_meet(struct cidr4 a, struct cidr4 b)
{
    return net_cidr_has(a, b.address) || net_cidr_has(b, a.address);
}

/* 64 bits of FNV-1a: tells names apart, guards nothing. */
uint64_t net_hash(const char *text);
/* "kiln-TTTTTTTT-0123456789abcdef0": namespace of a VPC; tag is 8 hex digits of the home. */
void net_name_ns(const char *tag, const char *vpc, char out[NET_NAME_MAX]);
/* "kTTTTTTTTvvvvvv": the host's end of a VPC's way out. */
void net_name_veth(const char *tag, const char *vpc, char out[NET_IF_MAX]);
/* "t" and the last 14 digits of the port's id. */
void net_name_tap(const char *port, char out[NET_IF_MAX]);
