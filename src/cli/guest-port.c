/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-port.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "sock.h"
#include "str.h"

/* ---- asking ---------------------------------------------------------------------------------- */

static int unreachable(const struct guest_port *g, int no, struct err *e)
{
    if (no == EACCES || no == EPERM)
        return sock_denied(g->run_dir, GUEST_PORT_SOCKET, e);
    if (no == ENOENT)
        return err_set(e, no, ERR_NOT_FOUND,
                       "'%s/" GUEST_PORT_SOCKET "' does not exist: kilnd is "
                       "not running there",
                       g->run_dir);
    if (no == ECONNREFUSED)
        return err_set(e, no, ERR_NOT_FOUND,
                       "nobody listens at '%s/" GUEST_PORT_SOCKET "': kilnd has "
                       "ended",
                       g->run_dir);
    return err_no(e, no, "connect to '%s/" GUEST_PORT_SOCKET "'", g->run_dir);
}

int guest_port_knock(const struct guest_port *g, int *ret, struct err *e)
{
    int r = sock_connect(g->run_dir, GUEST_PORT_SOCKET, ret);

    return r < 0 ? unreachable(g, -r, e) : 0;
}

int guest_port_ask(const struct guest_port *g, int *ret, struct err *e)
{
    _cleanup_free_ char *line = xasprintf("%s %u\n", g->instance, g->port);
    _cleanup_close_ int fd = -1;
    int r = guest_port_knock(g, &fd, e);

    if (r < 0)
        return r;
    if (send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)strlen(line))
        return err_errno(e, "ask kilnd for port %u of '%s'", g->port, g->instance);
    *ret = TAKE_FD(fd);
    return 0;
}

/* ---- the answer ------------------------------------------------------------------------------ */

void guest_answer_done(struct guest_answer *a)
{
    close_fdp(&a->fd);
}

/* The first descriptor is kept; one that was not asked for is closed. */
static void take_descriptors(struct guest_answer *a, struct msghdr *m)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= h->cmsg_len; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(h) + i * sizeof(fd), sizeof(fd));
            if (a->fd < 0)
                a->fd = fd;
            else
                close_fdp(&fd);
        }
    }
}

static int judge(struct guest_answer *a, int *ret, struct err *e)
{
    if (str_starts(a->text, "error: "))
        return err_set(e, EREMOTEIO, ERR_OTHER, "%s", a->text + strlen("error: "));
    if (!str_eq(a->text, "ok") || a->fd < 0)
        return err_set(e, EPROTO, ERR_IO, "kilnd answered without a socket");
    *ret = TAKE_FD(a->fd);
    return 1;
}

int guest_answer_read(struct guest_answer *a, int fd, int *ret, struct err *e)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = a->text + a->len, .iov_len = sizeof(a->text) - 1 - a->len };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof(control.bytes) };
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        return err_errno(e, "read kilnd's answer");
    take_descriptors(a, &m);
    a->len += (size_t)n;
    a->text[a->len] = '\0';
    end = strchr(a->text, '\n');
    if (!end && n > 0 && a->len + 1 < sizeof(a->text))
        return 0;
    if (!end)
        return err_set(e, EPROTO, ERR_IO, "kilnd went away without an answer");
    *end = '\0';
    return judge(a, ret, e);
}

int guest_port_reached(const struct guest_port *g, int fd, struct err *e)
{
    int no = 0;
    socklen_t len = sizeof(no);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &no, &len) < 0)
        return err_errno(e, "look at the socket that kilnd sent");
    if (no == ECONNREFUSED)
        return err_set(e, no, ERR_IO, "nothing listens on port %u of '%s'", g->port, g->instance);
    if (no == ETIMEDOUT || no == EHOSTUNREACH)
        return err_set(e, no, ERR_TIMEOUT,
                       "'%s' does not answer on port %u: it may not be up yet, or its firewall "
                       "may be closed",
                       g->instance, g->port);
    return no ? err_no(e, no, "connect to port %u of '%s'", g->port, g->instance) : 0;
}
