/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The room as a whole: the host's table, links and routes, leftovers, who waits. What a VPC does
 * stands in vpc-steps.c. */
#include "net.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "log.h"
#include "net-priv.h"

#define NETNS_DIR   "/run/netns"
#define RETRY_US    1000000ULL
#define RETRY_SLACK 1000ULL

static int on_kick(sd_event_source *s, void *userdata);

int net_open(const struct net_config *cfg, struct net **ret, struct err *e)
{
    _cleanup_(net_closep) struct net *n = xcalloc(1, sizeof *n);
    int r;

    n->magic = NET_MAGIC;
    n->host_ns = n->public_fd = -1;
    if ((r = open_check_rights(e)) < 0 || (r = open_find_programs(n, e)) < 0 ||
        (r = open_take_config(n, cfg, e)) < 0 || (r = dir_make(n->dir, 0755, e)) < 0)
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
    close_fdp(&n->public_fd);
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

/* Routes to public addresses, and the mark that the range is ours: one process for all VPCs, so
 * that an address that goes from one to another has its route from whoever was last. */
static void on_routes(void *userdata, const struct err *e)
{
    struct net *n = userdata;

    n->host_task = NULL;
    net_touch(n);
    if (e) {
        n->routes_dirty = true;
        host_failed(n, e);
    }
}

static int host_routes(struct net *n, bool wanted, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r;

    n->routes_dirty = false;
    public_routes_text(n, wanted, &s);
    if ((r = str_check(&s, "the host's routes", e)) < 0)
        return r;
    if (s.len == 0) {
        net_touch(n); /* no child process will wake us for what is next */
        return 0;
    }
    return task_run(n, -1, (const char *[]){ n->ip, "-batch", "@", NULL }, str_text(&s), on_routes,
                    n, &n->host_task, e);
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
    n->sweep_links = n->swept = n->routes_dirty = true;
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
    n->purging = n->routes_dirty = true;
    net_touch(n); /* also when there is nothing to remove */
}

const char *net_public_range(const struct net *n)
{
    return n->public_range.prefix ? n->public_text : NULL;
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
    else if (n->routes_dirty && n->swept)
        r = host_routes(n, !n->purging, &e);
    else if (n->purging && !n->vpcs && !n->host_gone)
        r = host_table(n, false, &e);
    if (r < 0)
        host_failed(n, &e);
}

static bool is_settled(const struct net *n)
{
    if (n->host_task || n->sweep_links || (n->routes_dirty && n->swept) ||
        (wants_way_out(n) && !n->host_ready))
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
