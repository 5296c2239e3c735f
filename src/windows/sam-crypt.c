/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How SAM keeps the hash of a password. MD5, AES and DES are OpenSSL's (DES as triple DES with one
 * key three times, which the default provider has); MD4 and RC4 are here, because OpenSSL 3 has
 * them only in a module that a fenced-in worker cannot load. They protect nothing of ours. */
#include "sam-priv.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "cur.h"
#include "rand.h"
#include "regf-priv.h"

#define KEY_OFF      0x68U /* the key in the domain's "F" */
#define RC4_STORED   20U
#define AES_STORED   56U
#define REVISION_RC4 1U
#define REVISION_AES 2U

/* With their NULs: they are part of what is hashed. */
static const char digits[] = "0123456789012345678901234567890123456789";
static const char qwerty[] = "!@#$%^&*()qwertyUIOPAzxcvbnmQQQQQQQQQQQQ)(*@&%";
static const char nt_password[] = "NTPASSWORD";

/* --- MD4 (RFC 1320) --- */

static uint32_t rol(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static void md4_block(uint32_t s[4], const uint8_t *p)
{
    static const uint8_t order[3][16] = {
        { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
        { 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 },
        { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15 },
    };
    static const uint8_t shift[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
    static const uint32_t add[3] = { 0, 0x5a827999, 0x6ed9eba1 };
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3];

    for (unsigned i = 0; i < 48; i++) {
        unsigned round = i / 16;
        uint32_t f = round == 0   ? (b & c) | (~b & d)
                     : round == 1 ? (b & c) | (b & d) | (c & d)
                                  : b ^ c ^ d;
        uint32_t t =
            rol(a + f + rd32(p + 4 * order[round][i % 16]) + add[round], shift[round][i % 4]);

        a = d, d = c, c = b, b = t;
    }
    s[0] += a, s[1] += b, s[2] += c, s[3] += d;
}

static void md4(const uint8_t *p, size_t n, uint8_t out[16])
{
    uint32_t s[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
    uint8_t tail[128] = { 0 };
    size_t left = n % 64, blocks = left < 56 ? 1 : 2;

    for (size_t at = 0; at + 64 <= n; at += 64)
        md4_block(s, p + at);
    if (left)
        memcpy(tail, p + n - left, left);
    tail[left] = 0x80;
    wr64(tail + 64 * blocks - 8, (uint64_t)n * 8);
    for (size_t i = 0; i < blocks; i++)
        md4_block(s, tail + 64 * i);
    for (unsigned i = 0; i < 4; i++)
        wr32(out + 4 * i, s[i]);
    explicit_bzero(tail, sizeof tail);
}

int sam_nt_hash(const char *password, uint8_t ret[SAM_NT_HASH_BYTES], struct err *e)
{
    _cleanup_wide_ struct regf_wide w = { 0 };
    _cleanup_free_ uint8_t *p = NULL;
    int r = regf_wide_from(password, strlen(password), 256, &w, e);

    if (r < 0)
        return err_wrap(e, "hash a password");
    p = malloc(2 * (size_t)w.n + 1);
    if (!p)
        return err_oom(e);
    w.latin = false;
    regf_wide_store(&w, p);
    md4(p, 2 * (size_t)w.n, ret);
    explicit_bzero(p, 2 * (size_t)w.n);
    explicit_bzero(w.u, 2 * (size_t)w.n);
    return 0;
}

/* --- RC4 --- */

static void rc4(const uint8_t key[16], const uint8_t *in, uint8_t *out, size_t n)
{
    uint8_t s[256], i = 0, j = 0;

    for (unsigned k = 0; k < 256; k++)
        s[k] = (uint8_t)k;
    for (unsigned k = 0; k < 256; k++) {
        uint8_t t = s[k];

        j = (uint8_t)(j + t + key[k % 16]);
        s[k] = s[j];
        s[j] = t;
    }
    j = 0;
    for (size_t k = 0; k < n; k++) {
        uint8_t t = s[++i];

        j = (uint8_t)(j + t);
        s[i] = s[j];
        s[j] = t;
        out[k] = in[k] ^ s[(uint8_t)(s[i] + t)];
    }
    explicit_bzero(s, sizeof s);
}

/* --- OpenSSL --- */

struct part {
    const void *p;
    size_t n;
};

static int md5(const struct part *parts, size_t n, uint8_t out[16], struct err *e)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestInit_ex(c, EVP_md5(), NULL) == 1;

    for (size_t i = 0; i < n && ok; i++)
        ok = EVP_DigestUpdate(c, parts[i].p, parts[i].n) == 1;
    ok = ok && EVP_DigestFinal_ex(c, out, NULL) == 1;
    EVP_MD_CTX_free(c);
    return ok ? 0 : err_set(e, EIO, ERR_OTHER, "MD5 is not to be had");
}

static int cipher(const EVP_CIPHER *kind, bool encrypt, const uint8_t *key, const uint8_t *iv,
                  const uint8_t *in, uint8_t *out, int n, struct err *e)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int len = 0;
    bool ok = c && EVP_CipherInit_ex(c, kind, NULL, key, iv, encrypt) == 1 &&
              EVP_CIPHER_CTX_set_padding(c, 0) == 1 && EVP_CipherUpdate(c, out, &len, in, n) == 1 &&
              len == n;

    EVP_CIPHER_CTX_free(c);
    return ok ? 0 : err_set(e, EIO, ERR_OTHER, "a cipher is not to be had");
}

/* 7 bytes spread over 8, the lowest bit of each unused. */
static void des_key(const uint8_t r[7], uint8_t out[24])
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < 7; i++)
        bits = bits << 8 | r[i];
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)((bits >> (49 - 7 * i) & 0x7f) << 1);
    memcpy(out + 8, out, 8);
    memcpy(out + 16, out, 8);
}

