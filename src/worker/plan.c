/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include <errno.h>
#include <string.h>

#include "source.h"
#include "store.h"

#define PER_BYTE 4

int plan_init(struct plan *p, enum plan_mode mode, uint64_t volume_bytes, struct err *e)
{
    uint64_t blocks = div_up_u64(volume_bytes, STORE_BLOCK_BYTES);
    uint8_t *map;

    if (volume_bytes > PLAN_VOLUME_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "%llu bytes are more than 64 TiB",
                       (unsigned long long)volume_bytes);
    map = calloc(1, (size_t)(blocks / PER_BYTE + 1));
    if (!map)
        return err_oom(e);
    *p = (struct plan){ mode, volume_bytes, blocks, map };
    return 0;
}

void plan_done(struct plan *p)
{
    free(p->map);
    *p = (struct plan){ 0 };
}

enum plan_want plan_want(const struct plan *p, uint64_t block)
{
    return (enum plan_want)(p->map[block / PER_BYTE] >> (block % PER_BYTE * 2) & 3);
}

static void set(struct plan *p, uint64_t block, enum plan_want want)
{
    unsigned shift = (unsigned)(block % PER_BYTE * 2);
    uint8_t *b = &p->map[block / PER_BYTE];

    *b = (uint8_t)((*b & ~(3U << shift)) | (unsigned)want << shift);
}

static enum plan_want want_of(enum plan_mode mode, uint32_t flags)
{
    bool hole = flags & SOURCE_HOLE, zero = flags & SOURCE_ZERO;

    if (mode == PLAN_FULL)
        return zero ? hole ? PLAN_LEAVE : PLAN_ZERO : PLAN_READ;
    return zero ? PLAN_ZERO : hole ? PLAN_LEAVE : PLAN_READ;
}

/* A block of mixed extents: holes and zeros of a full snapshot are zeros together; a block that
 * changed in part is read whole. */
static enum plan_want both(enum plan_mode mode, enum plan_want a, enum plan_want b)
{
    if (a == PLAN_UNTOLD || a == b)
        return b;
    if (mode == PLAN_FULL && a != PLAN_READ && b != PLAN_READ)
        return PLAN_ZERO;
    return PLAN_READ;
}

void plan_note(struct plan *p, uint64_t offset, uint64_t len, uint32_t flags)
{
    enum plan_want want = want_of(p->mode, flags);
    uint64_t last;

    if (len == 0 || offset >= p->volume_bytes)
        return;
    last = (offset + min_u64(len, p->volume_bytes - offset) - 1) >> STORE_BLOCK_SHIFT;
    for (uint64_t b = offset >> STORE_BLOCK_SHIFT; b <= last; b++)
        set(p, b, both(p->mode, plan_want(p, b), want));
}

void plan_read_all(struct plan *p)
{
    memset(p->map, 0xff, (size_t)(p->blocks / PER_BYTE + 1)); /* PLAN_READ */
}

uint64_t plan_next(const struct plan *p, uint64_t block)
{
    while (block < p->blocks && plan_want(p, block) < PLAN_ZERO)
        block++;
    return block;
}

size_t plan_block_bytes(const struct plan *p, uint64_t block)
{
    return (size_t)min_u64(STORE_BLOCK_BYTES, p->volume_bytes - (block << STORE_BLOCK_SHIFT));
}

uint64_t plan_read_bytes(const struct plan *p)
{
    uint64_t sum = 0;

    for (uint64_t b = plan_next(p, 0); b < p->blocks; b = plan_next(p, b + 1))
        if (plan_want(p, b) == PLAN_READ)
            sum += plan_block_bytes(p, b);
    return sum;
}
