/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "password.h"

struct keys {
    EVP_PKEY *one, *other, *small, *curve;
};

static int make_keys(void **state)
{
    static struct keys k;

    k.one = EVP_RSA_gen(2048);
    k.other = EVP_RSA_gen(2048);
    k.small = EVP_RSA_gen(1024);
    k.curve = EVP_EC_gen("P-256");
    *state = &k;
    return k.one && k.other && k.small && k.curve ? 0 : -1;
}

static int free_keys(void **state)
{
    struct keys *k = *state;

    EVP_PKEY_free(k->one);
    EVP_PKEY_free(k->other);
    EVP_PKEY_free(k->small);
    EVP_PKEY_free(k->curve);
    return 0;
}

static size_t encrypt(EVP_PKEY *key, const char *text, unsigned char out[512])
{
    EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(key, NULL);
    size_t n = 512;

    assert_int_equal(EVP_PKEY_encrypt_init(x), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(x, RSA_PKCS1_PADDING), 1);
    assert_int_equal(EVP_PKEY_encrypt(x, out, &n, (const unsigned char *)text, strlen(text)), 1);
    EVP_PKEY_CTX_free(x);
    return n;
}

enum form { PKCS1, PKCS8, PKCS8_LOCKED, PUBLIC };

static char *pem_of(EVP_PKEY *key, enum form form)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at = NULL, *text;
    long n;

    if (form == PKCS1)
        assert_true(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL));
    else if (form == PKCS8)
        assert_true(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    else if (form == PKCS8_LOCKED)
        assert_true(
            PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL));
    else
        assert_true(PEM_write_bio_PUBKEY(bio, key));
    n = BIO_get_mem_data(bio, &at);
    text = strndup(at, (size_t)n);
    BIO_free(bio);
    return text;
}

static void expect_refusal(const char *pem, const void *cipher, size_t n, enum err_kind kind,
                           const char *words)
{
    struct err e = { 0 };
    char *text = NULL;

    assert_true(password_decrypt(pem, strlen(pem), cipher, n, &text, &e) < 0);
    assert_null(text);
    assert_int_equal(e.kind, kind);
    assert_non_null(strstr(e.msg, words));
}

static void both_forms_of_pem_open_it(void **state)
{
    static const char *const passwords[] = { "x", "aB3$ ;'\"&<", "Zürich-Ωmega",
                                             "32 characters are what it has!!!" };
    const struct keys *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(passwords); i++)
        for (enum form form = PKCS1; form <= PKCS8; form++) {
            _cleanup_(password_freep) char *text = NULL;
            _cleanup_free_ char *pem = pem_of(k->one, form);
            unsigned char cipher[512];
            size_t n = encrypt(k->one, passwords[i], cipher);
            struct err e = { 0 };

            assert_int_equal(password_decrypt(pem, strlen(pem), cipher, n, &text, &e), 0);
            assert_string_equal(text, passwords[i]);
        }
}

static void another_key_is_told(void **state)
{
    const struct keys *k = *state;
    _cleanup_free_ char *other = pem_of(k->other, PKCS8), *small = pem_of(k->small, PKCS1);
    unsigned char cipher[512];
    size_t n = encrypt(k->one, "secret", cipher);

    expect_refusal(other, cipher, n, ERR_DENIED, "encrypted for another key");
    expect_refusal(small, cipher, n, ERR_DENIED, "for one of 2048 bits, this has 1024");
    expect_refusal(other, cipher, 0, ERR_DENIED, "encrypted for another key");
}

/* What a wrong key finds by chance, or a guest in bad faith sends: it goes to a terminal. */
static void what_is_no_text_is_no_password(void **state)
{
    static const char *const texts[] = { "", "a\nb", "\x1b[2J", "\xff\xfe" };
    const struct keys *k = *state;
    _cleanup_free_ char *pem = pem_of(k->one, PKCS8);
    unsigned char cipher[512];

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        expect_refusal(pem, cipher, encrypt(k->one, texts[i], cipher), ERR_DENIED, "another key");
}

static void what_is_no_private_rsa_key_is_told(void **state)
{
    const struct keys *k = *state;
    _cleanup_free_ char *locked = pem_of(k->one, PKCS8_LOCKED), *public = pem_of(k->one, PUBLIC),
                        *curve = pem_of(k->curve, PKCS8);
    unsigned char cipher[512];
    size_t n = encrypt(k->one, "secret", cipher);

    expect_refusal("", cipher, n, ERR_INVALID, "no private key in PEM");
    expect_refusal("hello", cipher, n, ERR_INVALID, "no private key in PEM");
    expect_refusal(public, cipher, n, ERR_INVALID, "public key");
    expect_refusal("ssh-rsa AAAA me", cipher, n, ERR_INVALID, "public key");
    expect_refusal(curve, cipher, n, ERR_INVALID, "of type EC: passwords need an RSA key");
    expect_refusal("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
                   cipher, n, ERR_INVALID, "OpenSSH's own format");
    if (!isatty(STDIN_FILENO)) /* it would ask */
        expect_refusal(locked, cipher, n, ERR_INVALID, "locked with a passphrase");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_of_pem_open_it),
        cmocka_unit_test(another_key_is_told),
        cmocka_unit_test(what_is_no_text_is_no_password),
        cmocka_unit_test(what_is_no_private_rsa_key_is_told),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
