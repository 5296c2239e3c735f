/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume's own files that name users: $Quota, which counts what each owner has, and the journal
 * of changes ($UsnJrnl), which keeps names of files that were.
 *
 * $Quota (ntfs-3g/layout.h): the index $O finds an owner's number by his SID, sorted by its bytes;
 * $Q has a record for each number, with the SID behind it. A SID of an account takes 28 bytes
 * before and after, and all of these lie together in the order of $O: so they are exchanged and
 * sorted in the places that they have. */
#include "ntfs-priv.h"

#include <errno.h>
#include <string.h>

#include "sid-priv.h"

#define QUOTA     "$Extend/$Quota"
#define USN       "$Extend/$UsnJrnl"
#define INDEX_MAX MIB(16)
#define DEPTH_MAX 16
#define OWNER     28U          /* bytes of an account's SID */
#define SLOT      (OWNER + 4U) /* with the number of $O */
#define SLOTS_MAX (INDEX_MAX / SLOT)

/* One index, whole in memory: its root and its blocks. */
struct view {
    struct ntfs_tree *t;
    ntfs_inode *ni;
    ntfschar name[2];
    uint8_t *root, *blocks;
    size_t root_n, blocks_n;
    uint32_t block; /* bytes of one */
};

static void view_done(struct view *v)
{
    free(v->root);
    free(v->blocks);
}

static ntfs_attr *open_attr(struct view *v, ATTR_TYPES type)
{
    return ntfs_attr_open(v->ni, type, v->name, 2);
}

static int load_root(struct view *v, struct err *e)
{
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = open_attr(v, AT_INDEX_ROOT);

    if (!na)
        return win_ntfs_failed(v->t, EIO, "open", QUOTA, e);
    v->root_n = (size_t)na->data_size;
    if (v->root_n < sizeof(INDEX_ROOT) || v->root_n > KIB(64))
        return win_ntfs_failed(v->t, EIO, "read", QUOTA, e);
    v->root = malloc(v->root_n);
    return v->root ? win_ntfs_attr_read(v->t, na, 0, v->root, v->root_n, QUOTA, e) : err_oom(e);
}

static int load_blocks(struct view *v, struct err *e)
{
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = open_attr(v, AT_INDEX_ALLOCATION);
    uint64_t n;

    v->block = ((const INDEX_ROOT *)v->root)->index_block_size;
    if (!na)
        return 0;
    if (v->block < 512 || v->block > KIB(64) || (v->block & (v->block - 1)))
        return win_ntfs_failed(v->t, EIO, "read", QUOTA, e);
    n = (uint64_t)na->data_size / v->block;
    if (n * v->block > INDEX_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "'%s' has more than 16 MiB", QUOTA);
    v->blocks_n = (size_t)(n * v->block);
    v->blocks = malloc(v->blocks_n + 1);
    if (!v->blocks)
        return err_oom(e);
    return ntfs_attr_mst_pread(na, 0, (s64)n, v->block, v->blocks) == (s64)n
               ? 0
               : win_ntfs_failed(v->t, EIO, "read", QUOTA, e);
}

/* What is no block was never used. */
static int save(struct view *v, struct err *e)
{
    _cleanup_(ntfs_attr_closep) ntfs_attr *root = open_attr(v, AT_INDEX_ROOT);
    _cleanup_(ntfs_attr_closep) ntfs_attr *blocks = open_attr(v, AT_INDEX_ALLOCATION);
    int r = root ? win_ntfs_attr_write(v->t, root, 0, v->root, v->root_n, QUOTA, e)
                 : win_ntfs_failed(v->t, EIO, "open", QUOTA, e);

    for (size_t at = 0; r == 0 && blocks && at < v->blocks_n; at += v->block)
        if (memcmp(v->blocks + at, "INDX", 4) == 0 &&
            ntfs_attr_mst_pwrite(blocks, (s64)at, 1, v->block, v->blocks + at) != 1)
            r = win_ntfs_failed(v->t, errno, "write", QUOTA, e);
    return r;
}

/* ---- $O -------------------------------------------------------------------------------------- */

struct slots {
    uint8_t **v;
    size_t n, cap;
};

