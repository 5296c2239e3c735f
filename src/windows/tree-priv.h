/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a tree of files is made of; only for its kinds. */
#pragma once

#include "changes.h"
#include "tree.h"

#define WIN_DEPTH_MAX   128
#define WIN_ENTRIES_MAX 2000000 /* of one directory, and of one walk */

struct win_tree_ops {
    enum win_tree_kind kind;
    int (*stat)(struct win_tree *t, const char *path, struct win_stat *ret, struct err *e);
    int (*read_at)(struct win_tree *t, const char *path, uint64_t offset, void *buf, size_t len,
                   size_t *ret_len, struct err *e);
    int (*list)(struct win_tree *t, const char *path, win_tree_each_fn fn, void *userdata,
                struct err *e);
    int (*facts)(struct win_tree *t, struct win_volume_facts *ret, struct err *e);
    /* NULL where it cannot be done. */
    int (*write)(struct win_tree *t, const char *path, const void *buf, size_t len, struct err *e);
    int (*mkdir)(struct win_tree *t, const char *path, struct err *e); /* one level */
    /* A file or an empty directory. */
    int (*remove)(struct win_tree *t, const char *path, struct err *e);
    int (*replace_sid)(struct win_tree *t, const uint8_t old[24], const uint8_t with[24],
                       struct win_sid_changes *ret, struct err *e);
    /* Calls fn for each range of the volume that a file's own record and content lie in. */
    int (*extents)(struct win_tree *t, const char *path,
                   int (*fn)(void *userdata, uint64_t offset, uint64_t bytes), void *userdata,
                   struct err *e);
    /* wipe false: counts all; else counts and wipes what no file needs. */
    int (*remains)(struct win_tree *t, const uint8_t machine[24], bool wipe,
                   struct win_sid_remains *ret, struct err *e);
    int (*close)(struct win_tree *t, struct err *e); /* takes it down in order, before free */
    void (*free)(struct win_tree *t);
};

/* First member of each kind's own struct. */
struct win_tree {
    const struct win_tree_ops *ops;
    bool writable;
    struct win_changes *changes; /* borrowed; NULL: nobody wants to know */
};

/* Joins "a" and "b" as "a/b" ("" is no part); caller frees. */
int win_path_join(const char *a, const char *b, char **ret, struct err *e);
/* Splits off the last name: *ret_dir (caller frees) and a pointer into path. */
int win_path_split(const char *path, char **ret_dir, const char **ret_name, struct err *e);
/* No empty, "." or ".." parts, no over-long path. */
int win_path_check(const char *path, struct err *e);
