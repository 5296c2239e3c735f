/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The room as a whole: opening, the host's table, leftovers, who waits. What a VPC does stands in
 * vpc.c. */
#include "net.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "file.h"
#include "log.h"
#include "net-priv.h"

#define NETNS_DIR   "/run/netns"
#define RESOLV_MAX  (64U << 10)
#define RETRY_US    1000000ULL
#define RETRY_SLACK 1000ULL
#define WITHOUT     "guests without root have '--network user'"

/* ---- open ------------------------------------------------------------------------------------ */

static bool may(unsigned cap)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };

    return syscall(SYS_capget, &head, data) == 0 && (data[cap / 32].effective >> (cap % 32) & 1);
}

static int check_rights(struct err *e)
{
    _cleanup_close_ int fd = -1;

    if (!may(CAP_NET_ADMIN) || !may(CAP_SYS_ADMIN))
        return err_set(e, EPERM, ERR_DENIED,
                       "networks of VPCs need root (CAP_NET_ADMIN, CAP_SYS_ADMIN); " WITHOUT);
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, errno, ERR_DENIED,
                       "networks of VPCs need '/dev/net/tun', which does not open (%s); " WITHOUT,
                       strerrordesc_np(errno));
    return 0;
}

static char *look_in(const char *dirs, const char *name)
{
    while (*dirs) {
        size_t n = strcspn(dirs, ":");
        char *path = xasprintf("%.*s/%s", (int)n, dirs, name);

        if (n && access(path, X_OK) == 0)
            return path;
        free(path);
        dirs += n + (dirs[n] == ':');
    }
    return NULL;
}

static int find_program(const char *name, const char *package, char **ret, struct err *e)
{
    const char *path = getenv("PATH");

    *ret = path ? look_in(path, name) : NULL;
    if (!*ret)
        *ret = look_in("/usr/sbin:/sbin:/usr/bin:/bin", name);
    if (!*ret)
        return err_set(e, ENOENT, ERR_DENIED,
                       "networks of VPCs need the program '%s' (Debian: %s); " WITHOUT, name,
                       package);
    return 0;
}

static int find_programs(struct net *n, struct err *e)
{
    int r;

    if ((r = find_program("ip", "iproute2", &n->ip, e)) < 0 ||
        (r = find_program("bridge", "iproute2", &n->bridge, e)) < 0 ||
        (r = find_program("nft", "nftables", &n->nft, e)) < 0 ||
        (r = find_program("dnsmasq", "dnsmasq-base", &n->dnsmasq, e)) < 0)
        return r;
    return 0;
}

static void add_dns(struct net *n, uint32_t address)
{
    if (n->n_dns < DNS_MAX && address >> 24 != 127 && address)
        n->dns[n->n_dns++] = address;
}

static void read_resolv(struct net *n, const char *path)
{
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    char *save = NULL;

    if (file_read(path, RESOLV_MAX, &text, NULL, &e) < 0)
        return;
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        char word[64];
        uint32_t address;

        if (sscanf(l, "nameserver %63s", word) != 1)
            continue;
        err_clear(&e);
        if (net_ip4_take(word, &address, &e) == 0)
            add_dns(n, address);
    }
}

/* A resolver on the host's loopback cannot be asked from a namespace; systemd's says whom it asks.
 */
static int take_dns(struct net *n, const char *const *dns, struct err *e)
{
    uint32_t address;
    int r;

    if (!dns) {
        read_resolv(n, "/etc/resolv.conf");
        if (n->n_dns == 0)
            read_resolv(n, "/run/systemd/resolve/resolv.conf");
        if (n->n_dns == 0 && n->nat)
            log_warning("net", "no name server of the host can be asked by guests, names of the "
                               "world are refused");
        return 0;
    }
    for (; *dns; dns++) {
        if ((r = net_ip4_take(*dns, &address, e)) < 0)
            return r;
        if (address >> 24 == 127)
            return err_set(e, EINVAL, ERR_INVALID,
                           "guests cannot ask a name server on the loopback ('%s')", *dns);
        add_dns(n, address);
    }
    return 0;
}

