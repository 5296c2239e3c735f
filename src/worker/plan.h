/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is to be done with each block of a volume, from the extents that its server tells: two bits
 * a block, 32 MiB for 64 TiB. */
#pragma once

#include "err.h"

#define PLAN_VOLUME_MAX (UINT64_C(64) << 40)

enum plan_mode {
    PLAN_FULL,    /* hole and zero: a hole; zero: zeros; all else: read */
    PLAN_CHANGES, /* hole, not zero: leave as in the parent; zero: zeros; data: read */
};

enum plan_want {
    PLAN_UNTOLD, /* no extent spoke of it: as PLAN_LEAVE */
    PLAN_LEAVE,  /* a hole of a new snapshot, or the parent's block */
    PLAN_ZERO,
    PLAN_READ,
};

struct plan {
    enum plan_mode mode;
    uint64_t volume_bytes, blocks;
    uint8_t *map;
};

int plan_init(struct plan *p, enum plan_mode mode, uint64_t volume_bytes, struct err *e);
void plan_done(struct plan *p);
/* An extent of base:allocation. What lies behind the volume is ignored. */
void plan_note(struct plan *p, uint64_t offset, uint64_t len, uint32_t flags);
void plan_read_all(struct plan *p);
enum plan_want plan_want(const struct plan *p, uint64_t block);
/* The next block at or behind this one that is not left alone; blocks at the end. */
uint64_t plan_next(const struct plan *p, uint64_t block);
/* Bytes of a block, cut at the end of the volume. */
size_t plan_block_bytes(const struct plan *p, uint64_t block);
/* Bytes of all blocks that are to be read. */
uint64_t plan_read_bytes(const struct plan *p);
