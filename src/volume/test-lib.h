/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the volume room's unit tests share: a directory of their own, a store, snapshots out of
 * memory, an image of a volume in memory to compare with. */
#pragma once

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "file.h"

#define KB 1024U

struct bench {
    char dir[64], vol[96], store_dir[96], key[96]; /* key "": not encrypted */
    uint32_t domain;                               /* of snapshots */
    struct store *store;
    struct volume *v;
    struct volume_io io;
};

static inline void ok(int r, const struct err *e)
{
    if (r < 0)
        fail_msg("%s", e->msg);
}

static inline void bench_open(struct bench *b)
{
    struct err e = { 0 };

    memset(b, 0, sizeof *b);
    (void)snprintf(b->dir, sizeof b->dir, "/tmp/test-volume-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->vol, sizeof b->vol, "%s/vol", b->dir);
    (void)snprintf(b->store_dir, sizeof b->store_dir, "%s/store", b->dir);
    ok(store_create(b->store_dir, &e), &e);
    ok(store_open(b->store_dir, NULL, &b->store, &e), &e);
}

/* What is made from now on is encrypted. */
static inline void bench_encrypt(struct bench *b)
{
    struct err e = { 0 };

    b->domain = 1;
    (void)snprintf(b->key, sizeof b->key, "%s/key", b->dir);
    ok(store_key_create(b->key, b->domain, &e), &e);
    ok(store_add_key_file(b->store, b->key, &e), &e);
}

static inline void bench_close(struct bench *b)
{
    struct err e = { 0 };

    volume_free(TAKE_PTR(b->v));
    store_close(TAKE_PTR(b->store));
    ok(tree_remove(b->dir, &e), &e);
}

static inline bool all_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* changed: which blocks to hand in, NULL: all. */
static inline void make_snapshot_in(struct store *s, uint32_t domain, const char *id,
                                    const char *parent, const uint8_t *image, uint64_t size,
                                    const bool *changed)
{
    struct store_writer_spec spec = {
        .id = id, .parent = parent, .volume_bytes = size, .threads = 1, .domain = domain
    };
    _cleanup_(store_writer_freep) struct store_writer *w = NULL;
    static uint8_t block[STORE_BLOCK_BYTES];
    struct store_snap_info info;
    struct err e = { 0 };

    ok(store_writer_open(s, &spec, &w, &e), &e);
    for (uint64_t b = 0; b << STORE_BLOCK_SHIFT < size; b++) {
        uint64_t at = b << STORE_BLOCK_SHIFT, n = min_u64(sizeof block, size - at);

        if (changed && !changed[b])
            continue;
        memset(block, 0, sizeof block);
        memcpy(block, image + at, (size_t)n);
        ok(all_zero(block, sizeof block) ? store_writer_zero(w, b, 1, b % 2, &e)
                                         : store_writer_block(w, b, block, &e),
           &e);
    }
    ok(store_writer_commit(w, &info, &e), &e);
}

static inline void make_snapshot(struct store *s, const char *id, const char *parent,
                                 const uint8_t *image, uint64_t size, const bool *changed)
{
    make_snapshot_in(s, 0, id, parent, image, size, changed);
}

static inline void make_volume(struct bench *b, uint64_t size, const char *base)
{
    struct volume_spec spec = {
        .dir = b->vol, .name = "vol-1", .size_bytes = size, .store_dir = b->store_dir, .base = base
    };

    struct err e = { 0 };

    spec.key_path = b->key[0] ? b->key : NULL;
    ok(volume_create(&spec, &e), &e);
}

static inline void open_volume(struct bench *b, const struct volume_open_spec *more)
{
    struct volume_open_spec spec = more ? *more : (struct volume_open_spec){ .no_loader = true };
    struct err e = { 0 };

    spec.dir = b->vol;
    spec.key_path = b->key[0] ? b->key : NULL;
    spec.io = b->io.pwrite ? &b->io : NULL;
    ok(volume_open(&spec, &b->v, &e), &e);
}

static inline void must_write(struct bench *b, const void *p, size_t n, uint64_t at)
{
    struct err e = { 0 };

    ok(volume_write(b->v, p, n, at, false, &e), &e);
}

static inline void must_equal(struct bench *b, const uint8_t *image, size_t n, uint64_t at)
{
    _cleanup_free_ uint8_t *got = malloc(n);
    struct err e = { 0 };

    assert_non_null(got);
    ok(volume_read(b->v, got, n, at, &e), &e);
    if (memcmp(got, image, n) != 0)
        for (size_t i = 0; i < n; i++)
            if (got[i] != image[i])
                fail_msg("byte %zu of %zu at %llu is 0x%02x, not 0x%02x", i, n,
                         (unsigned long long)at, got[i], image[i]);
}

static inline struct volume_status status_of(struct bench *b)
{
    struct volume_status s;

    volume_status(b->v, &s);
    return s;
}

/* Content that no compressor and no other seed makes. */
static inline void noise(uint8_t *p, size_t n, uint64_t seed)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;

    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        p[i] = (uint8_t)(x >> 32);
    }
}
