/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "file.h"
#include "log.h"
#include "net-priv.h"

#define RETRY_US     200000ULL
#define RETRY_MAX_US 10000000ULL
#define RETRY_SLACK  1000ULL
#define SHIFT_MAX    6U

/* ---- failures -------------------------------------------------------------------------------- */

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata)
{
    struct vpc *v = userdata;

    (void)s, (void)usec;
    v->retry = sd_event_source_disable_unref(v->retry);
    net_touch(v->net);
    return 0;
}

static void tell_waiting(struct vpc *v, const struct err *e)
{
    for (struct port *p = v->ports; p; p = p->next)
        p->failing = p->plug_fn != NULL;
    for (struct port *p = v->ports; p;) { /* a callback may do anything: from the start again */
        if (!p->failing) {
            p = p->next;
            continue;
        }
        p->failing = false;
        port_tell(p, -1, e);
        p = v->ports;
    }
}

static void vpc_failed(struct vpc *v, const char *what, const struct err *e)
{
    unsigned k = v->failures < SHIFT_MAX ? v->failures : SHIFT_MAX;
    struct err told = *e;

    v->failures++;
    (void)err_wrap(&told, "%s of '%s'", what, v->id);
    log_warning("net", "%s; tried again", told.msg);
    if (sd_event_add_time_relative(v->net->loop, &v->retry, CLOCK_MONOTONIC,
                                   min_u64(RETRY_US << k, RETRY_MAX_US), RETRY_SLACK, on_retry,
                                   v) < 0)
        log_error("net", "no timer for '%s', its network stays as it is", v->id);
    if (v->failures >= FAILURES_FINAL)
        tell_waiting(v, &told);
    net_touch(v->net);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static int run_ip(struct vpc *v, bool inside, bool force, const char *text, task_fn fn,
                  struct err *e)
{
    const char *plain[] = { v->net->ip, "-batch", "@", NULL };
    const char *forced[] = { v->net->ip, "-force", "-batch", "@", NULL };

    return task_run(v->net, inside ? v->ns_fd : -1, force ? forced : plain, text, fn, v, &v->task,
                    e);
}

/* What every step does when its process has ended: true when it went well. */
static bool step_ended(struct vpc *v, const char *what, const struct err *e)
{
    v->task = NULL;
    if (e)
        vpc_failed(v, what, e);
    else
        net_touch(v->net);
    return !e;
}

static void on_host_links(void *userdata, const struct err *e)
{
    struct vpc *v = userdata;

    close_fdp(&v->ns_fd);
    v->ns_fd = ns_open(v->ns);
    v->ns_made = v->ns_fd >= 0;
    v->host_linked = step_ended(v, "make the namespace", e);
    v->net->routes_dirty = true; /* they lead over this link */
}

static int make_host_links(struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r;

    if ((r = link_choose(v, e)) < 0 || (r = link_host_text(v, &s, e)) < 0)
        return r;
    if (s.len > 0)
        return run_ip(v, false, false, str_text(&s), on_host_links, e);
    v->host_linked = v->net->routes_dirty = true;
    net_touch(v->net);
    return 0;
}

static void on_inside_links(void *userdata, const struct err *e)
{
    struct vpc *v = userdata;
    struct err own = { 0 };

    if (!e && link_no_delay(v, &own) < 0)
        e = &own;
    if (!step_ended(v, "make the links", e))
        v->link_dirty = true;
}

static int make_inside_links(struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r;

    if ((r = link_sysctl(v, e)) < 0 || (r = link_inside_text(v, &s, e)) < 0)
        return r;
    v->link_dirty = false;
    return run_ip(v, true, false, str_text(&s), on_inside_links, e);
}

static void on_filter(void *userdata, const struct err *e)
{
    struct vpc *v = userdata;
    struct net *n = v->net;

    if (!step_ended(v, "set the packet filter", e)) {
        v->filter_dirty = true;
        return;
    }
    v->failures = 0;
    if (v->up || v->going)
        return;
    v->up = true;
    log_info("net", "the network of '%s' is up (%s)", v->id, v->ns);
    if (n->up_fn)
        n->up_fn(n, v->id, n->up_userdata);
}

static int set_filter(struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r;

    filter_vpc_text(v, &s);
    if ((r = str_check(&s, "the packet filter", e)) < 0)
        return r;
    v->filter_dirty = false;
    return task_run(v->net, v->ns_fd, (const char *[]){ v->net->nft, "-f", "@", NULL },
                    str_text(&s), on_filter, v, &v->task, e);
}

/* Links that are gone already are as good as removed: failures are no failures. */
static void on_links_gone(void *userdata, const struct err *e)
{
    struct vpc *v = userdata;

    (void)e;
    (void)step_ended(v, "remove links", NULL);
    port_drop_gone(v);
}

bool vpc_has_going(const struct vpc *v)
{
    for (const struct port *p = v->ports; p; p = p->next)
        if (p->going)
            return true;
    return false;
}

static int remove_links(struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r;

    link_gone_text(v, &s);
    if ((r = str_check(&s, "the links to remove", e)) < 0)
        return r;
    return run_ip(v, true, true, str_text(&s), on_links_gone, e);
}

static void on_swept(void *userdata, const struct err *e)
{
    (void)e; /* as above */
    (void)step_ended(userdata, "sweep", NULL);
}

static int sweep_links(struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r;

    v->sweep = false;
    net_touch(v->net);
    link_sweep_text(v, &s);
    if (s.len == 0)
        return 0;
    if ((r = str_check(&s, "the links to sweep", e)) < 0)
        return r;
    log_notice("net", "removes taps of '%s' that nobody wants", v->id);
    return run_ip(v, true, true, str_text(&s), on_swept, e);
}

static int set_dhcp(struct vpc *v, struct err *e)
{
    int r = dhcp_apply(v, e);

    if (r == 0) {
        v->dhcp_dirty = false;
        net_touch(v->net);
    }
    return r < 0 ? r : 0;
}

/* ---- taps ------------------------------------------------------------------------------------ */

static struct port *plugging(const struct vpc *v)
{
    for (struct port *p = v->ports; p; p = p->next)
        if (p->tap_fd >= 0)
            return p;
    return NULL;
}

static void on_known(void *userdata, const struct err *e)
{
    struct vpc *v = userdata;
    struct port *p = plugging(v);
    int fd = p ? TAKE_FD(p->tap_fd) : -1;
    struct err told = e ? *e : (struct err){ 0 };

    v->task = NULL;
    net_touch(v->net);
    if (!p)
        return;
    if (!e) {
        port_tell(p, fd, NULL);
        return;
    }
    close_fdp(&fd);
    (void)err_wrap(&told, "put the port '%s' on the bridge", p->id);
    port_tell(p, -1, &told);
}

/* On the bridge; now the bridge is told the guest's MAC address, since it neither learns nor
 * floods: who has not spoken yet is reached all the same. */
static void on_plugged(void *userdata, const struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    struct vpc *v = userdata;
    struct port *p = plugging(v);
    struct err own = { 0 };

    v->task = NULL;
    if (p && !e) {
        link_known_text(p, &s);
        if (task_run(v->net, v->ns_fd, (const char *[]){ v->net->bridge, "-batch", "@", NULL },
                     str_text(&s), on_known, v, &v->task, &own) == 0)
            return;
        e = &own;
    }
    on_known(v, e);
}

/* A tap that cannot be had is this port's failure, not the VPC's. */
static void plug(struct vpc *v, struct port *p)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    struct err e = { 0 };

    link_plug_text(p, v->net->mtu, &s);
    if (ns_tap_open(v, p->tap, &p->tap_fd, &e) == 0 &&
        run_ip(v, true, false, str_text(&s), on_plugged, &e) == 0)
        return;
    close_fdp(&p->tap_fd);
    p->tap_fd = -1;
    (void)err_wrap(&e, "plug the port '%s'", p->id);
    port_tell(p, -1, &e);
    net_touch(v->net);
}

