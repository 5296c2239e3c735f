/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The content of a point, while the volume goes on changing. Readers take no lock: a writer first
 * keeps the old content, then sets the saved bit, then overwrites. So who reads the volume's data
 * and finds the saved bit still clear *afterwards* has read old content. */
#include "core-priv.h"

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "file.h"

static bool is_saved(const struct volume_point *p, uint64_t offset)
{
    return bit_get(p->a.saved, offset >> SUB_SHIFT);
}

static bool all_saved(const struct volume_point *p, uint64_t from, uint64_t end)
{
    for (uint64_t at = from & ~(uint64_t)(SUB_BYTES - 1); at < end; at += SUB_BYTES)
        if (!is_saved(p, at))
            return false;
    return true;
}

/* A range of one block that was local at the point, as it is on disk. */
static int read_stored(void *point, void *to_buf, size_t n, uint64_t offset)
{
    struct volume_point *p = point;
    uint64_t end = offset + n, to;
    uint8_t *buf = to_buf;
    int r = 0;

    if (!all_saved(p, offset, end))
        r = pread_full(p->v->data_fd, buf, n, offset);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint64_t at = offset; at < end && r == 0; at = to) {
        to = min_u64((at / SUB_BYTES + 1) * SUB_BYTES, end);
        if (is_saved(p, at))
            r = pread_full(p->data_fd, buf + (at - offset), (size_t)(to - at), at);
    }
    return r;
}

static int read_local(struct volume_point *p, uint8_t *buf, uint64_t n, uint64_t offset,
                      struct err *e)
{
    struct crypt *c = p->v->crypt;
    int r = c ? crypt_read(c, read_stored, p, buf, (size_t)n, offset)
              : read_stored(p, buf, (size_t)n, offset);

    return r < 0 ? err_no(e, r, "read %llu bytes at %llu of point '%s'", (unsigned long long)n,
                          (unsigned long long)offset, p->name)
                 : 0;
}

static int read_sectors(struct volume_point *p, uint64_t block, uint8_t *buf, uint64_t n,
                        uint64_t offset, struct err *e)
{
    const uint64_t *sectors = areas_sectors(&p->a, block);
    uint64_t start = block << STORE_BLOCK_SHIFT, end = offset + n, to;
    int r = 0;

    for (uint64_t at = offset; at < end && r == 0; at = to) {
        bool local = bit_get(sectors, (at - start) / SECTOR_BYTES);

        to = at;
        while (to < end && bit_get(sectors, (to - start) / SECTOR_BYTES) == local)
            to = (to / SECTOR_BYTES + 1) * SECTOR_BYTES;
        to = min_u64(to, end);
        r = local ? read_local(p, buf, to - at, at, e)
                  : base_read(p->v, buf, (size_t)(to - at), at, e);
        buf += to - at;
    }
    return r;
}

static int read_block(struct volume_point *p, uint64_t block, uint8_t *buf, uint64_t n,
                      uint64_t offset, struct err *e)
{
    if (bit_get(p->a.present, block))
        return read_local(p, buf, n, offset, e);
    if (bit_get(p->a.partial, block))
        return read_sectors(p, block, buf, n, offset, e);
    return base_read(p->v, buf, (size_t)n, offset, e);
}

int volume_point_read(struct volume_point *p, void *buf, size_t n, uint64_t offset, struct err *e)
{
    uint8_t *out = buf;
    int r = 0;

    for (uint64_t end = offset + n, to; offset < end && r == 0; offset = to) {
        uint64_t block = offset >> STORE_BLOCK_SHIFT;

        to = min_u64((block + 1) << STORE_BLOCK_SHIFT, end);
        r = read_block(p, block, out, to - offset, offset, e);
        out += to - offset;
    }
    /* Ended or broken at any moment before here, what was read may be new content. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (r == 0 && !point_is_usable(p))
        return point_refuse(p, e);
    return r;
}

/* ---- extents --------------------------------------------------------------------------------- */

static bool has_data(int fd, uint64_t from, uint64_t end)
{
    off_t data = lseek(fd, (off_t)from, SEEK_DATA);

    return data < 0 ? errno != ENXIO : (uint64_t)data < end;
}

/* Nothing allocated at the point: zeros for certain. Anything else may be called data. */
static bool is_hole(const struct volume_point *p, uint64_t block)
{
    uint64_t at = block << STORE_BLOCK_SHIFT, end = at + volume_block_bytes(p->v, block);

    for (uint64_t to; at < end; at = to) {
        bool saved = is_saved(p, at);

        to = min_u64(at + SUB_BYTES, end);
        if (has_data(saved ? p->data_fd : p->v->data_fd, at, to))
            return false;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!saved && is_saved(p, at))
            return false; /* it was looked at while it changed */
    }
    return true;
}

static enum volume_extent kind_of(struct volume_point *p, bool full, uint64_t block)
{
    if (!full && !bit_get(p->a.dirty, block))
        return VOLUME_EXTENT_SAME;
    if (bit_get(p->a.present, block))
        return is_hole(p, block) ? VOLUME_EXTENT_ZERO : VOLUME_EXTENT_DATA;
    if (bit_get(p->a.partial, block) || base_has_data(p->v, block))
        return VOLUME_EXTENT_DATA;
    return VOLUME_EXTENT_ZERO;
}

#define EXTENTS_BLOCKS_MAX (1U << 16)

int volume_point_extents(struct volume_point *p, bool full, uint64_t n, uint64_t offset,
                         volume_extent_fn fn, void *userdata, struct err *e)
{
    struct extents x = { .fn = fn, .userdata = userdata };
    uint64_t end =
        min_u64(offset + n, offset + ((uint64_t)EXTENTS_BLOCKS_MAX << STORE_BLOCK_SHIFT));

    for (uint64_t to; offset < end && !x.stop; offset = to) {
        uint64_t block = offset >> STORE_BLOCK_SHIFT;

        to = min_u64((block + 1) << STORE_BLOCK_SHIFT, end);
        extents_add(&x, offset, to - offset, kind_of(p, full, block));
    }
    extents_end(&x);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return point_is_usable(p) ? 0 : point_refuse(p, e);
}
