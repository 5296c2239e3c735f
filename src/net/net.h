/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The networks of the guests: one network namespace with a bridge, DHCP, DNS and packet filter for
 * each VPC, one tap for each port (network interface). Needs root. Knows nothing of EC2's API or
 * the model: it is told what is wanted in plain specs, copies them, and makes it so.
 *
 * What is wanted is declared by net_..._set (again as often as you like: the last one counts) and
 * net_..._remove; both only check, remember and return. The work itself goes on in the loop, by
 * child processes, one at a time for each VPC, and many changes at once cost one. It is repeated
 * until it holds; a failure that stays is logged and told to whoever waits (net_port_plug).
 *
 * A restart of the daemon: net_open, then _set everything that the database has, then net_sweep.
 * Namespaces, taps held by living QEMUs and dnsmasq are taken over as they stand. */
#pragma once

#include <systemd/sd-event.h>

#include "err.h"

struct net;

#define NET_PORTS_MAX  1000 /* in one VPC; a bridge of Linux ends at 1,023 */
#define NET_GROUPS_MAX 16   /* of one port */

/* Benchmarks of networks have it (RFC 2544): no LAN, no provider and no VPN does. */
#define NET_PUBLIC_DEFAULT "198.19.0.0/16"
#define NET_PUBLIC_PART    22 /* of it is one home's */

struct net_config {
    sd_event *loop;
    const char *home; /* names are derived from it; home/run/net/ is ours */
    const char *user; /* dnsmasq becomes this user; NULL or unknown: nobody */
    bool nat;         /* guests reach the world through the host's addresses; also turns on
                         net.ipv4.ip_forward of the host when the first VPC is made */
    /* Where dnsmasq asks for names of the world: addresses, NULL at the end. NULL: those of the
     * host's resolv.conf that are not on the loopback. None, or no NAT: all are refused at once. */
    const char *const *dns;
    /* Where public addresses come from: a range ("198.51.100.0/24"), refused (ERR_CONFLICT) when it
     * meets an address or a route of this host; "none"; NULL: a part of NET_PUBLIC_DEFAULT, by the
     * home's name and beside those that other homes have, or none when all meet something. None
     * without nat. */
    const char *public_addresses;
    const char *public_before; /* the part that this home had last: taken again when it is free */
    const char *ntp;           /* behind 169.254.169.123: address of a host; NULL: refused */
    const char *kms; /* behind 169.254.169.250 and .251, port 1688: address; NULL: refused */
    unsigned mtu;    /* 0: 1500 */
};

/* ERR_DENIED without root, and when a program is missing: the sentence says what, and that
 * '--network user' works without. Makes nothing yet. */
int net_open(const struct net_config *cfg, struct net **ret, struct err *e);
/* Forgets everything in memory; networks, taps and dnsmasq go on. Waiting callbacks are not
 * called. */
void net_close(struct net *n);
DEFINE_FREEP(net_close, struct net);

/* Once, after everything wanted was set. Networks of an earlier daemon stand untouched until then,
 * so that no guest loses its connections because half was told; then they become what is wanted,
 * and what nobody wants is removed: namespaces, links, processes and files of this home. */
void net_sweep(struct net *n);
/* fn is called once, from the loop, when everything that was set and removed until then is done
 * (or has failed for good). */
void net_when_settled(struct net *n, void (*fn)(void *userdata), void *userdata);
/* make stop, and tests: removes all that this home ever made; fn when nothing is left. Taps that a
 * QEMU still holds lose their network. */
void net_purge(struct net *n, void (*fn)(void *userdata), void *userdata);

/* "198.19.24.0/22"; NULL: no public addresses. Its first address is the host's own, so the host
 * comes to guests, and guests without one to public addresses; it and the last one are nobody
 * else's. */
const char *net_public_range(const struct net *n);

/* ---- VPCs ------------------------------------------------------------------------------------ */

#define NET_SUBNETS_MAX 64

struct net_vpc_spec {
    const char *id;             /* "vpc-0123456789abcdef0" */
    const char *cidr;           /* "172.31.0.0/16" */
    const char *const *subnets; /* CIDRs inside it, NULL at the end: each has its router at .1 */
    const char *domain;         /* of host names: "ec2.internal" */
};

/* DNS is at 169.254.169.253 and at the second address of the VPC's CIDR, as in EC2. */
int net_vpc_set(struct net *n, const struct net_vpc_spec *spec, struct err *e);
/* ERR_CONFLICT while it has ports. Its groups go with it. Unknown: fine. */
int net_vpc_remove(struct net *n, const char *vpc, struct err *e);

