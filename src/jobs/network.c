/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "file.h"
#include "imds.h"
#include "log.h"
#include "net.h"
#include "rules.h"

#define METADATA_ADDRESS "169.254.169.254"
#define METADATA_PORT    80
#define BACKLOG          64

struct plug {
    struct jobs *jobs;
    char port[MODEL_ID_MAX];
    plug_fn fn;
    void *userdata;
};

/* ---- declaring what the model has -------------------------------------------------------------
 */

static int declare_vpc(struct jobs *js, const struct vpc_rec *vpc, struct err *e)
{
    _cleanup_free_ struct subnet_rec *v = NULL;
    const char *cidrs[NET_SUBNETS_MAX + 1];
    char domain[RULES_HOST_MAX];
    struct net_vpc_spec spec = {
        .id = vpc->id, .cidr = vpc->cidr, .subnets = cidrs, .domain = domain
    };
    size_t n = 0, used = 0;
    int r = model_subnet_list(js->model, vpc->region, &v, &n, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n && used < NET_SUBNETS_MAX; i++)
        if (strcmp(v[i].vpc_id, vpc->id) == 0)
            cidrs[used++] = v[i].cidr;
    cidrs[used] = NULL;
    rules_private_domain(vpc->region, domain);
    return net_vpc_set(js->net, &spec, e);
}

static int protocol_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {
        { "-1", NET_PROTO_ALL }, { "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "icmpv6", 58 }
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].number;
    return (int)strtoul(name, NULL, 10); /* the model checked it */
}

static int declare_group(struct jobs *js, const struct group_rec *g, struct err *e)
{
    _cleanup_free_ struct rule_rec *v = NULL;
    _cleanup_free_ struct net_rule *rules = NULL;
    struct net_group_spec spec = { .id = g->id, .vpc = g->vpc_id };
    size_t n = 0;
    int r = model_group_rules(js->model, g->id, &v, &n, e);

    if (r < 0)
        return r;
    rules = xcalloc(n, sizeof *rules);
    for (size_t i = 0; i < n; i++)
        rules[i] = (struct net_rule){ .egress = v[i].egress,
                                      .proto = protocol_number(v[i].protocol),
                                      .from = v[i].from_port,
                                      .to = v[i].to_port,
                                      .cidr = v[i].cidr[0] ? v[i].cidr : NULL,
                                      .group = v[i].cidr[0] ? NULL : v[i].source_group_id };
    spec.rules = rules;
    spec.n_rules = n;
    return net_group_set(js->net, &spec, e);
}

static int declare_port(struct jobs *js, const struct interface_rec *i, struct err *e)
{
    _cleanup_free_ struct group_rec *v = NULL;
    const char *groups[NET_GROUPS_MAX + 1];
    struct net_port_spec spec = {
        .id = i->id, .vpc = i->vpc_id, .mac = i->mac, .address = i->private_ip, .groups = groups
    };
    size_t n = 0, used = 0;
    struct public_view shown;
    int r = model_interface_groups(js->model, i->id, &v, &n, e);

    if (r >= 0)
        r = model_public_of(js->model, i, &shown, e);
    if (r < 0)
        return r;
    spec.public_address = r > 0 ? shown.ip : NULL;
    for (; used < n && used < NET_GROUPS_MAX; used++)
        groups[used] = v[used].id;
    groups[used] = NULL;
    return net_port_set(js->net, &spec, e);
}

static int declare_region(struct jobs *js, const char *region, struct err *e)
{
    _cleanup_free_ struct vpc_rec *vpcs = NULL;
    _cleanup_free_ struct group_rec *groups = NULL;
    _cleanup_free_ struct interface_rec *ports = NULL;
    size_t n_vpcs = 0, n_groups = 0, n_ports = 0;
    int r = model_vpc_list(js->model, region, &vpcs, &n_vpcs, e);

    if (r == 0)
        r = model_group_list(js->model, region, &groups, &n_groups, e);
    if (r == 0)
        r = model_interface_list(js->model, region, &ports, &n_ports, e);
    for (size_t i = 0; r == 0 && n_ports && i < n_vpcs; i++)
        r = declare_vpc(js, &vpcs[i], e);
    for (size_t i = 0; r == 0 && n_ports && i < n_groups; i++)
        r = declare_group(js, &groups[i], e);
    for (size_t i = 0; r == 0 && i < n_ports; i++)
        r = declare_port(js, &ports[i], e);
    return r;
}

