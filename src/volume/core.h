/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The block logic of one volume: what is local, what is the base's, what changed, what a point
 * still needs. Knows no protocol: kiln-volume.so (plugin.c) is its NBD front end, others may
 * follow.
 *
 * Any thread may call read, write, zero, flush and extents, and the calls of a point. The calls
 * that steer (freeze, thaw, point, release) belong to one thread. */
#pragma once

#include "volume.h"

struct volume;
struct volume_point;

enum volume_file { VOLUME_FILE_DATA, VOLUME_FILE_MAP, VOLUME_FILE_POINT };

/* The seam to the disk for what may fail or get lost; tests put theirs in front. */
struct volume_io {
    int (*pwrite)(const struct volume_io *io, enum volume_file f, int fd, const void *buf, size_t n,
                  uint64_t offset);
    int (*sync)(const struct volume_io *io, enum volume_file f, int fd);
    void *userdata;
};

struct volume_open_spec {
    const char *dir;
    const char *store_dir;      /* NULL: as the volume's head says */
    const char *key_path;       /* needed by an encrypted volume */
    const char *boot_id;        /* NULL: the kernel's; another one is how tests cut the power */
    const struct volume_io *io; /* NULL: the disk */
    uint64_t fill_bytes_per_s;  /* UINT64_MAX: as fast as it goes */
    bool no_loader;             /* absent blocks are read, never filled; for tests */
};

/* Takes the lock of the directory (-EBUSY when another process has it), repairs what a crash left.
 */
int volume_open(const struct volume_open_spec *spec, struct volume **ret, struct err *e);
/* Orderly end: everything synced, marked clean. Later writes are refused. */
int volume_close(struct volume *v, struct err *e);
/* Without volume_close before, the next open finds what kill -9 leaves. */
void volume_free(struct volume *v);
DEFINE_FREEP(volume_free, struct volume);

uint64_t volume_size(const struct volume *v);
/* Offset and length lie inside the volume (the caller checked); any alignment. */
int volume_read(struct volume *v, void *buf, size_t n, uint64_t offset, struct err *e);
int volume_write(struct volume *v, const void *buf, size_t n, uint64_t offset, bool fua,
                 struct err *e);

#define VOLUME_ZERO_FUA  1U /* durable before it returns */
#define VOLUME_ZERO_KEEP 2U /* keep the room allocated (write-zeroes without "may trim") */
#define VOLUME_ZERO_FAST 4U /* -EOPNOTSUPP when it cannot be done without writing zeros */
int volume_zero(struct volume *v, uint64_t n, uint64_t offset, unsigned flags, struct err *e);
/* What was answered before this call is on disk when it returns. */
int volume_flush(struct volume *v, struct err *e);

enum volume_extent {
    VOLUME_EXTENT_DATA,
    VOLUME_EXTENT_ZERO, /* zeros, nothing allocated */
    VOLUME_EXTENT_SAME  /* of a point: as in the base */
};
/* A non-zero return ends the walk without being an error. */
typedef int (*volume_extent_fn)(uint64_t offset, uint64_t n, enum volume_extent kind,
                                void *userdata);
/* From offset on, at least one extent, perhaps not up to the end of the range. */
int volume_extents(struct volume *v, uint64_t n, uint64_t offset, volume_extent_fn fn,
                   void *userdata, struct err *e);

/* See volume.h for what these promise. */
#define VOLUME_FREEZE_MS 5000
int volume_freeze(struct volume *v, struct err *e);
void volume_thaw(struct volume *v);
/* Milliseconds until the freeze ends by itself: 0: now (this call ended it); -1: not frozen. */
int volume_freeze_left_ms(struct volume *v);
int volume_point(struct volume *v, const char *name, struct err *e);
/* *ret_moved: the base is new_base now. A broken point ends too, and is -EIO when there is a
 * new_base: what was read of it cannot be told from garbage. */
int volume_release(struct volume *v, const char *name, const char *new_base, bool *ret_moved,
                   struct err *e);
void volume_fill(struct volume *v, uint64_t bytes_per_s);
void volume_status(struct volume *v, struct volume_status *ret);
/* Lets go of packs of the store that were removed or written anew (store_tidy); now and then, by
 * the thread that steers. */
void volume_tidy(struct volume *v);

/* Calls fn with the name of each living point. */
void volume_points_each(struct volume *v, void (*fn)(const char *name, void *userdata),
                        void *userdata);
/* A reference: reads after the point's end are errors, never wrong data. */
int volume_point_get(struct volume *v, const char *name, struct volume_point **ret, struct err *e);
void volume_point_put(struct volume_point *p);
int volume_point_read(struct volume_point *p, void *buf, size_t n, uint64_t offset, struct err *e);
/* full: allocation as extents; else blocks changed since the base, all others _SAME. */
int volume_point_extents(struct volume_point *p, bool full, uint64_t n, uint64_t offset,
                         volume_extent_fn fn, void *userdata, struct err *e);
