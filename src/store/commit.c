/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From blocks to a visible snapshot: leaves, packs, root, in this order (invariant 1). */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "writer-priv.h"

static int append_leaf(struct store_writer *w, const uint64_t loc[LEAF_ENTRIES],
                       const uint8_t sha[SHA_BYTES], uint64_t *ret_loc, struct err *e)
{
    uint8_t plain[LEAF_BYTES];
    bool deduped;
    int r;

    leaf_build(loc, plain);
    r = packed_make(&w->packed, REC_LEAF, plain, LEAF_BYTES, sha, e);
    return r < 0 ? r : wpacks_append(w, REC_LEAF, &w->packed, sha, ret_loc, &deduped, e);
}

/* What lies behind the end of the volume is a hole: a fill counts whole leaves. */
static unsigned entries_in(const struct store_writer *w, uint32_t at)
{
    uint64_t left = blocks_for(w->spec.volume_bytes) - (uint64_t)at * LEAF_ENTRIES;

    return (unsigned)min_u64(left, LEAF_ENTRIES);
}

static int leaf_commit(struct store_writer *w, uint32_t at, struct ref_disk *ref, struct err *e)
{
    const struct wleaf *l = w->leaf[at];
    uint64_t loc[LEAF_ENTRIES] = { 0 }, where = LOC_HOLE;
    uint32_t data = 0, zero = 0;
    uint8_t sha[SHA_BYTES] = { 0 };
    int r = 0;

    for (unsigned i = 0; i < entries_in(w, at); i++) {
        loc[i] = l->loc ? l->loc[i] : l->base;
        data += LOC_IS_RECORD(loc[i]);
        zero += loc[i] == LOC_ZERO;
        w->stats.blocks_inherited += LOC_IS_RECORD(loc[i]) && l->loc && l->ticket[i] == 0;
    }
    if (data + zero > 0)
        r = leaf_sha(wpacks_sha, w, w->spec.domain, loc, sha, e);
    if (r == 0 && data + zero > 0)
        r = append_leaf(w, loc, sha, &where, e);
    if (r < 0)
        return err_wrap(e, "store leaf %" PRIu32, at);
    *ref = (struct ref_disk){ .loc = put_le64(where),
                              .data_blocks = put_le32(data),
                              .zero_blocks = put_le32(zero) };
    memcpy(ref->sha, sha, SHA_BYTES);
    return 0;
}

static int leaves_commit(struct store_writer *w, struct root *root, struct err *e)
{
    const struct root *parent = w->parent ? snap_root(w->parent) : NULL;

    for (uint32_t at = 0; at < w->leaves; at++) {
        struct ref_disk *ref = &root->ref[at];

        if (w->leaf[at]) {
            int r = leaf_commit(w, at, ref, e);

            if (r < 0)
                return r;
        } else if (parent && at < parent->leaves) {
            *ref = parent->ref[at];
            w->stats.blocks_inherited += get_le32(ref->data_blocks);
        }
        root->info.data_blocks += get_le32(ref->data_blocks);
        root->zero_blocks += get_le32(ref->zero_blocks);
    }
    return 0;
}

static int root_commit(struct store_writer *w, struct root *root, struct err *e)
{
    _cleanup_free_ void *p = NULL;
    size_t n = 0;
    int r = root_build(root, w->s->uuid, &p, &n, e);

    return r < 0 ? r : file_put(w->s, "snaps", w->id, p, n, false, e);
}

static int sync_packs(struct store_writer *w, struct err *e)
{
    char path[PATH_BYTES];
    int r;

    store_path(w->s, path, "packs");
    r = w->s->io->sync_dir(w->s->io, path);
    return r < 0 ? err_no(e, r, "flush directory '%s'", path) : 0;
}

static int commit(struct store_writer *w, struct root *root, struct err *e)
{
    int r;

    root->leaves = w->leaves;
    root->ref = calloc(root->leaves, sizeof *root->ref);
    if (!root->ref)
        return err_oom(e);
    memcpy(root->info.id, w->id, sizeof w->id);
    memcpy(root->info.parent, w->parent_id, sizeof w->parent_id);
    root->info.volume_bytes = w->spec.volume_bytes;
    root->info.created_ms = clock_real_ms();
    root->info.domain = w->spec.domain;
    if (w->key)
        memcpy(root->info.key_id, w->key->id, sizeof root->info.key_id);
    r = writer_drain(w, e);
    if (r == 0)
        r = leaves_commit(w, root, e);
    if (r == 0)
        r = wpacks_seal_all(w, e);
    if (r == 0)
        r = sync_packs(w, e);
    root->info.stored_bytes = w->stats.bytes_stored;
    return r < 0 ? r : root_commit(w, root, e);
}

int store_writer_commit(struct store_writer *w, struct store_snap_info *ret, struct err *e)
{
    _cleanup_(root_done) struct root root = { 0 };
    int r;

    assert(!w->committed);
    w->committed = true;
    r = commit(w, &root, e);
    if (r < 0)
        return err_wrap(e, "commit snapshot '%s'", w->id);
    if (ret)
        *ret = root.info;
    return 0;
}
