/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the block core. Locks, in the order in which they may be taken:
 * flush_lock, map_lock, points_lock, stripe, intent_lock (maps), base_lock, loader.l. */
#pragma once

#include "core.h"
#include "crypt.h"
#include "gate.h"
#include "head.h"
#include "maps.h"

#define STRIPES         256U
#define POINTS_MAX      32U
#define LOADERS         2U
#define MISS_QUEUE      4096U
#define GATE_TIMEOUT_MS 4000U

/* An open snapshot; freed when the last user is done, so that a release may replace it under
 * running reads. */
struct base {
    struct store_snap *snap;
    uint64_t data_blocks;
    unsigned refs; /* under base_lock */
};

struct loader {
    struct lock l;
    pthread_cond_t work, loaded;
    uint64_t misses[MISS_QUEUE]; /* ring; a full one drops: a miss is a wish, not a promise */
    uint64_t head, tail;
    uint64_t *queued, *loading, *bad; /* bit per block */
    uint64_t rate, next_ns, cursor;
    bool stop;
    unsigned n_threads;
    pthread_t threads[LOADERS];
    void *buffers[LOADERS];
};

struct volume_point {
    struct volume *v;
    char name[STORE_ID_MAX];
    unsigned refs; /* under points_lock */
    int data_fd;
    uint8_t *mem;
    struct areas a; /* dirty: changed between base and point */
    uint64_t order;
    bool gone, broken; /* atomic */
};

struct volume {
    struct head head;
    char *dir, *store_dir;
    struct store_key *key; /* these two: NULL unless it is encrypted */
    struct crypt *crypt;
    int lock_fd, data_fd;
    const struct volume_io *io;
    struct maps maps;
    struct lock stripes[STRIPES];
    struct gate gate;
    bool closing;  /* atomic */
    bool unsynced; /* atomic; data has writes that no sync covered */
    bool failed;   /* atomic; a sync of data failed */
    bool clean_start;

    struct lock flush_lock;
    uint64_t flushes_started, flushes_done; /* atomic to read */
    struct lock map_lock;                   /* who changes dirty otherwise than by setting bits */

    struct store *store;
    struct lock base_lock;
    struct base *base;                          /* NULL: none */
    uint64_t *touched;                          /* bit per base block read from the store */
    uint64_t n_touched, store_bytes, fill_done; /* atomic */
    struct loader loader;

    struct lock points_lock;                 /* the list against volume_point_get */
    struct volume_point *points[POINTS_MAX]; /* changed only with the gate closed; oldest first */
    size_t n_points;
    uint64_t next_order;
    char boot_id[BOOT_ID_MAX];

    bool frozen, thawed_by_itself; /* the steering thread only */
    uint64_t frozen_until_ns;
};

static inline struct lock *volume_stripe(struct volume *v, uint64_t block)
{
    return &v->stripes[block % STRIPES];
}

/* Bytes of a block that exist: the last one may be short. */
static inline uint64_t volume_block_bytes(const struct volume *v, uint64_t block)
{
    return min_u64(STORE_BLOCK_BYTES, v->head.size_bytes - (block << STORE_BLOCK_SHIFT));
}

/* ---- base.c: what is not local */

/* pinned: an id that is gone is looked for under the volume's pin. */
int base_open(struct volume *v, const char *id, bool pinned, struct base **ret, struct err *e);
/* The base from now on (NULL: none); takes b. The older one is closed when its last reader is done.
 */
void base_take(struct volume *v, struct base *b);
void base_put(struct volume *v, struct base *b);
int base_open_store(struct volume *v, struct err *e);
bool base_has_data(struct volume *v, uint64_t block);
/* Inside one block; zeros where the base has none. */
int base_read(struct volume *v, void *buf, size_t n, uint64_t offset, struct err *e);
/* Whole and verified; 1 content, 0 zeros. */
int base_read_block(struct volume *v, uint64_t block, void *buf, struct err *e);
uint64_t base_data_blocks(struct volume *v);

/* ---- loader.c: absent blocks brought in, whole */

int loader_init(struct volume *v, struct err *e);
int loader_start(struct volume *v, struct err *e);
void loader_stop(struct volume *v);
void loader_done(struct volume *v);
void loader_want(struct volume *v, uint64_t block);
/* Content of a whole block that a reader loaded and verified anyway. */
void loader_keep(struct volume *v, uint64_t block, const void *buf);
/* When the block is being loaded at this moment: waits for the end of that and returns true. */
bool loader_wait(struct volume *v, uint64_t block);

/* ---- data.c */

/* With the stripe of the block. */
int volume_put(struct volume *v, const void *buf, size_t n, uint64_t offset, struct err *e);
/* Plain content of what is local; 0 or a negative errno. */
int volume_get(struct volume *v, void *buf, size_t n, uint64_t offset);
int volume_punch(struct volume *v, uint64_t n, uint64_t offset, unsigned flags, struct err *e);

/* ---- core.c, read.c */

/* With the stripe of the block. */
void volume_make_present(struct volume *v, uint64_t block);
/* Reads a part of a block whose sectors' bits say what is local. */
int volume_read_partial(struct volume *v, const uint64_t *sectors, uint64_t block, void *buf,
                        size_t n, uint64_t offset, struct err *e);

/* Joins neighbours of one kind before they go out. */
struct extents {
    volume_extent_fn fn;
    void *userdata;
    uint64_t offset, n;
    enum volume_extent kind;
    unsigned count;
    bool stop;
};
void extents_add(struct extents *x, uint64_t offset, uint64_t n, enum volume_extent kind);
void extents_end(struct extents *x);
/* How a range of a sparse file is allocated. */
void extents_of_file(struct extents *x, int fd, uint64_t n, uint64_t offset);

/* ---- point.c */

bool point_local(const struct volume_point *p, uint64_t block, uint64_t sub);
bool point_is_usable(const struct volume_point *p);
int point_refuse(const struct volume_point *p, struct err *e);

/* Before the block's part is overwritten; with the block's stripe and inside the gate. Cannot
 * fail: a point whose content cannot be kept is broken. */
void points_save(struct volume *v, uint64_t block, uint64_t in_block, uint64_t n);
void points_done(struct volume *v);

/* ---- point-files.c */

/* Those of this boot live on, others flow back into dirty. */
int points_load(struct volume *v, const char *boot_id, struct err *e);
