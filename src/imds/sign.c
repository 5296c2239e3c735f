/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "parse.h"
#include "rand.h"

#define PEM_MAX      (64U << 10)
#define KEY_BITS     2048U
#define VALID_DAYS   36500 /* nothing renews it; a new key is a new file */
#define LINE_CHARS   64U
#define SIGNED_MAX   (32U << 10)
#define COMMON_NAME  "Kiln instance identity"
#define DAY_SECONDS  86400L
#define SERIAL_BYTES 16U

struct sign {
    EVP_PKEY *key;
    X509 *cert;
    char *key_path, *cert_path;
};

#define DEFINE_SSL_FREE(type, func)                                                                \
    static void func##_p(type **p)                                                                 \
    {                                                                                              \
        func(*p);                                                                                  \
    }                                                                                              \
    _Static_assert(1, "semicolon")
DEFINE_SSL_FREE(BIO, BIO_free_all);
DEFINE_SSL_FREE(EVP_MD_CTX, EVP_MD_CTX_free);
DEFINE_SSL_FREE(PKCS7, PKCS7_free);

void sign_memo_done(struct sign_memo *m)
{
    for (size_t i = 0; i < SIGN_FORM_MAX; i++)
        free(m->form[i]);
    *m = (struct sign_memo){ 0 };
}

void sign_close(struct sign *s)
{
    if (!s)
        return;
    EVP_PKEY_free(s->key);
    X509_free(s->cert);
    free(s->key_path);
    free(s->cert_path);
    free(s);
}

const char *sign_certificate_path(const struct sign *s)
{
    return s->cert_path;
}

static int ssl_fail(struct err *e, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return err_set(e, EIO, ERR_OTHER, "%s: %s", what, reason ? reason : "the library says no");
}

/* ---- key and certificate on disk -------------------------------------------------------------
 */

static int write_pem(BIO *out, const char *path, mode_t mode, struct err *e)
{
    char *p = NULL;
    long n = BIO_get_mem_data(out, &p);

    return n > 0 ? file_replace(path, p, (size_t)n, mode, e) : err_oom(e);
}

static int make_key(struct sign *s, struct err *e)
{
    _cleanup_(BIO_free_all_p) BIO *out = BIO_new(BIO_s_secmem());

    s->key = EVP_RSA_gen(KEY_BITS);
    if (!s->key)
        return ssl_fail(e, "make the key for identity documents");
    if (!out || !PEM_write_bio_PrivateKey(out, s->key, NULL, NULL, 0, NULL, NULL))
        return ssl_fail(e, "write the key for identity documents");
    return write_pem(out, s->key_path, 0600, e);
}

static int check_private(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return err_errno(e, "look at '%s'", path);
    if (st.st_mode & 077)
        return err_set(e, EPERM, ERR_DENIED,
                       "others may read the signing key '%s' (mode %03o); chmod 600 it, or remove "
                       "it and its certificate for new ones",
                       path, (unsigned)st.st_mode & 0777);
    return 0;
}

static int read_key(struct sign *s, struct err *e)
{
    _cleanup_(BIO_free_all_p) BIO *in = NULL;
    _cleanup_free_ char *text = NULL;
    size_t n;
    int r = check_private(s->key_path, e);

    if (r < 0)
        return r;
    r = file_read(s->key_path, PEM_MAX, &text, &n, e);
    if (r < 0)
        return r;
    in = BIO_new_mem_buf(text, (int)n);
    s->key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    explicit_bzero(text, n);
    if (!s->key)
        return err_set(e, EBADMSG, ERR_CORRUPT, "'%s' holds no private key", s->key_path);
    if (!EVP_PKEY_is_a(s->key, "RSA"))
        return err_set(e, EBADMSG, ERR_CORRUPT, "the key in '%s' is not RSA", s->key_path);
    return 0;
}

static bool fill_certificate(X509 *c, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(c);
    uint8_t serial[SERIAL_BYTES];
    ASN1_INTEGER *no = X509_get_serialNumber(c);
    BIGNUM *bn;
    bool ok;

    rand_bytes(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and never short */
    bn = BN_bin2bn(serial, sizeof serial, NULL);
    ok = bn && BN_to_ASN1_INTEGER(bn, no);
    BN_free(bn);
    return ok && X509_set_version(c, 2) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)COMMON_NAME,
                                      -1, -1, 0) &&
           X509_set_issuer_name(c, name) &&
           X509_gmtime_adj(X509_getm_notBefore(c), -DAY_SECONDS) && /* guests' clocks lag */
           X509_time_adj_ex(X509_getm_notAfter(c), VALID_DAYS, 0, NULL) &&
           X509_set_pubkey(c, key) && X509_sign(c, key, EVP_sha256()) > 0;
}

