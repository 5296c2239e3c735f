/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records of sealed packs, unpacked frame by frame; each frame is checked before it is unpacked. */
#include "pack-priv.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

struct scratch {
    ZSTD_DCtx *d;
    EVP_CIPHER_CTX *gcm;
    uint8_t stored[STORE_BLOCK_BYTES + FRAMES_MAX * SEAL_TAG_BYTES];
    uint8_t plain[STORE_FRAME_BYTES];
};

static void scratch_free(struct scratch *x)
{
    if (!x)
        return;
    (void)ZSTD_freeDCtx(x->d);
    EVP_CIPHER_CTX_free(x->gcm);
    OPENSSL_cleanse(x->plain, sizeof x->plain);
    free(x);
}

void scratches_free(struct store *s)
{
    while (s->n_scratch)
        scratch_free(s->scratch[--s->n_scratch]);
}

static struct scratch *scratch_get(struct store *s)
{
    struct scratch *x;

    lock_take(&s->lock);
    x = s->n_scratch ? s->scratch[--s->n_scratch] : NULL;
    lock_drop(&s->lock);
    if (x)
        return x;
    x = malloc(sizeof *x);
    if (!x)
        return NULL;
    x->d = ZSTD_createDCtx();
    x->gcm = EVP_CIPHER_CTX_new();
    if (!x->d || !x->gcm) {
        scratch_free(x);
        return NULL;
    }
    return x;
}

static void scratch_put(struct store *s, struct scratch *x)
{
    lock_take(&s->lock);
    if (s->n_scratch < SCRATCH_MAX) {
        s->scratch[s->n_scratch++] = x;
        x = NULL;
    }
    lock_drop(&s->lock);
    scratch_free(x);
}

static uint32_t plain_len_of(enum rec_kind kind)
{
    return kind == REC_LEAF ? LEAF_BYTES : STORE_BLOCK_BYTES;
}

struct range { /* a record, and of it the frames that hold a range */
    struct rec_disk disk;
    struct rec rec;
    uint32_t slot;
    unsigned first, last;
};

static int read_rec(struct store *s, struct pack *p, const struct entry_disk *t, struct range *g,
                    struct err *e)
{
    struct rec *ret = &g->rec;
    int r;

    r = pack_read_at(s, p->h, &g->disk, sizeof g->disk, get_le64(t->offset), "record header", e);
    if (r == 0)
        r = rec_parse(&g->disk, SUMS_CHECK, ret, e);
    if (r < 0)
        return r;
    if (ret->domain != p->domain.domain)
        return err_set(e, EBADMSG, ERR_CORRUPT, "record and pack are of different key domains");
    if ((uint8_t)ret->kind != t->kind || memcmp(ret->sha, t->sha, SHA_BYTES) != 0 ||
        ret->stored_len + sizeof g->disk != get_le32(t->len))
        return err_set(e, EBADMSG, ERR_CORRUPT, "record and table of the pack disagree");
    return 0;
}

static int open_frame(struct pack *p, const struct range *g, unsigned f, struct scratch *x,
                      uint8_t *stored, struct err *e)
{
    struct rec_disk aad;
    int r = frame_check(&g->rec, f, stored, e);

    if (r < 0 || !g->rec.sealed)
        return r;
    seal_aad(&g->disk, &aad);
    return unseal_frame(x->gcm, p->key, &aad, g->slot, f, stored, g->rec.frame[f].packed, e);
}

/* The range's frames from their stored bytes to the part [offset, offset + len). */
static int unpack_range(struct pack *p, const struct range *g, struct scratch *x, uint32_t offset,
                        uint8_t *buf, uint32_t len, struct err *e)
{
    const struct rec *rec = &g->rec;
    uint32_t base = rec->frame[g->first].offset, end = offset + len;
    int r;

    for (unsigned f = g->first; f <= g->last; f++) {
        uint32_t start = f * STORE_FRAME_BYTES, stop = start + rec->frame[f].plain_len;
        uint32_t from = start > offset ? start : offset, to = stop < end ? stop : end;
        bool whole = from == start && to == stop;
        uint8_t *stored = x->stored + (rec->frame[f].offset - base);

        r = open_frame(p, g, f, x, stored, e);
        if (r == 0)
            r = frame_unpack(x->d, rec, f, stored, whole ? buf + (from - offset) : x->plain, e);
        if (r < 0)
            return r;
        if (!whole)
            memcpy(buf + (from - offset), x->plain + (from - start), to - from);
    }
    return 0;
}

