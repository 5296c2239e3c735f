/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was written through a tree, kept to be proved by a second reading: each file's digest, each
 * path that must be gone. */
#pragma once

#include "err.h"

struct win_changes;
struct win_tree;

struct win_changes *win_changes_new(void); /* aborts without memory */
void win_changes_free(struct win_changes *c);
DEFINE_FREEP(win_changes_free, struct win_changes);

int win_changes_wrote(struct win_changes *c, const char *path, const void *buf, size_t len,
                      struct err *e);
/* All that was noted at and below path is forgotten; itself: the path must be gone. */
int win_changes_deleted(struct win_changes *c, const char *path, bool itself, struct err *e);
void win_changes_replaced_sid(struct win_changes *c, const uint8_t old_sub[12]);
/* The machine SID that was replaced, 24 bytes; false: none was. */
bool win_changes_old_sid(const struct win_changes *c, uint8_t ret[24]);
size_t win_changes_count(const struct win_changes *c);

/* Reads everything again: contents, absences, each hive whole, and no old SID in the volume's
 * security. ERR_CORRUPT names the first difference. */
int win_changes_verify(const struct win_changes *c, struct win_tree *t, struct err *e);
