/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new machine SID in the security descriptors of a volume, in place: a SID's length does not
 * change, so descriptors keep their ids and offsets and no file needs to be touched. What changes
 * is the hash of a descriptor, by which $SDH is sorted.
 *
 * $Secure (Linux-NTFS documentation, "$Secure"; ntfs-3g/layout.h): the stream $SDS holds entries
 * {hash, id, offset, length, descriptor}, 16-byte aligned, in areas of 256 KiB, each mirrored
 * 256 KiB later; $SII finds them by id, $SDH by hash and id. Volumes before 3.0, and what mkntfs
 * makes, keep descriptors in an attribute of each file. */
#include "ntfs-priv.h"

#include <ntfs-3g/index.h>

#include <errno.h>
#include <string.h>

#define SDS_AREA     0x40000U
#define SDS_HEADER   20U
#define SDS_MAX      MIB(256)
#define SD_MAX       MIB(1)
#define RM_TRIES_MAX 64 /* of one removal; each asks for the next after a change of the tree */
#define NEEDLE       16 /* the sub-authority 21 and the three of the machine */

struct change {
    struct ntfs_tree *t;
    bool only_count;
    uint8_t before[NEEDLE], after[NEEDLE];
    uint32_t *ids; /* of the descriptors that changed, sorted at the end */
    size_t n_ids, cap_ids;
    uint64_t *own; /* records of files with a descriptor of their own */
    size_t n_own, cap_own;
    uint64_t descriptors, files;
    win_ntfs_record_fn also;
    void *userdata;
};

static void change_done(struct change *c)
{
    free(c->ids);
    free(c->own);
}

/* Number of places. */
static size_t patch(const struct change *c, uint8_t *p, size_t n)
{
    size_t found = 0;
    uint8_t *at;

    while (n >= NEEDLE && (at = memmem(p, n, c->before, NEEDLE))) {
        memcpy(at, c->after, NEEDLE);
        n -= (size_t)(at + NEEDLE - p);
        p = at + NEEDLE;
        found++;
    }
    return found;
}

static int grow(void **v, size_t n, size_t *cap, size_t size, struct err *e)
{
    size_t more = *cap ? *cap * 2 : 256;
    void *p;

    if (n < *cap)
        return 0;
    p = reallocarray(*v, more, size);
    if (!p)
        return err_oom(e);
    *v = p;
    *cap = more;
    return 0;
}

/* ---- the indexes ----------------------------------------------------------------------------- */

struct sdh_entry {
    INDEX_ENTRY_HEADER head;
    SDH_INDEX_KEY key;
    SDH_INDEX_DATA data;
} __attribute__((__packed__));
_Static_assert(sizeof(struct sdh_entry) == 0x30, "an entry of $SDH");

/* 1: removed, 0: was not there (a descriptor that nothing uses any more). */
static int sdh_remove(struct ntfs_tree *t, const SDH_INDEX_KEY *key, struct err *e)
{
    ntfs_index_context *x = t->vol->secure_xsdh;

    for (int i = 0; i < RM_TRIES_MAX; i++) {
        int r;

        ntfs_index_ctx_reinit(x);
        if (ntfs_index_lookup(key, sizeof *key, x) < 0)
            return errno == ENOENT ? 0 : win_ntfs_failed(t, errno, "search", "$Secure:$SDH", e);
        r = ntfs_index_rm(x);
        if (r == STATUS_ERROR)
            return win_ntfs_failed(t, errno, "change", "$Secure:$SDH", e);
        ntfs_inode_mark_dirty(x->ni);
        if (r == STATUS_OK) {
            ntfs_index_ctx_reinit(x);
            return 1;
        }
    }
    return win_ntfs_failed(t, EIO, "change", "$Secure:$SDH", e);
}

static int sdh_add(struct ntfs_tree *t, const SECURITY_DESCRIPTOR_HEADER *h, struct err *e)
{
    ntfs_index_context *x = t->vol->secure_xsdh;
    struct sdh_entry n = {
        .head = { .data_offset = 0x18, .data_length = 0x14, .length = 0x30, .key_length = 8 },
        .key = { .hash = h->hash, .security_id = h->security_id },
        .data = { .hash = h->hash,
                  .security_id = h->security_id,
                  .offset = h->offset,
                  .length = h->length,
                  .reserved_II = 0x00490049 },
    };

    ntfs_index_ctx_reinit(x);
    if (ntfs_ie_add(x, (INDEX_ENTRY *)&n) < 0)
        return win_ntfs_failed(t, errno, "add to", "$Secure:$SDH", e);
    ntfs_index_ctx_reinit(x);
    return 0;
}