static int make_certificate(struct sign *s, struct err *e)
{
    _cleanup_(BIO_free_all_p) BIO *out = BIO_new(BIO_s_mem());

    s->cert = X509_new();
    if (!s->cert || !out || !fill_certificate(s->cert, s->key) || !PEM_write_bio_X509(out, s->cert))
        return ssl_fail(e, "make the certificate for identity documents");
    return write_pem(out, s->cert_path, 0644, e);
}

static int read_certificate(struct sign *s, struct err *e)
{
    _cleanup_(BIO_free_all_p) BIO *in = NULL;
    _cleanup_free_ char *text = NULL;
    size_t n;
    int r = file_read(s->cert_path, PEM_MAX, &text, &n, e);

    if (r < 0)
        return r;
    in = BIO_new_mem_buf(text, (int)n);
    s->cert = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    if (!s->cert)
        return err_set(e, EBADMSG, ERR_CORRUPT, "'%s' holds no certificate", s->cert_path);
    if (X509_check_private_key(s->cert, s->key) != 1) {
        ERR_clear_error();
        return err_set(e, EBADMSG, ERR_CONFLICT,
                       "certificate '%s' is not that of key '%s'; remove it for a new one",
                       s->cert_path, s->key_path);
    }
    return 0;
}

/* The key is on disk before its certificate: killed between the two, the next open makes the
 * second. A certificate without its key is of no use, and replaced. */
static int load(struct sign *s, struct err *e)
{
    bool had_key = path_exists(s->key_path);
    int r = had_key ? read_key(s, e) : make_key(s, e);

    if (r < 0)
        return r;
    return had_key && path_exists(s->cert_path) ? read_certificate(s, e) : make_certificate(s, e);
}

int sign_open(const char *dir, struct sign **ret, struct err *e)
{
    _cleanup_(sign_closep) struct sign *s = xcalloc(1, sizeof *s);
    int r;

    s->key_path = xasprintf("%s/imds-key.pem", dir);
    s->cert_path = xasprintf("%s/imds-cert.pem", dir);
    r = load(s, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(s);
    return 0;
}

/* ---- signatures ------------------------------------------------------------------------------
 */

static int put_base64(const void *p, size_t n, struct str *out, struct err *e)
{
    _cleanup_free_ char *text = base64_encode(p, n);
    size_t len;

    if (!text)
        return err_oom(e);
    len = strlen(text);
    for (size_t i = 0; i < len; i += LINE_CHARS) {
        if (i)
            str_addc(out, '\n');
        str_add_mem(out, text + i, (size_t)min_u64(LINE_CHARS, len - i));
    }
    return 0;
}

static int sign_plain(struct sign *s, const char *text, struct str *out, struct err *e)
{
    _cleanup_(EVP_MD_CTX_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t sig[1024];
    size_t n = sizeof sig;

    if (!c || EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, s->key) <= 0 ||
        EVP_DigestSign(c, sig, &n, (const uint8_t *)text, strlen(text)) <= 0)
        return ssl_fail(e, "sign the identity document");
    return put_base64(sig, n, out, e);
}

static int sign_pkcs7(struct sign *s, const char *text, struct str *out, struct err *e)
{
    const int flags = PKCS7_BINARY | PKCS7_NOCERTS | PKCS7_NOSMIMECAP | PKCS7_PARTIAL;
    _cleanup_(BIO_free_all_p) BIO *in = BIO_new_mem_buf(text, -1);
    _cleanup_(PKCS7_free_p) PKCS7 *p7 = in ? PKCS7_sign(NULL, NULL, NULL, in, flags) : NULL;
    uint8_t *der = NULL;
    int n, r;

    if (!p7 || !PKCS7_sign_add_signer(p7, s->cert, s->key, EVP_sha256(), flags) ||
        !PKCS7_final(p7, in, flags))
        return ssl_fail(e, "sign the identity document as PKCS#7");
    n = i2d_PKCS7(p7, &der);
    if (n <= 0)
        return ssl_fail(e, "encode PKCS#7");
    r = put_base64(der, (size_t)n, out, e);
    OPENSSL_free(der);
    return r;
}

int sign_text(struct sign *s, struct sign_memo *memo, enum sign_form form, const char *text,
              const char **ret, struct err *e)
{
    _cleanup_str_ struct str out = STR_INIT(SIGNED_MAX);
    uint8_t sum[32];
    int r;

    if (!EVP_Digest(text, strlen(text), sum, NULL, EVP_sha256(), NULL))
        return ssl_fail(e, "hash the identity document");
    if (memcmp(sum, memo->sha256, sizeof sum) != 0) {
        sign_memo_done(memo);
        memcpy(memo->sha256, sum, sizeof sum);
    }
    if (!memo->form[form]) {
        r = form == SIGN_PLAIN ? sign_plain(s, text, &out, e) : sign_pkcs7(s, text, &out, e);
        if (r == 0)
            r = str_check(&out, "the signature", e);
        if (r < 0)
            return r;
        memo->form[form] = str_take(&out);
    }
    *ret = memo->form[form];
    return 0;
}