void network_declare(struct jobs *js, const char *region)
{
    struct err e = { 0 };

    if (js->net && declare_region(js, region, &e) < 0)
        log_error("jobs", "make the networks of '%s' so: %s", region, e.msg);
}

/* Later, from the loop: the caller's transaction may still be rolled back. */
void jobs_network_changed(struct jobs *j, const char *region)
{
    for (size_t i = 0; i < j->n_dirty; i++)
        if (strcmp(j->dirty_regions[i], region) == 0)
            return;
    if (!j->net || j->n_dirty == REGIONS_MAX)
        return;
    (void)str_copy(j->dirty_regions[j->n_dirty++], MODEL_REGION_MAX, region);
    (void)sd_event_source_set_enabled(j->runner, SD_EVENT_ONESHOT);
}

void network_run(struct jobs *js)
{
    while (js->n_dirty)
        network_declare(js, js->dirty_regions[--js->n_dirty]);
}

/* Every region that has an instance; a VPC without one costs nothing. */
static int declare_all(struct jobs *js, struct err *e)
{
    _cleanup_free_ struct instance_rec *v = NULL;
    size_t n = 0;
    int r = model_instance_list(js->model, NULL, &v, &n, e);

    for (size_t i = 0; r == 0 && i < n; i++) {
        bool seen = v[i].state == INSTANCE_TERMINATED;

        for (size_t k = 0; k < i && !seen; k++)
            seen = v[k].state != INSTANCE_TERMINATED && strcmp(v[k].region, v[i].region) == 0;
        if (!seen)
            r = declare_region(js, v[i].region, e);
    }
    return r;
}

/* ---- the metadata service ----------------------------------------------------------------------
 */

static void on_vpc_up(struct net *n, const char *vpc, void *userdata)
{
    struct jobs *js = userdata;
    struct err e = { 0 };
    int fd = -1;

    imds_unserve(js->imds, vpc); /* its socket died with an earlier namespace */
    if (net_listen(n, vpc, METADATA_ADDRESS, METADATA_PORT, &fd, &e) < 0 ||
        imds_serve(js->imds, fd, vpc, &e) < 0) {
        log_error("jobs", "serve the metadata in '%s': %s", vpc, e.msg);
        close_fdp(&fd);
    }
}

static int open_imds(struct jobs *js, struct err *e)
{
    _cleanup_free_ char *keys = xasprintf("%s/keys", js->cfg.home);
    struct imds_spec spec = {
        .loop = js->cfg.loop, .find = metadata_find, .userdata = js, .key_dir = keys
    };

    return imds_open(&spec, &js->imds, e);
}

int network_user_serve(struct jobs *js, const char *instance_id, struct err *e)
{
    _cleanup_free_ char *dir = jobs_instance_dir(js, instance_id);
    _cleanup_free_ char *path = xasprintf("%s/imds.sock", dir);
    _cleanup_close_ int fd = -1;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    uid_t uid;
    gid_t gid;
    int r;

    if (js->cfg.network != JOBS_NETWORK_USER)
        return 0;
    if (str_copy(a.sun_path, sizeof a.sun_path, path) < 0)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "'%s' is too long for a socket", path);
    imds_unserve_instance(js->imds, instance_id);
    r = unlink_quiet(path, e);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, BACKLOG) < 0)
        return err_errno(e, "listen on '%s'", path);
    r = child_user_find(js->cfg.user, &uid, &gid, e);
    if (r < 0)
        return r;
    if (r > 0 && chown(path, uid, gid) < 0)
        return err_errno(e, "give '%s' to the user '%s'", path, js->cfg.user);
    return imds_serve_instance(js->imds, TAKE_FD(fd), instance_id, e);
}