static int take_config(struct net *n, const struct net_config *cfg, struct err *e)
{
    uid_t uid;
    gid_t gid;
    int r;

    n->loop = sd_event_ref(cfg->loop);
    n->home = realpath(cfg->home, NULL);
    if (!n->home)
        return err_errno(e, "find the directory '%s'", cfg->home);
    if (strpbrk(n->home, " \t\n,\"'#\\"))
        return err_set(e, EINVAL, ERR_INVALID,
                       "'%s' cannot be a home with networks: blanks, "
                       "commas and quotes mean something to dnsmasq",
                       n->home);
    n->dir = xasprintf("%s/run/net", n->home);
    if ((r = child_user_find(cfg->user, &uid, &gid, e)) < 0)
        return r;
    n->user = xstrdup(r > 0 ? cfg->user : "nobody");
    n->nat = cfg->nat;
    n->mtu = cfg->mtu ? cfg->mtu : 1500;
    if (n->mtu < 576 || n->mtu > 9216)
        return err_set(e, EINVAL, ERR_INVALID, "an MTU of %u", n->mtu);
    (void)snprintf(n->tag, sizeof n->tag, "%08x", (unsigned)(net_hash(n->home) & 0xffffffff));
    (void)snprintf(n->table, sizeof n->table, "kiln_%s", n->tag);
    if ((cfg->ntp && (r = net_ip4_take(cfg->ntp, &n->ntp, e)) < 0) ||
        (cfg->kms && (r = net_ip4_take(cfg->kms, &n->kms, e)) < 0))
        return r;
    return take_dns(n, cfg->dns, e);
}

static int on_kick(sd_event_source *s, void *userdata);

int net_open(const struct net_config *cfg, struct net **ret, struct err *e)
{
    _cleanup_(net_closep) struct net *n = xcalloc(1, sizeof *n);
    int r;

    n->magic = NET_MAGIC;
    n->host_ns = -1;
    if ((r = check_rights(e)) < 0 || (r = find_programs(n, e)) < 0 ||
        (r = take_config(n, cfg, e)) < 0 || (r = dir_make(n->dir, 0755, e)) < 0)
        return r;
    n->host_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (n->host_ns < 0)
        return err_errno(e, "open the host's network namespace");
    r = sd_event_add_defer(n->loop, &n->kick, on_kick, n);
    if (r < 0)
        return err_no(e, r, "prepare the loop for networks");
    (void)sd_event_source_set_enabled(n->kick, SD_EVENT_OFF);
    *ret = TAKE_PTR(n);
    return 0;
}

void net_close(struct net *n)
{
    if (!n)
        return;
    assert(n->magic == NET_MAGIC);
    while (n->vpcs) {
        struct vpc *v = n->vpcs;

        n->vpcs = v->next;
        vpc_free(v);
    }
    task_free(n->host_task);
    (void)sd_event_source_disable_unref(n->kick);
    (void)sd_event_source_disable_unref(n->host_retry);
    close_fdp(&n->host_ns);
    free(n->home);
    free(n->dir);
    free(n->user);
    free(n->ip);
    free(n->bridge);
    free(n->nft);
    free(n->dnsmasq);
    n->magic = 0;
    (void)sd_event_unref(n->loop);
    free(n);
}

/* ---- finding --------------------------------------------------------------------------------- */

void net_touch(struct net *n)
{
    assert(n->magic == NET_MAGIC);
    (void)sd_event_source_set_enabled(n->kick, SD_EVENT_ONESHOT);
}

struct vpc *net_vpc_find(const struct net *n, const char *id)
{
    assert(n->magic == NET_MAGIC);
    for (struct vpc *v = n->vpcs; v; v = v->next)
        if (strcmp(v->id, id) == 0)
            return v;
    return NULL;
}

