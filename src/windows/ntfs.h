/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An NTFS volume over a block interface, through libntfs-3g (one volume at a time in a process: the
 * library has global state). */
#pragma once

#include "disk.h"
#include "tree.h"

/* What forbids writing, seen before any mount and without libntfs-3g. */
enum win_volume_state {
    WIN_VOLUME_CLEAN,
    WIN_VOLUME_DIRTY,        /* $Volume says so, or the journal is not clean: chkdsk first */
    WIN_VOLUME_HIBERNATED,   /* hiberfil.sys holds a session (hibernation or fast startup) */
    WIN_VOLUME_FAST_STARTED, /* $LogFile 2.0: metadata kept in Windows' cache */
    WIN_VOLUME_STATE_MAX
};
const char *win_volume_state_name(enum win_volume_state s); /* "clean", "dirty", ... */

/* Opens the volume of a part of a disk, which must outlive it. Read-only opening works in every
 * state, and tells it; writable opening of what is not clean is refused with ERR_CONFLICT, the
 * reason and the way out. */
int win_ntfs_open(struct win_disk *part, bool writable, struct win_tree **ret, struct err *e);
int win_ntfs_state(struct win_tree *t, enum win_volume_state *ret, struct err *e);
