/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is at work in the store: writers and pins against a collection (locks/gc), those who wait for
 * the collection's end, and writers that are dead. */
#include <errno.h>

#include "store-priv.h"

/* Locked for as long as it takes to get locks/gc, so that a collection can see that somebody waits.
 * The directory itself: stores of any age have it. */
static int announce(struct store *s, int *ret, struct err *e)
{
    char path[PATH_BYTES];
    int h, r;

    store_path(s, path, "locks");
    h = s->io->open(s->io, path, STORE_IO_READ);
    if (h < 0)
        return err_no(e, h, "open '%s'", path);
    r = s->io->lock(s->io, h, STORE_IO_SHARED, true);
    if (r < 0) {
        s->io->close(s->io, h);
        return err_no(e, r, "lock '%s'", path);
    }
    *ret = h;
    return 0;
}

bool gc_is_wanted(struct store *s)
{
    char path[PATH_BYTES];
    int h, r;

    store_path(s, path, "locks");
    h = s->io->open(s->io, path, STORE_IO_READ);
    if (h < 0)
        return true; /* not to know is no reason to go on */
    r = s->io->lock(s->io, h, STORE_IO_EXCLUSIVE, false);
    s->io->close(s->io, h);
    return r < 0;
}

int gc_lock(struct store *s, enum store_io_lock how, bool wait, int *ret, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle waiting = { s->io, -1 };
    char path[PATH_BYTES];
    int h, r;

    if (wait) {
        r = announce(s, &waiting.h, e);
        if (r < 0)
            return r;
    }
    store_path(s, path, "locks/gc");
    h = s->io->open(s->io, path, STORE_IO_READ);
    if (h < 0)
        return err_no(e, h, "open '%s'", path);
    r = s->io->lock(s->io, h, how, wait);
    if (r < 0) {
        s->io->close(s->io, h);
        if (r == -EAGAIN || r == -EWOULDBLOCK)
            return -EAGAIN;
        return err_no(e, r, "lock '%s'", path);
    }
    *ret = h;
    return 0;
}

int open_pack_is_dead(struct store *s, const char *name, bool remove, uint64_t *ret_bytes,
                      struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle f = { s->io, -1 };
    uint64_t bytes, links;
    char path[PATH_BYTES];
    int r;

    store_path(s, path, "packs/%s", name);
    f.h = s->io->open(s->io, path, STORE_IO_READ);
    if (f.h == -ENOENT)
        return 0;
    if (f.h < 0)
        return err_no(e, f.h, "open '%s'", path);
    r = s->io->lock(s->io, f.h, STORE_IO_EXCLUSIVE, false);
    if (r == -EAGAIN)
        return 0; /* its writer lives */
    if (r < 0)
        return err_no(e, r, "lock '%s'", path);
    /* Sealed meanwhile? Then this name is gone, and unlinking it removes nothing. */
    r = s->io->stat(s->io, f.h, &bytes, &links);
    if (r < 0)
        return err_no(e, r, "look at '%s'", path);
    r = s->io->exists(s->io, path);
    if (r <= 0)
        return r < 0 ? err_no(e, r, "look at '%s'", path) : 0;
    if (remove) {
        r = s->io->unlink(s->io, path);
        if (r == -ENOENT)
            return 0;
        if (r < 0)
            return err_no(e, r, "remove '%s'", path);
    }
    *ret_bytes = bytes;
    return 1;
}

int sweep_open_packs(struct store *s, uint64_t *ret_swept, uint64_t *ret_bytes, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    uint64_t swept = 0, bytes = 0, seq, one = 0;
    int r;

    r = names_list(s, "packs", &l, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l.n; i++) {
        if (!pack_name_parse(l.name[i], ".open", &seq))
            continue;
        r = open_pack_is_dead(s, l.name[i], true, &one, e);
        if (r < 0)
            return r;
        swept += r > 0;
        bytes += r > 0 ? one : 0;
    }
    *ret_swept = swept;
    *ret_bytes = bytes;
    return 0;
}

int store_hold(struct store *s, struct err *e)
{
    return s->hold_h >= 0 ? 0 : gc_lock(s, STORE_IO_SHARED, true, &s->hold_h, e);
}
