/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "password.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "utf8.h"

DEFINE_FREEP(EVP_PKEY_free, EVP_PKEY);
DEFINE_FREEP(EVP_PKEY_CTX_free, EVP_PKEY_CTX);
DEFINE_FREEP(BIO_free_all, BIO);

void password_free(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

/* ---- the key --------------------------------------------------------------------------------- */

struct passphrase {
    bool wanted;
};

static int ask_passphrase(char *buf, int size, int writes, void *userdata)
{
    struct passphrase *p = userdata;

    p->wanted = true;
    return isatty(STDIN_FILENO) ? PEM_def_callback(buf, size, writes, NULL) : -1;
}

static int refuse_key(const char *pem, const struct passphrase *p, struct err *e)
{
    if (p->wanted)
        return err_set(e, EACCES, ERR_INVALID,
                       "the key is locked with a passphrase, and none or "
                       "a wrong one was given");
    if (strstr(pem, "BEGIN OPENSSH PRIVATE KEY"))
        return err_set(e, EINVAL, ERR_INVALID,
                       "the key is in OpenSSH's own format: 'ssh-keygen -p "
                       "-m PEM -f COPY' makes PEM of a copy");
    if (strstr(pem, "PUBLIC KEY") || strstr(pem, "ssh-rsa "))
        return err_set(e, EINVAL, ERR_INVALID, "this is a public key: the private one is needed");
    return err_set(e, EINVAL, ERR_INVALID, "this is no private key in PEM");
}

static int read_key(const char *pem, size_t len, EVP_PKEY **ret, struct err *e)
{
    _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, (int)min_u64(len, PASSWORD_KEY_MAX));
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    struct passphrase p = { 0 };

    if (!bio)
        return err_oom(e);
    key = PEM_read_bio_PrivateKey(bio, NULL, ask_passphrase, &p);
    if (!key)
        return refuse_key(pem, &p, e);
    if (!EVP_PKEY_is_a(key, "RSA"))
        return err_set(e, EINVAL, ERR_INVALID, "the key is of type %s: passwords need an RSA key",
                       EVP_PKEY_get0_type_name(key));
    *ret = TAKE_PTR(key);
    return 0;
}

/* ---- the password ---------------------------------------------------------------------------- */

/* Newer libraries answer a wrong key with noise unless told not to. Nobody measures our time. */
static EVP_PKEY_CTX *begin(EVP_PKEY *key)
{
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(key, NULL);

    if (!x || EVP_PKEY_decrypt_init(x) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_PADDING) <= 0)
        return NULL;
    (void)EVP_PKEY_CTX_ctrl_str(x, "rsa_pkcs1_implicit_rejection", "0"); /* unknown to older ones */
    return TAKE_PTR(x);
}

/* Even a wrong key finds something now and then: a password is text. */
static bool is_text(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
            return false;
    return n > 0 && utf8_valid(p, n);
}

static int decrypt(EVP_PKEY *key, const void *cipher, size_t n, char **ret, struct err *e)
{
    _cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *x = begin(key);
    size_t size = (size_t)EVP_PKEY_get_size(key), len = size;
    char *text;

    if (!x)
        return err_oom(e);
    text = xcalloc(1, size + 1);
    if (EVP_PKEY_decrypt(x, (unsigned char *)text, &len, cipher, n) > 0 && is_text(text, len)) {
        text[len] = '\0';
        *ret = text;
        return 0;
    }
    OPENSSL_cleanse(text, size);
    free(text);
    return err_set(e, EACCES, ERR_DENIED, "the password was encrypted for another key");
}

int password_decrypt(const char *pem, size_t pem_len, const void *cipher, size_t n, char **ret,
                     struct err *e)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    int r = read_key(pem, pem_len, &key, e);

    if (r >= 0 && n != (size_t)EVP_PKEY_get_size(key))
        r = err_set(e, EACCES, ERR_DENIED,
                    "the password was encrypted for another key: for one of %zu bits, this has %d",
                    n * 8, EVP_PKEY_get_bits(key));
    if (r >= 0)
        r = decrypt(key, cipher, n, ret, e);
    ERR_clear_error(); /* told in our own words */
    return r;
}