/* ---- security groups ------------------------------------------------------------------------- */

#define NET_PROTO_ALL (-1)

struct net_rule {
    bool egress;
    int proto;         /* NET_PROTO_ALL or an IP protocol number: 1 icmp, 6 tcp, 17 udp */
    int from, to;      /* tcp, udp: ports; icmp: type and code, -1: any; otherwise ignored */
    const char *cidr;  /* the other side: "10.0.0.0/8" (IPv6: accepted, matches nothing), or ... */
    const char *group; /* ... the members of this group of the same VPC; exactly one is set */
};

struct net_group_spec {
    const char *id;  /* "sg-0123456789abcdef0" */
    const char *vpc; /* must be set before */
    const struct net_rule *rules;
    size_t n_rules;
};

/* What no rule admits is dropped, in both directions: EC2's default egress is a rule too. Answers
 * to admitted traffic pass. Always reachable for guests: DHCP, DNS, metadata, NTP and KMS. */
int net_group_set(struct net *n, const struct net_group_spec *spec, struct err *e);
int net_group_remove(struct net *n, const char *vpc, const char *group, struct err *e);

/* ---- ports: network interfaces --------------------------------------------------------------- */

struct net_port_spec {
    const char *id;      /* "eni-0123456789abcdef0" */
    const char *vpc;     /* must be set before */
    const char *mac;     /* "02:..", lower case */
    const char *address; /* "172.31.0.10", in one of the VPC's subnets */
    /* NULL or "": none. Translated one to one: what comes for it comes to the port, rules seeing
     * the sender as it is, and the port's own connections leave by it. The port that is told it
     * last has it. */
    const char *public_address;
    const char *const *groups; /* NULL at the end; unknown groups admit nothing until set */
};

/* Address and filter of a port that may have no machine now. Host name: ip-172-31-0-10.DOMAIN.
 * ERR_CONFLICT when another port of the VPC has the MAC or address. */
int net_port_set(struct net *n, const struct net_port_spec *spec, struct err *e);
/* Makes the tap of a known port for a new QEMU and puts it on the bridge. fn is called once, from
 * the loop, as soon as DHCP and packet filter know the port: fd is the tap, for
 * "-netdev tap,fd=N" (IFF_VNET_HDR, one queue); it is the callee's. The tap lives as long as its
 * descriptors: with QEMU, also without a daemon. On failure fd is -1 and e tells: ERR_CONFLICT when
 * the tap of an earlier QEMU still lives. net_port_remove ends the waiting with ERR_NOT_FOUND. */
typedef void (*net_plug_fn)(struct net *n, const char *port, int fd, const struct err *e,
                            void *userdata);
int net_port_plug(struct net *n, const char *port, net_plug_fn fn, void *userdata, struct err *e);
/* Nobody waits any more (the launch was given up); fn is not called. */
void net_port_unplug(struct net *n, const char *port);
/* Nothing passes any more, the lease and the tap go. Unknown: fine. */
int net_port_remove(struct net *n, const char *port, struct err *e);

/* ---- sockets in a VPC's namespace ------------------------------------------------------------ */

/* A listening TCP socket, nonblocking, close-on-exec: 169.254.169.254 port 80 for the metadata
 * service. The source address of a connection is the caller's own (the filter sees to that).
 * ERR_CONFLICT with EAGAIN until the VPC is up: call from net_when_up. */
int net_listen(struct net *n, const char *vpc, const char *address, uint16_t port, int *ret_fd,
               struct err *e);
/* A nonblocking TCP socket that connects (or has) from the VPC's router to a port's address; no
 * group rule is asked: the way in of whoever owns the machine. ERR_NOT_FOUND when no port of the
 * VPC has the address. */
int net_connect(struct net *n, const char *vpc, const char *address, uint16_t port, int *ret_fd,
                struct err *e);
/* fn is called, from the loop, each time a VPC has come up (again): once for each that is up
 * already when asked. Sockets of an earlier time died with the namespace if there was one. */
void net_when_up(struct net *n, void (*fn)(struct net *n, const char *vpc, void *userdata),
                 void *userdata);
/* The id of the port that has this address in the VPC (borrowed), NULL: none. */
const char *net_port_at(const struct net *n, const char *vpc, const char *address);
