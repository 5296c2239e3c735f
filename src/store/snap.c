/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots for reading: root in memory, leaves on demand, blocks by frame. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store-priv.h"

#define LEAVES_CACHED 512U /* 8 KiB each: 256 GiB of volume */

struct snap_leaf {
    bool proven; /* its identity was computed from its blocks' identities */
    uint64_t loc[LEAF_ENTRIES];
};

struct store_snap {
    struct store *s;
    struct root root;
    struct lock lock; /* over what follows */
    struct snap_leaf **leaf;
    uint32_t ring[LEAVES_CACHED]; /* cached leaves, oldest at ring_at when full */
    unsigned ring_n, ring_at;
};

/* ---- roots ---- */

static int root_open(struct store *s, const char *dir, const char *name, struct io_handle *f,
                     uint64_t *ret_bytes, struct err *e)
{
    char path[PATH_BYTES];
    uint64_t links;
    int r;

    store_path(s, path, "%s/%s", dir, name);
    *f = (struct io_handle){ s->io, s->io->open(s->io, path, STORE_IO_READ) };
    if (f->h == -ENOENT)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "there is no snapshot '%s'", name);
    if (f->h < 0)
        return err_no(e, f->h, "open '%s'", path);
    r = s->io->stat(s->io, f->h, ret_bytes, &links);
    if (r < 0)
        return err_no(e, r, "look at '%s'", path);
    if (*ret_bytes < root_bytes(1) || *ret_bytes > root_bytes(LEAVES_MAX))
        return err_set(e, EBADMSG, ERR_CORRUPT, "root record '%s' has %" PRIu64 " bytes", name,
                       *ret_bytes);
    return 0;
}

int root_read_bytes(struct store *s, const char *dir, const char *name, void **ret, size_t *ret_len,
                    struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle f = { s->io, -1 };
    _cleanup_(root_done) struct root x = { 0 };
    _cleanup_free_ void *p = NULL;
    uint64_t n;
    int r = root_open(s, dir, name, &f, &n, e);

    if (r < 0)
        return r;
    p = malloc(n);
    if (!p)
        return err_oom(e);
    r = s->io->pread(s->io, f.h, p, n, 0);
    if (r < 0)
        return err_no(e, r, "read root record '%s'", name);
    r = root_parse(p, n, s->uuid, SUMS_CHECK, &x, e);
    if (r < 0)
        return err_wrap(e, "snapshot '%s'", name);
    *ret = TAKE_PTR(p);
    *ret_len = n;
    return 0;
}

int root_load(struct store *s, const char *dir, const char *name, struct root *ret, struct err *e)
{
    _cleanup_(root_done) struct root x = { 0 };
    _cleanup_free_ void *p = NULL;
    size_t n;
    int r = root_read_bytes(s, dir, name, &p, &n, e);

    if (r == 0)
        r = root_parse(p, n, s->uuid, SUMS_SKIP, &x, e);
    if (r < 0)
        return r;
    if (strcmp(dir, "snaps") == 0 && strcmp(name, x.info.id) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "snapshot '%s': its root record says '%s'", name,
                       x.info.id);
    *ret = x;
    x.ref = NULL;
    return 0;
}

/* ---- leaves ---- */

/* In a domain its number is part of the identity: leaves that hold nothing but zeros are not equal
 * to those of another domain. */
int leaf_sha(sha_of_fn *sha_of, void *u, uint32_t domain, const uint64_t loc[LEAF_ENTRIES],
             uint8_t out[SHA_BYTES], struct err *e)
{
    size_t n = (size_t)LEAF_ENTRIES * SHA_BYTES;
    _cleanup_free_ uint8_t *sums = calloc(1, n + sizeof(le32));
    le32 number = put_le32(domain);
    int r = 0;

    if (!sums)
        return err_oom(e);
    for (unsigned i = 0; r == 0 && i < LEAF_ENTRIES; i++) {
        uint8_t *at = sums + (size_t)i * SHA_BYTES;

        if (LOC_IS_RECORD(loc[i]))
            r = sha_of(u, loc[i], at, e);
        else if (loc[i] == LOC_ZERO)
            memcpy(at, format_zero_sha, SHA_BYTES);
    }
    memcpy(sums + n, &number, sizeof number);
    return r < 0 ? r : sha256(sums, domain ? n + sizeof number : n, out, e);
}