static void slots_done(struct slots *s)
{
    free(s->v);
}

static int keep_slot(struct slots *s, uint8_t *p, struct err *e)
{
    if (s->n == SLOTS_MAX)
        return err_set(e, EIO, ERR_CORRUPT, "the index of '%s' runs in a circle", QUOTA);
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        void *v = reallocarray(s->v, cap, sizeof *s->v);

        if (!v)
            return err_oom(e);
        s->v = v;
        s->cap = cap;
    }
    s->v[s->n++] = p;
    return 0;
}

static int walk(const struct view *v, uint8_t *p, size_t n, unsigned depth, struct slots *s,
                struct err *e);

static int walk_child(const struct view *v, const uint8_t *entry, uint32_t len, unsigned depth,
                      struct slots *s, struct err *e)
{
    uint32_t unit = v->t->vol->cluster_size <= v->block ? v->t->vol->cluster_size : 512;
    uint64_t vcn, at;

    memcpy(&vcn, entry + len - 8, sizeof vcn);
    if (__builtin_mul_overflow(vcn, unit, &at) || at % v->block || at >= v->blocks_n ||
        memcmp(v->blocks + at, "INDX", 4) != 0)
        return win_ntfs_failed(v->t, EIO, "read", QUOTA, e);
    return walk(v, v->blocks + at + 24, v->block - 24, depth + 1, s, e);
}

/* In the index's order. p: an index header. */
static int walk(const struct view *v, uint8_t *p, size_t n, unsigned depth, struct slots *s,
                struct err *e)
{
    const INDEX_HEADER *h = (const INDEX_HEADER *)p;
    uint32_t at = h->entries_offset, end = h->index_length;
    int r = 0;

    if (depth > DEPTH_MAX || end > n)
        return win_ntfs_failed(v->t, EIO, "read", QUOTA, e);
    while (r == 0) {
        const INDEX_ENTRY *x = (const INDEX_ENTRY *)(p + at);
        bool node;

        if (at > end || end - at < sizeof(INDEX_ENTRY_HEADER) || x->length > end - at ||
            x->length < sizeof(INDEX_ENTRY_HEADER))
            return win_ntfs_failed(v->t, EIO, "read", QUOTA, e);
        node = x->ie_flags & INDEX_ENTRY_NODE;
        if (node && x->length < sizeof(INDEX_ENTRY_HEADER) + 8)
            return win_ntfs_failed(v->t, EIO, "read", QUOTA, e);
        if (node)
            r = walk_child(v, p + at, x->length, depth, s, e);
        if (x->ie_flags & INDEX_ENTRY_END)
            break;
        if (r == 0 && x->key_length == OWNER && x->data_offset == 16 + OWNER &&
            x->data_length == 4 && x->length >= 16 + SLOT)
            r = keep_slot(s, p + at + 16, e);
        at += x->length;
    }
    return r;
}

static int by_sid(const void *a, const void *b)
{
    return memcmp(a, b, OWNER);
}

static int sort_slots(const struct slots *s, struct err *e)
{
    _cleanup_free_ uint8_t *copy = calloc(s->n + 1, SLOT);

    if (!copy)
        return err_oom(e);
    for (size_t i = 0; i < s->n; i++)
        memcpy(copy + i * SLOT, s->v[i], SLOT);
    qsort(copy, s->n, SLOT, by_sid);
    for (size_t i = 0; i < s->n; i++)
        memcpy(s->v[i], copy + i * SLOT, SLOT);
    return 0;
}

/* ---- both ------------------------------------------------------------------------------------ */

struct exchange {
    struct ntfs_tree *t;
    struct sid_forms old, with;
    bool only_count;
    uint64_t places;
};

static uint64_t count_in(const uint8_t *p, size_t n, const struct sid_forms *f)
{
    uint64_t found = 0;

    for (unsigned form = 0; form < SID_FORM_COUNT; form++)
        for (size_t at = 0; (at = sid_find(p, n, at, f, form)) != SIZE_MAX; found++)
            at += f->n[form];
    return found;
}

static uint64_t exchange_in(const struct exchange *x, uint8_t *p, size_t n)
{
    return x->only_count ? count_in(p, n, &x->old) : sid_patch(p, n, &x->old, &x->with);
}

