/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which records roots reach: a bit for each slot of each pack. Under locks/gc: exclusive, and what
 * has no mark is needed by nobody; shared, and it may be what a writer is about to use. */
#pragma once

#include "set.h"
#include "store.h"

struct pack;

struct pack_marks {
    uint64_t seq;
    uint64_t *bit;
    uint32_t words;
};

struct marks {
    struct pack_marks *pack; /* that there were, in order of seq */
    size_t n, last;          /* last: the one that was looked for last */
    struct set leaves;       /* locations of leaves that were walked */
    bool yields, stopped;
};

/* The packs that there are, without a mark. */
int marks_init(struct store *s, struct marks *m, struct err *e);
/* Everything that snapshots and pins reach: 1. yields: 0 when somebody waits for locks/gc, and not
 * everything has its mark. What cannot be read is an error. */
int marks_roots(struct store *s, struct marks *m, bool yields, struct err *e);
/* A location of a pack that was not there is passed over. */
int marks_add(struct marks *m, uint64_t loc, struct err *e);
bool marks_any(const struct pack_marks *p);
bool marks_has(const struct pack_marks *p, uint32_t slot);
void marks_done(struct marks *m);

/* Bytes of a pack's file that nothing with a mark needs: what writing it anew would save. */
uint64_t marks_dead_bytes(const struct pack_marks *m, const struct pack *p);
