/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kiln-imds-relay SOCKET: its standard input and output become one connection to a unix socket.
 * QEMU's user network starts one for each connection that a guest opens to the metadata address;
 * it ends when both sides are done, or when either is gone. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "str.h"

#define PIPE_BYTES 16384U

/* One direction. Input that has ended is shut on the other side once all is written. */
struct way {
    int from, to;
    bool ended, shut;
    size_t n, done;
    char buf[PIPE_BYTES];
};

static bool again(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Sockets must not hold us: the other way may have work. What is no socket may. */
static ssize_t put(int fd, const void *p, size_t n)
{
    ssize_t k = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

    return k < 0 && errno == ENOTSOCK ? write(fd, p, n) : k;
}

/* False: the whole connection is of no use any more. */
static bool way_turn(struct way *w, short from_events, short to_events)
{
    ssize_t k;

    if (w->n == w->done && !w->ended && from_events) {
        k = read(w->from, w->buf, sizeof w->buf);
        if (k < 0)
            return again();
        w->ended = k == 0;
        w->n = (size_t)k;
        w->done = 0;
        to_events = POLLOUT; /* most likely it takes them at once */
    }
    if (w->n > w->done && to_events) {
        k = put(w->to, w->buf + w->done, w->n - w->done);
        if (k < 0)
            return again();
        w->done += (size_t)k;
    }
    if (w->ended && w->n == w->done && !w->shut) {
        w->shut = true;
        if (shutdown(w->to, SHUT_WR) < 0 && errno == ENOTSOCK)
            (void)close(w->to); /* a pipe's reader waits for this */
    }
    return true;
}

static int relay(int sock)
{
    static struct way in, out;

    in.from = STDIN_FILENO, in.to = sock;
    out.from = sock, out.to = STDOUT_FILENO;
    while (!out.shut) {
        struct pollfd p[4] = {
            { in.n == in.done && !in.ended ? in.from : -1, POLLIN, 0 },
            { in.n > in.done ? in.to : -1, POLLOUT, 0 },
            { out.n == out.done && !out.ended ? out.from : -1, POLLIN, 0 },
            { out.n > out.done ? out.to : -1, POLLOUT, 0 },
        };

        if (poll(p, 4, -1) < 0 && !again())
            return 1;
        if (!way_turn(&in, p[0].revents, p[1].revents) ||
            !way_turn(&out, p[2].revents, p[3].revents))
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    _cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc != 2 || str_copy(to.sun_path, sizeof to.sun_path, argv[1]) < 0) {
        (void)fputs("usage: kiln-imds-relay SOCKET\n", stderr);
        return 2;
    }
    if (sock < 0 || connect(sock, (struct sockaddr *)&to, sizeof to) < 0) {
        (void)fprintf(stderr, "kiln-imds-relay: connect to '%s': %s\n", argv[1], strerror(errno));
        return 1;
    }
    return relay(sock);
}
