/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nameless.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util.h"

#define TRIES 16 /* each against a stranger who was faster */

int nameless_listen(int *ret_listen, struct err *e)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr any = { .sa_family = AF_UNIX };

    if (fd < 0)
        return err_errno(e, "make a socket");
    if (bind(fd, &any, sizeof any.sa_family) < 0) /* "autobind" of unix(7) */
        return err_errno(e, "bind a socket");
    if (listen(fd, 0) < 0) /* a queue of one */
        return err_errno(e, "listen on a socket");
    *ret_listen = TAKE_FD(fd);
    return 0;
}

/* Does not wait: it goes well only into an empty queue, and then we are the first. */
int nameless_join(int listening, int *ret_ours, struct err *e)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un addr;
    socklen_t len = sizeof addr;

    if (fd < 0)
        return err_errno(e, "make a socket");
    if (getsockname(listening, (struct sockaddr *)&addr, &len) < 0)
        return err_errno(e, "ask for a socket's address");
    if (connect(fd, (const struct sockaddr *)&addr, len) < 0)
        return err_errno(e, "connect to a socket");
    if (fcntl(fd, F_SETFL, 0) < 0)
        return err_errno(e, "make a socket wait");
    *ret_ours = TAKE_FD(fd);
    return 0;
}

int nameless_connect(int *ret_listen, int *ret_ours, struct err *e)
{
    int r = -EAGAIN;

    for (unsigned i = 0; i < TRIES && r == -EAGAIN; i++) {
        _cleanup_close_ int listening = -1;

        err_clear(e);
        r = nameless_listen(&listening, e);
        if (r == 0)
            r = nameless_join(listening, ret_ours, e);
        if (r == 0)
            *ret_listen = TAKE_FD(listening);
    }
    return r;
}
