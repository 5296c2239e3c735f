/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The snapshot below a volume, for blocks that are not local. */
#include "core-priv.h"

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "str.h"

static struct base *take(struct volume *v)
{
    _with_lock_(&v->base_lock);
    if (v->base)
        v->base->refs++;
    return v->base;
}

void base_put(struct volume *v, struct base *b)
{
    if (!b)
        return;
    {
        _with_lock_(&v->base_lock);
        if (--b->refs)
            return;
    }
    store_snap_close(b->snap);
    free(b);
}

int base_open_store(struct volume *v, struct err *e)
{
    int r;

    if (v->store)
        return 0;
    if (!v->store_dir[0])
        return err_set(e, EINVAL, ERR_INVALID, "volume '%s' has no store", v->head.name);
    r = store_open(v->store_dir, NULL, &v->store, e);
    if (r == 0 && v->key)
        r = store_add_key(v->store, v->key, e);
    return r;
}

void volume_tidy(struct volume *v)
{
    if (v->store)
        store_tidy(v->store);
}

int base_open(struct volume *v, const char *id, bool pinned, struct base **ret, struct err *e)
{
    struct base *b = NULL;
    int r = base_open_store(v, e);

    if (r < 0)
        return r;
    b = calloc(1, sizeof *b);
    if (!b)
        return err_oom(e);
    r = store_snap_open(v->store, id, &b->snap, e);
    if (r < 0 && e->kind == ERR_NOT_FOUND && pinned) {
        err_clear(e);
        r = store_snap_open(v->store, v->head.name, &b->snap, e);
    }
    if (r == 0)
        r = store_snap_may_read(b->snap, e);
    if (r < 0) {
        store_snap_close(b->snap);
        free(b);
        return err_wrap(e, "open the base '%s' of volume '%s'", id, v->head.name);
    }
    b->refs = 1;
    b->data_blocks = store_snap_info(b->snap)->data_blocks;
    *ret = b;
    return 0;
}

/* Blocks with content in the base that are local: fill's progress. */
static void recount(struct volume *v)
{
    struct base *b = take(v);
    uint64_t n = 0;

    for (uint64_t i = 0; b && i < v->maps.l.blocks; i++) {
        if (i % 64 == 0 && !word_get(&v->maps.a.present[i / 64]))
            i += 63;
        else if (bit_get(v->maps.a.present, i) && store_snap_kind(b->snap, i) == STORE_DATA)
            n++;
    }
    base_put(v, b);
    __atomic_store_n(&v->fill_done, n, __ATOMIC_RELAXED);
}

void base_take(struct volume *v, struct base *b)
{
    struct base *old;

    {
        _with_lock_(&v->base_lock);
        old = v->base;
        v->base = b;
    }
    base_put(v, old);
    recount(v);
}

uint64_t base_data_blocks(struct volume *v)
{
    _with_lock_(&v->base_lock);
    return v->base ? v->base->data_blocks : 0;
}

bool base_has_data(struct volume *v, uint64_t block)
{
    struct base *b = take(v);
    bool has = b && store_snap_kind(b->snap, block) == STORE_DATA;

    base_put(v, b);
    return has;
}

static void count_read(struct volume *v, uint64_t block, uint64_t bytes)
{
    (void)count_add(&v->store_bytes, bytes);
    if (bit_set(v->touched, block))
        (void)count_add(&v->n_touched, 1);
}

static int refuse_bad(struct volume *v, uint64_t block, struct err *e)
{
    if (!bit_get(v->loader.bad, block))
        return 0;
    return err_set(e, EIO, ERR_CORRUPT, "block %llu of volume '%s' is damaged in the store",
                   (unsigned long long)block, v->head.name);
}

int base_read(struct volume *v, void *buf, size_t n, uint64_t offset, struct err *e)
{
    uint64_t block = offset >> STORE_BLOCK_SHIFT, bytes = 0;
    struct base *b = take(v);
    int r;

    if (!b || store_snap_kind(b->snap, block) != STORE_DATA) {
        base_put(v, b);
        memset(buf, 0, n);
        return 0;
    }
    r = refuse_bad(v, block, e);
    if (r == 0)
        r = store_snap_read(b->snap, offset, buf, n, &bytes, e);
    base_put(v, b);
    count_read(v, block, bytes);
    return r < 0 ? err_wrap(e, "read %zu bytes at %llu of volume '%s' from its base", n,
                            (unsigned long long)offset, v->head.name)
                 : 0;
}

int base_read_block(struct volume *v, uint64_t block, void *buf, struct err *e)
{
    struct base *b = take(v);
    uint64_t bytes = 0;
    int r;

    if (!b) {
        memset(buf, 0, STORE_BLOCK_BYTES);
        return 0;
    }
    r = store_snap_read_block(b->snap, block, buf, &bytes, e);
    base_put(v, b);
    count_read(v, block, bytes);
    return r < 0 ? err_wrap(e, "load block %llu of volume '%s' from its base",
                            (unsigned long long)block, v->head.name)
                 : r;
}
