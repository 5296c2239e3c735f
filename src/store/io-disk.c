/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real disk. */
#include "store-io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "file.h"

#define FILE_MODE 0640
#define DIR_MODE  02770 /* new files take the directory's group */

static int result(int r)
{
    return r < 0 ? -errno : r;
}

static int disk_open(const struct store_io *io, const char *path, enum store_io_how how)
{
    _cleanup_close_ int fd = -1;

    (void)io;
    if (how == STORE_IO_READ)
        return result(open(path, O_RDONLY | O_CLOEXEC));
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return -errno;
    if (fchmod(fd, FILE_MODE) < 0) /* whatever the umask says */
        return -errno;
    return TAKE_FD(fd);
}

static void disk_close(const struct store_io *io, int h)
{
    (void)io;
    close_fdp(&h);
}

static int disk_pread(const struct store_io *io, int h, void *buf, size_t n, uint64_t offset)
{
    char *p = buf;

    (void)io;
    while (n) {
        ssize_t k = pread(h, p, n, (off_t)offset);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            return -ENODATA;
        p += k;
        n -= (size_t)k;
        offset += (size_t)k;
    }
    return 0;
}

static int disk_pwrite(const struct store_io *io, int h, const void *buf, size_t n, uint64_t offset)
{
    (void)io;
    return pwrite_full(h, buf, n, offset);
}

static void disk_start_sync(const struct store_io *io, int h, uint64_t offset, uint64_t n)
{
    (void)io;
    /* only a hint: a file system that cannot do it does it at the sync */
    (void)sync_file_range(h, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

static int disk_sync(const struct store_io *io, int h)
{
    (void)io;
    return result(fdatasync(h));
}

static int disk_sync_dir(const struct store_io *io, const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)io;
    if (fd < 0)
        return -errno;
    return result(fsync(fd));
}

static int disk_stat(const struct store_io *io, int h, uint64_t *ret_size, uint64_t *ret_links)
{
    struct stat st;

    (void)io;
    if (fstat(h, &st) < 0)
        return -errno;
    *ret_size = (uint64_t)st.st_size;
    *ret_links = (uint64_t)st.st_nlink;
    return 0;
}

static int disk_rename(const struct store_io *io, const char *from, const char *to, bool replace)
{
    (void)io;
    if (replace)
        return result(rename(from, to));
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* A file system without that flag: between the two steps both names exist, which is harmless
     * (a leftover is swept). */
    if (link(from, to) < 0)
        return -errno;
    return result(unlink(from));
}

static int disk_unlink(const struct store_io *io, const char *path)
{
    (void)io;
    return result(unlink(path));
}

static int disk_mkdir(const struct store_io *io, const char *path)
{
    (void)io;
    if (mkdir(path, 0770) < 0)
        return -errno;
    return result(chmod(path, DIR_MODE));
}

static int disk_exists(const struct store_io *io, const char *path)
{
    struct stat st;

    (void)io;
    if (lstat(path, &st) == 0)
        return 1;
    return errno == ENOENT ? 0 : -errno;
}

static void closedirp(DIR **d)
{
    if (*d)
        (void)closedir(*d);
}

static int disk_list(const struct store_io *io, const char *path,
                     int (*fn)(const char *name, void *u), void *u)
{
    _cleanup_(closedirp) DIR *d = opendir(path);

    (void)io;
    if (!d)
        return -errno;
    for (;;) {
        struct dirent *x;
        int r;

        errno = 0;
        x = readdir(d);
        if (!x)
            return -errno;
        if (x->d_name[0] == '.' && (!x->d_name[1] || (x->d_name[1] == '.' && !x->d_name[2])))
            continue;
        r = fn(x->d_name, u);
        if (r)
            return r;
    }
}

static int disk_lock(const struct store_io *io, int h, enum store_io_lock how, bool wait)
{
    int op = (how == STORE_IO_SHARED ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);

    (void)io;
    while (flock(h, op) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

const struct store_io store_io_disk = {
    .open = disk_open,
    .close = disk_close,
    .pread = disk_pread,
    .pwrite = disk_pwrite,
    .start_sync = disk_start_sync,
    .sync = disk_sync,
    .sync_dir = disk_sync_dir,
    .stat = disk_stat,
    .rename = disk_rename,
    .unlink = disk_unlink,
    .mkdir = disk_mkdir,
    .exists = disk_exists,
    .list = disk_list,
    .lock = disk_lock,
};