void network_user_unserve(struct jobs *js, const char *instance_id)
{
    if (js->imds)
        imds_unserve_instance(js->imds, instance_id);
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static int open_net(struct jobs *js, struct err *e)
{
    char before[MODEL_CIDR_MAX];
    struct net_config c = { .loop = js->cfg.loop,
                            .home = js->cfg.home,
                            .user = js->cfg.user,
                            .nat = js->cfg.nat,
                            .public_addresses = js->cfg.public_addresses,
                            .ntp = js->cfg.ntp,
                            .kms = js->cfg.kms };
    int r = model_public_range_before(js->model, before, e);

    if (r < 0)
        return r;
    c.public_before = r > 0 ? before : NULL;
    return net_open(&c, &js->net, e);
}

/* Guests know their VPC's addresses as their own neighbours. */
static int check_range(const char *range, struct err *e)
{
    uint32_t a = 0, b = 0;
    uint64_t n_a = 0, n_b = 0;

    if (range && rules_ipv4_block(range, &a, &n_a) == 0 &&
        rules_ipv4_block(MODEL_VPC_CIDR, &b, &n_b) == 0 && a < b + n_b && b < a + n_a)
        return err_set(e, EINVAL, ERR_INVALID,
                       "public addresses cannot be of '%s': guests have private ones of %s", range,
                       MODEL_VPC_CIDR);
    return 0;
}

static int open_public(struct jobs *js, struct err *e)
{
    const char *range = js->net ? net_public_range(js->net) : NULL;
    int r = check_range(range, e);

    if (r == 0 && !js->net && js->cfg.public_addresses && !str_eq(js->cfg.public_addresses, "none"))
        r = err_set(e, EINVAL, ERR_INVALID,
                    "public addresses ('%s') need networks of VPCs, which this installation does "
                    "not have",
                    js->cfg.public_addresses);
    if (r == 0)
        r = model_public_range_set(js->model, range, e);
    if (r == 0 && range)
        log_info("jobs", "public addresses are of %s", range);
    return r;
}

/* Not told which: networks of our own when we may, else the user network, and one clear line. */
static int choose(struct jobs *js, struct err *e)
{
    int r = 0;

    if (js->cfg.network == JOBS_NETWORK_VPC || js->cfg.network == JOBS_NETWORK_AUTO)
        r = open_net(js, e);
    if (js->cfg.network != JOBS_NETWORK_AUTO)
        return r;
    js->cfg.network = r == 0 ? JOBS_NETWORK_VPC : JOBS_NETWORK_USER;
    if (r < 0 && e->kind == ERR_DENIED) {
        log_warning("jobs",
                    "guests run on QEMU's user network (no security groups, no way from "
                    "guest to guest, no public addresses, no 'kiln connect'): %s",
                    e->msg);
        err_clear(e);
        r = 0;
    }
    return r;
}

int network_open(struct jobs *js, struct err *e)
{
    int r = choose(js, e);

    if (r == 0)
        r = open_public(js, e);
    if (r == 0 && js->cfg.network != JOBS_NETWORK_ISOLATED)
        r = open_imds(js, e);
    if (r < 0 || !js->net)
        return r;
    net_when_up(js->net, on_vpc_up, js);
    r = declare_all(js, e);
    if (r == 0)
        net_sweep(js->net);
    return r < 0 ? r : connect_open(js, e);
}

void network_close(struct jobs *js)
{
    connect_close(js);
    imds_close(TAKE_PTR(js->imds));
    net_close(TAKE_PTR(js->net));
    metadata_close(js);
}

void network_purge(struct jobs *js, void (*fn)(void *userdata), void *userdata)
{
    if (js->net)
        net_purge(js->net, fn, userdata);
    else
        fn(userdata);
}

/* ---- taps ---------------------------------------------------------------------------------------
 */

static void on_plugged(struct net *n, const char *port, int fd, const struct err *e, void *userdata)
{
    struct plug *p = userdata;

    (void)n, (void)port;
    p->port[0] = '\0'; /* nothing to give up any more */
    p->fn(fd, e && e->no ? e : NULL, p->userdata);
}

int network_plug(struct jobs *js, const char *instance_id, plug_fn fn, void *userdata,
                 struct plug **ret, struct err *e)
{
    struct interface_rec port;
    struct plug *p;
    int r;

    if (!js->net) {
        fn(-1, NULL, userdata);
        return 0;
    }
    r = model_interface_of(js->model, instance_id, &port, e);
    if (r < 0)
        return r;
    network_declare(js, port.region);
    p = xcalloc(1, sizeof *p);
    p->jobs = js;
    p->fn = fn;
    p->userdata = userdata;
    (void)str_copy(p->port, sizeof p->port, port.id);
    r = net_port_plug(js->net, port.id, on_plugged, p, e);
    if (r < 0) {
        free(p);
        return err_wrap(e, "connect instance '%s' to its network", instance_id);
    }
    *ret = p;
    return 0;
}

void plug_free(struct plug *p)
{
    if (!p)
        return;
    if (p->port[0] && p->jobs->net)
        net_port_unplug(p->jobs->net, p->port);
    free(p);
}

void network_forget(struct jobs *js, const char *region, const char *interface_id)
{
    struct err e = { 0 };

    if (!js->net)
        return;
    if (net_port_remove(js->net, interface_id, &e) < 0)
        log_error("jobs", "remove the network interface '%s': %s", interface_id, e.msg);
    jobs_network_changed(js, region); /* later: the model still has it at this moment */
}
