/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Collection: mark the packs that roots reach, remove the others (invariant 4). */
#include <errno.h>
#include <string.h>

#include "set.h"
#include "store-priv.h"

struct gc {
    struct store *s;
    struct set leaves; /* locations of leaves that were walked */
    struct set packs;  /* sequence numbers that are reached */
};

static int mark_leaf(struct gc *g, uint32_t domain, const struct ref_disk *ref, struct err *e)
{
    uint64_t at = get_le64(ref->loc), loc[LEAF_ENTRIES];
    int r;

    if (at == LOC_HOLE)
        return 0;
    r = set_add(&g->leaves, at, e);
    if (r <= 0)
        return r; /* walked before, or no memory */
    r = set_add(&g->packs, LOC_SEQ(at), e);
    if (r >= 0)
        r = leaf_load(g->s, domain, ref, false, loc, e);
    for (unsigned i = 0; r >= 0 && i < LEAF_ENTRIES; i++)
        if (LOC_IS_RECORD(loc[i]))
            r = set_add(&g->packs, LOC_SEQ(loc[i]), e);
    return r < 0 ? r : 0;
}

static int mark_root(struct gc *g, const char *dir, const char *name, struct err *e)
{
    _cleanup_(root_done) struct root root = { 0 };
    int r = root_load(g->s, dir, name, &root, e);

    if (r == -ENOENT) { /* deleted meanwhile */
        err_clear(e);
        return 0;
    }
    for (uint32_t i = 0; r == 0 && i < root.leaves; i++)
        r = mark_leaf(g, root.info.domain, &root.ref[i], e);
    return r < 0 ? err_wrap(e, "mark what '%s/%s' reaches", dir, name) : 0;
}

/* Temporary files are nobody's now: those who make them hold the lock. */
static int mark_dir(struct gc *g, const char *dir, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    char path[PATH_BYTES];
    int r = names_list(g->s, dir, &l, e);

    for (size_t i = 0; r == 0 && i < l.n; i++) {
        if (name_is_ok(l.name[i])) {
            r = mark_root(g, dir, l.name[i], e);
        } else if (name_is_temporary(l.name[i])) {
            store_path(g->s, path, "%s/%s", dir, l.name[i]);
            (void)g->s->io->unlink(g->s->io, path); /* if not: the next collection does */
        }
    }
    return r;
}

static int remove_pack(struct gc *g, const char *name, uint64_t seq, struct store_gc_stats *st,
                       struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle f = { g->s->io, -1 };
    uint64_t bytes = 0, links;
    char path[PATH_BYTES];
    int r;

    store_path(g->s, path, "packs/%s", name);
    f.h = g->s->io->open(g->s->io, path, STORE_IO_READ);
    if (f.h >= 0)
        (void)g->s->io->stat(g->s->io, f.h, &bytes, &links); /* for the report only */
    pack_forget(g->s, seq);
    r = g->s->io->unlink(g->s->io, path);
    if (r < 0)
        return err_no(e, r, "remove '%s'", path);
    st->packs_removed++;
    st->bytes_freed += bytes;
    return 0;
}

static int sweep(struct gc *g, struct store_gc_stats *st, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    char path[PATH_BYTES];
    uint64_t seq;
    int r = names_list(g->s, "packs", &l, e);

    for (size_t i = 0; r == 0 && i < l.n; i++) {
        if (!pack_name_parse(l.name[i], ".pack", &seq))
            continue;
        st->packs_seen++;
        if (!set_has(&g->packs, seq))
            r = remove_pack(g, l.name[i], seq, st, e);
    }
    if (r < 0 || !st->packs_removed)
        return r;
    store_path(g->s, path, "packs");
    r = g->s->io->sync_dir(g->s->io, path);
    return r < 0 ? err_no(e, r, "flush directory '%s'", path) : 0;
}

int store_gc(struct store *s, struct store_gc_stats *ret, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle lock = { s->io, -1 };
    struct gc g = { .s = s };
    struct store_gc_stats st = { 0 };
    int r;

    r = sweep_open_packs(s, &st.dead_writers_swept, &st.bytes_freed, e);
    if (r == 0)
        r = gc_lock(s, STORE_IO_EXCLUSIVE, false, &lock.h, e);
    if (r == -EAGAIN && !e->no) {
        st.busy = true;
        *ret = st;
        return 0;
    }
    if (r == 0)
        r = mark_dir(&g, "snaps", e);
    if (r == 0)
        r = mark_dir(&g, "pins", e);
    if (r == 0)
        r = sweep(&g, &st, e);
    set_done(&g.leaves);
    set_done(&g.packs);
    if (r < 0)
        return err_wrap(e, "collect garbage in '%s'", s->path);
    *ret = st;
    return 0;
}
