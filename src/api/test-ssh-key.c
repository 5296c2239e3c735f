/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key pairs, held against ssh-keygen and openssl where those are installed. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "file.h"
#include "ssh-key.h"
#include "str.h"

/* Made with ssh-keygen; the fingerprints with ssh-keygen and openssl. */
#define ED "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII4ebO7r//mRLwX2nvAy0lzv/OKz8+qlrryZ30DXuRXm"
#define RSA_B64                                                                                    \
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDNzgXe/"                                                        \
    "GBbJvpCjIlEbR1sXQNLpHZBzKxnJe06v9Wkx1K8Iq5YRTBbEvpS+M2H2"                                     \
    "X"

static void a_made_rsa_key_is_pkcs1(void **unused)
{
    struct ssh_key k = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(ssh_key_make("rsa", "name", &k, &e), 0);
    assert_true(str_starts(k.private_pem, "-----BEGIN RSA PRIVATE KEY-----\n")); /* rule 12 */
    assert_true(str_starts(k.public_line, "ssh-rsa AAAAB3NzaC1yc2E"));
    assert_string_equal(k.type, "rsa");
    assert_int_equal(strlen(k.fingerprint), 20 * 3 - 1);
    ssh_key_done(&k);
}

static void a_made_key_is_read_again(void **unused)
{
    static const char *const types[] = { "rsa", "ed25519" };
    struct ssh_key k = { 0 }, again = { 0 };
    struct err e = { 0 };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        assert_int_equal(ssh_key_make(types[i], "a name", &k, &e), 0);
        assert_int_equal(ssh_key_read(k.public_line, "other", &again, &e), 0);
        assert_string_equal(k.public_line, again.public_line);
        assert_string_equal(again.type, types[i]);
        assert_null(again.private_pem);
        /* made and imported RSA keys differ in their fingerprints */
        assert_int_equal(str_eq(k.fingerprint, again.fingerprint), i == 1);
        ssh_key_done(&k);
        ssh_key_done(&again);
    }
}

static void an_ed25519_fingerprint_is_padded_base64(void **unused)
{
    struct ssh_key k = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(ssh_key_read(ED " k2", "x", &k, &e), 0);
    /* ssh-keygen -l prints SHA256:1CwlLVRWYBZHdrEyo75Zaaqjw1dgQSWjFNiNGR5ZsK0 */
    assert_string_equal(k.fingerprint, "1CwlLVRWYBZHdrEyo75Zaaqjw1dgQSWjFNiNGR5ZsK0=");
    assert_string_equal(k.public_line, ED " k2");
    ssh_key_done(&k);
    assert_int_equal(ssh_key_read("\n" ED "\n", "its name", &k, &e), 0);
    assert_string_equal(k.public_line, ED " its name");
    ssh_key_done(&k);
}

static void what_is_no_key_is_refused(void **unused)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "neither" },
        { "hello", "neither" },
        { "YWJj", "no public key in DER" },
        { "ssh-rsa", "end too early" },
        { "ssh-rsa AAAAB3NzaC1yc2E", "base64" },
        { "ssh-rsa " RSA_B64, "base64" },
        { "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAQE=", "32 bytes" },
        { "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAII4ebO7r", "end too early" },
        { "ssh-dss AAAAB3NzaC1kc3MAAAAA", "DSA and ECDSA are not" },
        { "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAA", "DSA and ECDSA are not" },
        { "ssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEP", "1024, 2048 or 4096" },
        { "ssh-rsa AAAAB3NzaC1yc2EAAAAAAAAAAA==", "cannot be read" },
        { "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
          "this is a private key" },
        { "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", "END line is missing" },
        { "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "" },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ssh_key k = { 0 };
        struct err e = { 0 };

        if (ssh_key_read(rows[i].text, "n", &k, &e) >= 0)
            fail_msg("'%s' was read", rows[i].text);
        assert_int_equal(e.kind, ERR_INVALID);
        if (!strstr(e.msg, rows[i].why))
            fail_msg("'%s': %s", rows[i].text, e.msg);
        assert_null(k.public_line);
    }
}

static void a_comment_cannot_bring_a_second_line(void **unused)
{
    struct ssh_key k = { 0 };
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(ssh_key_read(ED " me\nssh-rsa evil", "x", &k, &e), 0);
    assert_string_equal(k.public_line, ED " me");
    ssh_key_done(&k);
    assert_int_equal(ssh_key_read(ED, "a\nb", &k, &e), 0);
    assert_string_equal(k.public_line, ED " a?b");
    ssh_key_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_rsa_key_is_pkcs1),
        cmocka_unit_test(a_made_key_is_read_again),
        cmocka_unit_test(an_ed25519_fingerprint_is_padded_base64),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_comment_cannot_bring_a_second_line),
    };

    return test_run(tests);
}
