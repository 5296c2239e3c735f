/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A snapshot written out as a raw file: every block verified, zeros left as holes, several blocks
 * in flight, the file complete or absent. Blocks go past the page cache where the file system
 * allows that: nobody reads them again here, and the flush at the end finds little left. */
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "lock.h"

#define THREADS_MAX  16
#define THREADS_MORE 2    /* than processors: these wait for the disk */
#define DIRECT_UNIT  4096 /* what direct writes are multiples of, in memory and on disk */

struct export
{
    struct store_snap *snap;
    const char *path;
    int fd, direct; /* direct: -1 where the file system has no such writes */
    uint64_t blocks, volume_bytes;
    _Atomic uint64_t next, data;
    struct lock lock;
    struct err failed; /* the first failure; under lock */
};

static void fail(struct export *x, const struct err *why)
{
    _with_lock_(&x->lock);
    if (!x->failed.no)
        x->failed = *why;
    atomic_store(&x->next, x->blocks); /* nobody takes another block */
}

static int write_block(const struct export *x, const void *buf, size_t n, uint64_t at)
{
    int r;

    if (x->direct >= 0 && n % DIRECT_UNIT == 0) {
        r = pwrite_full(x->direct, buf, n, at);
        if (r != -EINVAL) /* a disk of larger sectors */
            return r;
    }
    r = pwrite_full(x->fd, buf, n, at);
    /* Writing out begins now, beside the reading. */
    if (r == 0)
        (void)sync_file_range(x->fd, (off_t)at, (off_t)n, SYNC_FILE_RANGE_WRITE);
    return r;
}

static int copy_block(struct export *x, uint64_t block, void *buf, struct err *e)
{
    uint64_t at = block << STORE_BLOCK_SHIFT;
    size_t n = (size_t)min_u64(STORE_BLOCK_BYTES, x->volume_bytes - at);
    int r;

    if (store_snap_kind(x->snap, block) != STORE_DATA)
        return 0;
    r = store_snap_read_block(x->snap, block, buf, NULL, e);
    if (r <= 0)
        return r;
    atomic_fetch_add(&x->data, 1);
    r = write_block(x, buf, n, at);
    return r < 0 ? err_no(e, r, "write to '%s'", x->path) : 0;
}

static void *worker(void *userdata)
{
    struct export *x = userdata;
    _cleanup_free_ void *buf = aligned_alloc(DIRECT_UNIT, STORE_BLOCK_BYTES);
    struct err e = { 0 };
    uint64_t block;

    if (!buf) {
        (void)err_oom(&e);
        fail(x, &e);
        return NULL;
    }
    while ((block = atomic_fetch_add(&x->next, 1)) < x->blocks)
        if (copy_block(x, block, buf, &e) < 0) {
            fail(x, &e);
            break;
        }
    return NULL;
}

static int copy_all(struct export *x, struct err *e)
{
    long want = sysconf(_SC_NPROCESSORS_ONLN) + THREADS_MORE;
    pthread_t threads[THREADS_MAX];
    unsigned n = want < 1 ? 1 : want > THREADS_MAX ? THREADS_MAX : (unsigned)want, started = 0;

    while (started < n && pthread_create(&threads[started], NULL, worker, x) == 0)
        started++;
    if (started == 0)
        (void)worker(x);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    if (x->failed.no)
        return err_set(e, x->failed.no, x->failed.kind, "%s", x->failed.msg);
    return 0;
}

/* Space for what is data, in runs: a full disk is told before the work, and direct writes into
 * space that is there need not wait for each other. */
static int reserve(struct export *x, struct err *e)
{
    for (uint64_t b = 0; b < x->blocks;) {
        uint64_t from = b, end;

        while (b < x->blocks && store_snap_kind(x->snap, b) == STORE_DATA)
            b++;
        end = min_u64(b << STORE_BLOCK_SHIFT, x->volume_bytes);
        from <<= STORE_BLOCK_SHIFT;
        if (end > from && fallocate(x->fd, 0, (off_t)from, (off_t)(end - from)) < 0) {
            if (errno == EOPNOTSUPP)
                return 0;
            return err_errno(e, "reserve %" PRIu64 " bytes of '%s'", end - from, x->path);
        }
        while (b < x->blocks && store_snap_kind(x->snap, b) != STORE_DATA)
            b++;
    }
    return 0;
}

int export_snapshot(struct store *s, const char *snapshot, const char *path,
                    struct export_result *ret, struct err *e)
{
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    _cleanup_free_ char *part = xasprintf("%s.part", path);
    _cleanup_close_ int fd = -1, direct = -1;
    struct export x = { .path = part };
    int r = store_hold(s, e); /* it may be deleted meanwhile */

    if (r == 0)
        r = store_snap_open(s, snapshot, &sn, e);
    if (r < 0)
        return r;
    fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_errno(e, "create '%s'", part);
    direct = open(part, O_WRONLY | O_DIRECT | O_CLOEXEC);
    x.snap = sn;
    x.fd = fd;
    x.direct = direct;
    x.volume_bytes = store_snap_info(sn)->volume_bytes;
    x.blocks = div_up_u64(x.volume_bytes, STORE_BLOCK_BYTES);
    lock_init(&x.lock);
    if (ftruncate(fd, (off_t)x.volume_bytes) < 0)
        r = err_errno(e, "size '%s'", part);
    else
        r = reserve(&x, e);
    if (r == 0)
        r = copy_all(&x, e);
    lock_done(&x.lock);
    if (r == 0 && fsync(fd) < 0)
        r = err_errno(e, "flush '%s'", part);
    if (r == 0 && rename(part, path) < 0)
        r = err_errno(e, "rename '%s' to '%s'", part, path);
    if (r < 0) {
        (void)unlink(part);
        return r;
    }
    ret->volume_bytes = x.volume_bytes;
    ret->data_bytes = atomic_load(&x.data) * STORE_BLOCK_BYTES;
    return 0;
}
