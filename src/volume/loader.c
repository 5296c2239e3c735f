/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brings absent blocks in, whole and verified: those that the guest missed first; else, when a rate
 * is set, all others in order (the background fill, by thread 0 alone). */
#include "core-priv.h"

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "clock.h"
#include "log.h"

#define NEVER_NS UINT64_MAX

int loader_init(struct volume *v, struct err *e)
{
    struct loader *ld = &v->loader;
    uint64_t words = words_for(v->maps.l.blocks);

    ld->queued = calloc(words, 8);
    ld->loading = calloc(words, 8);
    ld->bad = calloc(words, 8);
    return ld->queued && ld->loading && ld->bad ? 0 : err_oom(e);
}

/* ---- one block ------------------------------------------------------------------------------- */

/* Sectors that are not local, run by run. */
static int put_missing(struct volume *v, uint64_t block, const uint8_t *buf, struct err *e)
{
    const uint64_t *sectors = areas_sectors(&v->maps.a, block);
    uint64_t left = volume_block_bytes(v, block), start = block << STORE_BLOCK_SHIFT, end;
    int r;

    for (uint64_t at = 0; at < left; at = end) {
        bool local = bit_get(sectors, at / SECTOR_BYTES);

        end = at;
        while (end < left && bit_get(sectors, end / SECTOR_BYTES) == local)
            end += SECTOR_BYTES;
        end = min_u64(end, left);
        r = local ? 0 : volume_put(v, buf + at, (size_t)(end - at), start + at, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int bring_in(struct volume *v, uint64_t block, const uint8_t *buf, struct err *e)
{
    int r;

    _with_lock_(volume_stripe(v, block));
    if (bit_get(v->maps.a.present, block))
        return 0; /* the guest has overwritten it meanwhile */
    if (bit_get(v->maps.a.partial, block))
        r = put_missing(v, block, buf, e);
    else
        r = volume_put(v, buf, (size_t)volume_block_bytes(v, block), block << STORE_BLOCK_SHIFT, e);
    if (r < 0)
        return r;
    volume_make_present(v, block);
    return 0;
}

static void load(struct volume *v, uint64_t block, void *buf)
{
    struct err e = { 0 };
    int r = base_read_block(v, block, buf, &e);

    if (r >= 0) {
        r = bring_in(v, block, buf, &e);
    } else if (e.kind == ERR_CORRUPT) {
        (void)bit_set(v->loader.bad, block);
    }
    if (r < 0)
        log_error("volume", "%s", e.msg);
}

void loader_keep(struct volume *v, uint64_t block, const void *buf)
{
    struct err e = { 0 };

    if (v->loader.n_threads && bring_in(v, block, buf, &e) < 0)
        log_error("volume", "%s", e.msg); /* it stays absent; the reader has its bytes */
}

/* ---- what to load next ----------------------------------------------------------------------- */

static bool is_absent(struct volume *v, uint64_t block)
{
    return !bit_get(v->maps.a.present, block) && !bit_get(v->loader.bad, block);
}

static bool next_miss_locked(struct loader *ld, uint64_t *ret)
{
    lock_assert_held(&ld->l);
    if (ld->head == ld->tail)
        return false;
    *ret = ld->misses[ld->head++ % MISS_QUEUE];
    bit_clear(ld->queued, *ret);
    return true;
}

/* The next absent block with content from the cursor on; the cursor is thread 0's. */
static bool next_of_fill(struct volume *v, uint64_t *ret)
{
    struct loader *ld = &v->loader;

    for (; ld->cursor < v->maps.l.blocks; ld->cursor++) {
        if (ld->cursor % 1024 == 1023) { /* a long walk must not keep a miss waiting */
            lock_drop(&ld->l);
            lock_take(&ld->l);
        }
        if (is_absent(v, ld->cursor) && !bit_get(ld->loading, ld->cursor) &&
            base_has_data(v, ld->cursor)) {
            *ret = ld->cursor++;
            return true;
        }
    }
    return false;
}

static uint64_t fill_due_ns(const struct loader *ld, unsigned me, const struct volume *v)
{
    if (me != 0 || ld->rate == 0 || ld->cursor >= v->maps.l.blocks)
        return NEVER_NS;
    return ld->rate == UINT64_MAX ? 0 : ld->next_ns;
}

static void pace(struct loader *ld)
{
    uint64_t now = clock_mono_ns();

    if (ld->rate == 0 || ld->rate == UINT64_MAX)
        return;
    ld->next_ns =
        max_u64(ld->next_ns, now) + (uint64_t)((double)STORE_BLOCK_BYTES * 1e9 / (double)ld->rate);
}

/* Waits for work; false: the end. */
static bool next_block(struct volume *v, unsigned me, uint64_t *ret)
{
    struct loader *ld = &v->loader;

    _with_lock_(&ld->l);
    while (!ld->stop) {
        uint64_t due = fill_due_ns(ld, me, v);

        if (next_miss_locked(ld, ret)) {
            if (bit_set(ld->loading, *ret))
                return true;
            continue; /* the other thread is at it */
        }
        if (due == NEVER_NS) {
            lock_wait(&ld->l, &ld->work);
        } else if (due > clock_mono_ns()) {
            (void)lock_wait_until(&ld->l, &ld->work, due);
        } else if (next_of_fill(v, ret)) {
            pace(ld);
            (void)bit_set(ld->loading, *ret);
            return true;
        }
    }
    return false;
}

static void end_load(struct loader *ld, uint64_t block)
{
    _with_lock_(&ld->l);
    bit_clear(ld->loading, block);
    (void)pthread_cond_broadcast(&ld->loaded);
}

struct start {
    struct volume *v;
    unsigned me;
};

static void *run(void *arg)
{
    struct start s = *(struct start *)arg;
    uint64_t block;

    free(arg);
    while (next_block(s.v, s.me, &block)) {
        if (is_absent(s.v, block))
            load(s.v, block, s.v->loader.buffers[s.me]);
        end_load(&s.v->loader, block);
    }
    return NULL;
}

/* ---- from outside ---------------------------------------------------------------------------- */

int loader_start(struct volume *v, struct err *e)
{
    struct loader *ld = &v->loader;

    for (unsigned i = 0; i < LOADERS; i++) {
        struct start *s = calloc(1, sizeof *s);
        int r;

        ld->buffers[i] = malloc(STORE_BLOCK_BYTES);
        if (!s || !ld->buffers[i]) {
            free(s);
            return err_oom(e);
        }
        *s = (struct start){ v, i };
        r = pthread_create(&ld->threads[i], NULL, run, s);
        if (r != 0) {
            free(s);
            return err_no(e, r, "start a loader thread");
        }
        ld->n_threads++;
    }
    return 0;
}

void loader_stop(struct volume *v)
{
    struct loader *ld = &v->loader;

    {
        _with_lock_(&ld->l);
        ld->stop = true;
        (void)pthread_cond_broadcast(&ld->work);
    }
    for (unsigned i = 0; i < ld->n_threads; i++)
        (void)pthread_join(ld->threads[i], NULL);
    ld->n_threads = 0;
}

void loader_done(struct volume *v)
{
    struct loader *ld = &v->loader;

    loader_stop(v);
    for (unsigned i = 0; i < LOADERS; i++)
        free(ld->buffers[i]);
    free(ld->queued);
    free(ld->loading);
    free(ld->bad);
}

void loader_want(struct volume *v, uint64_t block)
{
    struct loader *ld = &v->loader;

    if (ld->n_threads == 0 || bit_get(ld->queued, block) || bit_get(ld->loading, block))
        return;
    _with_lock_(&ld->l);
    if (ld->tail - ld->head == MISS_QUEUE || !bit_set(ld->queued, block))
        return;
    ld->misses[ld->tail++ % MISS_QUEUE] = block;
    (void)pthread_cond_broadcast(&ld->work);
}

bool loader_wait(struct volume *v, uint64_t block)
{
    struct loader *ld = &v->loader;

    if (!bit_get(ld->loading, block))
        return false;
    _with_lock_(&ld->l);
    while (bit_get(ld->loading, block))
        lock_wait(&ld->l, &ld->loaded);
    return true;
}

void volume_fill(struct volume *v, uint64_t bytes_per_s)
{
    _with_lock_(&v->loader.l);
    v->loader.rate = bytes_per_s;
    v->loader.next_ns = 0;
    (void)pthread_cond_broadcast(&v->loader.work);
}
