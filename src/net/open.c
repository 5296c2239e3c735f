/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the room needs before it opens: rights, programs, the configuration. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "file.h"
#include "log.h"
#include "net-priv.h"

#define RESOLV_MAX (64U << 10)
#define WITHOUT    "guests without root have '--network user'"

/* ---- rights and programs --------------------------------------------------------------------- */

static bool may(unsigned cap)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };

    return syscall(SYS_capget, &head, data) == 0 && (data[cap / 32].effective >> (cap % 32) & 1);
}

int open_check_rights(struct err *e)
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

int open_find_programs(struct net *n, struct err *e)
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

int open_take_config(struct net *n, const struct net_config *cfg, struct err *e)
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
    r = take_dns(n, cfg->dns, e);
    return r < 0 ? r : range_choose(n, cfg, e);
}
