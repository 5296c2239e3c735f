/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A writer's packs: one is being filled, a few full ones wait for their flush, so that the disk
 * works on them while the processors go on. */
#include <errno.h>
#include <string.h>

#include "writer-priv.h"

static const struct packw *own_locked(const struct store_writer *w, uint64_t seq)
{
    if (w->cur && packw_seq(w->cur->p) == seq)
        return w->cur->p;
    for (const struct wpack *k = w->full; k; k = k->next)
        if (packw_seq(k->p) == seq)
            return k->p;
    return NULL;
}

static bool entry_is(const struct entry_disk *t, enum rec_kind kind, const uint8_t sha[SHA_BYTES])
{
    return t->kind == (uint8_t)kind && memcmp(t->sha, sha, SHA_BYTES) == 0;
}

static bool candidate_is(struct store_writer *w, uint64_t loc, enum rec_kind kind,
                         const uint8_t sha[SHA_BYTES])
{
    const struct packw *own = own_locked(w, LOC_SEQ(loc));
    struct err scratch = { 0 };
    struct pack *p;
    bool is;

    if (own)
        return entry_is(packw_entry(own, LOC_SLOT(loc)), kind, sha);
    if (pack_get(w->s, LOC_SEQ(loc), &p, &scratch) < 0)
        return false; /* damaged since: stored again */
    is = LOC_SLOT(loc) < pack_count(p) && entry_is(pack_entry(p, LOC_SLOT(loc)), kind, sha);
    pack_put(w->s, p);
    return is && (kind != REC_LEAF || leaf_is(w->s, w->spec.domain, loc, sha));
}

uint64_t wpacks_find_locked(struct store_writer *w, enum rec_kind kind,
                            const uint8_t sha[SHA_BYTES])
{
    size_t pos = 0;
    uint64_t loc;

    lock_assert_held(&w->lock);
    while ((loc = index_next(&w->index, sha, &pos)) != 0)
        if (candidate_is(w, loc, kind, sha))
            return loc;
    return 0;
}

int wpacks_sha(void *writer, uint64_t loc, uint8_t out[SHA_BYTES], struct err *e)
{
    struct store_writer *w = writer;
    const struct packw *own;

    _with_lock_(&w->lock);
    own = own_locked(w, LOC_SEQ(loc));
    if (!own)
        return loc_sha(w->s, w->spec.domain, loc, REC_BLOCK, out, e);
    memcpy(out, packw_entry(own, LOC_SLOT(loc))->sha, SHA_BYTES);
    return 0;
}

/* ---- appending ---- */

static int begin_pack_locked(struct store_writer *w, struct err *e)
{
    struct wpack *k;
    int r;

    if (w->cur)
        return 0;
    k = calloc(1, sizeof *k);
    if (!k)
        return err_oom(e);
    r = packw_open(w->s, w->key, &k->p, e);
    if (r < 0) {
        free(k);
        return r;
    }
    w->cur = k;
    w->stats.bytes_stored += packw_bytes(k->p);
    return 0;
}

static void move_to_full_locked(struct store_writer *w)
{
    struct wpack **at = &w->full;

    while (*at)
        at = &(*at)->next;
    *at = w->cur;
    w->cur = NULL;
    w->n_full++;
}

static int reserve_locked(struct store_writer *w, enum rec_kind kind, uint32_t len,
                          const uint8_t sha[SHA_BYTES], struct wpack **ret, uint64_t *ret_loc,
                          uint64_t *ret_offset, struct err *e)
{
    uint32_t slot;
    uint64_t before;
    struct wpack *k;
    int r = begin_pack_locked(w, e);

    if (r < 0)
        return r;
    k = w->cur;
    before = packw_bytes(k->p);
    r = packw_reserve(k->p, kind, len, sha, &slot, ret_offset, e);
    if (r == 0)
        r = index_add(&w->index, sha, LOC(packw_seq(k->p), slot), e);
    if (r < 0)
        return r;
    w->stats.bytes_stored += packw_bytes(k->p) - before;
    k->in_flight++;
    *ret = k;
    *ret_loc = LOC(packw_seq(k->p), slot);
    if (packw_bytes(k->p) >= w->s->pack_target || packw_count(k->p) >= PACK_RECORDS_MAX)
        move_to_full_locked(w);
    return 0;
}

static void remove_full_locked(struct store_writer *w, struct wpack *k)
{
    struct wpack **at = &w->full;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    w->n_full--;
    packw_free(k->p);
    free(k);
}

/* The lock is dropped while the disk works; the pack stays in the list, so that its hashes can be
 * looked up, until its final name is there. */
static int seal_locked(struct store_writer *w, struct wpack *k, struct err *e)
{
    uint64_t before;
    int r;

    k->sealing = true;
    while (k->in_flight)
        lock_wait(&w->lock, &w->landed);
    before = packw_bytes(k->p);
    lock_drop(&w->lock);
    r = packw_seal(k->p, e);
    lock_take(&w->lock);
    if (r < 0)
        return r;
    w->stats.bytes_stored += packw_bytes(k->p) - before;
    remove_full_locked(w, k);
    return 0;
}

static int seal_some_locked(struct store_writer *w, unsigned keep, struct err *e)
{
    for (;;) {
        struct wpack *k = w->full;
        unsigned waiting = 0;
        int r;

        for (struct wpack *x = w->full; x; x = x->next)
            waiting += !x->sealing;
        if (waiting <= keep)
            return 0;
        while (k->sealing)
            k = k->next;
        r = seal_locked(w, k, e);
        if (r < 0)
            return r;
    }
}

int wpacks_append(struct store_writer *w, enum rec_kind kind, struct packed *x,
                  const uint8_t sha[SHA_BYTES], uint64_t *ret_loc, bool *ret_deduped, struct err *e)
{
    struct wpack *k = NULL;
    uint64_t loc, offset = 0;
    int r;

    _with_lock_(&w->lock);
    loc = wpacks_find_locked(w, kind, sha);
    *ret_deduped = loc != 0;
    *ret_loc = loc;
    if (loc)
        return 0;
    r = reserve_locked(w, kind, x->len, sha, &k, ret_loc, &offset, e);
    if (r < 0)
        return r;
    lock_drop(&w->lock);
    r = packw_seal_record(k->p, x, LOC_SLOT(*ret_loc), e);
    if (r == 0)
        r = packw_write(k->p, offset, x->buf, x->len, e);
    lock_take(&w->lock);
    k->in_flight--;
    (void)pthread_cond_broadcast(&w->landed);
    return r < 0 ? r : seal_some_locked(w, PACKS_FULL_KEPT, e);
}

int wpacks_seal_all(struct store_writer *w, struct err *e)
{
    _with_lock_(&w->lock);
    if (w->cur)
        move_to_full_locked(w);
    return seal_some_locked(w, 0, e);
}

void wpacks_done(struct store_writer *w)
{
    struct wpack *k;

    if (w->cur)
        move_to_full_locked(w);
    while ((k = w->full) != NULL)
        remove_full_locked(w, k);
    index_done(&w->index);
}