/* The stored bytes of the frames of a range into the scratch. */
static int read_frames(struct store *s, struct pack *p, struct range *g, enum rec_kind kind,
                       uint32_t offset, uint32_t len, uint64_t *stored_bytes, struct scratch *x,
                       struct err *e)
{
    const struct entry_disk *t = &p->table[g->slot];
    const struct rec *rec = &g->rec;
    uint32_t n;
    int r;

    if (entry_is_gone(t))
        return err_set(e, EBADMSG, ERR_CORRUPT, "the record was removed: nothing needed it");
    if (t->kind != kind)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the record is of another kind");
    r = read_rec(s, p, t, g, e);
    if (r < 0)
        return r;
    assert(len > 0 && offset < rec->plain_len && len <= rec->plain_len - offset);
    g->first = offset / STORE_FRAME_BYTES;
    g->last = (offset + len - 1) / STORE_FRAME_BYTES;
    n = rec->frame[g->last].offset + rec->frame[g->last].len - rec->frame[g->first].offset;
    if (n)
        r = pack_read_at(s, p->h, x->stored, n,
                         get_le64(t->offset) + sizeof(struct rec_disk) +
                             rec->frame[g->first].offset,
                         "frames", e);
    if (r == 0 && stored_bytes)
        *stored_bytes += sizeof(struct rec_disk) + n;
    return r;
}

static int read_range(struct store *s, struct pack *p, uint32_t slot, enum rec_kind kind,
                      uint32_t offset, void *buf, uint32_t len, uint64_t *stored_bytes,
                      struct scratch *x, struct err *e)
{
    struct range g = { .slot = slot };
    int r;

    if (rec_is_sealed(kind, p->domain.domain) && !p->keyed)
        return key_refuse(s, p->domain.domain, e);
    r = read_frames(s, p, &g, kind, offset, len, stored_bytes, x, e);
    return r < 0 ? r : unpack_range(p, &g, x, offset, buf, len, e);
}

static int range_sums(struct store *s, struct pack *p, struct range *g, enum rec_kind kind,
                      uint64_t *stored_bytes, struct scratch *x, struct err *e)
{
    int r = read_frames(s, p, g, kind, 0, plain_len_of(kind), stored_bytes, x, e);

    for (unsigned f = 0; r == 0 && f < g->rec.frames; f++)
        r = frame_check(&g->rec, f, x->stored + g->rec.frame[f].offset, e);
    return r;
}

static int about_record(const struct pack *p, uint32_t slot, struct err *e)
{
    return err_wrap(e, "record %" PRIu32 " of pack '%016" PRIx64 "'", slot, p->seq);
}

int pack_read_sums(struct store *s, struct pack *p, uint32_t slot, enum rec_kind kind,
                   uint64_t *stored_bytes, struct err *e)
{
    struct scratch *x = scratch_get(s);
    struct range g = { .slot = slot };
    int r;

    assert(slot < p->count);
    if (!x)
        return err_oom(e);
    r = range_sums(s, p, &g, kind, stored_bytes, x, e);
    scratch_put(s, x);
    return r < 0 ? about_record(p, slot, e) : 0;
}