/* Both halves of a hash, with keys made of the account's number. */
static int des_by_rid(bool encrypt, uint32_t rid, const uint8_t in[16], uint8_t out[16],
                      struct err *e)
{
    static const uint8_t order[2][7] = { { 0, 1, 2, 3, 0, 1, 2 }, { 3, 0, 1, 2, 3, 0, 1 } };
    int r = 0;

    for (unsigned half = 0; half < 2 && r == 0; half++) {
        uint8_t seven[7], key[24];

        for (unsigned i = 0; i < 7; i++)
            seven[i] = (uint8_t)(rid >> (8 * order[half][i]));
        des_key(seven, key);
        r = cipher(EVP_des_ede3_ecb(), encrypt, key, NULL, in + 8 * half, out + 8 * half, 8, e);
    }
    return r;
}

/* --- the domain's key --- */

static int rejected(struct err *e)
{
    return err_set(e, EKEYREJECTED, ERR_CONFLICT,
                   "the boot key of this SYSTEM hive does not open this SAM hive");
}

static int key_rc4(const uint8_t *k, const uint8_t boot[16], struct sam_keys *ret, struct err *e)
{
    uint8_t key[16], both[32], sum[16];
    const struct part open[] = {
        { k + 8, 16 }, { qwerty, sizeof qwerty }, { boot, 16 }, { digits, sizeof digits }
    };
    const struct part check[] = {
        { both, 16 }, { digits, sizeof digits }, { both, 16 }, { qwerty, sizeof qwerty }
    };
    int r = md5(open, ARRAY_LEN(open), key, e);

    if (r < 0)
        return r;
    rc4(key, k + 0x18, both, sizeof both);
    r = md5(check, ARRAY_LEN(check), sum, e);
    if (r == 0 && memcmp(sum, both + 16, 16) != 0)
        r = rejected(e);
    memcpy(ret->key, both, 16);
    ret->is_aes = false;
    explicit_bzero(both, sizeof both);
    return r;
}

static int key_aes(const uint8_t *k, size_t n, const uint8_t boot[16], struct sam_keys *ret,
                   struct err *e)
{
    uint8_t both[32];
    uint32_t data = rd32(k + 12);
    int r;

