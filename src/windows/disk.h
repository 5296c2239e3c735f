/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one block interface of the room: bytes of a disk, whatever serves them. A raw file, an NBD
 * connection (through qemu-nbd: qcow2, VHD, VHDX, VMDK), a part of another disk, a buffer in
 * memory, or a copy-on-write layer (cow.h). Offsets and lengths in bytes, of any alignment. */
#pragma once

#include "err.h"

struct win_disk;

struct win_disk_ops {
    /* Both are called with ranges inside of the disk, never empty. */
    int (*read)(void *state, uint64_t offset, void *buf, size_t len, struct err *e);
    int (*write)(void *state, uint64_t offset, const void *buf, size_t len, struct err *e);
    int (*flush)(void *state, struct err *e); /* what was written survives a power cut */
    void (*free)(void *state);
    /* The first data at or behind offset, [*ret_start, *ret_end): what lies before reads as zeros.
     * Both the disk's size: none. NULL: all is data. */
    int (*next_data)(void *state, uint64_t offset, uint64_t *ret_start, uint64_t *ret_end,
                     struct err *e);
};

/* Takes state (freed by ops->free, also when this fails). ops->write NULL: read-only. */
int win_disk_new(const struct win_disk_ops *ops, void *state, uint64_t bytes, struct win_disk **ret,
                 struct err *e);
/* A raw file or block device; takes the descriptor. */
int win_disk_take_fd(int fd, bool writable, struct win_disk **ret, struct err *e);
/* An NBD server behind a connected socket, which it takes, or at a Unix socket's path. Every wait
 * has a deadline. Writable when the export is and the caller asks for it. */
int win_disk_take_nbd(int socket_fd, const char *export_name, bool writable, struct win_disk **ret,
                      struct err *e);
int win_disk_open_nbd(const char *socket_path, const char *export_name, bool writable,
                      struct win_disk **ret, struct err *e);
/* [offset, offset + bytes) of another disk, which must outlive it. */
int win_disk_part(struct win_disk *whole, uint64_t offset, uint64_t bytes, struct win_disk **ret,
                  struct err *e);
/* Keeps lines of line_bytes that were read, n of them; for a disk that is slow in small pieces and
 * that nobody writes. Takes the disk below (also when this fails). */
int win_disk_take_cached(struct win_disk *below, size_t line_bytes, unsigned n,
                         struct win_disk **ret, struct err *e);
/* Over a caller's buffer, which must outlive it. For tests and fuzzing. */
int win_disk_over(void *buf, size_t bytes, struct win_disk **ret, struct err *e);
void win_disk_free(struct win_disk *d);
DEFINE_FREEP(win_disk_free, struct win_disk);

uint64_t win_disk_bytes(const struct win_disk *d);
bool win_disk_writable(const struct win_disk *d);
/* A range behind the end is ERR_CORRUPT: it was a table on the disk that named it. */
int win_disk_read(struct win_disk *d, uint64_t offset, void *buf, size_t len, struct err *e);
int win_disk_write(struct win_disk *d, uint64_t offset, const void *buf, size_t len, struct err *e);
int win_disk_flush(struct win_disk *d, struct err *e);
int win_disk_next_data(struct win_disk *d, uint64_t offset, uint64_t *ret_start, uint64_t *ret_end,
                       struct err *e);
