/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pack being written: <seq>.open, locked for its life, then sealed under its final name. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "clock.h"
#include "rand.h"
#include "store-priv.h"

#define EPOCH_2024_MS    1704067200000ULL
#define SEQ_TRIES        1000U
#define START_SYNC_BYTES (16ULL << 20)
#define WORTH_IT(len)    ((len) - (len) / 20) /* stored raw when less than 5 % is saved */

struct packw {
    struct store *s;
    uint64_t seq;
    int h;
    bool sealed;
    bool again; /* it takes the place of the sealed pack of that number */
    struct pack_domain domain;
    uint8_t key[KEY_BYTES]; /* when it has a domain */
    uint64_t end;           /* where the next record goes */
    uint64_t bytes;         /* once sealed */
    struct entry_disk *table;
    uint32_t count, cap;
};

/* ---- packing ---- */

uint32_t packed_bound(uint32_t plain_len)
{
    return (uint32_t)(sizeof(struct rec_disk) + plain_len + FRAMES_MAX * SEAL_TAG_BYTES + 8);
}

/* At level 1 a smaller table and longer matches win 15 % of the speed for 1.4 % of the size, on
 * frames of 128 KiB. */
static size_t set_level(ZSTD_CCtx *c, int level)
{
    size_t r = ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);

    if (level == 1 && !ZSTD_isError(r))
        r = ZSTD_CCtx_setParameter(c, ZSTD_c_hashLog, 12);
    if (level == 1 && !ZSTD_isError(r))
        r = ZSTD_CCtx_setParameter(c, ZSTD_c_minMatch, 6);
    return r;
}

int packed_init(struct packed *p, int level, uint32_t domain, struct err *e)
{
    *p = (struct packed){ .c = ZSTD_createCCtx(),
                          .gcm = EVP_CIPHER_CTX_new(),
                          .domain = domain,
                          .buf = malloc(packed_bound(STORE_BLOCK_BYTES)) };
    if (!p->c || !p->gcm || !p->buf || ZSTD_isError(set_level(p->c, level))) {
        packed_done(p);
        return err_oom(e);
    }
    return 0;
}

void packed_done(struct packed *p)
{
    (void)ZSTD_freeCCtx(p->c);
    EVP_CIPHER_CTX_free(p->gcm);
    free(p->buf);
    *p = (struct packed){ 0 };
}

/* One frame to out; returns the word for the frame table. A frame that will be sealed is packed
 * also when it is zeros: so that every frame has a tag. */
static uint32_t pack_frame(ZSTD_CCtx *c, const uint8_t *plain, uint32_t len, bool sealed,
                           uint8_t *out)
{
    size_t n;

    if (!sealed && is_zero(plain, len))
        return 0;
    /* no room for more than what is worth it: zstd gives up early */
    n = ZSTD_compress2(c, out, WORTH_IT(len), plain, len);
    if (!ZSTD_isError(n) && n > 0)
        return (uint32_t)n;
    memcpy(out, plain, len);
    return len | FRAME_RAW;
}

int packed_make(struct packed *p, enum rec_kind kind, const void *plain, uint32_t plain_len,
                const uint8_t sha[SHA_BYTES], struct err *e)
{
    struct rec_disk d;
    bool sealed = rec_is_sealed(kind, p->domain);
    uint32_t at = sizeof d;

    (void)e;
    assert(plain_len <= STORE_BLOCK_BYTES);
    rec_build(&d, kind, p->domain, plain_len, sha);
    for (uint32_t f = 0, done = 0; done < plain_len; f++) {
        uint32_t len = (uint32_t)min_u64(plain_len - done, STORE_FRAME_BYTES);
        uint32_t word = pack_frame(p->c, (const uint8_t *)plain + done, len, sealed, p->buf + at);
        uint32_t stored;

        word += sealed ? SEAL_TAG_BYTES : 0;
        stored = word & ~FRAME_RAW;

        d.frame[f].len = put_le32(word);
        d.frame[f].crc = put_le32(stored && !sealed ? crc32c(p->buf + at, stored) : 0);
        at += stored;
        done += len;
    }
    rec_seal(&d);
    memcpy(p->buf, &d, sizeof d);
    memset(p->buf + at, 0, 8); /* the gap to the next record */
    p->len = at;
    return 0;
}

int packw_seal_record(const struct packw *p, struct packed *x, uint32_t slot, struct err *e)
{
    struct rec_disk d, aad;
    uint32_t at = sizeof d;
    int r = 0;

    memcpy(&d, x->buf, sizeof d);
    if (!rec_is_sealed((enum rec_kind)d.kind, x->domain))
        return 0;
    assert(p->domain.domain == x->domain);
    seal_aad(&d, &aad);
    for (unsigned f = 0; r == 0 && f < FRAMES_MAX; f++) {
        uint32_t len = get_le32(d.frame[f].len) & ~FRAME_RAW;

        r = seal_frame(x->gcm, p->key, &aad, slot, f, x->buf + at, len - SEAL_TAG_BYTES, e);
        d.frame[f].crc = put_le32(crc32c(x->buf + at, len));
        at += len;
    }
    rec_seal(&d);
    memcpy(x->buf, &d, sizeof d);
    return r;
}

