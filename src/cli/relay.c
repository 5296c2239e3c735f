/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>

#define TURNS_LEFT 64 /* reads and writes of a client's last words: up to a MiB */

static void flow_init(struct flow *f, int from, int to)
{
    f->from = from;
    f->to = to;
    f->at = f->len = 0;
    f->eof = f->over = f->broken = false;
}

void relay_init(struct relay *r, int in, int out, int guest)
{
    flow_init(&r->up, in, guest);
    flow_init(&r->down, guest, out);
    r->ends_with_guest = isatty(in);
    r->turns_left = TURNS_LEFT;
}

/* ---- one way --------------------------------------------------------------------------------- */

/* Descriptors that others may share (a terminal) are left blocking: what is no socket is touched
 * only when poll says so, and takes PIPE_BUF bytes then. */
static ssize_t take(int fd, void *buf, size_t n)
{
    ssize_t got = recv(fd, buf, n, MSG_DONTWAIT);

    return got < 0 && errno == ENOTSOCK ? read(fd, buf, n) : got;
}

static ssize_t put(int fd, const void *buf, size_t n)
{
    ssize_t done = send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);

    return done < 0 && errno == ENOTSOCK ? write(fd, buf, min_u64(n, PIPE_BUF)) : done;
}

static bool is_passing(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* The receiver sees the end. Of standard output nothing but this process's own descriptor may be
 * left, so that is what goes. */
static void pass_end(int to)
{
    _cleanup_close_ int null = -1;

    if (shutdown(to, SHUT_WR) == 0 || errno != ENOTSOCK)
        return;
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup3(null, to, O_CLOEXEC); /* not passed on: the end of the process will do */
}

static void flow_want(const struct flow *f, struct pollfd p[2])
{
    p[0] = (struct pollfd){ .fd = f->eof || f->len ? -1 : f->from, .events = POLLIN };
    p[1] = (struct pollfd){ .fd = f->over ? -1 : f->to, .events = f->len ? POLLOUT : 0 };
}

static void flow_read(struct flow *f)
{
    ssize_t n = take(f->from, f->buf, sizeof(f->buf));

    if (n < 0 && is_passing())
        return;
    f->at = 0;
    f->len = n > 0 ? (size_t)n : 0;
    f->eof = n <= 0; /* a reset is an end as well */
}

static void flow_write(struct flow *f)
{
    ssize_t n = put(f->to, f->buf + f->at, f->len);

    if (n < 0 && is_passing())
        return;
    f->broken = n < 0;
    f->at += n > 0 ? (size_t)n : 0;
    f->len -= n > 0 ? (size_t)n : 0;
}

static void flow_go(struct flow *f, const struct pollfd p[2])
{
    if (f->over)
        return;
    if (p[1].revents && f->len)
        flow_write(f);
    else if (p[1].revents) /* nothing was asked for: the receiver is gone */
        f->broken = true;
    else if (p[0].revents)
        flow_read(f);
    f->eof |= f->broken;
    f->over = f->broken || (f->eof && f->len == 0);
    if (f->over)
        pass_end(f->to);
}

/* ---- both ------------------------------------------------------------------------------------ */

void relay_want(const struct relay *r, struct pollfd p[RELAY_POLL])
{
    flow_want(&r->up, p);
    flow_want(&r->down, p + 2);
}

void relay_go(struct relay *r, const struct pollfd p[RELAY_POLL])
{
    flow_go(&r->up, p);
    flow_go(&r->down, p + 2);
    r->turns_left -= r->down.broken && r->turns_left;
}

static bool is_ready(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };

    return poll(&p, 1, 0) != 0;
}

/* What the client sent before it left still arrives if the guest takes it now; a client's input
 * without end is no reason to stay. */
static bool is_left(const struct relay *r)
{
    const struct flow *up = &r->up;

    if (up->over || r->turns_left == 0)
        return true;
    return up->len ? !is_ready(up->to, POLLOUT) : !is_ready(up->from, POLLIN);
}

bool relay_is_over(const struct relay *r)
{
    if (r->down.broken)
        return is_left(r);
    return r->down.over && (r->up.over || r->ends_with_guest);
}