struct port *vpc_next_waiting(const struct vpc *v)
{
    struct port *last = NULL; /* the list is newest first */

    for (struct port *p = v->ports; p; p = p->next)
        if (p->plug_fn && !p->going)
            last = p;
    return last;
}

/* ---- going ----------------------------------------------------------------------------------- */

static void on_down(void *userdata, const struct err *e)
{
    struct vpc *v = userdata;
    struct err files = { 0 };

    (void)e; /* -force: what was not there is no failure; what stayed is seen by name */
    v->task = NULL;
    net_touch(v->net);
    close_fdp(&v->ns_fd);
    v->ns_fd = ns_open(v->ns);
    if (v->ns_fd >= 0) {
        vpc_failed(v, "remove the network", &(struct err){ EBUSY, ERR_OTHER, "it is still there" });
        return;
    }
    v->ns_made = false;
    if (tree_remove(v->dir, &files) < 0)
        log_warning("net", "files of '%s' stay: %s", v->id, files.msg);
    log_info("net", "the network of '%s' is gone", v->id);
    v->down = true;
}

/* All links by hand: a QEMU that lives on, or a socket that somebody still holds, would keep them
 * alive in a namespace without a name. */
static void on_emptied(void *userdata, const struct err *e)
{
    struct vpc *v = userdata;

    (void)e; /* -force, as above */
    v->emptied = true;
    (void)step_ended(v, "empty", NULL);
}

static int empty(struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r;

    link_empty_text(v, &s);
    if ((r = str_check(&s, "the links to remove", e)) < 0)
        return r;
    return run_ip(v, true, true, str_text(&s), on_emptied, e);
}

static int go(struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    int r = 0;

    if (v->found && v->ns_made) {
        v->found = false;
        r = dhcp_adopt(v, e);
    }
    if (r < 0)
        return r;
    dhcp_stop(v);
    if (v->dnsmasq)
        return 0; /* its end wakes us */
    if (v->ns_made && !v->emptied)
        return empty(v, e);
    str_addf(&s, "link del %s\n", v->veth);
    if (v->ns_made)
        str_addf(&s, "netns del %s\n", v->ns);
    return run_ip(v, false, true, str_text(&s), on_down, e);
}

/* ---- the order ------------------------------------------------------------------------------- */

static int next_step(struct vpc *v, struct err *e)
{
    struct port *p;

    if (v->going)
        return v->down ? 0 : go(v, e);
    if (v->found && !v->net->swept)
        return 0; /* it works as it stands; not all is told yet */
    if (v->net->nat && !v->net->host_ready)
        return 0; /* net.c is at it */
    if (!v->host_linked || !v->ns_made)
        return make_host_links(v, e);
    if (v->link_dirty)
        return make_inside_links(v, e);
    if (v->filter_dirty)
        return set_filter(v, e);
    if (vpc_has_going(v))
        return remove_links(v, e);
    if (v->sweep)
        return sweep_links(v, e);
    if (v->dhcp_dirty && !v->dnsmasq_stopping && !v->dnsmasq_retry)
        return set_dhcp(v, e);
    if (!v->dhcp_dirty && (p = vpc_next_waiting(v)))
        plug(v, p);
    return 0;
}

void vpc_kick(struct vpc *v)
{
    struct err e = { 0 };

    if (v->task || v->retry)
        return;
    if (next_step(v, &e) < 0)
        vpc_failed(v, "change the network", &e);
}
