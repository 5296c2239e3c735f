/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A snapshot written out as a raw file: every block verified, zeros left as holes, several blocks
 * in flight (one thread a processor), the file complete or absent. */
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

#define THREADS_MAX 16

struct export
{
    struct store_snap *snap;
    const char *path;
    int fd;
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
    r = pwrite_full(x->fd, buf, n, at);
    if (r < 0)
        return err_no(e, r, "write to '%s'", x->path);
    /* Writing out begins now, beside the reading; the flush at the end finds little left. */
    (void)sync_file_range(x->fd, (off_t)at, (off_t)n, SYNC_FILE_RANGE_WRITE);
    return 0;
}

static void *worker(void *userdata)
{
    struct export *x = userdata;
    _cleanup_free_ void *buf = malloc(STORE_BLOCK_BYTES);
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
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[THREADS_MAX];
    unsigned n = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (unsigned)cpus, started = 0;

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

int export_snapshot(struct store *s, const char *snapshot, const char *path,
                    struct export_result *ret, struct err *e)
{
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    _cleanup_free_ char *part = xasprintf("%s.part", path);
    _cleanup_close_ int fd = -1;
    struct export x = { .path = part };
    int r = store_snap_open(s, snapshot, &sn, e);

    if (r < 0)
        return r;
    fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_errno(e, "create '%s'", part);
    x.snap = sn;
    x.fd = fd;
    x.volume_bytes = store_snap_info(sn)->volume_bytes;
    x.blocks = div_up_u64(x.volume_bytes, STORE_BLOCK_BYTES);
    lock_init(&x.lock);
    if (ftruncate(fd, (off_t)x.volume_bytes) < 0)
        r = err_errno(e, "size '%s'", part);
    else
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
