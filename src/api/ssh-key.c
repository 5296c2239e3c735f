/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys made and described as EC2 does: files, lines, fingerprints. Reading them: ssh-key-read.c. */
#include "ssh-key-priv.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "rand.h"
#include "str.h"

#define RSA_MADE 2048

DEFINE_FREEP(OSSL_ENCODER_CTX_free, OSSL_ENCODER_CTX);
DEFINE_FREEP(PKCS8_PRIV_KEY_INFO_free, PKCS8_PRIV_KEY_INFO);

static void wipe_free(char **p)
{
    if (*p)
        OPENSSL_cleanse(*p, strlen(*p));
    free(*p);
}

static void wipe_str(struct str *s)
{
    if (s->p)
        OPENSSL_cleanse(s->p, s->cap);
    str_done(s);
}

void ssh_key_done(struct ssh_key *k)
{
    free(k->public_line);
    wipe_free(&k->private_pem);
    *k = (struct ssh_key){ 0 };
}

static int openssl_failed(struct err *e, const char *what)
{
    return err_set(e, EIO, ERR_OTHER, "%s: OpenSSL refuses", what);
}

/* ---- SSH's wire format */

static void add_u32(struct str *s, size_t n)
{
    const uint8_t b[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

    str_add_mem(s, b, sizeof(b));
}

static void add_string(struct str *s, const void *p, size_t n)
{
    add_u32(s, n);
    str_add_mem(s, p, n);
}

static void add_text(struct str *s, const char *text)
{
    add_string(s, text, strlen(text));
}

static int add_mpint(struct str *s, const EVP_PKEY *key, const char *param)
{
    _cleanup_(BN_freep) BIGNUM *bn = NULL;
    uint8_t bytes[BLOB_MAX];
    int n;

    if (EVP_PKEY_get_bn_param(key, param, &bn) != 1 || BN_num_bytes(bn) >= (int)sizeof(bytes))
        return -EINVAL;
    bytes[0] = 0;
    n = BN_bn2bin(bn, bytes + 1);
    if (n > 0 && (bytes[1] & 0x80))
        add_string(s, bytes, (size_t)n + 1); /* a leading zero keeps it positive */
    else
        add_string(s, bytes + 1, (size_t)n);
    return 0;
}

static int public_blob(const EVP_PKEY *key, struct str *blob, struct err *e)
{
    uint8_t raw[ED25519_SIZE];
    size_t n = sizeof(raw);

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        add_text(blob, "ssh-rsa");
        if (add_mpint(blob, key, OSSL_PKEY_PARAM_RSA_E) < 0 ||
            add_mpint(blob, key, OSSL_PKEY_PARAM_RSA_N) < 0)
            return openssl_failed(e, "read the numbers of an RSA key");
    } else {
        if (EVP_PKEY_get_raw_public_key(key, raw, &n) != 1)
            return openssl_failed(e, "read an ED25519 public key");
        add_text(blob, "ssh-ed25519");
        add_string(blob, raw, n);
    }
    return str_check(blob, "the public key", e);
}

/* ---- fingerprints */

static int print_pairs(const void *p, size_t n, const EVP_MD *md, char *out, struct err *e)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char *at = out;

    if (EVP_Digest(p, n, sum, &len, md, NULL) != 1)
        return openssl_failed(e, "hash a key");
    for (unsigned i = 0; i < len; i++) {
        hex_encode(&sum[i], 1, at);
        at += 2;
        *at++ = i + 1 < len ? ':' : '\0';
    }
    return 0;
}

/* A made RSA key: SHA-1 of the private key as PKCS#8 DER. */
static int fingerprint_made(EVP_PKEY *key, char *out, struct err *e)
{
    _cleanup_(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1, r;

    if (n <= 0)
        return openssl_failed(e, "write a private key as PKCS#8");
    r = print_pairs(der, (size_t)n, EVP_sha1(), out, e);
    OPENSSL_clear_free(der, (size_t)n);
    return r;
}

/* An imported RSA key: MD5 of the public key as DER. */
static int fingerprint_imported(EVP_PKEY *key, char *out, struct err *e)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der), r;

    if (n <= 0)
        return openssl_failed(e, "write a public key as DER");
    r = print_pairs(der, (size_t)n, EVP_md5(), out, e);
    OPENSSL_free(der);
    return r;
}

/* ED25519, both: base64 of the SHA-256 of the key as SSH writes it. EC2 keeps the padding that
 * ssh-keygen drops, and has no "SHA256:" before it. */
static int fingerprint_ed25519(const struct str *blob, char *out, size_t size, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    uint8_t sum[32];

    if (EVP_Digest(blob->p, blob->len, sum, NULL, EVP_sha256(), NULL) != 1)
        return openssl_failed(e, "hash a key");
    text = base64_encode(sum, sizeof(sum));
    if (!text)
        return err_oom(e);
    return str_copy(out, size, text);
}

int ssh_key_describe(EVP_PKEY *key, bool made, const char *comment, struct ssh_key *ret,
                     struct err *e)
{
    _cleanup_str_ struct str blob = STR_INIT(BLOB_MAX);
    _cleanup_free_ char *b64 = NULL;
    bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    int r = public_blob(key, &blob, e);