static int sii_update(struct ntfs_tree *t, const SECURITY_DESCRIPTOR_HEADER *h, struct err *e)
{
    ntfs_index_context *x = t->vol->secure_xsii;
    SII_INDEX_KEY key = { .security_id = h->security_id };
    SII_INDEX_DATA *data;

    ntfs_index_ctx_reinit(x);
    if (ntfs_index_lookup(&key, sizeof key, x) < 0)
        return errno == ENOENT ? 0 : win_ntfs_failed(t, errno, "search", "$Secure:$SII", e);
    /* The context's own data and data_len are not set for such an index. */
    data = (SII_INDEX_DATA *)((uint8_t *)x->entry + x->entry->data_offset);
    if (x->entry->data_offset < 0x14 || x->entry->data_length < sizeof *data ||
        x->entry->data_offset + sizeof *data > x->entry->length || data->offset != h->offset)
        return 0; /* the id was given anew: this is a dead copy */
    data->hash = h->hash;
    ntfs_index_entry_mark_dirty(x);
    ntfs_index_ctx_reinit(x);
    return 1;
}

/* ---- $SDS ------------------------------------------------------------------------------------ */

static int write_both(struct ntfs_tree *t, ntfs_attr *na, const uint8_t *sds, uint64_t at,
                      uint32_t len, struct err *e)
{
    int r = win_ntfs_attr_write(t, na, at, sds + at, len, "$Secure:$SDS", e);

    if (r == 0 && at + SDS_AREA + len <= (uint64_t)na->data_size)
        r = win_ntfs_attr_write(t, na, at + SDS_AREA, sds + at, len, "$Secure:$SDS", e);
    return r;
}

static int change_entry(struct change *c, ntfs_attr *na, uint8_t *sds, uint64_t at, struct err *e)
{
    SECURITY_DESCRIPTOR_HEADER *h = (SECURITY_DESCRIPTOR_HEADER *)(sds + at);
    SDH_INDEX_KEY old = { .hash = h->hash, .security_id = h->security_id };
    int r;

    if (!patch(c, sds + at + SDS_HEADER, h->length - SDS_HEADER))
        return 0;
    if (c->only_count) {
        c->descriptors++;
        return 0;
    }
    h->hash = ntfs_security_hash((const SECURITY_DESCRIPTOR_RELATIVE *)(sds + at + SDS_HEADER),
                                 h->length - SDS_HEADER);
    r = write_both(c->t, na, sds, at, h->length, e);
    if (r == 0)
        r = sii_update(c->t, h, e);
    if (r <= 0)
        return r; /* not indexed: nothing points to it */
    r = sdh_remove(c->t, &old, e);
    if (r == 1)
        r = sdh_add(c->t, h, e);
    if (r == 0)
        r = grow((void **)&c->ids, c->n_ids, &c->cap_ids, sizeof *c->ids, e);
    if (r == 0) {
        c->ids[c->n_ids++] = h->security_id;
        c->descriptors++;
    }
    return r;
}

/* What follows the last entry of an area is its end: zeros, or what an older entry left. */
static bool is_entry(const uint8_t *sds, uint64_t at, uint64_t end)
{
    SECURITY_DESCRIPTOR_HEADER h;

    if (end - at < SDS_HEADER)
        return false;
    memcpy(&h, sds + at, sizeof h);
    return h.length > SDS_HEADER && h.length <= end - at && h.offset == at && h.security_id;
}

/* Behind the last entry. */
static int clear_rest(struct change *c, ntfs_attr *na, uint8_t *sds, uint64_t at, uint64_t end,
                      struct err *e)
{
    if (at >= end || !memmem(sds + at, end - at, c->before, NEEDLE))
        return 0;
    c->descriptors++;
    if (c->only_count)
        return 0;
    memset(sds + at, 0, end - at);
    return write_both(c->t, na, sds, at, (uint32_t)(end - at), e);
}

