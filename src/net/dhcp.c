/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One dnsmasq for each VPC: addresses by MAC, names, DNS. It outlives the daemon and is known again
 * by its namespace and command line. Hosts are a file that it reads again on SIGHUP, which keeps
 * leases; a lease of a port that is no more would block its address, and dnsmasq cannot be told,
 * so it is stopped, the lease file cleaned, and started again (some 20 ms). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "file.h"
#include "log.h"
#include "net-priv.h"

#define LEASES_MAX     (4U << 20)
#define ARGS_MAX       160
#define LEASE_SECONDS  "3600"
#define RESTART_US     200000ULL
#define RESTART_MAX_US 10000000ULL
#define RESTART_SLACK  1000ULL
#define SHIFT_MAX      7U /* by then the longest wait is reached */
#define LONG_LIFE_MS   60000U

/* ---- texts ----------------------------------------------------------------------------------- */

static void subnet_args(const struct vpc *v, unsigned i, struct str *s)
{
    char net[IP4_TEXT_MAX], mask[IP4_TEXT_MAX], router[IP4_TEXT_MAX];

    net_ip4_text(v->subnets[i].address, net);
    net_ip4_text(net_mask(v->subnets[i].prefix), mask);
    net_ip4_text(v->subnets[i].address + 1, router);
    str_addf(s, "--dhcp-range=set:s%u,%s,static,%s," LEASE_SECONDS "\n", i, net, mask);
    str_addf(s, "--dhcp-option=tag:s%u,3,%s\n", i, router);
    /* A client that honours 121 (Windows also asks for 249) ignores 3: the default route again */
    str_addf(s, "--dhcp-option=tag:s%u,121," IMDS_ADDRESS "/32,0.0.0.0,0.0.0.0/0,%s\n", i, router);
    str_addf(s, "--dhcp-option=tag:s%u,249," IMDS_ADDRESS "/32,0.0.0.0,0.0.0.0/0,%s\n", i, router);
}

static void upstream_args(const struct vpc *v, struct str *s)
{
    char text[IP4_TEXT_MAX];

    for (unsigned i = 0; v->net->nat && i < v->net->n_dns; i++) {
        net_ip4_text(v->net->dns[i], text);
        str_addf(s, "--server=%s\n", text);
    }
}

void dhcp_args(const struct vpc *v, struct str *s)
{
    char range[IP4_TEXT_MAX], dns[IP4_TEXT_MAX];

    net_ip4_text(v->range.address, range);
    net_ip4_text(v->range.address + 2, dns);
    str_addf(s, "%s\n", v->net->dnsmasq);
    str_add(s, "--conf-file=/dev/null\n--keep-in-foreground\n--log-facility=-\n--quiet-dhcp\n"
               "--interface=" BRIDGE "\n--except-interface=lo\n--bind-interfaces\n--no-hosts\n"
               "--no-resolv\n--no-ping\n--dhcp-authoritative\n--dhcp-ignore=tag:!known\n"
               "--dhcp-lease-max=2000\n--domain-needed\n--bogus-priv\n");
    str_addf(s, "--user=%s\n--pid-file=\n", v->net->user);
    str_addf(s, "--dhcp-leasefile=%s/leases\n--dhcp-hostsfile=%s/hosts\n", v->dir, v->dir);
    str_addf(s, "--domain=%s\n--local=/%s/\n", v->domain, v->domain);
    str_addf(s, "--synth-domain=%s,%s/%u,ip-\n", v->domain, range, v->range.prefix);
    str_addf(s, "--dhcp-option=6,%s\n--dhcp-option=26,%u\n", dns, v->net->mtu);
    if (v->net->ntp && v->link)
        str_add(s, "--dhcp-option=42," NTP_ADDRESS "\n");
    for (unsigned i = 0; i < v->n_subnets; i++)
        subnet_args(v, i, s);
    upstream_args(v, s);
}

void dhcp_hosts_text(const struct vpc *v, struct str *s)
{
    char a[IP4_TEXT_MAX];

    for (const struct port *p = v->ports; p; p = p->next) {
        if (p->going)
            continue;
        net_ip4_text(p->address, a);
        str_addf(s, "%s,%s,ip-%u-%u-%u-%u," LEASE_SECONDS "\n", p->mac, a, p->address >> 24,
                 p->address >> 16 & 0xff, p->address >> 8 & 0xff, p->address & 0xff);
    }
}