struct port *net_port_find(const struct net *n, const char *id)
{
    assert(n->magic == NET_MAGIC);
    for (struct vpc *v = n->vpcs; v; v = v->next)
        for (struct port *p = v->ports; p; p = p->next)
            if (!p->going && strcmp(p->id, id) == 0)
                return p;
    return NULL;
}

void net_when_up(struct net *n, void (*fn)(struct net *n, const char *vpc, void *userdata),
                 void *userdata)
{
    n->up_fn = fn;
    n->up_userdata = userdata;
    n->up_tell = true;
    net_touch(n);
}

/* ---- the host's own table and links ---------------------------------------------------------- */

static int on_host_retry(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct net *n = userdata;

    (void)s, (void)usec;
    n->host_retry = sd_event_source_disable_unref(n->host_retry);
    net_touch(n);
    return 0;
}

static void host_failed(struct net *n, const struct err *e)
{
    log_warning("net", "set up the host's side: %s; tried again", e->msg);
    if (sd_event_add_time_relative(n->loop, &n->host_retry, CLOCK_MONOTONIC, RETRY_US, RETRY_SLACK,
                                   on_host_retry, n) < 0)
        log_error("net", "no timer, the networks stay as they are");
    net_touch(n);
}

static void on_host_table(void *userdata, const struct err *e)
{
    struct net *n = userdata;
    struct err own = { 0 };

    n->host_task = NULL;
    net_touch(n);
    if (!e && link_forwarding_on(&own) < 0)
        e = &own;
    if (e)
        host_failed(n, e);
    else
        n->host_ready = true;
}

static void on_host_gone(void *userdata, const struct err *e)
{
    struct net *n = userdata;

    (void)e; /* no such table: as good */
    n->host_task = NULL;
    n->host_ready = false;
    n->host_gone = true;
    net_touch(n);
}

static int host_table(struct net *n, bool wanted, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r;

    if (wanted)
        filter_host_text(n, &s);
    else
        str_addf(&s, "table inet %s\ndelete table inet %s\n", n->table, n->table);
    if ((r = str_check(&s, "the host's packet filter", e)) < 0)
        return r;
    return task_run(n, -1, (const char *[]){ n->nft, "-f", "@", NULL }, str_text(&s),
                    wanted ? on_host_table : on_host_gone, n, &n->host_task, e);
}

static void on_links_swept(void *userdata, const struct err *e)
{
    struct net *n = userdata;

    (void)e; /* -force: gone meanwhile is fine */
    n->host_task = NULL;
    net_touch(n);
}

struct sweep {
    struct net *n;
    struct str *s;
};

static void sweep_veth(const char *name, void *userdata)
{
    struct sweep *w = userdata;

    for (const struct vpc *v = w->n->vpcs; v; v = v->next)
        if (strcmp(v->veth, name) == 0)
            return;
    str_addf(w->s, "link del %s\n", name);
}

static int host_links(struct net *n, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    struct sweep w = { n, &s };
    char prefix[NET_IF_MAX];
    int r;

    n->sweep_links = false;
    (void)snprintf(prefix, sizeof prefix, "k%s", n->tag);
    ns_each_link(n, -1, prefix, sweep_veth, &w);
    if ((r = str_check(&s, "the host's links", e)) < 0)
        return r;
    if (s.len == 0) {
        net_touch(n); /* no child process will wake us for what is next */
        return 0;
    }
    return task_run(n, -1, (const char *[]){ n->ip, "-force", "-batch", "@", NULL }, str_text(&s),
                    on_links_swept, n, &n->host_task, e);
}

/* ---- leftovers ------------------------------------------------------------------------------- */

static void leftover(struct net *n, const char *id)
{
    struct err e = { 0 };
    struct vpc *v;

    if (net_vpc_find(n, id) || vpc_new(n, id, &v, &e) < 0)
        return;
    log_notice("net", "removes the network of '%s' that nobody wants", id);
    v->going = true;
    v->next = n->vpcs;
    n->vpcs = v;
}

