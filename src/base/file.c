/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int write_full(int fd, const void *buf, size_t n)
{
    const char *p = buf;

    while (n) {
        ssize_t k = write(fd, p, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

int pwrite_full(int fd, const void *buf, size_t n, uint64_t offset)
{
    const char *p = buf;

    while (n) {
        ssize_t k = pwrite(fd, p, n, (off_t)offset);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        p += k;
        n -= (size_t)k;
        offset += (size_t)k;
    }
    return 0;
}

int pread_full(int fd, void *buf, size_t n, uint64_t offset)
{
    char *p = buf;

    while (n) {
        ssize_t k = pread(fd, p, n, (off_t)offset);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            return -EIO;
        p += k;
        n -= (size_t)k;
        offset += (size_t)k;
    }
    return 0;
}

/* Room for one byte more than the file says it has, which some (of /proc) say wrongly. */
static size_t first_room(int fd, size_t max)
{
    struct stat st;
    size_t n = 4096;

    if (fstat(fd, &st) == 0 && st.st_size > 0 && (uint64_t)st.st_size >= n)
        n = (size_t)min_u64((uint64_t)st.st_size, max) + 1;
    return (size_t)min_u64(n, (uint64_t)max + 1);
}

/* At most max + 1 bytes into *buf, which grows with what was read; a NUL fits behind them. */
static int read_growing(int fd, const char *path, size_t max, char **buf, size_t *n, struct err *e)
{
    size_t room = first_room(fd, max);

    for (*n = 0; *n <= max;) {
        ssize_t k;

        if (!*buf || *n == room) {
            char *more;

            if (*buf)
                room = (size_t)min_u64((uint64_t)room * 2, (uint64_t)max + 1);
            more = realloc(*buf, room + 1);
            if (!more)
                return err_oom(e);
            *buf = more;
        }
        k = read(fd, *buf + *n, room - *n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_errno(e, "read '%s'", path);
        if (k == 0)
            break;
        *n += (size_t)k;
    }
    return 0;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *buf = NULL;
    size_t n = 0;
    int r;

    if (fd < 0)
        return err_errno(e, "open '%s'", path);
    r = read_growing(fd, path, max, &buf, &n, e);
    if (r < 0)
        return r;
    if (n > max)
        return err_set(e, EFBIG, ERR_LIMIT, "read '%s': over the limit of %zu bytes", path, max);
    buf[n] = '\0';
    *ret = TAKE_PTR(buf);
    if (ret_len)
        *ret_len = n;
    return 0;
}

static int replace_by_way_of(const char *tmp, const char *path, const void *buf, size_t n,
                             mode_t mode, struct err *e)
{
    _cleanup_close_ int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int r;

    if (fd < 0)
        return err_errno(e, "create '%s'", tmp);
    r = write_full(fd, buf, n);
    if (r < 0)
        r = err_no(e, r, "write %zu bytes to '%s'", n, tmp);
    else if (fsync(fd) < 0)
        r = err_errno(e, "flush '%s'", tmp);
    else if (rename(tmp, path) < 0)
        r = err_errno(e, "rename '%s' to '%s'", tmp, path);
    if (r < 0)
        (void)unlink(tmp); /* on a full disk it would keep room from others */
    return r;
}

int file_replace(const char *path, const void *buf, size_t n, mode_t mode, struct err *e)
{
    _cleanup_free_ char *tmp = NULL;
    _cleanup_free_ char *dir = strdup(path);
    int r;

    if (!dir || asprintf(&tmp, "%s.new", path) < 0)
        return err_oom(e);
    r = replace_by_way_of(tmp, path, buf, n, mode, e);
    return r < 0 ? r : dir_sync(dirname(dir), e);
}

int dir_make(const char *path, mode_t mode, struct err *e)
{
    _cleanup_free_ char *p = strdup(path);

    if (!p)
        return err_oom(e);
    for (char *s = p + 1; *s; s++) {
        if (*s != '/')
            continue;
        *s = '\0';
        if (mkdir(p, 0755) < 0 && errno != EEXIST)
            return err_errno(e, "make directory '%s'", p);
        *s = '/';
    }
    if (mkdir(p, mode) < 0 && errno != EEXIST)
        return err_errno(e, "make directory '%s'", p);
    return 0;
}

int dir_sync(const char *path, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, "open directory '%s'", path);
    if (fsync(fd) < 0)
        return err_errno(e, "flush directory '%s'", path);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int tree_remove(const char *path, struct err *e)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return err_errno(e, "remove '%s'", path);
    return 0;
}

int unlink_quiet(const char *path, struct err *e)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return err_errno(e, "remove '%s'", path);
    return 0;
}

bool path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
