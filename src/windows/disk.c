/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

struct win_disk {
    const struct win_disk_ops *ops;
    void *state;
    uint64_t bytes;
};

int win_disk_new(const struct win_disk_ops *ops, void *state, uint64_t bytes, struct win_disk **ret,
                 struct err *e)
{
    struct win_disk *d = calloc(1, sizeof *d);

    if (!d) {
        ops->free(state);
        return err_oom(e);
    }
    d->ops = ops;
    d->state = state;
    d->bytes = bytes;
    *ret = d;
    return 0;
}

void win_disk_free(struct win_disk *d)
{
    if (!d)
        return;
    d->ops->free(d->state);
    free(d);
}

uint64_t win_disk_bytes(const struct win_disk *d)
{
    return d->bytes;
}

bool win_disk_writable(const struct win_disk *d)
{
    return d->ops->write;
}

static int check_range(const struct win_disk *d, uint64_t offset, size_t len, struct err *e)
{
    uint64_t end;

    if (!add_u64(offset, len, &end) || end > d->bytes)
        return err_set(e, EINVAL, ERR_CORRUPT, "%zu bytes at %llu are behind the end at %llu", len,
                       (unsigned long long)offset, (unsigned long long)d->bytes);
    return 0;
}

int win_disk_read(struct win_disk *d, uint64_t offset, void *buf, size_t len, struct err *e)
{
    int r = check_range(d, offset, len, e);

    return r < 0 || len == 0 ? r : d->ops->read(d->state, offset, buf, len, e);
}

int win_disk_write(struct win_disk *d, uint64_t offset, const void *buf, size_t len, struct err *e)
{
    int r = check_range(d, offset, len, e);

    if (r == 0 && !d->ops->write)
        return err_set(e, EROFS, ERR_DENIED, "the disk was opened for reading only");
    return r < 0 || len == 0 ? r : d->ops->write(d->state, offset, buf, len, e);
}

int win_disk_flush(struct win_disk *d, struct err *e)
{
    return d->ops->flush ? d->ops->flush(d->state, e) : 0;
}

int win_disk_next_data(struct win_disk *d, uint64_t offset, uint64_t *ret_start, uint64_t *ret_end,
                       struct err *e)
{
    if (offset >= d->bytes || !d->ops->next_data) {
        *ret_start = min_u64(offset, d->bytes);
        *ret_end = d->bytes;
        return 0;
    }
    return d->ops->next_data(d->state, offset, ret_start, ret_end, e);
}

/* ---- a file ---------------------------------------------------------------------------------- */

struct file_disk {
    int fd;
};

static int file_disk_read(void *state, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct file_disk *f = state;
    int r = pread_full(f->fd, buf, len, offset);

    return r < 0 ? err_no(e, -r, "read %zu bytes at %llu", len, (unsigned long long)offset) : 0;
}

static int file_disk_write(void *state, uint64_t offset, const void *buf, size_t len, struct err *e)
{
    struct file_disk *f = state;
    int r = pwrite_full(f->fd, buf, len, offset);

    return r < 0 ? err_no(e, -r, "write %zu bytes at %llu", len, (unsigned long long)offset) : 0;
}

static int file_disk_flush(void *state, struct err *e)
{
    struct file_disk *f = state;

    return fdatasync(f->fd) < 0 ? err_errno(e, "flush the disk") : 0;
}

static int file_disk_next_data(void *state, uint64_t offset, uint64_t *ret_start, uint64_t *ret_end,
                               struct err *e)
{
    struct file_disk *f = state;
    off_t start = lseek(f->fd, (off_t)offset, SEEK_DATA), end;

    if (start < 0 && errno == ENXIO)
        start = lseek(f->fd, 0, SEEK_END);
    if (start < 0 && errno == EINVAL) /* no holes here */
        start = (off_t)offset;
    if (start < 0)
        return err_errno(e, "look for data");
    end = lseek(f->fd, start, SEEK_HOLE);
    if (end < 0)
        end = lseek(f->fd, 0, SEEK_END);
    if (end < 0)
        return err_errno(e, "look for data");
    *ret_start = (uint64_t)start;
    *ret_end = (uint64_t)end;
    return 0;
}

static void file_disk_free(void *state)
{
    struct file_disk *f = state;

    close_fdp(&f->fd);
    free(f);
}

static const struct win_disk_ops file_reader = { file_disk_read, NULL, NULL, file_disk_free,
                                                 file_disk_next_data };
static const struct win_disk_ops file_writer = { file_disk_read, file_disk_write, file_disk_flush,
                                                 file_disk_free, file_disk_next_data };

int win_disk_take_fd(int fd, bool writable, struct win_disk **ret, struct err *e)
{
    _cleanup_close_ int own = fd;
    struct file_disk *f;
    struct stat st;
    off_t size;

    if (fstat(own, &st) < 0)
        return err_errno(e, "look at the disk");
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, EINVAL, ERR_INVALID, "it is neither a file nor a block device");
    size = lseek(own, 0, SEEK_END);
    if (size < 0)
        return err_errno(e, "find the size of the disk");
    f = calloc(1, sizeof *f);
    if (!f)
        return err_oom(e);
    f->fd = TAKE_FD(own);
    return win_disk_new(writable ? &file_writer : &file_reader, f, (uint64_t)size, ret, e);
}

/* ---- a part of a disk ------------------------------------------------------------------------ */

struct part_disk {
    struct win_disk *whole; /* borrowed */
    uint64_t offset;
};

static int part_read(void *state, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct part_disk *p = state;

    return win_disk_read(p->whole, p->offset + offset, buf, len, e);
}

static int part_write(void *state, uint64_t offset, const void *buf, size_t len, struct err *e)
{
    struct part_disk *p = state;

    return win_disk_write(p->whole, p->offset + offset, buf, len, e);
}

static int part_flush(void *state, struct err *e)
{
    struct part_disk *p = state;

    return win_disk_flush(p->whole, e);
}

static const struct win_disk_ops part_reader = { part_read, NULL, NULL, free };
static const struct win_disk_ops part_writer = { part_read, part_write, part_flush, free };

int win_disk_part(struct win_disk *whole, uint64_t offset, uint64_t bytes, struct win_disk **ret,
                  struct err *e)
{
    struct part_disk *p;
    uint64_t end;

    if (!add_u64(offset, bytes, &end) || end > whole->bytes)
        return err_set(e, EINVAL, ERR_CORRUPT,
                       "a partition of %llu bytes at %llu ends behind the "
                       "disk's end",
                       (unsigned long long)bytes, (unsigned long long)offset);
    p = calloc(1, sizeof *p);
    if (!p)
        return err_oom(e);
    p->whole = whole;
    p->offset = offset;
    return win_disk_new(win_disk_writable(whole) ? &part_writer : &part_reader, p, bytes, ret, e);
}

/* ---- a buffer -------------------------------------------------------------------------------- */

static int buffer_read(void *state, uint64_t offset, void *buf, size_t len, struct err *e)
{
    (void)e;
    memcpy(buf, (const uint8_t *)state + offset, len);
    return 0;
}

static int buffer_write(void *state, uint64_t offset, const void *buf, size_t len, struct err *e)
{
    (void)e;
    memcpy((uint8_t *)state + offset, buf, len);
    return 0;
}

static void buffer_free(void *state)
{
    (void)state; /* the caller's */
}

static const struct win_disk_ops buffer_ops = { buffer_read, buffer_write, NULL, buffer_free };

int win_disk_over(void *buf, size_t bytes, struct win_disk **ret, struct err *e)
{
    return win_disk_new(&buffer_ops, buf, bytes, ret, e);
}
