/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading, and telling how content is allocated. Takes no lock but for what is not local: bits only
 * ever get set, each after its data, so what a bit says stays true while the read goes on. */
#include "core-priv.h"

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "file.h"

static int read_data(struct volume *v, void *buf, uint64_t n, uint64_t offset, struct err *e)
{
    int r = volume_get(v, buf, (size_t)n, offset);

    return r < 0 ? err_no(e, r, "read %llu bytes at %llu of volume '%s'", (unsigned long long)n,
                          (unsigned long long)offset, v->head.name)
                 : 0;
}

int volume_read_partial(struct volume *v, const uint64_t *sectors, uint64_t block, void *buf,
                        size_t n, uint64_t offset, struct err *e)
{
    uint64_t start = block << STORE_BLOCK_SHIFT, end = offset + n, to;
    uint8_t *p = buf;
    int r = 0;

    for (uint64_t at = offset; at < end && r == 0; at = to) {
        bool local = bit_get(sectors, (at - start) / SECTOR_BYTES);

        to = at;
        while (to < end && bit_get(sectors, (to - start) / SECTOR_BYTES) == local)
            to = (to / SECTOR_BYTES + 1) * SECTOR_BYTES;
        to = min_u64(to, end);
        r = local ? read_data(v, p, to - at, at, e) : base_read(v, p, (size_t)(to - at), at, e);
        p += to - at;
    }
    return r;
}

/* The reader wants all of it: loaded once, verified, kept. */
static int read_whole(struct volume *v, uint64_t block, void *buf, struct err *e)
{
    int r = base_read_block(v, block, buf, e);

    if (r < 0)
        return r;
    loader_keep(v, block, buf);
    return 0;
}

static int read_absent(struct volume *v, uint64_t block, void *buf, size_t n, uint64_t offset,
                       struct err *e)
{
    int r;

    if (loader_wait(v, block) && bit_get(v->maps.a.present, block))
        return read_data(v, buf, n, offset, e);
    if (bit_get(v->maps.a.partial, block))
        r = volume_read_partial(v, areas_sectors(&v->maps.a, block), block, buf, n, offset, e);
    else if (n == STORE_BLOCK_BYTES && base_has_data(v, block))
        return read_whole(v, block, buf, e);
    else
        r = base_read(v, buf, n, offset, e);
    if (r == 0 && base_has_data(v, block))
        loader_want(v, block);
    return r;
}

int volume_read(struct volume *v, void *buf, size_t n, uint64_t offset, struct err *e)
{
    const uint64_t *present = v->maps.a.present;
    uint8_t *p = buf;
    int r = 0;

    for (uint64_t end = offset + n, to; offset < end && r == 0; offset = to) {
        uint64_t block = offset >> STORE_BLOCK_SHIFT;
        bool local = bit_get(present, block);

        to = (block + 1) << STORE_BLOCK_SHIFT;
        while (local && to < end && bit_get(present, to >> STORE_BLOCK_SHIFT))
            to += STORE_BLOCK_BYTES;
        to = min_u64(to, end);
        if (local)
            r = read_data(v, p, to - offset, offset, e);
        else
            r = read_absent(v, block, p, (size_t)(to - offset), offset, e);
        p += to - offset;
    }
    return r;
}

/* ---- extents --------------------------------------------------------------------------------- */

#define EXTENTS_MAX        4096U
#define EXTENTS_BLOCKS_MAX (1U << 16)

static void send(struct extents *x)
{
    if (x->n == 0 || x->stop)
        return;
    x->stop = x->fn(x->offset, x->n, x->kind, x->userdata) != 0 || ++x->count >= EXTENTS_MAX;
}

void extents_add(struct extents *x, uint64_t offset, uint64_t n, enum volume_extent kind)
{
    if (x->n && x->kind == kind) {
        x->n += n;
        return;
    }
    send(x);
    x->offset = offset;
    x->n = n;
    x->kind = kind;
}

void extents_end(struct extents *x)
{
    send(x);
}

void extents_of_file(struct extents *x, int fd, uint64_t n, uint64_t offset)
{
    uint64_t end = offset + n;

    while (offset < end && !x->stop) {
        off_t data = lseek(fd, (off_t)offset, SEEK_DATA), hole;

        if (data < 0 && errno != ENXIO)
            data = (off_t)offset; /* cannot tell: call it data */
        if (data < 0 || (uint64_t)data >= end) {
            extents_add(x, offset, end - offset, VOLUME_EXTENT_ZERO);
            return;
        }
        if ((uint64_t)data > offset)
            extents_add(x, offset, (uint64_t)data - offset, VOLUME_EXTENT_ZERO);
        hole = lseek(fd, data, SEEK_HOLE);
        if (hole <= data || (uint64_t)hole > end)
            hole = (off_t)end;
        extents_add(x, (uint64_t)data, (uint64_t)(hole - data), VOLUME_EXTENT_DATA);
        offset = (uint64_t)hole;
    }
}

int volume_extents(struct volume *v, uint64_t n, uint64_t offset, volume_extent_fn fn,
                   void *userdata, struct err *e)
{
    struct extents x = { .fn = fn, .userdata = userdata };
    const uint64_t *present = v->maps.a.present;
    uint64_t end =
        min_u64(offset + n, offset + ((uint64_t)EXTENTS_BLOCKS_MAX << STORE_BLOCK_SHIFT));

    (void)e;
    for (uint64_t to; offset < end && !x.stop; offset = to) {
        uint64_t block = offset >> STORE_BLOCK_SHIFT;
        bool local = bit_get(present, block);

        to = (block + 1) << STORE_BLOCK_SHIFT;
        while (local && to < end && bit_get(present, to >> STORE_BLOCK_SHIFT))
            to += STORE_BLOCK_BYTES;
        to = min_u64(to, end);
        if (local)
            extents_of_file(&x, v->data_fd, to - offset, offset);
        else
            extents_add(&x, offset, to - offset,
                        bit_get(v->maps.a.partial, block) || base_has_data(v, block)
                            ? VOLUME_EXTENT_DATA
                            : VOLUME_EXTENT_ZERO);
    }
    extents_end(&x);
    return 0;
}