static bool lease_is_wanted(const struct vpc *v, const char *line, size_t n)
{
    char want[MAC_TEXT_MAX + IP4_TEXT_MAX + 4], a[IP4_TEXT_MAX];
    const char *mac = memchr(line, ' ', n); /* "EXPIRY MAC ADDRESS NAME CLIENT-ID" */

    for (const struct port *p = v->ports; mac && p; p = p->next) {
        if (p->going)
            continue;
        net_ip4_text(p->address, a);
        (void)snprintf(want, sizeof want, " %s %s ", p->mac, a);
        if ((size_t)(line + n - mac) > strlen(want) && memcmp(mac, want, strlen(want)) == 0)
            return true;
    }
    return false;
}

void dhcp_leases_keep(const struct vpc *v, const char *leases, struct str *s, bool *ret_stale)
{
    bool stale = false;

    while (*leases) {
        size_t n = strcspn(leases, "\n");

        if (lease_is_wanted(v, leases, n)) {
            str_add_mem(s, leases, n);
            str_addc(s, '\n');
        } else if (n) {
            stale = true;
        }
        leases += n + (leases[n] == '\n');
    }
    *ret_stale = stale;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Whole or not at all for a reader, without a flush: after a power cut nobody wants them. */
static int text_replace(const char *path, const struct str *s, struct err *e)
{
    _cleanup_close_ int fd = -1;
    char tmp[PATH_MAX];

    if ((size_t)snprintf(tmp, sizeof tmp, "%s.new", path) >= sizeof tmp)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "the path '%s' is too long", path);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_errno(e, "create '%s'", tmp);
    if (fchmod(fd, 0644) < 0) /* dnsmasq, another user, reads it; the daemon's umask is strict */
        return err_errno(e, "set the mode of '%s'", tmp);
    if (write_full(fd, str_text(s), s->len) < 0)
        return err_errno(e, "write '%s'", tmp);
    if (rename(tmp, path) < 0)
        return err_errno(e, "rename '%s' to '%s'", tmp, path);
    return 0;
}

static int hosts_write(const struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(NET_TEXT_MAX);
    char path[PATH_MAX];
    int r;

    dhcp_hosts_text(v, &s);
    if ((r = str_check(&s, "the list of hosts", e)) < 0)
        return r;
    (void)snprintf(path, sizeof path, "%s/hosts", v->dir);
    return text_replace(path, &s, e);
}

/* Leases of nobody: 1 when there are any; written back without them when clean is set. */
static int leases_stale(const struct vpc *v, bool clean, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(LEASES_MAX);
    _cleanup_free_ char *leases = NULL;
    char path[PATH_MAX];
    bool stale;
    int r;

    (void)snprintf(path, sizeof path, "%s/leases", v->dir);
    if (!path_exists(path))
        return 0;
    if ((r = file_read(path, LEASES_MAX, &leases, NULL, e)) < 0)
        return r;
    dhcp_leases_keep(v, leases, &s, &stale);
    if (!stale || !clean)
        return stale;
    if ((r = str_check(&s, "the list of leases", e)) < 0)
        return r;
    return text_replace(path, &s, e);
}

/* ---- the process ----------------------------------------------------------------------------- */

static int on_restart(sd_event_source *src, uint64_t usec, void *userdata)
{
    struct vpc *v = userdata;

    (void)src, (void)usec;
    v->dnsmasq_retry = sd_event_source_disable_unref(v->dnsmasq_retry);
    v->dhcp_dirty = true;
    net_touch(v->net);
    return 0;
}

static void restart_later(struct vpc *v)
{
    unsigned k;

    if (clock_mono_ms() - v->dnsmasq_since_ms > LONG_LIFE_MS)
        v->dnsmasq_deaths = 0;
    v->dnsmasq_deaths++;
    k = v->dnsmasq_deaths < SHIFT_MAX ? v->dnsmasq_deaths : SHIFT_MAX;
    v->dnsmasq_retry = sd_event_source_disable_unref(v->dnsmasq_retry);
    if (sd_event_add_time_relative(v->net->loop, &v->dnsmasq_retry, CLOCK_MONOTONIC,
                                   min_u64(RESTART_US << (k - 1), RESTART_MAX_US), RESTART_SLACK,
                                   on_restart, v) < 0)
        log_error("net", "no timer for dnsmasq of '%s', it stays down", v->id);
}

