/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map of the snapshot that is being written: only leaves that were touched are in memory. */
#include <string.h>

#include "writer-priv.h"

static void wleaf_clear(struct wleaf *l)
{
    free(l->loc);
    free(l->ticket);
    l->loc = NULL;
    l->ticket = NULL;
}

/* From "all entries alike" to entries. */
static int expand(struct wleaf *l, struct err *e)
{
    if (l->loc)
        return 0;
    l->loc = malloc(LEAF_ENTRIES * sizeof *l->loc);
    l->ticket = malloc(LEAF_ENTRIES * sizeof *l->ticket);
    if (!l->loc || !l->ticket) {
        wleaf_clear(l);
        return err_oom(e);
    }
    for (unsigned i = 0; i < LEAF_ENTRIES; i++) {
        l->loc[i] = l->base;
        l->ticket[i] = l->base_ticket;
    }
    return 0;
}

static int inherit(struct store_writer *w, uint32_t at, struct wleaf *l, struct err *e)
{
    const struct root *root = w->parent ? snap_root(w->parent) : NULL;
    int r;

    if (!root || at >= root->leaves || get_le64(root->ref[at].loc) == LOC_HOLE)
        return 0;
    r = expand(l, e);
    if (r == 0) /* proven: nothing new is built on damage */
        r = leaf_load(w->s, w->spec.domain, &root->ref[at], true, l->loc, e);
    return r < 0 ? err_wrap(e, "leaf %" PRIu32 " of the parent '%s'", at, root->info.id) : 0;
}

static int create(struct store_writer *w, uint32_t at, bool whole, struct err *e)
{
    struct wleaf *l;
    int r = 0;

    if (w->leaf[at])
        return 0;
    l = calloc(1, sizeof *l);
    if (!l)
        return err_oom(e);
    if (!whole)
        r = inherit(w, at, l, e);
    if (r < 0) {
        wleaf_clear(l);
        free(l);
        return r;
    }
    w->leaf[at] = l;
    return 0;
}

int wmap_touch_locked(struct store_writer *w, uint32_t leaf, struct err *e)
{
    int r;

    lock_assert_held(&w->lock);
    r = create(w, leaf, false, e);
    return r < 0 ? r : expand(w->leaf[leaf], e);
}

static void set_entry(struct wleaf *l, unsigned i, uint32_t ticket, uint64_t loc)
{
    if (ticket < l->ticket[i])
        return;
    l->ticket[i] = ticket;
    l->loc[i] = loc;
}

void wmap_set_locked(struct store_writer *w, uint64_t block, uint32_t ticket, uint64_t loc)
{
    struct wleaf *l = w->leaf[block / LEAF_ENTRIES];

    lock_assert_held(&w->lock);
    assert(l); /* wmap_touch_locked came before the job */
    if (l->loc)
        set_entry(l, (unsigned)(block % LEAF_ENTRIES), ticket, loc);
    else /* a newer fill of the whole leaf */
        assert(ticket < l->base_ticket);
}

static int fill_part(struct store_writer *w, uint32_t leaf, unsigned first, unsigned count,
                     uint32_t ticket, uint64_t loc, struct err *e)
{
    bool whole = count == LEAF_ENTRIES;
    struct wleaf *l;
    int r;

    if (!w->leaf[leaf] && loc == LOC_HOLE && (!w->parent || leaf >= snap_root(w->parent)->leaves))
        return 0; /* it is a hole already */
    r = whole ? create(w, leaf, true, e) : wmap_touch_locked(w, leaf, e);
    if (r < 0)
        return r;
    l = w->leaf[leaf];
    if (whole) {
        wleaf_clear(l);
        l->base = loc;
        l->base_ticket = ticket;
        return 0;
    }
    for (unsigned i = first; i < first + count; i++)
        set_entry(l, i, ticket, loc);
    return 0;
}

int wmap_fill_locked(struct store_writer *w, uint64_t block, uint64_t count, uint32_t ticket,
                     uint64_t loc, struct err *e)
{
    lock_assert_held(&w->lock);
    while (count) {
        unsigned first = (unsigned)(block % LEAF_ENTRIES);
        unsigned n = (unsigned)min_u64(count, LEAF_ENTRIES - first);
        int r = fill_part(w, (uint32_t)(block / LEAF_ENTRIES), first, n, ticket, loc, e);

        if (r < 0)
            return r;
        block += n;
        count -= n;
    }
    return 0;
}

void wmap_done(struct store_writer *w)
{
    for (uint32_t i = 0; w->leaf && i < w->leaves; i++)
        if (w->leaf[i]) {
            wleaf_clear(w->leaf[i]);
            free(w->leaf[i]);
        }
    free(w->leaf);
    w->leaf = NULL;
}
