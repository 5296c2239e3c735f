/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The maps of a volume: "live", shared and changed in place, and "map", what is durable of it
 * (docs/formats/volume.md, "map, live, points/NAME/map" and "Order of writes"). */
#pragma once

#include "core.h"
#include "lock.h"

#define MAP_MAGIC     "KILNMAP\n" /* of the durable map */
#define MAP_PAGE      4096U
#define SECTOR_SHIFT  12
#define SECTOR_BYTES  (1U << SECTOR_SHIFT)
#define BLOCK_SECTORS (STORE_BLOCK_BYTES / SECTOR_BYTES)
#define SUB_SHIFT     16
#define SUB_BYTES     (1U << SUB_SHIFT)
#define BLOCK_SUBS    (STORE_BLOCK_BYTES / SUB_BYTES)
#define REGION_SHIFT  29
#define REGION_BLOCKS (1U << (REGION_SHIFT - STORE_BLOCK_SHIFT))
#define BOOT_ID_MAX   40

struct layout {
    uint64_t size_bytes, blocks, regions;
    uint64_t intent, present, dirty, partial, sectors, saved, end; /* offsets of the areas */
};

struct layout layout_of(uint64_t size_bytes);

enum map_state { MAP_NONE, MAP_GOOD, MAP_BROKEN }; /* GOOD: closed cleanly; or complete */

struct map_header {
    uint32_t state;
    uint64_t order;
    char boot_id[BOOT_ID_MAX];
};

/* p: a page. The state field is written alone by map_header_state, in place. */
void map_header_put(void *p, const char magic[8], uint64_t size_bytes, const struct map_header *h);
bool map_header_get(const void *p, const char magic[8], uint64_t size_bytes,
                    struct map_header *ret);
/* The size that it says, checked or not. */
uint64_t map_header_size(const void *p);
void map_header_state(void *p, enum map_state state);

/* The views of one mapped file. */
struct areas {
    uint64_t *intent, *present, *dirty, *partial, *sectors;
    uint64_t *saved;
};
struct areas areas_of(void *mem, const struct layout *l);
/* Sectors of block b that lie in data, when it is partial. */
static inline const uint64_t *areas_sectors(const struct areas *a, uint64_t block)
{
    return &a->sectors[block * (BLOCK_SECTORS / 64)];
}

struct maps {
    struct layout l;
    struct areas a; /* of live */
    const struct volume_io *io;
    int map_fd;
    uint8_t *mem, *shadow;
    uint64_t *touched, *staged; /* a bit per page */
    uint64_t n_present;         /* atomic */
    bool failed;                /* a sync failed: what the kernel then holds is unknown */
    struct lock intent_lock;
    bool marked_clean; /* the durable map says so; until the first change. Under intent_lock */
};

struct maps_found {
    bool clean;      /* the last server closed it in order, or had changed nothing */
    bool power_lost; /* live was of another boot */
};

/* Makes the durable map of a new volume. */
int maps_create(const char *dir, uint64_t size_bytes, bool with_sectors, struct err *e);
int maps_create_as(const char *path, uint64_t size_bytes, bool with_sectors, struct err *e);
int maps_open(struct maps *m, const char *dir, uint64_t size_bytes, bool with_sectors,
              const char *boot_id, const struct volume_io *io, struct maps_found *ret,
              struct err *e);
void maps_done(struct maps *m);

/* Sets a bit of an area of live; true when this call set it. For one block, the caller holds its
 * stripe: so who finds a bit set may rely on its page being on the list for the next flush. */
bool maps_set(struct maps *m, uint64_t *area, uint64_t i);
/* All pages of an area are written anew by the next flush. */
void maps_touch_area(struct maps *m, const uint64_t *area, uint64_t bits);
/* The region may be written afterwards. Free when it was already. */
int maps_intend(struct maps *m, uint64_t region, struct err *e);

/* Flush in two halves: between them, data is synced. more: dirty areas to be united with live's.
 * One flush at a time; stage excludes whoever changes dirty otherwise than by setting bits. */
void maps_stage(struct maps *m, uint64_t *const *more, size_t n_more);
bool maps_is_staged(const struct maps *m);
int maps_commit(struct maps *m, struct err *e);
int maps_mark_clean(struct maps *m, struct err *e);
