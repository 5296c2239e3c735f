/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the store's tests share: blocks of known content, snapshots from a model, comparing. */
#pragma once

#include "test.h"

#include "store-priv.h"

#define MODEL_BLOCKS_MAX 4096U

/* A volume as tests see it: each block's content is made from a number; 0: zeros. */
struct model {
    uint64_t volume_bytes;
    uint32_t block[MODEL_BLOCKS_MAX];
};

/* 512 KiB that depend on the number only: some noise, mostly text, one frame of zeros. */
void model_block(uint32_t number, uint8_t *buf);
uint64_t model_blocks(const struct model *m);
/* In the domain of the store's first key, if it has one. Asserts that nothing fails. changed NULL:
 * every block of now is handed in. */
void model_snapshot(struct store *s, const char *id, const char *parent, const struct model *now,
                    const struct model *changed, struct store_snap_info *ret);
/* The same, but failures are returned. */
int model_try_snapshot(struct store *s, const char *id, const char *parent, const struct model *now,
                       const struct model *changed, unsigned threads, struct store_snap_info *ret,
                       struct err *e);
/* 0: id has exactly the model's content, read in both ways. -1: it is wrong. Else an errno. */
int model_compare(struct store *s, const char *id, const struct model *m, struct err *e);
/* A temporary directory's path, removed by temp_done. */
char *temp_new(void);
void temp_done(char *path);
void assert_ok(int r, const struct err *e);
/* A fresh random key; store_key_free. */
struct store_key *test_key(uint32_t domain);
/* Runs store_check; problems are printed. */
uint64_t check_problems(struct store *s, struct store_check_report *ret);

/* A new store on the real disk, for each test: cmocka's set-up and tear-down. */
struct store_fix {
    char *dir, *path;
    struct store *s;
};
int store_fix_set_up(void **state);
int store_fix_tear_down(void **state);
/* 600 MiB: two leaves; the last block is not whole. */
struct model model_small(void);
