/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "cur.h"
#include "lock.h"
#include "rand.h"

#define KEY_BYTES 64 /* two of AES-256 */
#define KEPT_MAX  32U

enum direction { DECRYPT, ENCRYPT };

struct crypt {
    EVP_CIPHER *xts;
    uint8_t key[KEY_BYTES];
    struct lock l; /* over what follows */
    EVP_CIPHER_CTX *kept[2][KEPT_MAX];
    unsigned n_kept[2];
};

/* ---- keys ------------------------------------------------------------------------------------ */

void crypt_head(struct head *h, const struct store_key *k)
{
    h->domain = store_key_domain(k);
    memcpy(h->key_id, store_key_id(k), sizeof h->key_id);
    rand_bytes(h->salt, sizeof h->salt);
}

int crypt_new(const struct head *h, const struct store_key *k, struct crypt **ret, struct err *e)
{
    _cleanup_(crypt_freep) struct crypt *c = NULL;
    int r;

    if (store_key_domain(k) != h->domain ||
        memcmp(store_key_id(k), h->key_id, sizeof h->key_id) != 0)
        return err_set(e, EACCES, ERR_DENIED,
                       "volume '%s' is encrypted in key domain %u with another key than the one "
                       "given",
                       h->name, h->domain);
    c = calloc(1, sizeof *c);
    if (!c)
        return err_oom(e);
    lock_init(&c->l);
    c->xts = EVP_CIPHER_fetch(NULL, "AES-256-XTS", NULL);
    if (!c->xts)
        return err_oom(e);
    r = store_key_derive(k, "kiln volume", h->salt, sizeof h->salt, c->key, sizeof c->key, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(c);
    return 0;
}

void crypt_free(struct crypt *c)
{
    if (!c)
        return;
    for (unsigned d = 0; d < 2; d++)
        while (c->n_kept[d])
            EVP_CIPHER_CTX_free(c->kept[d][--c->n_kept[d]]);
    EVP_CIPHER_free(c->xts);
    lock_done(&c->l);
    OPENSSL_cleanse(c->key, sizeof c->key);
    free(c);
}

/* ---- contexts: the expanded keys, one for each request under way ----------------------------- */

static EVP_CIPHER_CTX *take(struct crypt *c, enum direction d)
{
    EVP_CIPHER_CTX *x = NULL;

    {
        _with_lock_(&c->l);
        if (c->n_kept[d])
            return c->kept[d][--c->n_kept[d]];
    }
    x = EVP_CIPHER_CTX_new();
    if (x && EVP_CipherInit_ex2(x, c->xts, c->key, NULL, d == ENCRYPT, NULL) == 1)
        return x;
    EVP_CIPHER_CTX_free(x);
    return NULL;
}

static void give(struct crypt *c, enum direction d, EVP_CIPHER_CTX *x)
{
    {
        _with_lock_(&c->l);
        if (c->n_kept[d] < KEPT_MAX) {
            c->kept[d][c->n_kept[d]++] = x;
            return;
        }
    }
    EVP_CIPHER_CTX_free(x);
}

/* ---- units ----------------------------------------------------------------------------------- */

static int one_unit(EVP_CIPHER_CTX *x, uint8_t *p, size_t n, uint64_t unit)
{
    struct {
        le64 low, high;
    } tweak = { put_le64(unit), put_le64(0) };
    int got = 0;

    return EVP_CipherInit_ex2(x, NULL, NULL, (const uint8_t *)&tweak, -1, NULL) == 1 &&
                   EVP_CipherUpdate(x, p, &got, p, (int)n) == 1 && (size_t)got == n
               ? 0
               : -ENOMEM;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Pieces that are zeros on disk stay zeros. */
static int open_unit(EVP_CIPHER_CTX *x, uint8_t *p, size_t n, uint64_t unit)
{
    unsigned zeros = 0, pieces = (unsigned)(n / CRYPT_PIECE);
    int r;

    for (unsigned i = 0; i < pieces; i++)
        if (is_zero(p + (size_t)i * CRYPT_PIECE, CRYPT_PIECE))
            zeros |= 1U << i;
    if (zeros == (1U << pieces) - 1)
        return 0;
    r = one_unit(x, p, n, unit);
    for (unsigned i = 0; i < pieces && r == 0; i++)
        if (zeros & 1U << i)
            memset(p + (size_t)i * CRYPT_PIECE, 0, CRYPT_PIECE);
    return r;
}

static int each_unit(struct crypt *c, enum direction d, uint8_t *p, size_t n, uint64_t offset)
{
    EVP_CIPHER_CTX *x = take(c, d);
    int r = 0;

    if (!x)
        return -ENOMEM;
    for (size_t at = 0; at < n && r == 0; at += CRYPT_UNIT) {
        size_t k = (size_t)min_u64(CRYPT_UNIT, n - at);
        uint64_t unit = (offset + at) / CRYPT_UNIT;

        r = d == ENCRYPT ? one_unit(x, p + at, k, unit) : open_unit(x, p + at, k, unit);
    }
    give(c, d, x);
    return r;
}

int crypt_seal(struct crypt *c, uint8_t *p, size_t n, uint64_t offset)
{
    return each_unit(c, ENCRYPT, p, n, offset);
}

int crypt_unseal(struct crypt *c, uint8_t *p, size_t n, uint64_t offset)
{
    return each_unit(c, DECRYPT, p, n, offset);
}

/* ---- reading any range ----------------------------------------------------------------------- */

/* A part of one unit that does not begin it, or does not end with a piece. */
static int read_edge(struct crypt *c, crypt_read_fn *fn, void *userdata, uint8_t *buf, size_t n,
                     uint64_t offset)
{
    size_t in = (size_t)(offset % CRYPT_UNIT);
    size_t need = (in + n + CRYPT_PIECE - 1) / CRYPT_PIECE * CRYPT_PIECE;
    uint8_t unit[CRYPT_UNIT];
    int r = fn(userdata, unit, need, offset - in);

    if (r == 0)
        r = crypt_unseal(c, unit, need, offset - in);
    if (r == 0)
        memcpy(buf, unit + in, n);
    return r;
}

int crypt_read(struct crypt *c, crypt_read_fn *fn, void *userdata, void *buf, size_t n,
               uint64_t offset)
{
    uint8_t *p = buf;
    int r = 0;

    for (size_t k; n && r == 0; n -= k, p += k, offset += k) {
        size_t in = (size_t)(offset % CRYPT_UNIT);

        if (in || n < CRYPT_PIECE) {
            k = (size_t)min_u64(n, CRYPT_UNIT - in);
            r = read_edge(c, fn, userdata, p, k, offset);
            continue;
        }
        k = n / CRYPT_PIECE * CRYPT_PIECE;
        if (k < n) /* the rest is of the last unit: it is read by itself, from its start */
            k = n / CRYPT_UNIT * CRYPT_UNIT;
        if (k == 0) {
            k = n;
            r = read_edge(c, fn, userdata, p, k, offset);
            continue;
        }
        r = fn(userdata, p, k, offset);
        if (r == 0)
            r = crypt_unseal(c, p, k, offset);
    }
    return r;
}