static void leftovers_in(struct net *n, const char *dir, const char *prefix)
{
    struct dirent *d;
    DIR *names = opendir(dir);

    while (names && (d = readdir(names)))
        if (str_starts(d->d_name, prefix)) {
            char id[NET_NAME_MAX];

            (void)snprintf(id, sizeof id, "vpc-%.40s", d->d_name + strlen(prefix));
            leftover(n, id);
        }
    if (names)
        (void)closedir(names);
}

void net_sweep(struct net *n)
{
    char prefix[NET_NAME_MAX];

    (void)snprintf(prefix, sizeof prefix, "kiln-%s-", n->tag);
    leftovers_in(n, NETNS_DIR, prefix);
    leftovers_in(n, n->dir, "vpc-");
    for (struct vpc *v = n->vpcs; v; v = v->next)
        v->sweep = true;
    n->sweep_links = n->swept = true;
    net_touch(n);
}

void net_purge(struct net *n, void (*fn)(void *userdata), void *userdata)
{
    net_sweep(n);
    for (struct vpc *v = n->vpcs; v; v = v->next) {
        v->going = true;
        v->failures = 0;
        v->retry = sd_event_source_disable_unref(v->retry);
    }
    n->purge_fn = fn;
    n->purge_userdata = userdata;
    n->purging = true;
    net_touch(n); /* also when there is nothing to remove */
}

void net_when_settled(struct net *n, void (*fn)(void *userdata), void *userdata)
{
    n->settled_fn = fn;
    n->settled_userdata = userdata;
    net_touch(n);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void drop_down(struct net *n)
{
    for (struct vpc **p = &n->vpcs; *p;) {
        struct vpc *v = *p;

        if (!v->down || v->task) {
            p = &v->next;
            continue;
        }
        *p = v->next;
        vpc_free(v);
    }
}

static bool wants_way_out(const struct net *n)
{
    for (const struct vpc *v = n->vpcs; n->nat && v; v = v->next)
        if (!v->going)
            return true;
    return false;
}

static void kick_host(struct net *n)
{
    struct err e = { 0 };
    int r = 0;

    if (n->host_task || n->host_retry)
        return;
    if (n->sweep_links)
        r = host_links(n, &e);
    else if (!n->host_ready && wants_way_out(n))
        r = host_table(n, true, &e);
    else if (n->purging && !n->vpcs && !n->host_gone)
        r = host_table(n, false, &e);
    if (r < 0)
        host_failed(n, &e);
}

static bool is_settled(const struct net *n)
{
    if (n->host_task || n->sweep_links || (wants_way_out(n) && !n->host_ready))
        return false;
    for (const struct vpc *v = n->vpcs; v; v = v->next)
        if (!vpc_is_settled(v))
            return false;
    return true;
}

static void tell_up(struct net *n)
{
    n->up_tell = false;
    for (struct vpc *v = n->vpcs; v; v = v->next)
        if (v->up && !v->going && n->up_fn)
            n->up_fn(n, v->id, n->up_userdata);
}

/* The last thing: the callbacks may close the room. */
static void tell_waiting(struct net *n)
{
    void (*fn)(void *) = n->settled_fn, (*purge)(void *) = n->purge_fn;
    struct err e = { 0 };

    if (n->purging && !n->vpcs && n->host_gone && is_settled(n)) {
        if (tree_remove(n->dir, &e) < 0)
            log_warning("net", "'%s' stays: %s", n->dir, e.msg);
        n->purging = n->host_gone = false;
        n->purge_fn = NULL;
        if (purge) {
            purge(n->purge_userdata);
            return;
        }
    }
    if (fn && !n->purging && is_settled(n)) {
        n->settled_fn = NULL;
        fn(n->settled_userdata);
    }
}

static int on_kick(sd_event_source *s, void *userdata)
{
    struct net *n = userdata;

    (void)s;
    drop_down(n);
    kick_host(n);
    for (struct vpc *v = n->vpcs; v; v = v->next)
        vpc_kick(v);
    if (n->up_tell)
        tell_up(n);
    tell_waiting(n);
    return 0;
}
