/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys as people have them: a line of SSH's, RFC 4716, PEM, or base64 alone. */
#include "ssh-key-priv.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#include "cur.h"
#include "parse.h"
#include "str.h"

#define RSA_E_MAX 64 /* bits of a public exponent */

DEFINE_FREEP(OSSL_PARAM_BLD_free, OSSL_PARAM_BLD);
DEFINE_FREEP(OSSL_PARAM_free, OSSL_PARAM);
DEFINE_FREEP(EVP_PKEY_CTX_free, EVP_PKEY_CTX);

static int bad_key(struct err *e, const char *why)
{
    return err_set(e, EINVAL, ERR_INVALID, "Key is not in valid OpenSSH public key format: %s",
                   why);
}

static bool take_string(struct cur *c, const uint8_t **ret, size_t *ret_n)
{
    uint32_t n = cur_be32(c);
    const void *p = cur_take(c, n);

    if (c->bad)
        return false;
    *ret = p;
    *ret_n = n;
    return true;
}

static EVP_PKEY *rsa_from(const uint8_t *exp, size_t n_exp, const uint8_t *mod, size_t n_mod)
{
    _cleanup_(BN_freep) BIGNUM *ebn = BN_bin2bn(exp, (int)n_exp, NULL);
    _cleanup_(BN_freep) BIGNUM *nbn = BN_bin2bn(mod, (int)n_mod, NULL);
    _cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    _cleanup_(OSSL_PARAM_freep) OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;

    if (!ebn || !nbn || !bld || !ctx || OSSL_PARAM_BLD_push_BN(bld, "n", nbn) != 1 ||
        OSSL_PARAM_BLD_push_BN(bld, "e", ebn) != 1)
        return NULL;
    params = OSSL_PARAM_BLD_to_param(bld);
    if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return key;
}

static bool name_is(const uint8_t *p, size_t n, const char *name)
{
    return n == strlen(name) && memcmp(p, name, n) == 0;
}

/* A number that SSH may write: not negative. */
static bool is_positive(const uint8_t *p, size_t n)
{
    return n > 0 && n <= BLOB_MAX && !(p[0] & 0x80);
}

static int key_from_blob(const void *p, size_t n, EVP_PKEY **ret, struct err *e)
{
    struct cur c = cur_over(p, n);
    const uint8_t *name, *a, *b;
    size_t n_name, n_a, n_b;

    if (n > BLOB_MAX || !take_string(&c, &name, &n_name) || !take_string(&c, &a, &n_a))
        return bad_key(e, "its bytes end too early");
    if (name_is(name, n_name, "ssh-rsa")) {
        if (!take_string(&c, &b, &n_b) || c.left || !is_positive(a, n_a) || !is_positive(b, n_b))
            return bad_key(e, "the RSA numbers cannot be read");
        *ret = rsa_from(a, n_a, b, n_b);
    } else if (name_is(name, n_name, "ssh-ed25519")) {
        if (n_a != ED25519_SIZE || c.left)
            return bad_key(e, "an ED25519 key has 32 bytes");
        *ret = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, a, n_a);
    } else {
        return bad_key(e, "RSA and ED25519 are supported, DSA and ECDSA are not");
    }
    return *ret ? 0 : bad_key(e, "the numbers are no key");
}

static int check_key(const EVP_PKEY *key, struct err *e)
{
    _cleanup_(BN_freep) BIGNUM *exponent = NULL;
    int id = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key);

    if (id == EVP_PKEY_ED25519)
        return 0;
    if (id != EVP_PKEY_RSA)
        return bad_key(e, "RSA and ED25519 are supported");
    if (bits != 1024 && bits != 2048 && bits != 4096)
        return bad_key(e, "RSA keys have 1024, 2048 or 4096 bits");
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1 || !BN_is_odd(exponent) ||
        BN_is_one(exponent) || BN_num_bits(exponent) > RSA_E_MAX)
        return bad_key(e, "the RSA exponent is not usable");
    return 0;
}

