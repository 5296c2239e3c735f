/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes, sealing and certificates of the fake. */
#include "engine/fake.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

static int random_bytes(struct win *w, void *p, size_t n, struct err *e)
{
    struct fake *f = fake_of(w);
    uint8_t *out = p;

    for (size_t i = 0; i < n; i++) { /* xorshift64: repeatable */
        f->random_state ^= f->random_state << 13;
        f->random_state ^= f->random_state >> 7;
        f->random_state ^= f->random_state << 17;
        out[i] = (uint8_t)(f->random_state >> 32);
    }
    return fake_fails(f, "random", e);
}

static EVP_PKEY *public_key(const void *exponent, size_t exponent_n, const void *modulus,
                            size_t modulus_n)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_n, NULL);
    BIGNUM *x = BN_bin2bn(exponent, (int)exponent_n, NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params;

    (void)OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
    (void)OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, x);
    params = OSSL_PARAM_BLD_to_param(b);
    (void)EVP_PKEY_fromdata_init(ctx);
    (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    BN_free(n);
    BN_free(x);
    return key;
}

static int rsa_encrypt(struct win *w, const void *exponent, size_t exponent_n, const void *modulus,
                       size_t modulus_n, const void *p, size_t n, void *ret, struct err *e)
{
    struct fake *f = fake_of(w);
    EVP_PKEY *key = public_key(exponent, exponent_n, modulus, modulus_n);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    size_t out_n = modulus_n;
    int r = fake_fails(f, "rsa_encrypt", e);

    assert(n < sizeof(f->sealed_clear));
    memcpy(f->sealed_clear, p, n);
    f->sealed_clear[n] = 0;
    if (r == 0 && (!ctx || EVP_PKEY_encrypt_init(ctx) != 1 ||
                   EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
                   EVP_PKEY_encrypt(ctx, ret, &out_n, p, n) != 1))
        r = err_set(e, EIO, ERR_OTHER, "encrypt with the launch key");
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return r;
}

static int protect(struct win *w, const void *p, size_t n, void **ret, size_t *ret_n, struct err *e)
{
    uint8_t *out = (uint8_t *)str_dup_n(p, n);

    for (size_t i = 0; i < n; i++)
        out[i] ^= 0x5a;
    *ret = out;
    *ret_n = n;
    return 0;
}

static int certificate(struct win *w, struct win_cert *ret, struct err *e)
{
    int r = fake_fails(fake_of(w), "certificate", e);

    if (r < 0 || !fake_of(w)->cert.thumbprint[0])
        return r;
    *ret = fake_of(w)->cert;
    return 1;
}

static int certificate_make(struct win *w, const char *subject, struct win_cert *ret, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "certificate_make", e);

    if (r < 0)
        return r;
    fake_record(f, "certificate_make %s", subject);
    (void)str_copy(f->cert.subject, sizeof(f->cert.subject), subject);
    memset(f->cert.thumbprint, 'A', 40);
    *ret = f->cert;
    return 0;
}

void fake_fill_secret(struct win *w)
{
    w->random = random_bytes;
    w->rsa_encrypt = rsa_encrypt;
    w->protect = protect;
    w->unprotect = protect; /* the same turn back */
    w->certificate = certificate;
    w->certificate_make = certificate_make;
}
