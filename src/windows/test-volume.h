/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of volumes share: an image in a directory of its own, made, filled and judged by
 * tools that are not ours. */
#pragma once

#include "test.h"

#include "disk.h"
#include "tree.h"

struct volume {
    char dir[64], path[96]; /* the image */
    char said[4096];        /* the last tool's output, cut */
};

/* How a volume is opened: win_ntfs_open, win_fat_open. */
typedef int (*volume_open_fn)(struct win_disk *part, bool writable, struct win_tree **ret,
                              struct err *e);

struct opened { /* the image */
    struct win_disk *disk;
    struct win_tree *t;
};

struct image { /* a copy in memory, to be damaged */
    uint8_t *p;
    size_t n;
    struct win_disk *disk; /* while it is open */
    struct win_tree *t;
};

/* Before any test: a tool that is not there skips all of them. The list ends with NULL. */
void volume_needs(const char *const *tools);
int volume_set_up(void **state);
int volume_tear_down(void **state);
#define volume_test(f) cmocka_unit_test_setup_teardown(f, volume_set_up, volume_tear_down)
/* An image of zeros. */
void volume_size(struct volume *v, uint64_t bytes);
/* A file as a disk. */
int volume_disk(const char *path, bool writable, struct win_disk **ret, struct err *e);
/* Runs a tool, "@" standing for the image and "%NAME" for a file NAME beside it; its exit status.
 * The arguments end with NULL. */
int volume_tool(struct volume *v, ...);
/* The same for a tool that must succeed. */
#define volume_do(v, ...)                                                                          \
    do {                                                                                           \
        if (volume_tool(v, __VA_ARGS__) != 0)                                                      \
            fail_msg("%s", (v)->said);                                                             \
    } while (0)
/* A file beside the image: n bytes of noise that depend on seed. */
void volume_noise(struct volume *v, const char *name, size_t n, uint32_t seed);
/* The same noise in memory; caller frees. */
uint8_t *noise(size_t n, uint32_t seed);
/* A file beside the image has that content. */
void volume_has(struct volume *v, const char *name, const void *want, size_t n);
/* The whole image; caller frees. */
uint8_t *volume_bytes(struct volume *v, size_t *ret_n);
void volume_open(struct volume *v, volume_open_fn open, bool writable, struct opened *ret);
void volume_close(struct opened *o);
void image_load(struct volume *v, struct image *ret);
/* As it is now; what was open is dropped without a word. */
int image_open(struct image *m, volume_open_fn open, bool writable, struct err *e);
void image_drop(struct image *m);
void tree_put(struct win_tree *t, const char *path, const void *p, size_t n);
/* A file of a tree has that content, by whole and by part. */
void tree_has(struct win_tree *t, const char *path, const void *want, size_t n);
/* r is a failure of that kind whose story has these words. */
void failed_as(int r, const struct err *e, enum err_kind kind, const char *words);
