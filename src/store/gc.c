/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Collection: mark what roots reach, remove the packs that they do not (invariant 4), write those
 * anew of which they reach little. */
#include <errno.h>

#include "compact.h"
#include "store-priv.h"

/* Nobody's now: those who make them hold the lock. */
static int sweep_temporaries(struct store *s, const char *dir, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    char path[PATH_BYTES];
    int r = names_list(s, dir, &l, e);

    for (size_t i = 0; r == 0 && i < l.n; i++) {
        if (!name_is_temporary(l.name[i]))
            continue;
        store_path(s, path, "%s/%s", dir, l.name[i]);
        (void)s->io->unlink(s->io, path); /* if not: the next collection does */
    }
    return r;
}

static int remove_pack(struct store *s, uint64_t seq, struct store_gc_stats *st, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle f = { s->io, -1 };
    uint64_t bytes = 0, links;
    char path[PATH_BYTES];
    int r;

    store_path(s, path, "packs/%016" PRIx64 ".pack", seq);
    f.h = s->io->open(s->io, path, STORE_IO_READ);
    if (f.h >= 0)
        (void)s->io->stat(s->io, f.h, &bytes, &links); /* for the report only */
    pack_forget(s, seq);
    r = s->io->unlink(s->io, path);
    if (r < 0)
        return err_no(e, r, "remove '%s'", path);
    st->packs_removed++;
    st->bytes_freed += bytes;
    return 0;
}

static int sweep(struct store *s, const struct marks *m, struct store_gc_stats *st, struct err *e)
{
    int r = 0;

    st->packs_seen = m->n;
    for (size_t i = 0; r == 0 && i < m->n; i++)
        if (!marks_any(&m->pack[i]))
            r = remove_pack(s, m->pack[i].seq, st, e);
    return r;
}

static int sync_packs(struct store *s, struct err *e)
{
    char path[PATH_BYTES];
    int r;

    store_path(s, path, "packs");
    r = s->io->sync_dir(s->io, path);
    return r < 0 ? err_no(e, r, "flush directory '%s'", path) : 0;
}

static int sweep_and_compact(struct store *s, const struct marks *m, struct store_gc_stats *st,
                             struct err *e)
{
    int r = sweep(s, m, st, e);

    if (r == 0)
        r = compact_packs(s, m, st, e);
    if (r == 0 && (st->packs_removed || st->packs_compacted))
        r = sync_packs(s, e);
    return r;
}

static int collect(struct store *s, struct store_gc_stats *st, struct err *e)
{
    struct marks m = { 0 };
    int r;

    packs_forget_stale(s);
    r = sweep_temporaries(s, "snaps", e);
    if (r == 0)
        r = sweep_temporaries(s, "pins", e);
    if (r == 0)
        r = marks_init(s, &m, e);
    if (r == 0)
        r = marks_roots(s, &m, true, e);
    if (r > 0)
        r = sweep_and_compact(s, &m, st, e);
    else if (r == 0)
        st->again = true; /* without all marks nothing may go */
    marks_done(&m);
    return r;
}

int store_gc(struct store *s, struct store_gc_stats *ret, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle lock = { s->io, -1 };
    struct store_gc_stats st = { 0 };
    int r;

    r = sweep_open_packs(s, &st.dead_writers_swept, &st.bytes_freed, e);
    if (r == 0)
        r = gc_lock(s, STORE_IO_EXCLUSIVE, false, &lock.h, e);
    if (r == -EAGAIN && !e->no)
        st.busy = true;
    else if (r == 0)
        r = collect(s, &st, e);
    if (r < 0 && !st.busy)
        return err_wrap(e, "collect garbage in '%s'", s->path);
    if (ret)
        *ret = st;
    return 0;
}

int store_usage(struct store *s, struct store_usage *ret, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle lock = { s->io, -1 };
    struct store_usage u = { 0 };
    struct marks m = { 0 };
    int r = gc_lock(s, STORE_IO_SHARED, true, &lock.h, e);

    packs_forget_stale(s);
    if (r == 0)
        r = marks_init(s, &m, e);
    if (r == 0)
        r = marks_roots(s, &m, false, e);
    for (size_t i = 0; r >= 0 && i < m.n; i++) {
        struct pack *p;

        r = pack_get(s, m.pack[i].seq, &p, e);
        if (r < 0)
            break;
        u.packs++;
        u.dead_bytes += marks_dead_bytes(&m.pack[i], p);
        u.live_bytes += pack_bytes(p) - marks_dead_bytes(&m.pack[i], p);
        pack_put(s, p);
    }
    marks_done(&m);
    if (r < 0)
        return err_wrap(e, "measure the store '%s'", s->path);
    *ret = u;
    return 0;
}