/* ---- the file ---- */

static void open_path(const struct packw *p, char path[PATH_BYTES], const char *suffix)
{
    store_path(p->s, path, "packs/%016" PRIx64 ".%s", p->seq, suffix);
}

static int highest_seq(struct store *s, uint64_t *ret, struct err *e)
{
    _cleanup_(names_done) struct names l = { 0 };
    uint64_t now = clock_real_ms(), seq;
    uint64_t max = now > EPOCH_2024_MS ? (now - EPOCH_2024_MS) / 8 + 1 : 1;
    int r = names_list(s, "packs", &l, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < l.n; i++)
        if ((pack_name_parse(l.name[i], ".pack", &seq) ||
             pack_name_parse(l.name[i], ".open", &seq)) &&
            seq >= max)
            max = seq + 1;
    *ret = max;
    return 0;
}

/* 1: <seq>.open is there and ours; 0: it is somebody's. */
static int lock_open_pack(struct packw *p, struct err *e)
{
    const struct store_io *io = p->s->io;
    char path[PATH_BYTES];
    uint64_t size, links = 0;
    int r;

    open_path(p, path, "open");
    p->h = io->open(io, path, STORE_IO_CREATE);
    if (p->h == -EEXIST)
        return 0;
    if (p->h < 0)
        return err_no(e, p->h, "create '%s'", path);
    r = io->lock(io, p->h, STORE_IO_EXCLUSIVE, false);
    if (r == 0)
        r = io->stat(io, p->h, &size, &links);
    if (r == 0 && links > 0)
        return 1;
    if (r < 0 && r != -EAGAIN)
        (void)io->unlink(io, path); /* else a sweeper took it for dead */
    io->close(io, p->h);
    p->h = -1;
    return r < 0 && r != -EAGAIN ? err_no(e, r, "take '%s'", path) : 0;
}

/* 1: p->seq is ours; 0: taken, try the next. See "Sequence numbers" in docs/formats/store.md. */
static int try_seq(struct packw *p, struct err *e)
{
    const struct store_io *io = p->s->io;
    char path[PATH_BYTES], sealed[PATH_BYTES];
    int r = lock_open_pack(p, e);

    if (r <= 0)
        return r;
    open_path(p, sealed, "pack");
    r = io->exists(io, sealed);
    if (r == 0)
        return 1;
    open_path(p, path, "open");
    (void)io->unlink(io, path);
    io->close(io, p->h);
    p->h = -1;
    return r < 0 ? err_no(e, r, "look at '%s'", sealed) : 0;
}

static int take_seq(struct packw *p, struct err *e)
{
    int r = highest_seq(p->s, &p->seq, e);

    for (unsigned i = 0; r == 0 && i < SEQ_TRIES; i++, p->seq++) {
        if (p->seq > SEQ_MAX)
            break;
        r = try_seq(p, e);
        if (r > 0)
            return 0;
    }
    return r < 0 ? r : err_set(e, EBUSY, ERR_LIMIT, "found no free pack number");
}

static int make_key(struct packw *p, const struct store_key *key, struct err *e)
{
    if (!key)
        return 0;
    p->domain.domain = key->domain;
    memcpy(p->domain.key_check, key->id, sizeof p->domain.key_check);
    rand_bytes(p->domain.salt, sizeof p->domain.salt);
    return pack_key_derive(key, &p->domain, p->s->uuid, p->seq, p->key, e);
}

static int begin(struct packw *p, struct err *e)
{
    struct pack_header_disk d;
    int r;

    pack_header_build(&d, p->s->uuid, p->seq, &p->domain);
    r = p->s->io->pwrite(p->s->io, p->h, &d, sizeof d, 0);
    if (r < 0)
        return err_no(e, r, "begin pack '%016" PRIx64 "'", p->seq);
    p->end = sizeof d;
    return 0;
}

int packw_open(struct store *s, const struct store_key *key, struct packw **ret, struct err *e)
{
    _cleanup_(packw_freep) struct packw *p = calloc(1, sizeof *p);
    int r;

    if (!p)
        return err_oom(e);
    p->s = s;
    p->h = -1;
    r = take_seq(p, e);
    if (r == 0)
        r = make_key(p, key, e);
    if (r < 0)
        return err_wrap(e, "begin a pack");
    r = begin(p, e);
    if (r == 0)
        *ret = TAKE_PTR(p);
    return r;
}

/* Records come into it as they are, encrypted ones too: so it has the salt, and no need of the key.
 */
int packw_open_again(struct store *s, uint64_t seq, const struct pack_domain *domain,
                     struct packw **ret, struct err *e)
{
    _cleanup_(packw_freep) struct packw *p = calloc(1, sizeof *p);
    int r;

