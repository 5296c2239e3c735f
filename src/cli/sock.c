/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

int sock_connect(const char *dir, const char *name, int *ret)
{
    _cleanup_close_ int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    _cleanup_close_ int fd = -1;
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    if (at < 0)
        return -errno;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", at, name);
    if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
        return -errno;
    *ret = TAKE_FD(fd);
    return 0;
}

int sock_denied(const char *dir, const char *name, struct err *e)
{
    const char *user = getenv("USER");

    return err_set(e, EACCES, ERR_DENIED,
                   "'%s/%s' may be opened by root and the group kiln only: use sudo, or join the "
                   "group with 'sudo adduser %s kiln' and log in again",
                   dir, name, user ? user : "USER");
}
