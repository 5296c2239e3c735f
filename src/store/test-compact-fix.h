/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of compaction share: a store in which most of a pack is dead. */
#pragma once

#include "test-help.h"

#define BLOCKS 20U

struct fix {
    char *dir, *path;
    struct store *s;
    struct store_key *key;
    struct model kept;
};

/* Set-up and tear-down of a test: an empty store on the real disk, in which any dead byte counts.
 */
int set_up(void **state);
int set_up_encrypted(void **state);
int tear_down(void **state);
/* Snapshot "all" of twenty blocks, then "kept" of two of them, then "all" is deleted: the pack has
 * eighteen blocks and a leaf that nothing needs. */
void most_is_deleted(struct fix *f);
/* Succeeds, and nobody was at work. */
struct store_gc_stats collect(struct store *s);
void kept_is_whole(struct fix *f);
/* The pack that has most bytes; ret_bytes may be NULL. The caller frees. */
char *largest_pack(struct fix *f, uint64_t *ret_bytes);

#define TEST(f)   cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define SEALED(f) cmocka_unit_test_setup_teardown(f, set_up_encrypted, tear_down)
