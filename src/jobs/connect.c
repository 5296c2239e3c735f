/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "kiln connect": a local client asks, on a unix socket that only root and the group may open, for
 * a connection to a port of a guest, and gets the connected socket itself, made in the guest's
 * network namespace. So the daemon carries no byte of it.
 *
 * One line "INSTANCE PORT\n"; the answer is "ok\n" with the descriptor beside it, or "error:
 * reason\n". */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "file.h"
#include "log.h"
#include "net.h"
#include "network.h"
#include "parse.h"

#define CLIENTS_MAX 64
#define REQUEST_MAX 64

struct connecting {
    struct connecting *next;
    struct jobs *jobs;
    int fd;
    sd_event_source *source;
    char line[REQUEST_MAX];
    size_t len;
};

struct connector {
    int fd;
    sd_event_source *source;
    char *path;
    struct connecting *clients;
    unsigned n;
};

static void drop(struct connecting *c)
{
    struct connector *all = c->jobs->connector;

    for (struct connecting **at = &all->clients; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    all->n--;
    c->source = sd_event_source_disable_unref(c->source);
    close_fdp(&c->fd);
    free(c);
}

static void answer(const struct connecting *c, const char *text, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (fd >= 0) {
        struct cmsghdr *h = (struct cmsghdr *)control.bytes;

        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &fd, sizeof fd);
    }
    (void)!sendmsg(c->fd, &m, MSG_NOSIGNAL); /* a client that is gone needs no answer */
}

static int open_port(struct jobs *js, const char *instance, const char *port_text, int *ret_fd,
                     struct err *e)
{
    struct interface_rec port;
    uint64_t number;
    int r = parse_u64(port_text, 1, 65535, &number);

    if (r < 0)
        return err_set(e, EINVAL, ERR_INVALID, "the port is not a number from 1 to 65535");
    r = model_interface_of(js->model, instance, &port, e);
    if (r == 0)
        r = net_connect(js->net, port.vpc_id, port.private_ip, (uint16_t)number, ret_fd, e);
    return r;
}

static void serve(struct connecting *c)
{
    _cleanup_close_ int fd = -1;
    struct err e = { 0 };
    char text[sizeof e.msg + 16];
    char *port = strchr(c->line, ' ');

    if (port)
        *port++ = '\0';
    if (!port)
        (void)err_set(&e, EINVAL, ERR_INVALID, "the request is not 'INSTANCE PORT'");
    else
        (void)open_port(c->jobs, c->line, port, &fd, &e);
    (void)snprintf(text, sizeof text, e.no ? "error: %s\n" : "ok\n", e.msg);
    answer(c, text, fd);
}

static int on_client(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    struct connecting *c = userdata;
    ssize_t n = recv(fd, c->line + c->len, sizeof c->line - 1 - c->len, MSG_DONTWAIT);
    char *end;

    (void)s, (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n > 0) {
        c->len += (size_t)n;
        c->line[c->len] = '\0';
        end = strchr(c->line, '\n');
        if (!end && c->len + 1 < sizeof c->line)
            return 0;
        if (end) {
            *end = '\0';
            serve(c);
        }
    }
    drop(c);
    return 0;
}

static int on_listen(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    struct jobs *js = userdata;
    struct connector *all = js->connector;
    _cleanup_close_ int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct connecting *c;

    (void)s, (void)events;
    if (got < 0 || all->n >= CLIENTS_MAX)
        return 0;
    c = xcalloc(1, sizeof *c);
    c->jobs = js;
    c->fd = TAKE_FD(got);
    if (sd_event_add_io(js->cfg.loop, &c->source, c->fd, EPOLLIN, on_client, c) < 0) {
        close_fdp(&c->fd);
        free(c);
        return 0;
    }
    c->next = all->clients;
    all->clients = c;
    all->n++;
    return 0;
}

int connect_open(struct jobs *js, struct err *e)
{
    struct connector *all = xcalloc(1, sizeof *all);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    uid_t uid;
    gid_t gid;
    int r;

    js->connector = all;
    all->path = xasprintf("%s/connect.sock", js->run_dir);
    if (str_copy(a.sun_path, sizeof a.sun_path, all->path) < 0)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "'%s' is too long for a socket", all->path);
    (void)unlink(all->path); /* of an earlier run; the home's lock says that it is dead */
    all->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (all->fd < 0 || bind(all->fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        listen(all->fd, CLIENTS_MAX) < 0)
        return err_errno(e, "listen on '%s'", all->path);
    r = child_user_find(js->cfg.user, &uid, &gid, e);
    if (r < 0)
        return r;
    if (chmod(all->path, 0660) < 0 || (r > 0 && chown(all->path, (uid_t)-1, gid) < 0))
        return err_errno(e, "set who may open '%s'", all->path);
    r = sd_event_add_io(js->cfg.loop, &all->source, all->fd, EPOLLIN, on_listen, js);
    return r < 0 ? err_no(e, r, "watch '%s'", all->path) : 0;
}

void connect_close(struct jobs *js)
{
    struct connector *all = js->connector;

    if (!all)
        return;
    while (all->clients)
        drop(all->clients);
    all->source = sd_event_source_disable_unref(all->source);
    if (all->fd > 0) {
        close_fdp(&all->fd);
        (void)unlink(all->path);
    }
    free(all->path);
    free(all);
    js->connector = NULL;
}
