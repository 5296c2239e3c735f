/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealed packs: opened on demand, a bounded number kept open, records unpacked frame by frame. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "store-priv.h"

struct pack {
    struct pack *next; /* in its bucket */
    uint64_t seq, bytes, used;
    uint64_t table_offset;
    struct entry_disk *table;
    uint32_t count;
    unsigned refs;
    int h;
    bool cached;
    struct pack_domain domain;
    bool keyed; /* the key is here */
    uint8_t key[KEY_BYTES];
};

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

/* ---- opening ---- */

static void pack_free(struct store *s, struct pack *p)
{
    if (!p)
        return;
    if (p->h >= 0)
        s->io->close(s->io, p->h);
    OPENSSL_cleanse(p->key, sizeof p->key);
    free(p->table);
    free(p);
}

/* The pack's own key, when that of its domain is here. */
static int take_key(struct store *s, struct pack *p, struct err *e)
{
    const struct store_key *k = store_key_of(s, p->domain.domain);
    int r;

    if (p->domain.domain == 0 || !k || !key_fits_pack(k, &p->domain))
        return 0;
    r = pack_key_derive(k, &p->domain, s->uuid, p->seq, p->key, e);
    p->keyed = r == 0;
    return r;
}

static int read_at(struct store *s, int h, void *buf, size_t n, uint64_t offset, const char *what,
                   struct err *e)
{
    int r = s->io->pread(s->io, h, buf, n, offset);

    if (r == -ENODATA)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the file ends inside its %s", what);
    return r < 0 ? err_no(e, r, "read its %s", what) : 0;
}

static int read_table(struct store *s, struct pack *p, struct err *e)
{
    struct pack_header_disk head;
    struct trailer_disk t;
    uint64_t links;
    int r;

    r = s->io->stat(s->io, p->h, &p->bytes, &links);
    if (r < 0)
        return err_no(e, r, "look at its size");
    if (p->bytes < sizeof head + sizeof t)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the file has only %" PRIu64 " bytes", p->bytes);
    r = read_at(s, p->h, &head, sizeof head, 0, "header", e);
    if (r == 0)
        r = pack_header_parse(&head, s->uuid, p->seq, SUMS_CHECK, e);
    if (r == 0) {
        pack_header_domain(&head, &p->domain);
        r = take_key(s, p, e);
    }
    if (r == 0)
        r = read_at(s, p->h, &t, sizeof t, p->bytes - sizeof t, "trailer", e);
    if (r == 0)
        r = trailer_parse(&t, p->seq, p->bytes, SUMS_CHECK, &p->table_offset, &p->count, e);
    if (r < 0)
        return r;
    p->table = malloc(p->count * sizeof *p->table);
    if (!p->table)
        return err_oom(e);
    r = read_at(s, p->h, p->table, p->count * sizeof *p->table, p->table_offset, "table", e);
    if (r == 0)
        r = table_parse(p->table, &t, SUMS_CHECK, e);
    return r;
}

static int pack_load(struct store *s, uint64_t seq, struct pack **ret, struct err *e)
{
    struct pack *p = calloc(1, sizeof *p);
    char path[PATH_BYTES];
    int r = 0;

    if (!p)
        return err_oom(e);
    p->seq = seq;
    store_path(s, path, "packs/%016" PRIx64 ".pack", seq);
    p->h = s->io->open(s->io, path, STORE_IO_READ);
    if (p->h == -ENOENT)
        r = err_set(e, EBADMSG, ERR_CORRUPT, "the pack is missing");
    else if (p->h < 0)
        r = err_no(e, p->h, "open it");
    else
        r = read_table(s, p, e);
    if (r < 0) {
        pack_free(s, p);
        return err_wrap(e, "pack '%016" PRIx64 "'", seq);
    }
    *ret = p;
    return 0;
}

/* ---- the cache ---- */

static struct pack **bucket_locked(struct store *s, uint64_t seq)
{
    lock_assert_held(&s->lock);
    return &s->bucket[seq % PACK_BUCKETS];
}

static struct pack *find_locked(struct store *s, uint64_t seq)
{
    for (struct pack *p = *bucket_locked(s, seq); p; p = p->next)
        if (p->seq == seq)
            return p;
    return NULL;
}

static void remove_locked(struct store *s, struct pack *p)
{
    struct pack **at = bucket_locked(s, p->seq);

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->cached = false;
    s->packs_open--;
}