struct in_store {
    struct store *s;
    uint32_t domain;
};

static int sha_in_store(void *u, uint64_t loc, uint8_t out[SHA_BYTES], struct err *e)
{
    struct in_store *x = u;

    return loc_sha(x->s, x->domain, loc, REC_BLOCK, out, e);
}

int leaf_sha_in_store(struct store *s, uint32_t domain, const uint64_t loc[LEAF_ENTRIES],
                      uint8_t out[SHA_BYTES], struct err *e)
{
    struct in_store x = { s, domain };

    return leaf_sha(sha_in_store, &x, domain, loc, out, e);
}

bool leaf_is(struct store *s, uint32_t domain, uint64_t at, const uint8_t sha[SHA_BYTES])
{
    uint8_t plain[LEAF_BYTES], is[SHA_BYTES];
    uint64_t loc[LEAF_ENTRIES];
    struct err scratch = { 0 };
    int r = loc_read(s, at, REC_LEAF, 0, plain, LEAF_BYTES, NULL, &scratch);

    if (r == 0)
        r = leaf_parse(plain, loc, &scratch);
    if (r == 0)
        r = leaf_sha_in_store(s, domain, loc, is, &scratch);
    return r == 0 && memcmp(is, sha, SHA_BYTES) == 0;
}

static int leaf_prove(struct store *s, uint32_t domain, const struct ref_disk *ref,
                      const uint64_t loc[LEAF_ENTRIES], struct err *e)
{
    uint8_t sha[SHA_BYTES];
    uint32_t data = 0, zero = 0;
    int r = leaf_sha_in_store(s, domain, loc, sha, e);

    if (r < 0)
        return r;
    for (unsigned i = 0; i < LEAF_ENTRIES; i++) {
        data += LOC_IS_RECORD(loc[i]);
        zero += loc[i] == LOC_ZERO;
    }
    if (memcmp(sha, ref->sha, SHA_BYTES) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the leaf's blocks do not have its hash");
    if (data != get_le32(ref->data_blocks) || zero != get_le32(ref->zero_blocks))
        return err_set(e, EBADMSG, ERR_CORRUPT, "the leaf's blocks are not as many as counted");
    return 0;
}

int leaf_load(struct store *s, uint32_t domain, const struct ref_disk *ref, bool prove,
              uint64_t loc[LEAF_ENTRIES], struct err *e)
{
    uint64_t at = get_le64(ref->loc);
    uint8_t plain[LEAF_BYTES], sha[SHA_BYTES];
    int r;

    if (at == LOC_HOLE) {
        memset(loc, 0, LEAF_BYTES);
        return 0;
    }
    r = loc_sha(s, domain, at, REC_LEAF, sha, e);
    if (r < 0)
        return r;
    if (memcmp(sha, ref->sha, SHA_BYTES) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT,
                       "record %" PRIu32 " of pack '%016" PRIx64 "' is not the leaf that was meant",
                       LOC_SLOT(at), LOC_SEQ(at));
    r = loc_read(s, at, REC_LEAF, 0, plain, LEAF_BYTES, NULL, e);
    if (r == 0)
        r = leaf_parse(plain, loc, e);
    if (r == 0 && prove)
        r = leaf_prove(s, domain, ref, loc, e);
    return r;
}

/* ---- handles ---- */

int store_snap_open(struct store *s, const char *id, struct store_snap **ret, struct err *e)
{
    _cleanup_(store_snap_closep) struct store_snap *sn = NULL;
    int r;

    if (!name_is_ok(id))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "there is no snapshot of such a name");
    sn = calloc(1, sizeof *sn);
    if (!sn)
        return err_oom(e);
    sn->s = s;
    lock_init(&sn->lock);
    r = root_load(s, "snaps", id, &sn->root, e);
    if (r == -ENOENT) {
        err_clear(e);
        r = root_load(s, "pins", id, &sn->root, e);
    }
    if (r < 0)
        return r;
    sn->leaf = calloc(sn->root.leaves, sizeof(struct snap_leaf *));
    if (!sn->leaf)
        return err_oom(e);
    *ret = TAKE_PTR(sn);
    return 0;
}