static int key_from_der(const char *b64, EVP_PKEY **ret, struct err *e)
{
    _cleanup_free_ void *der = NULL;
    const unsigned char *p;
    size_t n;

    if (base64_decode(b64, &der, &n) < 0 || n == 0 || n > SSH_KEY_TEXT_MAX)
        return bad_key(e, "neither 'ssh-rsa AAAA…', 'ssh-ed25519 AAAA…', RFC 4716, PEM nor base64");
    p = der;
    /* "AAAA…" alone is SSH's own bytes without the name before them */
    if (n > 4 && p[0] == 0 && p[1] == 0)
        return key_from_blob(der, n, ret, e);
    *ret = d2i_PUBKEY(NULL, &p, (long)n);
    if (!*ret) {
        p = der;
        *ret = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)n);
    }
    if (*ret && (size_t)(p - (const unsigned char *)der) == n)
        return 0;
    EVP_PKEY_free(*ret);
    *ret = NULL;
    return bad_key(e, "the base64 holds no public key in DER");
}

/* The lines between BEGIN and END without "Header: value" lines (RFC 4716; a '\' at the end of one
 * continues it). */
static int key_from_armor(const char *text, bool ssh, EVP_PKEY **ret, struct err *e)
{
    _cleanup_str_ struct str b64 = STR_INIT(SSH_KEY_TEXT_MAX);
    _cleanup_free_ void *blob = NULL;
    bool header = false, ended = false;
    size_t n;

    for (const char *p = text + strcspn(text, "\r\n"); *p && !ended;) {
        size_t len;

        p += strspn(p, "\r\n");
        len = strcspn(p, "\r\n");
        ended = str_starts(p, "----");
        if (!ended && !header && !memchr(p, ':', len))
            str_add_mem(&b64, p, len);
        else if (!ended)
            header = len > 0 && p[len - 1] == '\\';
        p += len;
    }
    if (!ended || b64.failed)
        return bad_key(e, "its END line is missing");
    if (!ssh)
        return key_from_der(str_text(&b64), ret, e);
    if (base64_decode(str_text(&b64), &blob, &n) < 0)
        return bad_key(e, "its base64 cannot be read");
    return key_from_blob(blob, n, ret, e);
}

/* "ssh-rsa AAAA… comment"; *ret_comment points into text. */
static int key_from_line(const char *text, EVP_PKEY **ret, const char **ret_comment, struct err *e)
{
    const char *p = text + strcspn(text, " \t"), *end;
    _cleanup_free_ char *b64 = NULL;
    _cleanup_free_ void *blob = NULL;
    size_t n;

    p += strspn(p, " \t");
    end = p + strcspn(p, " \t\r\n");
    b64 = strndup(p, (size_t)(end - p));
    if (!b64)
        return err_oom(e);
    if (base64_decode(b64, &blob, &n) < 0)
        return bad_key(e, "its base64 cannot be read");
    *ret_comment = end + strspn(end, " \t");
    return key_from_blob(blob, n, ret, e);
}

/* Printable ASCII of one line, or the fallback. */
static void take_comment(const char *text, const char *fallback, char *out, size_t size)
{
    size_t n = 0;

    for (; *text > ' ' - 1 && *text <= '~' && n + 1 < size; text++)
        out[n++] = *text;
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    if (n == 0)
        (void)str_show(fallback, out, size);
}

int ssh_key_read(const char *text, const char *comment, struct ssh_key *ret, struct err *e)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    _cleanup_(ssh_key_done) struct ssh_key k = { 0 };
    const char *own = "";
    char line[256];
    int r;

    text += strspn(text, " \t\r\n");
    if (strlen(text) > SSH_KEY_TEXT_MAX)
        return bad_key(e, "it is too long");
    if (strstr(text, "PRIVATE KEY"))
        return bad_key(e, "this is a private key; keep it, and send the public one");
    if (str_starts(text, "---- BEGIN SSH2 PUBLIC KEY ----"))
        r = key_from_armor(text, true, &key, e);
    else if (str_starts(text, "-----BEGIN "))
        r = key_from_armor(text, false, &key, e);
    else if (str_starts(text, "ssh-") || str_starts(text, "ecdsa-") || str_starts(text, "sk-"))
        r = key_from_line(text, &key, &own, e);
    else
        r = key_from_der(text, &key, e);
    if (r == 0)
        r = check_key(key, e);
    if (r < 0)
        return r;
    take_comment(own, comment, line, sizeof(line));
    r = ssh_key_describe(key, false, line, &k, e);
    if (r < 0)
        return r;
    *ret = k;
    k = (struct ssh_key){ 0 };
    return 0;
}
