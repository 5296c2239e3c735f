/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data file: bytes of the volume in their place, as they are or encrypted (the rules of pieces
 * are in docs/formats/volume.md, "Encrypted volumes"). Knows nothing of blocks and maps. */
#include "core-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>

#include "file.h"

static void data_changed(struct volume *v)
{
    __atomic_store_n(&v->unsynced, true, __ATOMIC_SEQ_CST);
}

static int read_sealed(void *userdata, void *buf, size_t n, uint64_t offset)
{
    return pread_full(((struct volume *)userdata)->data_fd, buf, n, offset);
}

int volume_get(struct volume *v, void *buf, size_t n, uint64_t offset)
{
    return v->crypt ? crypt_read(v->crypt, read_sealed, v, buf, n, offset)
                    : pread_full(v->data_fd, buf, n, offset);
}

#define SEAL_BYTES SUB_BYTES

/* What lies around [in, in + n) in the first and the last piece of it. */
static int fill_edges(struct volume *v, uint8_t *buf, uint64_t start, size_t in, size_t n)
{
    size_t head = in % CRYPT_PIECE, end = in + n, tail = end % CRYPT_PIECE;
    int r = 0;

    if (head)
        r = volume_get(v, buf + in - head, head, start + in - head);
    if (r == 0 && tail)
        r = volume_get(v, buf + end, CRYPT_PIECE - tail, start + end);
    return r;
}

/* The part of a write that lies in one run of SEAL_BYTES. */
static int put_sealed_part(struct volume *v, const uint8_t *p, size_t n, uint64_t offset)
{
    size_t in = (size_t)(offset % SEAL_BYTES), unit = in / CRYPT_UNIT * CRYPT_UNIT;
    size_t from = in / CRYPT_PIECE * CRYPT_PIECE;
    size_t to = (in + n + CRYPT_PIECE - 1) / CRYPT_PIECE * CRYPT_PIECE;
    uint64_t start = offset - in;
    uint8_t buf[SEAL_BYTES];
    int r;

    memset(buf + unit, 0, from - unit); /* encrypted, not written: any bytes would do */
    memcpy(buf + in, p, n);
    r = fill_edges(v, buf, start, in, n);
    if (r == 0)
        r = crypt_seal(v->crypt, buf + unit, to - unit, start + unit);
    if (r == 0)
        r = v->io->pwrite(v->io, VOLUME_FILE_DATA, v->data_fd, buf + from, to - from, start + from);
    return r;
}

static int put_sealed(struct volume *v, const uint8_t *p, size_t n, uint64_t offset)
{
    int r = 0;

    for (size_t k; n && r == 0; n -= k, p += k, offset += k) {
        k = (size_t)min_u64(n, SEAL_BYTES - offset % SEAL_BYTES);
        r = put_sealed_part(v, p, k, offset);
    }
    return r;
}

int volume_put(struct volume *v, const void *buf, size_t n, uint64_t offset, struct err *e)
{
    int r = v->crypt ? put_sealed(v, buf, n, offset)
                     : v->io->pwrite(v->io, VOLUME_FILE_DATA, v->data_fd, buf, n, offset);

    data_changed(v);
    return r < 0 ? err_no(e, r, "write %zu bytes at %llu of volume '%s'", n,
                          (unsigned long long)offset, v->head.name)
                 : 0;
}

static int put_zeros(struct volume *v, uint64_t n, uint64_t offset, struct err *e)
{
    static const uint8_t zeros[SUB_BYTES];
    int r = 0;

    for (uint64_t k; n && r == 0; n -= k, offset += k) {
        k = min_u64(n, sizeof zeros);
        r = volume_put(v, zeros, (size_t)k, offset, e);
    }
    return r;
}

static int punch(struct volume *v, uint64_t n, uint64_t offset, unsigned flags, struct err *e)
{
    int mode = (flags & VOLUME_ZERO_KEEP ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE) |
               FALLOC_FL_KEEP_SIZE;
    int r;

    do
        r = fallocate(v->data_fd, mode, (off_t)offset, (off_t)n);
    while (r < 0 && errno == EINTR);
    data_changed(v);
    if (r == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENODEV && errno != ENOSYS)
        return err_errno(e, "zero %llu bytes at %llu of volume '%s'", (unsigned long long)n,
                         (unsigned long long)offset, v->head.name);
    if (flags & VOLUME_ZERO_FAST)
        return err_set(e, EOPNOTSUPP, ERR_INVALID, "zeros are not fast on this file system");
    return put_zeros(v, n, offset, e);
}

/* Zeros on disk are zeros of the volume only by whole pieces; what is less is written. */
static int punch_sealed(struct volume *v, uint64_t n, uint64_t offset, unsigned flags,
                        struct err *e)
{
    uint64_t end = offset + n;
    uint64_t from = min_u64(div_up_u64(offset, CRYPT_PIECE) * CRYPT_PIECE, end);
    uint64_t to = max_u64(end / CRYPT_PIECE * CRYPT_PIECE, from);
    int r = put_zeros(v, from - offset, offset, e);

    if (r == 0 && to > from)
        r = punch(v, to - from, from, flags, e);
    return r < 0 ? r : put_zeros(v, end - to, to, e);
}

int volume_punch(struct volume *v, uint64_t n, uint64_t offset, unsigned flags, struct err *e)
{
    return v->crypt ? punch_sealed(v, n, offset, flags, e) : punch(v, n, offset, flags, e);
}