static int change_view(struct exchange *x, ntfs_inode *ni, char name, struct err *e)
{
    _cleanup_(view_done) struct view v = { .t = x->t,
                                           .ni = ni,
                                           .name = { const_cpu_to_le16('$'), (ntfschar)name } };
    _cleanup_(slots_done) struct slots s = { 0 };
    uint64_t found;
    int r = load_root(&v, e);

    if (r == 0)
        r = load_blocks(&v, e);
    if (r < 0)
        return r;
    found = exchange_in(x, v.root, v.root_n) + exchange_in(x, v.blocks, v.blocks_n);
    x->places += found;
    if (!found || x->only_count)
        return 0;
    if (name == 'O') {
        r = walk(&v, v.root + 16, v.root_n - 16, 0, &s, e);
        if (r == 0)
            r = sort_slots(&s, e);
    }
    return r < 0 ? r : save(&v, e);
}

static int absent_is_fine(int r, struct err *e)
{
    if (r < 0 && e->kind == ERR_NOT_FOUND) {
        err_clear(e);
        return 0;
    }
    return r < 0 ? r : 1;
}

static int change_quota(struct exchange *x, struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = NULL;
    int r = absent_is_fine(win_ntfs_inode(x->t, QUOTA, &ni, e), e);

    if (r <= 0)
        return r;
    r = change_view(x, ni, 'O', e);
    return r < 0 ? r : change_view(x, ni, 'Q', e);
}

/* ---- $UsnJrnl -------------------------------------------------------------------------------- */

/* Pieces overlap by what one occurrence may take. */
static int change_run(struct exchange *x, ntfs_attr *na, uint64_t from, uint64_t to, uint8_t *buf,
                      struct err *e)
{
    for (uint64_t at = from; at < to; at += NTFS_CHUNK - SID_FORM_MAX) {
        size_t n = (size_t)min_u64(NTFS_CHUNK, to - at);
        uint64_t found;
        int r = win_ntfs_attr_read(x->t, na, at, buf, n, USN, e);

        if (r < 0)
            return r;
        found = exchange_in(x, buf, n);
        x->places += found;
        if (found && !x->only_count)
            r = win_ntfs_attr_write(x->t, na, at, buf, n, USN, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Only what is there: the journal is sparse but for its end. */
static int change_usn(struct exchange *x, struct err *e)
{
    static ntfschar name[] = { const_cpu_to_le16('$'), const_cpu_to_le16('J') };
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = NULL;
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = NULL;
    _cleanup_free_ uint8_t *buf = malloc(NTFS_CHUNK);
    uint32_t cluster = x->t->vol->cluster_size;
    int r = absent_is_fine(win_ntfs_inode(x->t, USN, &ni, e), e);

    if (r <= 0)
        return r;
    na = ntfs_attr_open(ni, AT_DATA, name, 2);
    if (!na || !buf)
        return buf ? 0 : err_oom(e);
    if (!NAttrNonResident(na))
        return change_run(x, na, 0, (uint64_t)na->data_size, buf, e);
    if (ntfs_attr_map_whole_runlist(na) < 0)
        return win_ntfs_failed(x->t, errno, "find the clusters of", USN, e);
    r = 0;
    for (const runlist_element *rl = na->rl; rl && rl->length && r == 0; rl++)
        if (rl->lcn >= 0)
            r = change_run(x, na, (uint64_t)rl->vcn * cluster,
                           min_u64((uint64_t)(rl->vcn + rl->length) * cluster,
                                   (uint64_t)na->data_size),
                           buf, e);
    return r;
}

int win_ntfs_metadata_sid(struct ntfs_tree *t, const uint8_t old[SID_MACHINE_BYTES],
                          const uint8_t *with, uint64_t *ret_places, struct err *e)
{
    struct exchange x = { .t = t, .only_count = !with };
    int r;

    sid_forms(old, &x.old);
    if (with)
        sid_forms(with, &x.with);
    r = change_quota(&x, e);
    if (r == 0)
        r = change_usn(&x, e);
    if (r < 0)
        return err_wrap(e, "put the new SID into the volume's own files");
    *ret_places += x.places;
    return 0;
}
