/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the FAT tree: its table and chains of clusters (fat-table.c), its directories
 * (fat-dir.c), the tree itself (fat.c). */
#pragma once

#include "bytes.h"
#include "disk.h"
#include "fat.h"
#include "tree-priv.h"

#define FAT_ATTR_DIR 0x10U

struct fat_tree {
    struct win_tree t;
    struct win_disk *part;                    /* borrowed */
    unsigned bits;                            /* 12, 16, 32 */
    uint32_t sector, cluster_bytes, clusters; /* clusters are 2 .. clusters + 1 */
    uint64_t fat_at, fat_bytes, root_at, root_bytes, data_at;
    unsigned n_fats, active_fat;
    bool mirrored;
    uint32_t root_cluster; /* FAT32 */
    uint64_t info_at;      /* FSInfo; 0: none */
    uint8_t *fat;
    char label[12];
    uint32_t serial;
};

/* A file or directory that was found. */
struct fat_node {
    uint32_t cluster; /* 0: none, or the fixed root */
    uint32_t bytes;
    uint8_t attributes;
    uint16_t date, time;
    bool fixed_root;
    uint64_t entry_at; /* of its 32 bytes on the volume; 0: the root */
};

int win_fat_corrupt(const char *what, struct err *e);

/* ---- the table: in memory until it is stored ------------------------------------------------- */

uint32_t win_fat_get(const struct fat_tree *t, uint32_t c);
bool win_fat_is_end(const struct fat_tree *t, uint32_t v);
bool win_fat_is_cluster(const struct fat_tree *t, uint32_t c);
uint64_t win_fat_cluster_at(const struct fat_tree *t, uint32_t c);
int win_fat_store(struct fat_tree *t, struct err *e);
/* Clusters of a whole chain; one that does not end as it should is damage. */
int win_fat_chain_length(const struct fat_tree *t, uint32_t c, uint32_t *ret, struct err *e);
/* Up to len bytes of a chain from offset; *ret_len less at its end. */
int win_fat_chain_read(struct fat_tree *t, uint32_t c, uint64_t offset, uint8_t *buf, size_t len,
                       size_t *ret_len, struct err *e);
/* Makes the chain of *first exactly need clusters long. The table in memory alone changes; nothing
 * does when the chain is damaged or there is no room. */
int win_fat_chain_resize(struct fat_tree *t, uint32_t *first, uint32_t need, struct err *e);
int win_fat_chain_write(struct fat_tree *t, uint32_t c, const uint8_t *buf, size_t len,
                        struct err *e);

/* ---- directories ----------------------------------------------------------------------------- */

/* alias: the short name. Non-zero stops, and is returned. */
typedef int (*fat_entry_fn)(void *userdata, const char *name, const char *alias,
                            const struct fat_node *n, struct err *e);
int win_fat_each(struct fat_tree *t, const struct fat_node *dir, fat_entry_fn fn, void *userdata,
                 struct err *e);
/* First cluster and size of what was found. */
int win_fat_entry_update(struct fat_tree *t, const struct fat_node *n, struct err *e);
