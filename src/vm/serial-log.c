/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serial-log.h"

#include <errno.h>
#include <sys/stat.h>

#include "file.h"

#define COPY_STEP 65536U

/* Its oldest part goes. A crash in between leaves old bytes twice, never a file without end. */
static int drop_oldest(struct serial_log *l)
{
    char buf[COPY_STEP];
    uint64_t left = l->size - VM_CONSOLE_DROP;

    for (uint64_t at = 0; at < left;) {
        size_t n = (size_t)min_u64(sizeof buf, left - at);
        int r = pread_full(l->fd, buf, n, VM_CONSOLE_DROP + at);

        if (r == 0)
            r = pwrite_full(l->fd, buf, n, at);
        if (r < 0)
            return r;
        at += n;
    }
    if (ftruncate(l->fd, (off_t)left) < 0)
        return -errno;
    l->size = left;
    return 0;
}

int serial_log_init(struct serial_log *l, int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    *l = (struct serial_log){ fd, (uint64_t)st.st_size };
    return 0;
}

int serial_log_append(struct serial_log *l, const void *p, size_t n)
{
    int r = 0;

    while (r == 0 && l->size + n > VM_CONSOLE_MAX && l->size > VM_CONSOLE_DROP)
        r = drop_oldest(l);
    if (r == 0)
        r = pwrite_full(l->fd, p, n, l->size);
    if (r == 0)
        l->size += n;
    return r;
}
