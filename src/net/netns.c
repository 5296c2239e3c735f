/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Into a namespace and back, and the few things that are done there at once: taps, sockets, sight
 * of links and processes. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "file.h"
#include "log.h"
#include "net-priv.h"
#include "parse.h"

#define NETNS_DIR   "/run/netns"
#define CMDLINE_MAX (1U << 20)
#define BACKLOG     128

int ns_enter(const struct net *n, int ns_fd, struct ns_scope *s, struct err *e)
{
    if (setns(ns_fd, CLONE_NEWNET) < 0)
        return err_errno(e, "enter a network namespace");
    s->back = n->host_ns;
    return 0;
}

/* A daemon in a guests' namespace would serve its API there: rather none. */
void ns_leave(struct ns_scope *s)
{
    int no = errno;

    if (s->back >= 0 && setns(s->back, CLONE_NEWNET) < 0) {
        log_error("net", "cannot come back from a network namespace (%s), the daemon ends",
                  strerrordesc_np(errno));
        abort();
    }
    s->back = -1;
    errno = no;
}

/* A file without a namespace on it is what a killed "ip netns add" leaves: taken away. */
int ns_open(const char *name)
{
    _cleanup_close_ int fd = -1;
    struct statfs fs;
    char path[NET_NAME_MAX + 16];

    (void)snprintf(path, sizeof path, NETNS_DIR "/%s", name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (fstatfs(fd, &fs) < 0)
        return -errno;
    if (fs.f_type != NSFS_MAGIC) {
        (void)unlink(path);
        return -ENOENT;
    }
    return TAKE_FD(fd);
}

int ns_tap_open(const struct vpc *v, const char *tap, int *ret_fd, struct err *e)
{
    _ns_scope_ struct ns_scope scope = NS_SCOPE_INIT;
    _cleanup_close_ int fd = -1;
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL };
    int r;

    (void)str_copy(ifr.ifr_name, sizeof ifr.ifr_name, tap);
    if ((r = ns_enter(v->net, v->ns_fd, &scope, e)) < 0)
        return r;
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK); /* belongs to where it is opened */
    if (fd < 0)
        return err_errno(e, "open '/dev/net/tun'");
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        if (errno == EBUSY || errno == EEXIST)
            return err_set(e, EBUSY, ERR_CONFLICT, "the tap '%s' is still in use", tap);
        return err_errno(e, "make the tap '%s'", tap);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

void ns_each_link(const struct net *n, int ns_fd, const char *prefix,
                  void (*fn)(const char *name, void *userdata), void *userdata)
{
    _ns_scope_ struct ns_scope scope = NS_SCOPE_INIT;
    struct err e = { 0 };
    struct if_nameindex *all;

    if (ns_fd >= 0 && ns_enter(n, ns_fd, &scope, &e) < 0)
        return; /* it is gone, and its links with it */
    all = if_nameindex();
    ns_leave(&scope);
    for (struct if_nameindex *i = all; i && i->if_index; i++)
        if (str_starts(i->if_name, prefix))
            fn(i->if_name, userdata);
    if (all)
        if_freenameindex(all);
}

struct wanted_link {
    const char *name;
    bool there;
};

static void note_link(const char *name, void *userdata)
{
    struct wanted_link *w = userdata;

    w->there |= strcmp(name, w->name) == 0;
}

bool ns_has_link(const struct vpc *v, const char *name)
{
    struct wanted_link w = { .name = name };

    ns_each_link(v->net, v->ns_fd, name, note_link, &w);
    return w.there;
}

/* ---- processes ------------------------------------------------------------------------------- */

static bool lives_in(const char *pid, const struct stat *ns)
{
    struct stat st;
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%.20s/ns/net", pid);
    return stat(path, &st) == 0 && st.st_dev == ns->st_dev && st.st_ino == ns->st_ino;
}

/* The command line, one argument a line, if it is a dnsmasq that speaks of dir. */
static char *dnsmasq_line(const char *pid, const char *dir)
{
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    char path[64], *slash;
    size_t n;

    (void)snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
    if (file_read(path, CMDLINE_MAX, &text, &n, &e) < 0 || n == 0)
        return NULL;
    slash = strrchr(text, '/'); /* up to the first NUL */
    if (strcmp(slash ? slash + 1 : text, "dnsmasq") != 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\0')
            text[i] = '\n';
    return strstr(text, dir) ? TAKE_PTR(text) : NULL;
}

int ns_find_dnsmasq(int ns_fd, const char *dir, pid_t *ret_pid, char **ret_said)
{
    struct dirent *d;
    struct stat ns;
    DIR *proc;
    int found = 0;

    if (fstat(ns_fd, &ns) < 0 || !(proc = opendir("/proc")))
        return 0;
    while (!found && (d = readdir(proc))) {
        uint64_t pid;
        char *said;

        if (parse_u64(d->d_name, 1, INT32_MAX, &pid) < 0 || !lives_in(d->d_name, &ns) ||
            !(said = dnsmasq_line(d->d_name, dir)))
            continue;
        *ret_pid = (pid_t)pid;
        *ret_said = said;
        found = 1;
    }
    (void)closedir(proc);
    return found;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static int vpc_for_socket(struct net *n, const char *vpc, struct vpc **ret, struct err *e)
{
    struct vpc *v = net_vpc_find(n, vpc);

    if (!v || v->going)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "the network of '%s' does not exist", vpc);
    if (!v->up)
        return err_set(e, EAGAIN, ERR_CONFLICT, "the network of '%s' is not up yet", vpc);
    *ret = v;
    return 0;
}

static int socket_inside(struct net *n, const struct vpc *v, int *ret_fd, struct err *e)
{
    _ns_scope_ struct ns_scope scope = NS_SCOPE_INIT;
    int fd, r = ns_enter(n, v->ns_fd, &scope, e);

    if (r < 0)
        return r;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* keeps its namespace */
    if (fd < 0)
        return err_errno(e, "make a socket in the network of '%s'", v->id);
    *ret_fd = fd;
    return 0;
}

static int address_take(const char *address, uint16_t port, struct sockaddr_in *ret, struct err *e)
{
    uint32_t a;
    int r = net_ip4_take(address, &a, e);

    if (r < 0)
        return r;
    *ret = (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(a) };
    return 0;
}

int net_listen(struct net *n, const char *vpc, const char *address, uint16_t port, int *ret_fd,
               struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct sockaddr_in sa;
    struct vpc *v;
    int r, on = 1;

    if ((r = address_take(address, port, &sa, e)) < 0 || (r = vpc_for_socket(n, vpc, &v, e)) < 0 ||
        (r = socket_inside(n, v, &fd, e)) < 0)
        return r;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, BACKLOG) < 0)
        return err_errno(e, "listen on %s port %u in the network of '%s'", address, port, vpc);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int net_connect(struct net *n, const char *vpc, const char *address, uint16_t port, int *ret_fd,
                struct err *e)
{
    _cleanup_close_ int fd = -1;
    struct sockaddr_in sa;
    struct vpc *v;
    int r;

    if ((r = address_take(address, port, &sa, e)) < 0 || (r = vpc_for_socket(n, vpc, &v, e)) < 0)
        return r;
    if (!net_port_at(n, vpc, address))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "nobody has the address %s in '%s'", address, vpc);
    if ((r = socket_inside(n, v, &fd, e)) < 0)
        return r;
    if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0 && errno != EINPROGRESS)
        return err_errno(e, "connect to %s port %u in '%s'", address, port, vpc);
    *ret_fd = TAKE_FD(fd);
    return 0;
}
