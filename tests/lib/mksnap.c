/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For shell tests: makes stores, snapshots out of raw files, and volumes.
 *   mksnap store STORE
 *   mksnap snapshot STORE ID RAWFILE [PARENT]
 *   mksnap delete STORE ID
 *   mksnap volume DIR NAME SIZE [STORE BASE]
 *   mksnap wait DIR NAME           until DIR/NAME appears, at most ten seconds */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "clock.h"
#include "file.h"
#include "parse.h"
#include "volume.h"

static bool is_zero(const uint8_t *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static int hand_in(struct store_writer *w, int fd, uint64_t size, struct err *e)
{
    static uint8_t buf[STORE_BLOCK_BYTES];
    int r = 0;

    for (uint64_t b = 0; b << STORE_BLOCK_SHIFT < size && r == 0; b++) {
        uint64_t at = b << STORE_BLOCK_SHIFT;

        off_t data = lseek(fd, (off_t)at, SEEK_DATA);

        if (data < 0 || (uint64_t)data >= at + sizeof buf) {
            r = store_writer_zero(w, b, 1, true, e);
            continue;
        }
        memset(buf, 0, sizeof buf);
        if (pread_full(fd, buf, min_u64(sizeof buf, size - at), at) < 0)
            return err_errno(e, "read the raw file");
        r = is_zero(buf, sizeof buf) ? store_writer_zero(w, b, 1, true, e)
                                     : store_writer_block(w, b, buf, e);
    }
    return r;
}

static int make_snapshot(char **a, struct err *e)
{
    _cleanup_close_ int fd = open(a[2], O_RDONLY | O_CLOEXEC);
    struct store_writer_spec spec = { .id = a[1], .parent = a[3], .threads = 1 };
    _cleanup_(store_closep) struct store *s = NULL;
    _cleanup_(store_writer_freep) struct store_writer *w = NULL;
    struct store_snap_info info;
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "open '%s'", a[2]);
    spec.volume_bytes = (uint64_t)st.st_size;
    r = store_open(a[0], NULL, &s, e);
    if (r == 0)
        r = store_writer_open(s, &spec, &w, e);
    if (r == 0)
        r = hand_in(w, fd, spec.volume_bytes, e);
    return r < 0 ? r : store_writer_commit(w, &info, e);
}

static int delete_snapshot(char **a, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    int r = store_open(a[0], NULL, &s, e);

    return r < 0 ? r : store_snap_delete(s, a[1], e);
}

static int make_volume(char **a, struct err *e)
{
    struct volume_spec spec = {
        .dir = a[0], .name = a[1], .store_dir = a[3], .base = a[3] ? a[4] : NULL
    };

    if (parse_size(a[2], &spec.size_bytes) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "no size: '%s'", a[2]);
    return volume_create(&spec, e);
}

static int wait_for(char **a, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", a[0], a[1]);
    _cleanup_close_ int fd = inotify_init1(IN_CLOEXEC);
    uint64_t until = clock_mono_ms() + 10000, now;
    char buf[4096];

    if (fd < 0 || inotify_add_watch(fd, a[0], IN_CREATE | IN_MOVED_TO) < 0)
        return err_errno(e, "watch '%s'", a[0]);
    while (!path_exists(path)) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        now = clock_mono_ms();
        if (now >= until || poll(&p, 1, (int)(until - now)) < 0)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "'%s' does not appear", path);
        if (p.revents && read(fd, buf, sizeof buf) < 0)
            return err_errno(e, "watch '%s'", a[0]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    int r = -1;

    if (argc == 3 && strcmp(argv[1], "store") == 0)
        r = store_create(argv[2], &e);
    else if (argc >= 5 && strcmp(argv[1], "snapshot") == 0)
        r = make_snapshot(argv + 2, &e);
    else if (argc == 4 && strcmp(argv[1], "delete") == 0)
        r = delete_snapshot(argv + 2, &e);
    else if ((argc == 5 || argc == 7) && strcmp(argv[1], "volume") == 0)
        r = make_volume(argv + 2, &e);
    else if (argc == 4 && strcmp(argv[1], "wait") == 0)
        r = wait_for(argv + 2, &e);
    else
        (void)err_set(&e, EINVAL, ERR_INVALID, "wrong arguments");
    if (r < 0)
        (void)fprintf(stderr, "mksnap: %s\n", e.msg);
    return r < 0;
}