/* The one that was not used for longest, out of the cache; NULL when all are in use. */
static struct pack *evict_locked(struct store *s)
{
    struct pack *old = NULL;

    for (unsigned b = 0; b < PACK_BUCKETS; b++)
        for (struct pack *p = s->bucket[b]; p; p = p->next)
            if (!p->refs && (!old || p->used < old->used))
                old = p;
    if (old)
        remove_locked(s, old);
    return old;
}

static struct pack *find_and_ref(struct store *s, uint64_t seq)
{
    struct pack *p;

    lock_take(&s->lock);
    p = find_locked(s, seq);
    if (p) {
        p->refs++;
        p->used = ++s->tick;
    }
    lock_drop(&s->lock);
    return p;
}

int pack_get(struct store *s, uint64_t seq, struct pack **ret, struct err *e)
{
    struct pack *p = find_and_ref(s, seq), *twin, *old = NULL;
    int r;

    if (p) {
        *ret = p;
        return 0;
    }
    r = pack_load(s, seq, &p, e); /* without the lock: others go on */
    if (r < 0)
        return r;
    lock_take(&s->lock);
    twin = find_locked(s, seq);
    if (twin) { /* another thread was faster */
        old = p;
        p = twin;
    } else {
        if (s->packs_open >= PACK_CACHE_MAX)
            old = evict_locked(s);
        p->next = *bucket_locked(s, seq);
        *bucket_locked(s, seq) = p;
        p->cached = true;
        s->packs_open++;
    }
    p->refs++;
    p->used = ++s->tick;
    lock_drop(&s->lock);
    pack_free(s, old);
    *ret = p;
    return 0;
}

void pack_put(struct store *s, struct pack *p)
{
    bool last;

    lock_take(&s->lock);
    assert(p->refs > 0);
    last = --p->refs == 0 && !p->cached;
    lock_drop(&s->lock);
    if (last)
        pack_free(s, p);
}

void pack_forget(struct store *s, uint64_t seq)
{
    struct pack *p;

    lock_take(&s->lock);
    p = find_locked(s, seq);
    if (p) {
        remove_locked(s, p);
        if (p->refs)
            p = NULL; /* freed by its last user */
    }
    lock_drop(&s->lock);
    pack_free(s, p);
}

void packs_close(struct store *s)
{
    for (unsigned b = 0; b < PACK_BUCKETS; b++)
        while (s->bucket[b]) {
            struct pack *p = s->bucket[b];

            assert(p->refs == 0); /* snapshots and writers are closed before their store */
            s->bucket[b] = p->next;
            pack_free(s, p);
        }
    while (s->n_scratch)
        scratch_free(s->scratch[--s->n_scratch]);
}

uint32_t pack_count(const struct pack *p)
{
    return p->count;
}

uint64_t pack_bytes(const struct pack *p)
{
    return p->bytes;
}

const struct entry_disk *pack_entry(const struct pack *p, uint32_t slot)
{
    assert(slot < p->count);
    return &p->table[slot];
}

const struct pack_domain *pack_domain(const struct pack *p)
{
    return &p->domain;
}

/* ---- records ---- */

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

    r = read_at(s, p->h, &g->disk, sizeof g->disk, get_le64(t->offset), "record header", e);
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
        r = read_at(s, p->h, x->stored, n,
                    get_le64(t->offset) + sizeof(struct rec_disk) + rec->frame[g->first].offset,
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

static int range_sums(struct store *s, struct pack *p, uint32_t slot, enum rec_kind kind,
                      uint64_t *stored_bytes, struct scratch *x, struct err *e)
{
    uint32_t len = kind == REC_LEAF ? LEAF_BYTES : STORE_BLOCK_BYTES;
    struct range g = { .slot = slot };
    int r = read_frames(s, p, &g, kind, 0, len, stored_bytes, x, e);

    for (unsigned f = 0; r == 0 && f < g.rec.frames; f++)
        r = frame_check(&g.rec, f, x->stored + g.rec.frame[f].offset, e);
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
    int r;

    assert(slot < p->count);
    if (!x)
        return err_oom(e);
    r = range_sums(s, p, slot, kind, stored_bytes, x, e);
    scratch_put(s, x);
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
    if (slot >= p->count || p->table[slot].kind != kind)
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
