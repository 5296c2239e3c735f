/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The indexes of $Secure, looked at before libntfs-3g changes them: through a damaged one it goes
 * in circles, over the end of its own memory. Directories it checks itself. */
#include "ntfs-priv.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"

#define ROOT_MAX  KIB(64)
#define BLOCK_MAX KIB(64)
#define DEPTH_MAX 8 /* levels of blocks; a million descriptors need four */

#define ROOT_HEAD  16U /* of a root, before the header that blocks have, too */
#define BLOCK_HEAD 24U
#define ENTRY_HEAD 16U
#define DATA_BYTES 20U
#define IS_NODE    1U /* flags of an entry; of a header, for all of them */
#define IS_LAST    2U

struct index {
    struct ntfs_tree *t;
    const char *name;
    ntfs_attr *blocks; /* NULL: all is in the root */
    uint32_t block_bytes;
    unsigned vcn_shift;
    uint64_t n;    /* blocks */
    uint8_t *seen; /* one bit each */
    uint32_t key_bytes;
    uint64_t last; /* key that was seen; none is 0 */
};

static void index_done(struct index *x)
{
    if (x->blocks)
        ntfs_attr_close(x->blocks);
    free(x->seen);
}

static int damaged(const struct index *x, const char *what, struct err *e)
{
    return err_set(e, EIO, ERR_CORRUPT, "the volume is damaged: %s of $Secure:%s", what, x->name);
}

/* An id, or a hash and an id, and where the descriptor lies; in rising order. */
static bool is_sound(struct index *x, const uint8_t *entry, uint32_t len)
{
    uint64_t key = rd32(entry + ENTRY_HEAD);

    if (rd16(entry + 10) != x->key_bytes || rd16(entry) != ENTRY_HEAD + x->key_bytes ||
        rd16(entry + 2) != DATA_BYTES || len < ENTRY_HEAD + x->key_bytes + DATA_BYTES)
        return false;
    if (x->key_bytes == 8)
        key = key << 32 | rd32(entry + ENTRY_HEAD + 4);
    if (key <= x->last)
        return false;
    x->last = key;
    return true;
}

static int check_block(struct index *x, uint64_t vcn, unsigned depth, struct err *e);

/* p: the header of entries, n: bytes from there to the end of what holds it. */
static int check_entries(struct index *x, const uint8_t *p, uint32_t n, unsigned depth,
                         struct err *e)
{
    uint32_t at = n < 16 ? 0 : rd32(p), end = n < 16 ? 0 : rd32(p + 4), len;

    if (end > n)
        return damaged(x, "the size of a block", e);
    for (; at <= end && end - at >= ENTRY_HEAD; at += len) {
        unsigned flags = rd16(p + at + 12);

        len = rd16(p + at + 8);
        if (len < ENTRY_HEAD + 8 * (flags & IS_NODE) || len % 8 || len > end - at ||
            (flags & IS_NODE) != (p[12] & IS_NODE))
            break;
        if (flags & IS_NODE) {
            int r = check_block(x, rd64(p + at + len - 8), depth + 1, e);

            if (r < 0)
                return r;
        }
        if (flags & IS_LAST)
            return 0;
        if (!is_sound(x, p + at, len - 8 * (flags & IS_NODE)))
            break;
    }
    return damaged(x, "an entry", e);
}

/* Each block hangs on one entry. */
static int check_block(struct index *x, uint64_t vcn, unsigned depth, struct err *e)
{
    _cleanup_free_ uint8_t *b = malloc(x->block_bytes);
    uint64_t at, no;

    if (!b)
        return err_oom(e);
    if (depth > DEPTH_MAX || !mul_u64(vcn, UINT64_C(1) << x->vcn_shift, &at) ||
        at % x->block_bytes || at / x->block_bytes >= x->n)
        return damaged(x, "the place of a block", e);
    no = at / x->block_bytes;
    if (x->seen[no / 8] & 1U << no % 8)
        return damaged(x, "two entries with one block", e);
    x->seen[no / 8] = (uint8_t)(x->seen[no / 8] | 1U << no % 8);
    if (ntfs_attr_mst_pread(x->blocks, (s64)at, 1, x->block_bytes, b) != 1 ||
        memcmp(b, "INDX", 4) != 0 || rd64(b + 16) != vcn ||
        rd32(b + BLOCK_HEAD + 8) != x->block_bytes - BLOCK_HEAD)
        return damaged(x, "a block", e);
    return check_entries(x, b + BLOCK_HEAD, x->block_bytes - BLOCK_HEAD, depth, e);
}

static int open_blocks(struct index *x, ntfschar *name, struct err *e)
{
    const ntfs_volume *vol = x->t->vol;

    if (x->block_bytes < 512 || x->block_bytes > BLOCK_MAX || x->block_bytes & (x->block_bytes - 1))
        return damaged(x, "the size of blocks", e);
    x->vcn_shift =
        vol->cluster_size <= x->block_bytes ? vol->cluster_size_bits : vol->sector_size_bits;
    x->blocks = ntfs_attr_open(vol->secure_ni, AT_INDEX_ALLOCATION, name, 4);
    if (!x->blocks && errno != ENOENT)
        return damaged(x, "the blocks", e);
    if (x->blocks)
        x->n = (uint64_t)x->blocks->data_size / x->block_bytes;
    x->seen = calloc(1, (size_t)(x->n / 8 + 1));
    return x->seen ? 0 : err_oom(e);
}

static int check_index(struct ntfs_tree *t, ntfschar *name, const char *text, uint32_t key_bytes,
                       struct err *e)
{
    _cleanup_(index_done) struct index x = { .t = t, .name = text, .key_bytes = key_bytes };
    _cleanup_(ntfs_attr_closep) ntfs_attr *na =
        ntfs_attr_open(t->vol->secure_ni, AT_INDEX_ROOT, name, 4);
    _cleanup_free_ uint8_t *root = NULL;
    int r;

    if (!na || na->data_size < ROOT_HEAD + 16 || na->data_size > (s64)ROOT_MAX)
        return damaged(&x, "the root", e);
    root = malloc((size_t)na->data_size);
    if (!root)
        return err_oom(e);
    r = win_ntfs_attr_read(t, na, 0, root, (size_t)na->data_size, "$Secure", e);
    if (r < 0)
        return r;
    x.block_bytes = rd32(root + 8);
    r = open_blocks(&x, name, e);
    return r < 0 ? r
                 : check_entries(&x, root + ROOT_HEAD, (uint32_t)na->data_size - ROOT_HEAD, 0, e);
}

int win_ntfs_check_secure(struct ntfs_tree *t, struct err *e)
{
    static ntfschar sii[4] = { '$', 'S', 'I', 'I' }, sdh[4] = { '$', 'S', 'D', 'H' };
    int r;

    if (!t->vol->secure_ni || !t->vol->secure_xsii || !t->vol->secure_xsdh)
        return 0; /* before 3.0 */
    r = check_index(t, sii, "$SII", 4, e);
    return r < 0 ? r : check_index(t, sdh, "$SDH", 8, e);
}
