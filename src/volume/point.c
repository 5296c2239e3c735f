/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points in time: made and ended by the steering thread with the gate closed, kept whole by
 * copy-before-write in sub-blocks. Nothing here is synced: a point lives as long as its kernel, and
 * its dirty bits are in the durable map besides (docs/formats/volume.md, rule 6). */
#include "point-priv.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "str.h"

bool point_is_usable(const struct volume_point *p)
{
    return !__atomic_load_n(&p->gone, __ATOMIC_SEQ_CST) &&
           !__atomic_load_n(&p->broken, __ATOMIC_SEQ_CST);
}

int point_refuse(const struct volume_point *p, struct err *e)
{
    return err_set(e, EIO, ERR_IO, "point '%s' of volume '%s' is %s", p->name, p->v->head.name,
                   __atomic_load_n(&p->broken, __ATOMIC_SEQ_CST) ? "broken" : "gone");
}

/* ---- references ------------------------------------------------------------------------------ */

void point_free(struct volume_point *p)
{
    if (!p)
        return;
    if (p->mem)
        (void)munmap(p->mem, p->v->maps.l.end);
    close_fdp(&p->data_fd);
    free(p);
}

struct volume_point *point_new(struct volume *v, const char *name)
{
    struct volume_point *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->v = v;
    p->refs = 1;
    p->data_fd = -1;
    (void)str_copy(p->name, sizeof p->name, name);
    return p;
}

static size_t find(const struct volume *v, const char *name)
{
    size_t i = 0;

    while (i < v->n_points && strcmp(v->points[i]->name, name) != 0)
        i++;
    return i;
}

int volume_point_get(struct volume *v, const char *name, struct volume_point **ret, struct err *e)
{
    size_t i;

    _with_lock_(&v->points_lock);
    i = find(v, name);
    if (i == v->n_points)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "volume '%s' has no point '%s'", v->head.name,
                       name);
    v->points[i]->refs++;
    *ret = v->points[i];
    return 0;
}

void volume_point_put(struct volume_point *p)
{
    if (!p)
        return;
    {
        _with_lock_(&p->v->points_lock);
        if (--p->refs)
            return;
    }
    point_free(p);
}

void volume_points_each(struct volume *v, void (*fn)(const char *name, void *userdata),
                        void *userdata)
{
    _with_lock_(&v->points_lock);
    for (size_t i = 0; i < v->n_points; i++)
        fn(v->points[i]->name, userdata);
}

void points_add(struct volume *v, struct volume_point *p)
{
    size_t i = v->n_points;

    _with_lock_(&v->map_lock);
    _with_lock_(&v->points_lock);
    for (; i > 0 && v->points[i - 1]->order > p->order; i--)
        v->points[i] = v->points[i - 1];
    v->points[i] = p;
    v->n_points++;
    v->next_order = max_u64(v->next_order, p->order + 1);
}

static void list_remove(struct volume *v, size_t i)
{
    lock_assert_held(&v->map_lock);
    _with_lock_(&v->points_lock);
    __atomic_store_n(&v->points[i]->gone, true, __ATOMIC_SEQ_CST);
    v->n_points--;
    memmove(&v->points[i], &v->points[i + 1], (v->n_points - i) * sizeof v->points[0]);
}

void points_done(struct volume *v)
{
    for (size_t i = 0; i < v->n_points; i++)
        volume_point_put(v->points[i]);
    v->n_points = 0;
}

/* ---- making one ------------------------------------------------------------------------------ */

static void copy_maps(struct volume_point *p)
{
    struct volume *v = p->v;
    const struct areas *from = &v->maps.a;
    uint64_t blocks = v->maps.l.blocks, words = words_for(blocks);

    bits_copy(p->a.dirty, from->dirty, words);
    for (size_t i = 0; i < v->n_points; i++)
        bits_or(p->a.dirty, v->points[i]->a.dirty, words);
    /* Loading goes on meanwhile; a block copied as absent that is present now is no lie. */
    bits_copy(p->a.present, from->present, words);
    bits_copy(p->a.partial, from->partial, words);
    for (uint64_t b = 0; b < blocks; b++) {
        if (b % 64 == 0 && !word_get(&p->a.partial[b / 64]))
            b += 63;
        else if (bit_get(p->a.partial, b))
            bits_copy(&p->a.sectors[b * (BLOCK_SECTORS / 64)], areas_sectors(from, b),
                      BLOCK_SECTORS / 64);
    }
}

/* The gate is closed. Killed after any line, the next start finds a point that nobody was promised
 * (removed, its dirty bits flow back) or a whole one. */
