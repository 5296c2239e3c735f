/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the room share. One thread; everything hangs below struct net.
 *
 * A VPC is a small reconciler (vpc-steps.c): it compares flags of what is wanted with what is done,
 * does the next single thing, and looks again when that has ended. */
#pragma once

#include "child.h"
#include "names.h"
#include "net.h"
#include "str.h"

#define NET_MAGIC     0x6b6e6574
#define NET_TEXT_MAX  (16U << 20) /* ceiling of a text for nft, ip or dnsmasq */
#define BRIDGE        "br0"
#define WAY_OUT       "out0"
#define BRIDGE_MAC    "0e:6b:69:6c:6e:01"
#define IMDS_ADDRESS  "169.254.169.254"
#define DNS_ADDRESS   "169.254.169.253"
#define NTP_ADDRESS   "169.254.169.123"
#define KMS_ADDRESS_0 "169.254.169.250"
#define KMS_ADDRESS_1 "169.254.169.251"
#define LINK_RANGE    "169.254.192.0/18" /* both ends of each way out */
#define DNS_MAX       8

#define FAILURES_FINAL 3U /* of one step in a row: who waits is told then */

struct rule {
    bool egress;
    bool never; /* an IPv6 range */
    int proto, from, to;
    struct cidr4 range;
    char group[NET_ID_MAX]; /* "" when range counts */
};

struct group {
    struct group *next;
    char id[NET_ID_MAX];
    struct rule *rules;
    size_t n_rules;
};

struct port {
    struct port *next;
    struct vpc *vpc;
    char id[NET_ID_MAX], tap[NET_IF_MAX], mac[MAC_TEXT_MAX];
    uint32_t address, public_ip;             /* 0: none */
    char groups[NET_GROUPS_MAX][NET_ID_MAX]; /* sorted, each once */
    unsigned n_groups;
    bool going; /* removed: only the link is still to be taken away */
    bool failing;
    int tap_fd; /* while it is put on the bridge */
    net_plug_fn plug_fn;
    void *plug_userdata;
};

/* One child process at a time for each VPC and one for the host: ip, nft. */
struct task;
typedef void (*task_fn)(void *userdata, const struct err *e);

struct vpc {
    struct vpc *next;
    struct net *net;
    char id[NET_ID_MAX], ns[NET_NAME_MAX], veth[NET_IF_MAX], domain[DOMAIN_MAX];
    struct cidr4 range;
    struct cidr4 subnets[NET_SUBNETS_MAX];
    unsigned n_subnets;
    uint32_t link; /* the host's address of the way out; ours is the next; 0: none yet */
    struct group *groups;
    struct port *ports;
    size_t n_ports;

    bool going;        /* removed, or left over by somebody */
    bool down;         /* going, and nothing is left */
    bool up;           /* links and filter stand, owners were told */
    bool link_dirty;   /* links, addresses */
    bool filter_dirty; /* nftables */
    bool dhcp_dirty;   /* hosts, options, the process itself */
    bool sweep;        /* taps that no port wants are to go */
    bool found;        /* the namespace stood before us */
    bool host_linked;  /* namespace and way out were looked after */
    bool emptied;      /* going: its links are gone */
    bool ns_made;      /* the namespace is ours and ns_fd open */
    struct task *task;
    unsigned failures;
    sd_event_source *retry;
    int ns_fd;
    char *dir; /* home/run/net/vpc-... */

    struct child *dnsmasq;
    bool dnsmasq_stopping;
    char *dnsmasq_said; /* its command line, to see when it must be another */
    uint64_t dnsmasq_since_ms;
    unsigned dnsmasq_deaths;
    sd_event_source *dnsmasq_retry;
};

struct net {
    unsigned magic;
    sd_event *loop;
    char *home, *dir, *user;
    char *ip, *bridge, *nft, *dnsmasq; /* where they are */
    char tag[9];                       /* 8 hex digits that name this home */
    char table[32];                    /* our table in the host's namespace */
    bool nat;
    uint32_t dns[DNS_MAX], ntp, kms; /* 0: none */
    unsigned n_dns, mtu;
    struct cidr4 public_range; /* prefix 0: no public addresses */
    uint32_t public_metric;    /* of our own mark among the host's routes */
    char public_text[CIDR_TEXT_MAX];
    int public_fd; /* says that the range is ours */
    int host_ns;   /* the namespace that we live in */
    struct vpc *vpcs;
    sd_event_source *kick;

    struct task *host_task;
    bool host_ready;   /* the host's table stands */
    bool host_gone;    /* purging: it is removed */
    bool routes_dirty; /* to public addresses */
    sd_event_source *host_retry;
    bool swept; /* everything was told */
    bool sweep_links, purging, up_tell;
    void (*settled_fn)(void *);
    void *settled_userdata;
    void (*purge_fn)(void *);
    void *purge_userdata;
    void (*up_fn)(struct net *, const char *, void *);
    void *up_userdata;
};