static void on_dnsmasq_exit(struct child *c, const struct child_exit *x, void *userdata)
{
    struct vpc *v = userdata;
    int code = x->code, sig = x->signal;

    child_free(c); /* and x with it */
    v->dnsmasq = NULL;
    free(v->dnsmasq_said);
    v->dnsmasq_said = NULL;
    if (v->dnsmasq_stopping) {
        v->dnsmasq_stopping = false;
        net_touch(v->net);
        return;
    }
    log_warning("net", "dnsmasq of '%s' ended (status %d, signal %d; %s/dnsmasq.log), starts again",
                v->id, code, sig, v->dir);
    restart_later(v);
}

void dhcp_stop(struct vpc *v)
{
    struct err e = { 0 };

    v->dnsmasq_retry = sd_event_source_disable_unref(v->dnsmasq_retry);
    if (!v->dnsmasq || v->dnsmasq_stopping)
        return;
    v->dnsmasq_stopping = true;
    if (child_signal(v->dnsmasq, SIGTERM, &e) < 0)
        log_warning("net", "cannot stop dnsmasq of '%s': %s", v->id, e.msg);
}

static size_t split_lines(char *text, const char *argv[ARGS_MAX])
{
    size_t n = 0;

    for (char *p = text; *p && n + 1 < ARGS_MAX;) {
        char *end = strchr(p, '\n');

        argv[n++] = p;
        if (!end)
            break;
        *end = '\0';
        p = end + 1;
    }
    argv[n] = NULL;
    return n;
}

static int dnsmasq_start(struct vpc *v, const char *said, struct err *e)
{
    _ns_scope_ struct ns_scope scope = NS_SCOPE_INIT;
    _cleanup_free_ char *copy = xstrdup(said);
    const char *argv[ARGS_MAX];
    char log[PATH_MAX];
    int r;

    (void)split_lines(copy, argv);
    (void)snprintf(log, sizeof log, "%s/dnsmasq.log", v->dir);
    if ((r = ns_enter(v->net, v->ns_fd, &scope, e)) < 0)
        return r;
    r = child_spawn(v->net->loop,
                    &(struct child_spec){ .argv = argv,
                                          .log_path = log,
                                          .new_session = true,
                                          .on_exit = on_dnsmasq_exit,
                                          .userdata = v },
                    &v->dnsmasq, e);
    if (r < 0)
        return r;
    v->dnsmasq_said = xstrdup(said);
    v->dnsmasq_since_ms = clock_mono_ms();
    return 0;
}

int dhcp_adopt(struct vpc *v, struct err *e)
{
    _cleanup_free_ char *said = NULL;
    pid_t pid;
    int r;

    if (!ns_find_dnsmasq(v->ns_fd, v->dir, &pid, &said))
        return 0;
    r = child_adopt(v->net->loop, pid, child_start_time(pid), on_dnsmasq_exit, v, &v->dnsmasq, e);
    if (r == -ESRCH) {
        err_clear(e);
        return 0;
    }
    if (r == 0)
        v->dnsmasq_said = TAKE_PTR(said);
    return r;
}

/* A directory that dnsmasq, another user, may pass through. */
static int dir_make_open(const char *path, struct err *e)
{
    int r = dir_make(path, 0755, e);

    if (r == 0 && chmod(path, 0755) < 0)
        return err_errno(e, "set the mode of '%s'", path);
    return r;
}

/* 1: wait until dnsmasq has ended, then come again. */
int dhcp_apply(struct vpc *v, struct err *e)
{
    _cleanup_str_ struct str said = STR_INIT(NET_TEXT_MAX);
    int r, stale;

    if ((r = dir_make_open(v->net->dir, e)) < 0 || (r = dir_make_open(v->dir, e)) < 0 ||
        (r = hosts_write(v, e)) < 0)
        return r;
    if (v->found) {
        v->found = false;
        if (!v->dnsmasq && (r = dhcp_adopt(v, e)) < 0)
            return r;
    }
    dhcp_args(v, &said);
    if ((r = str_check(&said, "the arguments of dnsmasq", e)) < 0)
        return r;
    if ((stale = leases_stale(v, !v->dnsmasq, e)) < 0)
        return stale;
    if (!v->dnsmasq)
        return dnsmasq_start(v, str_text(&said), e);
    if (stale || !str_eq(v->dnsmasq_said, str_text(&said))) {
        dhcp_stop(v);
        return 1;
    }
    return child_signal(v->dnsmasq, SIGHUP, e);
}