void store_snap_close(struct store_snap *sn)
{
    if (!sn)
        return;
    for (uint32_t i = 0; sn->leaf && i < sn->root.leaves; i++)
        free(sn->leaf[i]);
    free(sn->leaf);
    root_done(&sn->root);
    lock_done(&sn->lock);
    free(sn);
}

const struct store_snap_info *store_snap_info(const struct store_snap *sn)
{
    return &sn->root.info;
}

bool key_is_of(const struct store_key *key, const struct store_snap_info *info)
{
    if (!key)
        return info->domain == 0;
    return key->domain == info->domain && memcmp(key->id, info->key_id, sizeof key->id) == 0;
}

int store_snap_may_read(const struct store_snap *sn, struct err *e)
{
    const struct store_snap_info *info = &sn->root.info;

    if (info->domain == 0 || key_is_of(store_key_of(sn->s, info->domain), info))
        return 0;
    (void)key_refuse(sn->s, info->domain, e);
    return err_wrap(e, "snapshot '%s'", info->id);
}

const struct root *snap_root(const struct store_snap *sn)
{
    return &sn->root;
}

static void cache_leaf_locked(struct store_snap *sn, uint32_t at, struct snap_leaf *l)
{
    lock_assert_held(&sn->lock);
    if (!sn->leaf[at]) {
        if (sn->ring_n == LEAVES_CACHED) {
            uint32_t old = sn->ring[sn->ring_at];

            free(sn->leaf[old]);
            sn->leaf[old] = NULL;
        } else {
            sn->ring_n++;
        }
        sn->ring[sn->ring_at] = at;
        sn->ring_at = (sn->ring_at + 1) % LEAVES_CACHED;
    }
    free(sn->leaf[at]);
    sn->leaf[at] = l;
}

/* Where a block is. Prove: only after the chain from the root to its hash was checked. */
static int find(struct store_snap *sn, uint64_t block, bool prove, uint64_t *ret, struct err *e)
{
    uint64_t at64 = block / LEAF_ENTRIES;
    uint32_t at = (uint32_t)at64, i = (uint32_t)(block % LEAF_ENTRIES);
    struct snap_leaf *l;
    int r;

    if (at64 >= sn->root.leaves || get_le64(sn->root.ref[at].loc) == LOC_HOLE) {
        *ret = LOC_HOLE;
        return 0;
    }
    lock_take(&sn->lock);
    l = sn->leaf[at];
    if (l && (l->proven || !prove)) {
        *ret = l->loc[i];
        lock_drop(&sn->lock);
        return 0;
    }
    lock_drop(&sn->lock);
    l = malloc(sizeof *l);
    if (!l)
        return err_oom(e);
    l->proven = prove;
    r = leaf_load(sn->s, sn->root.info.domain, &sn->root.ref[at], prove, l->loc, e);
    if (r < 0) {
        free(l);
        return err_wrap(e, "leaf %" PRIu32, at);
    }
    lock_take(&sn->lock);
    *ret = l->loc[i];
    cache_leaf_locked(sn, at, l);
    lock_drop(&sn->lock);
    return 0;
}

enum store_kind store_snap_kind(struct store_snap *sn, uint64_t block)
{
    struct err scratch = { 0 };
    uint64_t loc;

    if (find(sn, block, false, &loc, &scratch) < 0)
        return STORE_DATA; /* reading it tells why */
    return LOC_IS_RECORD(loc) ? STORE_DATA : loc == LOC_ZERO ? STORE_ZERO : STORE_HOLE;
}

static int told(struct store_snap *sn, uint64_t block, struct err *e)
{
    return err_wrap(e, "read block %" PRIu64 " of snapshot '%s'", block, sn->root.info.id);
}