/* net.c */
void net_touch(struct net *n); /* something is to do: look soon, from the loop */
struct vpc *net_vpc_find(const struct net *n, const char *id);
struct port *net_port_find(const struct net *n, const char *id);

/* task.c: text is read by the program as its file (argument "@"); fn once, from the loop */
int task_run(struct net *n, int ns_fd, const char *const *argv, const char *text, task_fn fn,
             void *userdata, struct task **ret, struct err *e);
void task_free(struct task *t);

/* netns.c: the one thread goes into a namespace and comes back at the end of the scope, or the
 * process ends */
struct ns_scope {
    int back;
};
#define NS_SCOPE_INIT                                                                              \
    {                                                                                              \
        .back = -1                                                                                 \
    }
int ns_enter(const struct net *n, int ns_fd, struct ns_scope *s, struct err *e);
void ns_leave(struct ns_scope *s);
#define _ns_scope_ _cleanup_(ns_leave)
/* A descriptor of the namespace with this name; -ENOENT without a story when there is none. */
int ns_open(const char *name);
int ns_tap_open(const struct vpc *v, const char *tap, int *ret_fd, struct err *e);
bool ns_has_link(const struct vpc *v, const char *name);
/* fn for each link of the namespace (-1: the host's) whose name begins with prefix */
void ns_each_link(const struct net *n, int ns_fd, const char *prefix,
                  void (*fn)(const char *name, void *userdata), void *userdata);
/* 1 and the pid of our dnsmasq in the namespace; 0: none. dir is on its command line. */
int ns_find_dnsmasq(int ns_fd, const char *dir, pid_t *ret_pid, char **ret_said);

/* link.c: texts for ip -batch */
int link_choose(struct vpc *v, struct err *e);
int link_sysctl(const struct vpc *v, struct err *e);
int link_no_delay(const struct vpc *v, struct err *e);
int link_host_text(const struct vpc *v, struct str *s, struct err *e);
int link_inside_text(const struct vpc *v, struct str *s, struct err *e);
void link_plug_text(const struct port *p, unsigned mtu, struct str *s);
void link_known_text(const struct port *p, struct str *s); /* for bridge -batch */
void link_gone_text(const struct vpc *v, struct str *s);
void link_empty_text(const struct vpc *v, struct str *s);
void link_sweep_text(const struct vpc *v, struct str *s);
int link_forwarding_on(struct err *e);

/* open.c */
int open_check_rights(struct err *e);
int open_find_programs(struct net *n, struct err *e);
int open_take_config(struct net *n, const struct net_config *cfg, struct err *e);

/* public.c */
/* Chooses the range that this home gives public addresses from. */
int range_choose(struct net *n, const struct net_config *cfg, struct err *e);
uint32_t range_gate(const struct net *n); /* the host's own public address */
/* Commands that make the host's routes what they are to be; empty when they are. */
void public_routes_text(const struct net *n, bool wanted, struct str *s);
/* One line of /proc/net/route: 0, or -EINVAL. */
struct public_route {
    char dev[NET_IF_MAX];
    struct cidr4 to;
    uint32_t metric;
    bool reject; /* "unreachable" */
};
int public_route_take(const char *line, struct public_route *ret);

/* filter.c, filter-router.c, filter-host.c: texts for nft -f */
void filter_vpc_text(const struct vpc *v, struct str *s);
void filter_router_text(const struct vpc *v, struct str *s);
void filter_host_text(const struct net *n, struct str *s);

/* dhcp.c */
int dhcp_apply(struct vpc *v, struct err *e); /* 1: goes on when dnsmasq has ended */
/* The dnsmasq of an earlier daemon; once for each VPC, when its namespace was found. */
int dhcp_adopt(struct vpc *v, struct err *e);
void dhcp_stop(struct vpc *v);                      /* v->dnsmasq is NULL when it has ended */
void dhcp_args(const struct vpc *v, struct str *s); /* one argument a line */
void dhcp_hosts_text(const struct vpc *v, struct str *s);
/* Lines of a lease file that belong to ports; *ret_stale when there were others. */
void dhcp_leases_keep(const struct vpc *v, const char *leases, struct str *s, bool *ret_stale);

/* vpc.c */
int vpc_new(struct net *n, const char *id, struct vpc **ret, struct err *e);
void vpc_free(struct vpc *v);
bool vpc_is_settled(const struct vpc *v);

/* vpc-steps.c */
void vpc_kick(struct vpc *v);
bool vpc_has_going(const struct vpc *v);
struct port *vpc_next_waiting(const struct vpc *v);

/* port.c */
void port_free(struct port *p);
void port_tell(struct port *p, int fd, const struct err *e);
/* Frees the ports whose links are gone. */
void port_drop_gone(struct vpc *v);

/* group.c */
void group_free(struct group *g);
const struct group *group_find(const struct vpc *v, const char *id);