    if (!p)
        return err_oom(e);
    p->s = s;
    p->seq = seq;
    p->again = true;
    p->domain = *domain;
    r = lock_open_pack(p, e);
    if (r == 0)
        r = err_set(e, EBUSY, ERR_CONFLICT, "somebody else is at it");
    if (r < 0)
        return err_wrap(e, "write pack '%016" PRIx64 "' anew", seq);
    r = begin(p, e);
    if (r == 0)
        *ret = TAKE_PTR(p);
    return r;
}

int packw_skip(struct packw *p, struct err *e)
{
    static const uint8_t none[SHA_BYTES];
    uint64_t offset;
    uint32_t slot;

    return packw_reserve(p, REC_BLOCK, sizeof(struct rec_disk), none, &slot, &offset, e);
}

int packw_reserve(struct packw *p, enum rec_kind kind, uint32_t len, const uint8_t sha[SHA_BYTES],
                  uint32_t *ret_slot, uint64_t *ret_offset, struct err *e)
{
    struct entry_disk *t;

    if (p->count == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : 64;

        t = reallocarray(p->table, cap, sizeof *t);
        if (!t)
            return err_oom(e);
        p->table = t;
        p->cap = cap;
    }
    t = &p->table[p->count];
    *t = (struct entry_disk){ .offset = put_le64(p->end),
                              .len = put_le32(len),
                              .kind = (uint8_t)kind };
    memcpy(t->sha, sha, SHA_BYTES);
    *ret_slot = p->count++;
    *ret_offset = p->end;
    p->end += (len + 7U) & ~7U;
    return 0;
}

/* With the zeros up to the next record, which packed_make has put behind the record. */
int packw_write(struct packw *p, uint64_t offset, const void *buf, uint32_t len, struct err *e)
{
    uint64_t window = (offset + len) / START_SYNC_BYTES;
    int r = p->s->io->pwrite(p->s->io, p->h, buf, (len + 7U) & ~7U, offset);

    if (r < 0)
        return err_no(e, r, "write %" PRIu32 " bytes to pack '%016" PRIx64 "'", len, p->seq);
    if (window != offset / START_SYNC_BYTES) /* the disk works while we compress */
        p->s->io->start_sync(p->s->io, p->h, (window - 1) * START_SYNC_BYTES, START_SYNC_BYTES);
    return 0;
}

uint64_t packw_seq(const struct packw *p)
{
    return p->seq;
}

uint64_t packw_bytes(const struct packw *p)
{
    return p->bytes ? p->bytes : p->end;
}

uint32_t packw_count(const struct packw *p)
{
    return p->count;
}

const struct entry_disk *packw_entry(const struct packw *p, uint32_t slot)
{
    assert(slot < p->count);
    return &p->table[slot];
}

static int write_footer(struct packw *p, struct err *e)
{
    size_t table = p->count * sizeof *p->table, n = table + sizeof(struct trailer_disk);
    _cleanup_free_ uint8_t *buf = malloc(n);
    struct trailer_disk t;
    int r;

    if (!buf)
        return err_oom(e);
    trailer_build(&t, p->seq, p->end, p->count, p->table);
    memcpy(buf, p->table, table);
    memcpy(buf + table, &t, sizeof t);
    r = p->s->io->pwrite(p->s->io, p->h, buf, n, p->end);
    if (r < 0)
        return err_no(e, r, "write its table");
    p->bytes = p->end + n;
    return 0;
}

int packw_finish(struct packw *p, struct err *e)
{
    int r;

    assert(!p->sealed && p->count > 0);
    r = write_footer(p, e);
    if (r == 0) {
        r = p->s->io->sync(p->s->io, p->h);
        if (r < 0)
            r = err_no(e, r, "flush it");
    }
    return r < 0 ? err_wrap(e, "seal pack '%016" PRIx64 "'", p->seq) : 0;
}

int packw_name(struct packw *p, struct err *e)
{
    char path[PATH_BYTES], sealed[PATH_BYTES];
    int r;

    assert(!p->sealed && p->bytes);
    open_path(p, path, "open");
    open_path(p, sealed, "pack");
    r = p->s->io->rename(p->s->io, path, sealed, p->again);
    if (r < 0)
        return err_no(e, r, "name pack '%016" PRIx64 "'", p->seq);
    p->sealed = true;
    return 0;
}

int packw_seal(struct packw *p, struct err *e)
{
    int r = packw_finish(p, e);

    return r < 0 ? r : packw_name(p, e);
}

void packw_free(struct packw *p)
{
    char path[PATH_BYTES];

    if (!p)
        return;
    if (p->h >= 0 && !p->sealed) {
        open_path(p, path, "open");
        (void)p->s->io->unlink(p->s->io, path); /* if not: a sweep does */
    }
    if (p->h >= 0)
        p->s->io->close(p->s->io, p->h);
    OPENSSL_cleanse(p->key, sizeof p->key);
    free(p->table);
    free(p);
}
