/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A copy-on-write layer: writes go to a scratch file, the disk below stays as it is until they are
 * committed - whole, or not at all.
 *
 * Commit with a journal: the scratch file lies beside the disk file as DISK.kiln-journal.new (of a
 * block device: where the request says). It
 * gets an index and a checksum, is flushed, and renamed to DISK.kiln-journal: from there on the
 * change is valid. Then it is written to the disk, which is flushed, and removed. Whoever opens the
 * disk next finishes what was interrupted (win_cow_recover), or drops what never became valid. */
#pragma once

#include "disk.h"

struct win_cow;

/* journal: the path beside the disk, borrowed; NULL: the scratch file has no name, and a commit
 * that is interrupted leaves a mixture (for a volume that is thrown away then). Neither frees the
 * disk below. Changes made to the disk below by others are not allowed meanwhile. */
int win_cow_open(struct win_disk *below, const char *journal, struct win_cow **ret, struct err *e);
/* Drops everything that was not committed. */
void win_cow_free(struct win_cow *c);
DEFINE_FREEP(win_cow_free, struct win_cow);

/* The layer as a disk, borrowed: valid until win_cow_free(). */
struct win_disk *win_cow_disk(struct win_cow *c);
uint64_t win_cow_changed_bytes(const struct win_cow *c);
/* Afterwards the disk below is changed and flushed, and the layer is empty. Nothing that was not
 * different before is written. */
int win_cow_commit(struct win_cow *c, struct err *e);

/* Only the first half of a commit: the journal is whole, and the disk below untouched. For whoever
 * applies it elsewhere. Needs a journal; the layer is used up. */
int win_cow_seal(struct win_cow *c, struct err *e);
/* Such a journal as a layer again, over the same content; it is checked first. Its face is to be
 * read only. */
int win_cow_open_sealed(struct win_disk *below, const char *journal, struct win_cow **ret,
                        struct err *e);
/* Numbers of the changed pieces of grain bytes (a multiple of 4096), rising, each once; caller
 * frees. */
int win_cow_changes(const struct win_cow *c, uint64_t grain, uint64_t **ret, size_t *ret_n,
                    struct err *e);

/* Before a disk is opened for writing (or reading: what is committed must be seen): finishes or
 * drops a journal that an interrupted commit left. *ret_finished: something was finished. The disk
 * must be writable when there is a valid one. A journal of another disk, or of a disk that was
 * changed since, is refused with ERR_CONFLICT. */
int win_cow_recover(struct win_disk *below, const char *journal, bool *ret_finished, struct err *e);
/* 1: a valid journal may wait there; 0: none. */
int win_cow_pending(const char *journal);