static int fix(struct volume_point *p, const char *boot_id, struct err *e)
{
    struct map_header h = { .state = MAP_NONE, .order = p->order };
    struct volume *v = p->v;
    int r;

    copy_maps(p);
    (void)str_copy(h.boot_id, sizeof h.boot_id, boot_id);
    map_header_put(p->mem, POINT_MAGIC, v->head.size_bytes, &h);
    r = point_files_publish(p, e);
    if (r < 0)
        return r;
    points_add(v, p);
    {
        _with_lock_(&v->map_lock);
        bits_zero(v->maps.a.dirty, words_for(v->maps.l.blocks));
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    map_header_state(p->mem, MAP_GOOD);
    return 0;
}

static int may_point(struct volume *v, const char *name, struct err *e)
{
    (void)volume_freeze_left_ms(v); /* a freeze that is over is over */
    if (!head_name_is_ok(name))
        return err_set(e, EINVAL, ERR_INVALID, "'%.80s' cannot be the name of a point", name);
    if (v->thawed_by_itself)
        return err_set(e, ETIMEDOUT, ERR_TIMEOUT,
                       "the freeze of volume '%s' has ended by itself, the instant is lost",
                       v->head.name);
    if (find(v, name) == v->n_points && v->n_points == POINTS_MAX)
        return err_set(e, EMFILE, ERR_LIMIT, "volume '%s' has %u points already", v->head.name,
                       POINTS_MAX);
    return 0;
}

int volume_point(struct volume *v, const char *name, struct err *e)
{
    _cleanup_(point_freep) struct volume_point *p = NULL;
    int r = may_point(v, name, e);

    if (r < 0 || find(v, name) < v->n_points)
        return r;
    p = point_new(v, name);
    if (!p)
        return err_oom(e);
    p->order = v->next_order;
    r = point_files_make(p, e);
    if (r == 0 && !v->frozen)
        r = gate_close(&v->gate, GATE_TIMEOUT_MS) < 0
                ? err_set(e, ETIMEDOUT, ERR_TIMEOUT, "the requests in flight do not end")
                : 0;
    if (r < 0)
        return err_wrap(e, "make point '%s' of volume '%s'", name, v->head.name);
    r = fix(p, v->boot_id, e);
    if (r == 0)
        (void)TAKE_PTR(p);
    if (!v->frozen)
        gate_open(&v->gate);
    return r < 0 ? err_wrap(e, "make point '%s' of volume '%s'", name, v->head.name) : 0;
}

/* ---- keeping old content --------------------------------------------------------------------- */

bool point_local(const struct volume_point *p, uint64_t block, uint64_t sub)
{
    const uint64_t *sectors = areas_sectors(&p->a, block);

    if (bit_get(p->a.present, block))
        return true;
    return bit_get(p->a.partial, block) &&
           (word_get(&sectors[sub / 4]) >> (16 * (sub % 4)) & 0xffff);
}

static void break_point(struct volume_point *p, int no)
{
    if (__atomic_exchange_n(&p->broken, true, __ATOMIC_SEQ_CST))
        return;
    map_header_state(p->mem, MAP_BROKEN);
    log_error("volume", "point '%s' of volume '%s' is broken: old content cannot be kept: %s",
              p->name, p->v->head.name, strerrordesc_np(no));
}

static bool is_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static int save_sub(struct volume_point *p, uint64_t block, uint64_t sub)
{
    uint64_t offset = (block << STORE_BLOCK_SHIFT) + sub * SUB_BYTES;
    size_t n = (size_t)min_u64(SUB_BYTES, p->v->head.size_bytes - offset);
    uint8_t old[SUB_BYTES];
    int r;

    r = pread_full(p->v->data_fd, old, n, offset);
    if (r == 0 && !is_zero(old, n)) /* a hole of the point's file is zeros */
        r = p->v->io->pwrite(p->v->io, VOLUME_FILE_POINT, p->data_fd, old, n, offset);
    if (r == 0)
        (void)bit_set(p->a.saved, block * BLOCK_SUBS + sub);
    return r;
}

void points_save(struct volume *v, uint64_t block, uint64_t in_block, uint64_t n)
{
    uint64_t first = in_block / SUB_BYTES, last = (in_block + n - 1) / SUB_BYTES;

    lock_assert_held(volume_stripe(v, block));
    for (size_t i = 0; i < v->n_points; i++) {
        struct volume_point *p = v->points[i];

        for (uint64_t s = first; s <= last && point_is_usable(p); s++) {
            int r = 0;

            if (!bit_get(p->a.saved, block * BLOCK_SUBS + s) && point_local(p, block, s))
                r = save_sub(p, block, s);
            if (r < 0)
                break_point(p, -r);
        }
    }
}

/* ---- ending one ------------------------------------------------------------------------------ */

static bool region_is_dirty(const struct volume *v, uint64_t region)
{
    uint64_t first = region * (REGION_BLOCKS / 64);
    uint64_t end = min_u64(first + REGION_BLOCKS / 64, words_for(v->maps.l.blocks)), any = 0;

    for (uint64_t w = first; w < end; w++) {
        any |= word_get(&v->maps.a.dirty[w]);
        for (size_t i = 0; i < v->n_points; i++)
            any |= word_get(&v->points[i]->a.dirty[w]);
    }
    return any != 0;
}

/* With the gate closed, dirty bits tell all; a region without one needs no intent. */
static void prune_intent(struct volume *v)
{
    struct maps *m = &v->maps;

    for (uint64_t r = 0; r < m->l.regions; r++)
        if (bit_get(m->a.intent, r) && !region_is_dirty(v, r))
            bit_clear(m->a.intent, r);
    maps_touch_area(m, m->a.intent, m->l.regions);
}

static int end_point(struct volume *v, size_t i, bool moved, struct err *e)
{
    struct maps *m = &v->maps;

    if (!v->frozen && gate_close(&v->gate, GATE_TIMEOUT_MS) < 0)
        return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "the requests in flight do not end");
    {
        _with_lock_(&v->map_lock);
        /* Newer points have its bits in theirs. */
        if (!moved && i + 1 == v->n_points)
            bits_or(m->a.dirty, v->points[i]->a.dirty, words_for(m->l.blocks));
        /* Killed after the gate opens: nobody kept old content, so the next start must not find
         * a whole point. */
        map_header_state(v->points[i]->mem, MAP_NONE);
        list_remove(v, i);
        if (moved)
            prune_intent(v);
        maps_touch_area(m, m->a.dirty, m->l.blocks);
    }
    if (!v->frozen)
        gate_open(&v->gate);
    return 0;
}