/* A part of one block. */
static int read_part(struct store_snap *sn, uint64_t block, uint32_t offset, void *buf,
                     uint32_t len, uint64_t *stored_bytes, struct err *e)
{
    uint64_t loc;
    int r = find(sn, block, false, &loc, e);

    if (r == 0 && LOC_IS_RECORD(loc))
        r = loc_read(sn->s, loc, REC_BLOCK, offset, buf, len, stored_bytes, e);
    else if (r == 0)
        memset(buf, 0, len);
    return r < 0 ? told(sn, block, e) : 0;
}

int store_snap_read(struct store_snap *sn, uint64_t offset, void *buf, size_t len,
                    uint64_t *ret_stored_bytes, struct err *e)
{
    uint64_t stored = 0;
    uint8_t *p = buf;
    int may = store_snap_may_read(sn, e);

    if (may < 0)
        return may;
    while (len) {
        uint32_t in = (uint32_t)(offset % STORE_BLOCK_BYTES);
        uint32_t n = (uint32_t)min_u64(len, STORE_BLOCK_BYTES - in);
        int r = read_part(sn, offset >> STORE_BLOCK_SHIFT, in, p, n, &stored, e);

        if (r < 0)
            return r;
        p += n;
        offset += n;
        len -= n;
    }
    if (ret_stored_bytes)
        *ret_stored_bytes = stored;
    return 0;
}

static int verify_block(struct store_snap *sn, uint64_t loc, const void *buf, struct err *e)
{
    uint8_t sha[SHA_BYTES], want[SHA_BYTES];
    uint32_t domain = sn->root.info.domain;
    int r = block_name(store_key_of(sn->s, domain), buf, sha, e);

    if (r == 0)
        r = loc_sha(sn->s, domain, loc, REC_BLOCK, want, e);
    if (r == 0 && memcmp(sha, want, SHA_BYTES) != 0)
        r = err_set(e, EBADMSG, ERR_CORRUPT,
                    "record %" PRIu32 " of pack '%016" PRIx64 "': SHA-256 does not match",
                    LOC_SLOT(loc), LOC_SEQ(loc));
    return r;
}

int store_snap_read_block(struct store_snap *sn, uint64_t block, void *buf,
                          uint64_t *ret_stored_bytes, struct err *e)
{
    uint64_t loc, stored = 0;
    int r = store_snap_may_read(sn, e);

    if (r < 0)
        return r;
    r = find(sn, block, true, &loc, e);
    if (r == 0 && LOC_IS_RECORD(loc)) {
        r = loc_read(sn->s, loc, REC_BLOCK, 0, buf, STORE_BLOCK_BYTES, &stored, e);
        if (r == 0)
            r = verify_block(sn, loc, buf, e);
    } else if (r == 0) {
        memset(buf, 0, STORE_BLOCK_BYTES);
    }
    if (r < 0)
        return told(sn, block, e);
    if (ret_stored_bytes)
        *ret_stored_bytes = stored;
    return LOC_IS_RECORD(loc);
}

/* ---- listing ---- */

static int info_load(struct store *s, const char *name, struct store_snap_info *ret, struct err *e)
{
    _cleanup_(io_handle_done) struct io_handle f = { s->io, -1 };
    struct root_disk d;
    struct root x;
    uint64_t n;
    int r = root_open(s, "snaps", name, &f, &n, e);

    if (r < 0)
        return r;
    r = s->io->pread(s->io, f.h, &d, sizeof d, 0);
    if (r < 0)
        return err_no(e, r, "read root record '%s'", name);
    r = root_header_parse(&d, s->uuid, SUMS_CHECK, &x, e);
    if (r < 0)
        return err_wrap(e, "snapshot '%s'", name);
    *ret = x.info;
    return 0;
}

int store_snap_each(struct store *s, int (*fn)(const struct store_snap_info *info, void *userdata),
                    void *userdata, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    int r = names_list(s, "snaps", &l, e);

    for (size_t i = 0; r == 0 && i < l.n; i++) {
        struct store_snap_info info;

        if (!name_is_ok(l.name[i]))
            continue;
        r = info_load(s, l.name[i], &info, e);
        if (r == -ENOENT) { /* deleted meanwhile */
            err_clear(e);
            r = 0;
            continue;
        }
        if (r == 0)
            r = fn(&info, userdata);
    }
    return r;
}