int pack_read_stored(struct store *s, struct pack *p, uint32_t slot, uint8_t *buf,
                     uint32_t *ret_len, struct err *e)
{
    struct scratch *x = scratch_get(s);
    struct range g = { .slot = slot };
    int r;

    assert(slot < p->count);
    if (!x)
        return err_oom(e);
    r = range_sums(s, p, &g, (enum rec_kind)p->table[slot].kind, NULL, x, e);
    if (r == 0) {
        memcpy(buf, &g.disk, sizeof g.disk);
        memcpy(buf + sizeof g.disk, x->stored, g.rec.stored_len);
        *ret_len = (uint32_t)sizeof g.disk + g.rec.stored_len;
    }
    scratch_put(s, x);
    return r < 0 ? about_record(p, slot, e) : 0;
}

static int prove_block(const struct store_key *key, const struct entry_disk *t, const void *buf,
                       struct err *e)
{
    uint8_t sha[SHA_BYTES];
    int r = block_name(key, buf, sha, e);

    if (r == 0 && memcmp(sha, t->sha, SHA_BYTES) != 0)
        r = err_set(e, EBADMSG, ERR_CORRUPT, "SHA-256 does not match");
    return r;
}

int pack_prove(struct store *s, struct pack *p, uint32_t slot, void *buf, uint64_t *stored_bytes,
               bool *ret_sealed, struct err *e)
{
    const struct entry_disk *t = &p->table[slot];
    enum rec_kind kind = (enum rec_kind)t->kind;
    uint64_t loc[LEAF_ENTRIES];
    int r;

    *ret_sealed = rec_is_sealed(kind, p->domain.domain) && !p->keyed;
    if (*ret_sealed)
        return pack_read_sums(s, p, slot, kind, stored_bytes, e);
    r = pack_read(s, p, slot, kind, 0, buf, plain_len_of(kind), stored_bytes, e);
    if (r < 0)
        return r;
    r = kind == REC_LEAF ? leaf_parse(buf, loc, e)
                         : prove_block(store_key_of(s, p->domain.domain), t, buf, e);
    return r < 0 ? about_record(p, slot, e) : 0;
}

int pack_read(struct store *s, struct pack *p, uint32_t slot, enum rec_kind kind, uint32_t offset,
              void *buf, uint32_t len, uint64_t *stored_bytes, struct err *e)
{
    struct scratch *x;
    int r;

    if (slot >= p->count)
        return err_set(e, EBADMSG, ERR_CORRUPT, "pack '%016" PRIx64 "' has no record %" PRIu32,
                       p->seq, slot);
    x = scratch_get(s);
    if (!x)
        return err_oom(e);
    r = read_range(s, p, slot, kind, offset, buf, len, stored_bytes, x, e);
    scratch_put(s, x);
    return r < 0 ? about_record(p, slot, e) : 0;
}

int loc_read(struct store *s, uint64_t loc, enum rec_kind kind, uint32_t offset, void *buf,
             uint32_t len, uint64_t *stored_bytes, struct err *e)
{
    struct pack *p;
    int r = pack_get(s, LOC_SEQ(loc), &p, e);

    if (r < 0)
        return r;
    r = pack_read(s, p, LOC_SLOT(loc), kind, offset, buf, len, stored_bytes, e);
    pack_put(s, p);
    return r;
}

int loc_sha(struct store *s, uint32_t domain, uint64_t loc, enum rec_kind kind,
            uint8_t out[SHA_BYTES], struct err *e)
{
    struct pack *p;
    uint32_t slot = LOC_SLOT(loc);
    int r = pack_get(s, LOC_SEQ(loc), &p, e);

    if (r < 0)
        return r;
    if (slot >= p->count || p->table[slot].kind != kind || entry_is_gone(&p->table[slot]))
        r = err_set(e, EBADMSG, ERR_CORRUPT,
                    "pack '%016" PRIx64 "' has no record %" PRIu32 " of that kind", p->seq, slot);
    else if (p->domain.domain != domain)
        r = err_set(e, EBADMSG, ERR_CORRUPT,
                    "pack '%016" PRIx64 "' is of key domain %" PRIu32 " and not of %" PRIu32,
                    p->seq, p->domain.domain, domain);
    else
        memcpy(out, p->table[slot].sha, SHA_BYTES);
    pack_put(s, p);
    return r;
}