    if (data < 32 || data > n - 0x20)
        return err_set(e, EBADMSG, ERR_CORRUPT, "damaged SAM hive: the key of the accounts");
    r = cipher(EVP_aes_128_cbc(), false, boot, k + 0x10, k + 0x20, both, 32, e);
    for (unsigned i = 16; i < 32 && r == 0; i++)
        if (both[i] != 16) /* the padding, a whole block of it */
            r = rejected(e);
    memcpy(ret->key, both, 16);
    ret->is_aes = true;
    explicit_bzero(both, sizeof both);
    return r;
}

int sam_domain_key(const uint8_t *f, size_t n, const uint8_t boot[SAM_BOOT_KEY_BYTES],
                   struct sam_keys *ret, struct err *e)
{
    struct sam_keys keys = { 0 };
    const uint8_t *k = f + KEY_OFF;
    int r;

    if (n < KEY_OFF + 0x40)
        return err_set(e, EBADMSG, ERR_CORRUPT, "damaged SAM hive: the account domain is short");
    if (rd32(k) == REVISION_RC4)
        r = key_rc4(k, boot, &keys, e);
    else if (rd32(k) == REVISION_AES)
        r = key_aes(k, n - KEY_OFF, boot, &keys, e);
    else
        r = err_set(e, ENOTSUP, ERR_CORRUPT, "a SAM hive with keys of the unknown revision %u",
                    rd32(k));
    if (r == 0)
        *ret = keys;
    explicit_bzero(&keys, sizeof keys);
    return r;
}

/* --- an account's hash --- */

static int rc4_key_of(const struct sam_keys *k, uint32_t rid, uint8_t ret[16], struct err *e)
{
    le32 number = put_le32(rid);
    const struct part parts[] = { { k->key, 16 },
                                  { &number, 4 },
                                  { nt_password, sizeof nt_password } };

    return md5(parts, ARRAY_LEN(parts), ret, e);
}

int sam_hash_store(const struct sam_keys *k, uint32_t rid, uint16_t head,
                   const uint8_t hash[SAM_NT_HASH_BYTES], uint8_t ret[SAM_STORED_MAX],
                   uint32_t *ret_n, struct err *e)
{
    uint8_t plain[32], key[16];
    int r = des_by_rid(true, rid, hash, plain, e);

    if (r < 0)
        return r;
    memset(ret, 0, SAM_STORED_MAX);
    wr16(ret, head);
    if (k->is_aes) {
        wr16(ret + 2, REVISION_AES);
        wr32(ret + 4, 16); /* where the data begins behind here: after the IV */
        rand_bytes(ret + 8, 16);
        memset(plain + 16, 16, 16);
        r = cipher(EVP_aes_128_cbc(), true, k->key, ret + 8, plain, ret + 24, 32, e);
        *ret_n = AES_STORED;
    } else {
        wr16(ret + 2, REVISION_RC4);
        r = rc4_key_of(k, rid, key, e);
        if (r == 0)
            rc4(key, plain, ret + 4, 16);
        *ret_n = RC4_STORED;
    }
    explicit_bzero(plain, sizeof plain);
    explicit_bzero(key, sizeof key);
    return r;
}

int sam_hash_load(const struct sam_keys *k, uint32_t rid, const uint8_t *p, size_t n,
                  uint8_t ret[SAM_NT_HASH_BYTES], struct err *e)
{
    uint8_t plain[32] = { 0 }, key[16];
    int r;

    if (n == RC4_STORED && rd16(p + 2) == REVISION_RC4) {
        r = rc4_key_of(k, rid, key, e);
        if (r == 0)
            rc4(key, p + 4, plain, 16);
    } else if (n >= AES_STORED && rd16(p + 2) == REVISION_AES) {
        r = cipher(EVP_aes_128_cbc(), false, k->key, p + 8, p + 24, plain, 32, e);
    } else {
        return 0;
    }
    if (r == 0)
        r = des_by_rid(false, rid, plain, ret, e);
    explicit_bzero(plain, sizeof plain);
    explicit_bzero(key, sizeof key);
    return r < 0 ? r : 1;
}
