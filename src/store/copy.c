/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Another name for the same content: a new root over the leaves of an older one. No block is read
 * or written, no key is needed. */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "store-priv.h"

static int load(struct store *s, const char *id, struct root *ret, struct err *e)
{
    int r = root_load(s, "snaps", id, ret, e);

    if (r == -ENOENT) {
        err_clear(e);
        r = root_load(s, "pins", id, ret, e);
    }
    return r;
}

static int put(struct store *s, const char *source, const char *id, struct root *root,
               struct err *e)
{
    _cleanup_free_ void *p = NULL;
    size_t n = 0;
    int r;

    memset(root->info.id, 0, sizeof root->info.id);
    memset(root->info.parent, 0, sizeof root->info.parent);
    memcpy(root->info.id, id, strlen(id));
    memcpy(root->info.parent, source, strlen(source));
    root->info.created_ms = clock_real_ms();
    root->info.stored_bytes = 0;
    r = root_build(root, s->uuid, &p, &n, e);
    return r < 0 ? r : file_put(s, "snaps", id, p, n, false, e);
}

/* The lock keeps a collection from running between our look at the source and the new root. */
int store_snap_copy(struct store *s, const char *source, const char *id,
                    struct store_snap_info *ret, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle gc = { s->io, -1 };
    _cleanup_(root_done) struct root root = { 0 };
    int r = name_check("snapshot", source, e);

    if (r == 0)
        r = name_check("snapshot", id, e);
    if (r == 0)
        r = gc_lock(s, STORE_IO_SHARED, true, &gc.h, e);
    if (r == 0)
        r = load(s, source, &root, e);
    if (r == 0)
        r = put(s, source, id, &root, e);
    if (r < 0)
        return err_wrap(e, "copy snapshot '%s' to '%s'", source, id);
    if (ret)
        *ret = root.info;
    return 0;
}