/* Pin, then head: between the two, dirty is relative to the older base, whose content is all in the
 * newer one where no dirty bit is. So the newer one is read as soon as the pin is its: nothing
 * keeps the older one any more. */
static int move_base(struct volume *v, const char *id, struct err *e)
{
    struct head h = v->head;
    struct base *b = NULL;
    int r = base_open(v, id, false, &b, e);

    if (r < 0)
        return r;
    if (store_snap_info(b->snap)->volume_bytes != v->head.size_bytes)
        r = err_set(e, EINVAL, ERR_INVALID, "snapshot '%s' has another size than volume '%s'", id,
                    v->head.name);
    if (r == 0)
        r = store_pin(v->store, id, v->head.name, e);
    if (r < 0) {
        base_put(v, b);
        return r;
    }
    base_take(v, b);
    (void)str_copy(h.base, sizeof h.base, id);
    r = head_write(v->dir, &h, e);
    if (r == 0)
        v->head = h;
    return r;
}

int volume_release(struct volume *v, const char *name, const char *new_base, bool *ret_moved,
                   struct err *e)
{
    struct volume_point *p;
    size_t i = find(v, name);
    bool move, broken;
    int r = 0;

    *ret_moved = false;
    if (i == v->n_points)
        return 0;
    p = v->points[i];
    broken = !point_is_usable(p);
    move = new_base && !broken && i == 0;
    if (new_base && !broken && i > 0)
        log_info("volume", "point '%s' ends before an older one, the base of '%s' stays", name,
                 v->head.name);
    if (move && strcmp(v->head.base, new_base) != 0)
        r = move_base(v, new_base, e);
    if (r == 0)
        r = end_point(v, i, move, e);
    if (r < 0)
        return err_wrap(e, "release point '%s' of volume '%s'", name, v->head.name);
    *ret_moved = move;
    r = point_files_remove(v, name, e); /* if not: the next point of that name does, or a start */
    if (r < 0)
        (void)err_wrap(e, "release point '%s' of volume '%s'", name, v->head.name);
    else if (broken && new_base)
        r = point_refuse(p, e);
    volume_point_put(p);
    return r;
}

/* ---- freezing -------------------------------------------------------------------------------- */

int volume_freeze(struct volume *v, struct err *e)
{
    v->thawed_by_itself = false;
    if (!v->frozen && gate_close(&v->gate, GATE_TIMEOUT_MS) < 0)
        return err_set(e, ETIMEDOUT, ERR_TIMEOUT,
                       "freeze volume '%s': the requests in flight do not end", v->head.name);
    v->frozen = true;
    v->frozen_until_ns = clock_mono_ns() + VOLUME_FREEZE_MS * 1000000ULL;
    return 0;
}

void volume_thaw(struct volume *v)
{
    v->thawed_by_itself = false;
    if (!v->frozen)
        return;
    v->frozen = false;
    gate_open(&v->gate);
}

int volume_freeze_left_ms(struct volume *v)
{
    uint64_t now = clock_mono_ns();

    if (!v->frozen)
        return -1;
    if (now < v->frozen_until_ns)
        return (int)((v->frozen_until_ns - now) / 1000000U) + 1;
    volume_thaw(v);
    v->thawed_by_itself = true;
    log_warning("volume", "volume '%s' thawed by itself after %d ms", v->head.name,
                VOLUME_FREEZE_MS);
    return 0;
}
