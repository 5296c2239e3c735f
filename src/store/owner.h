/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose a record is. */
#pragma once

#include "store.h"

/* Puts before an error about the record at loc the first snapshot or pin that needs it, and which
 * block of it; nothing when none is found. Walks the maps of all snapshots: for damage only. */
void owner_tell(struct store *s, uint64_t loc, struct err *e);
