/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compaction: packs of which little is needed are written anew, without the rest. */
#pragma once

#include "marks.h"

/* Behind the sweep of a collection, locks/gc held exclusively. Counts into st. What must not keep a
 * collection from ending well (damage, a full disk) is told in st->trouble. */
int compact_packs(struct store *s, const struct marks *m, struct store_gc_stats *st, struct err *e);