    if (r < 0)
        return r;
    if (!rsa)
        r = fingerprint_ed25519(&blob, ret->fingerprint, sizeof(ret->fingerprint), e);
    else if (made)
        r = fingerprint_made(key, ret->fingerprint, e);
    else
        r = fingerprint_imported(key, ret->fingerprint, e);
    if (r < 0)
        return r;
    b64 = base64_encode(blob.p, blob.len);
    if (!b64)
        return err_oom(e);
    ret->type = rsa ? "rsa" : "ed25519";
    ret->public_line =
        xasprintf("%s %s%s%s", rsa ? "ssh-rsa" : "ssh-ed25519", b64, *comment ? " " : "", comment);
    return 0;
}

/* ---- making */

/* Rule 12: PKCS#1, which is all that some clients parse to decrypt the Windows password. */
static int pkcs1_pem(EVP_PKEY *key, char **ret, struct err *e)
{
    _cleanup_(OSSL_ENCODER_CTX_freep) OSSL_ENCODER_CTX *ctx =
        OSSL_ENCODER_CTX_new_for_pkey(key, OSSL_KEYMGMT_SELECT_ALL, "PEM", "type-specific", NULL);
    unsigned char *pem = NULL;
    size_t n = 0;

    if (!ctx || OSSL_ENCODER_to_data(ctx, &pem, &n) != 1)
        return openssl_failed(e, "write an RSA key as PKCS#1");
    *ret = strndup((const char *)pem, n);
    OPENSSL_clear_free(pem, n);
    return *ret ? 0 : err_oom(e);
}

static void add_lines(struct str *s, const char *text, size_t width)
{
    for (size_t n = strlen(text), at = 0; at < n; at += width) {
        str_add_mem(s, text + at, n - at < width ? n - at : width);
        str_addc(s, '\n');
    }
}

/* What follows the public key in openssh-key-v1: the private one, padded to blocks of 8. */
static int private_section(EVP_PKEY *key, const char *comment, struct str *s, struct err *e)
{
    uint8_t seed[ED25519_SIZE], pub[ED25519_SIZE], both[2 * ED25519_SIZE], check[4];
    size_t n_seed = sizeof(seed), n_pub = sizeof(pub);

    if (EVP_PKEY_get_raw_private_key(key, seed, &n_seed) != 1 ||
        EVP_PKEY_get_raw_public_key(key, pub, &n_pub) != 1)
        return openssl_failed(e, "read an ED25519 key");
    memcpy(both, seed, sizeof(seed));
    memcpy(both + sizeof(seed), pub, sizeof(pub));
    rand_bytes(check, sizeof(check));
    str_add_mem(s, check, sizeof(check));
    str_add_mem(s, check, sizeof(check));
    add_text(s, "ssh-ed25519");
    add_string(s, pub, sizeof(pub));
    add_string(s, both, sizeof(both));
    add_text(s, comment);
    for (char pad = 1; s->len % 8; pad++)
        str_addc(s, pad);
    OPENSSL_cleanse(seed, sizeof(seed));
    OPENSSL_cleanse(both, sizeof(both));
    return str_check(s, "the private key", e);
}

static int openssh_pem(EVP_PKEY *key, const char *comment, char **ret, struct err *e)
{
    _cleanup_(wipe_str) struct str all = STR_INIT(8192), section = STR_INIT(4096);
    _cleanup_(wipe_str) struct str pem = STR_INIT(16384);
    _cleanup_(wipe_free) char *b64 = NULL;
    _cleanup_str_ struct str blob = STR_INIT(BLOB_MAX);
    int r = public_blob(key, &blob, e);

    if (r == 0)
        r = private_section(key, comment, &section, e);
    if (r < 0)
        return r;
    str_add_mem(&all, "openssh-key-v1", sizeof("openssh-key-v1")); /* with its NUL */
    add_text(&all, "none");                                        /* cipher */
    add_text(&all, "none");                                        /* key derivation */
    add_text(&all, "");                                            /* its options */
    add_u32(&all, 1);                                              /* keys */
    add_string(&all, blob.p, blob.len);
    add_string(&all, section.p, section.len);
    r = str_check(&all, "the private key", e);
    if (r < 0)
        return r;
    b64 = base64_encode(all.p, all.len);
    if (!b64)
        return err_oom(e);
    str_add(&pem, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    add_lines(&pem, b64, 70);
    str_add(&pem, "-----END OPENSSH PRIVATE KEY-----\n");
    r = str_check(&pem, "the private key", e);
    if (r < 0)
        return r;
    *ret = xstrdup(pem.p);
    return 0;
}

int ssh_key_make(const char *type, const char *comment, struct ssh_key *ret, struct err *e)
{
    bool rsa = str_eq(type, "rsa");
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key =
        rsa ? EVP_RSA_gen(RSA_MADE) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    _cleanup_(ssh_key_done) struct ssh_key k = { 0 };
    int r;

    if (!key)
        return openssl_failed(e, "make a key");
    r = rsa ? pkcs1_pem(key, &k.private_pem, e) : openssh_pem(key, comment, &k.private_pem, e);
    if (r == 0)
        r = ssh_key_describe(key, true, comment, &k, e);
    if (r < 0)
        return r;
    *ret = k;
    k = (struct ssh_key){ 0 };
    return 0;
}