static int change_sds(struct change *c, struct err *e)
{
    ntfs_volume *vol = c->t->vol;
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = NULL;
    _cleanup_free_ uint8_t *sds = NULL;
    uint64_t n;
    int r = 0;

    if (!vol->secure_ni || !vol->secure_xsii || !vol->secure_xsdh)
        return 0; /* before 3.0 */
    na = ntfs_attr_open(vol->secure_ni, AT_DATA, STREAM_SDS, 4);
    if (!na)
        return win_ntfs_failed(c->t, errno, "open", "$Secure:$SDS", e);
    n = (uint64_t)na->data_size;
    if (n > SDS_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "$Secure:$SDS has %llu bytes", (unsigned long long)n);
    sds = malloc((size_t)n + 1);
    if (!sds)
        return err_oom(e);
    r = win_ntfs_attr_read(c->t, na, 0, sds, (size_t)n, "$Secure:$SDS", e);
    for (uint64_t area = 0; area < n && r == 0; area += 2 * SDS_AREA) {
        uint64_t end = min_u64(area + SDS_AREA, n), at = area;

        while (r == 0 && at < end && is_entry(sds, at, end)) {
            uint32_t len = ((SECURITY_DESCRIPTOR_HEADER *)(sds + at))->length;

            r = change_entry(c, na, sds, at, e);
            at += (len + 15) & ~15U;
        }
        if (r == 0)
            r = clear_rest(c, na, sds, at, end, e);
    }
    return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static bool id_changed(const struct change *c, uint32_t id)
{
    return c->n_ids && bsearch(&id, c->ids, c->n_ids, sizeof id, by_id);
}

static int note_own(struct change *c, uint64_t record, struct err *e)
{
    int r = grow((void **)&c->own, c->n_own, &c->cap_own, sizeof *c->own, e);

    if (r == 0)
        c->own[c->n_own++] = record;
    return r;
}

/* Does it use a changed descriptor, has it its own? */
static int look_at_record(void *userdata, uint64_t number, uint8_t *p, uint32_t size, struct err *e)
{
    struct change *c = userdata;
    uint64_t base = MREF(((const MFT_RECORD *)p)->base_mft_record);
    const ATTR_RECORD *a = NULL;
    int r = c->also ? c->also(c->userdata, number, p, size, e) : 0;

    if (r != 0 || !win_ntfs_in_use(p, size))
        return r;
    while ((a = win_ntfs_next_attr(p, size, a))) {
        const STANDARD_INFORMATION *si =
            (const STANDARD_INFORMATION *)((const uint8_t *)a + a->value_offset);

        if (a->type == AT_STANDARD_INFORMATION && !a->non_resident && a->value_length >= 72 &&
            (uint64_t)a->value_offset + 72 <= a->length && id_changed(c, si->security_id))
            c->files++;
        if (a->type == AT_SECURITY_DESCRIPTOR)
            return note_own(c, base ? base : number, e);
    }
    return 0;
}

static int change_own(struct change *c, uint64_t record, struct err *e)
{
    _cleanup_(ntfs_inode_closep) ntfs_inode *ni = ntfs_inode_open(c->t->vol, record);
    _cleanup_(ntfs_attr_closep) ntfs_attr *na = NULL;
    _cleanup_free_ uint8_t *sd = NULL;
    const char *what = "a file's security descriptor";
    size_t n;
    int r;

    if (!ni)
        return win_ntfs_failed(c->t, EIO, "open", what, e);
    na = ntfs_attr_open(ni, AT_SECURITY_DESCRIPTOR, AT_UNNAMED, 0);
    if (!na)
        return win_ntfs_failed(c->t, EIO, "open", what, e);
    n = (size_t)na->data_size;
    if (n > SD_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "a security descriptor has %zu bytes", n);
    sd = malloc(n + 1);
    if (!sd)
        return err_oom(e);
    r = win_ntfs_attr_read(c->t, na, 0, sd, n, what, e);
    if (r == 0 && patch(c, sd, n)) {
        if (!c->only_count)
            r = win_ntfs_attr_write(c->t, na, 0, sd, n, what, e);
        c->descriptors++;
        c->files++;
    }
    return r;
}

static int change_all(struct change *c, struct err *e)
{
    int r = change_sds(c, e);

    if (c->n_ids)
        qsort(c->ids, c->n_ids, sizeof *c->ids, by_id);
    if (r == 0)
        r = win_ntfs_each_record(c->t, look_at_record, c, e);
    for (size_t i = 0; i < c->n_own && r == 0; i++)
        r = change_own(c, c->own[i], e);
    return r;
}

int win_ntfs_security_sid(struct ntfs_tree *t, const uint8_t old[SID_MACHINE_BYTES],
                          const uint8_t *with, win_ntfs_record_fn also, void *userdata,
                          uint64_t *ret_descriptors, uint64_t *ret_files, struct err *e)
{
    _cleanup_(change_done) struct change c = {
        .t = t, .only_count = !with, .also = also, .userdata = userdata
    };
    int r;

    memcpy(c.before, old + SID_MACHINE_BYTES - NEEDLE, NEEDLE);
    if (with)
        memcpy(c.after, with + SID_MACHINE_BYTES - NEEDLE, NEEDLE);
    r = change_all(&c, e);
    if (r < 0)
        return err_wrap(e, with ? "put the new SID into the volume's security"
                                : "look for a SID in the volume's security");
    *ret_descriptors += c.descriptors;
    *ret_files += c.files;
    return 0;
}
