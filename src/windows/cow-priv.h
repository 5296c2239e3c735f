/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the copy-on-write layer: its blocks (cow.c), the journal's file (cow-journal.c), a
 * commit and its recovery (cow-commit.c). */
#pragma once

#include "cow.h"
#include "cur.h"

#define BLOCK      4096U
#define SECTOR     512U
#define SUMS       (BLOCK / SECTOR)
#define BLOCKS_MAX (1U << 24) /* 64 GiB of changes */

/* One of the journal's index. */
struct cow_entry {
    le64 number;    /* of the block on the disk */
    le32 old[SUMS]; /* of the sectors that were there: who finishes an interrupted commit must find
                       the old or the new content in each, else the disk is another one */
};
_Static_assert(sizeof(struct cow_entry) == 40, "an entry of the journal's index");

struct win_cow {
    struct win_disk *below, *face;
    char *journal, *fresh; /* paths; NULL: a scratch file without a name */
    int fd;
    struct cow_entry *entries; /* by slot */
    uint32_t n, cap;
    uint32_t *table; /* of slots + 1, open addressing by block number; a power of two */
    uint32_t table_size;
};

/* Bytes of a block: the disk's last one may be short. */
size_t win_cow_block_len(const struct win_cow *c, uint64_t number);
int win_cow_slot_read(const struct win_cow *c, uint32_t slot, uint32_t in, void *buf, size_t n,
                      struct err *e);

/* Tells old from new content of a sector; not against an adversary. */
uint32_t win_cow_sector_sum(const uint8_t *p);
/* Index and trailer behind the blocks; then the file is flushed and gets its name. */
int win_cow_write_journal(struct win_cow *c, struct err *e);
/* Once its change is on the disk. */
int win_cow_drop_journal(struct win_cow *c, struct err *e);
/* The entries of the open journal. 1: sound; 0: not a whole journal. */
int win_cow_load(struct win_cow *c, struct err *e);
/* Each sector is the old or the new one: nobody else has written here since. */
int win_cow_check_same_disk(const struct win_cow *c, struct err *e);
