/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "regf-priv.h"
#include "sam-priv.h"

static const uint8_t sd[20] = { 1, 0, 0, 0x80 };
static const uint8_t boot[16] = "a boot key of 16";

/* --- hashes --- */

static void the_hash_of_a_password_is_the_known_one(void **unused)
{
    static const struct {
        const char *password, *hash;
    } known[] = {
        { "", "31d6cfe0d16ae931b73c59d7e0c089c0" },
        { "password", "8846f7eaee8fb117ad06bdd830b7586c" },
        { "SecREt01", "cd06ca7c7e10c99b1d33b7485a2ed808" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        uint8_t hash[16];
        char hex[33];
        struct err e = { 0 };

        assert_int_equal(sam_nt_hash(known[i].password, hash, &e), 0);
        hex_encode(hash, 16, hex);
        assert_string_equal(hex, known[i].hash);
    }
}

/* Our MD4 against OpenSSL's, where that can be loaded: all lengths around a block. */
static void md4_is_that_of_openssl(void **unused)
{
    OSSL_LIB_CTX *c = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *p = OSSL_PROVIDER_load(c, "legacy");
    EVP_MD *md = p ? EVP_MD_fetch(c, "MD4", NULL) : NULL;
    char text[121] = { 0 };
    uint8_t wide[240], a[16], b[16];
    (void)unused;

    for (unsigned n = 0; n < 120 && md; n++) {
        struct err e = { 0 };

        assert_int_equal(sam_nt_hash(text, a, &e), 0);
        assert_int_equal(EVP_Digest(wide, 2 * (size_t)n, b, NULL, md, NULL), 1);
        assert_memory_equal(a, b, 16);
        text[n] = (char)('!' + n % 90);
        wide[2 * n] = (uint8_t)text[n];
        wide[2 * n + 1] = 0;
    }
    EVP_MD_free(md);
    if (p)
        (void)OSSL_PROVIDER_unload(p);
    OSSL_LIB_CTX_free(c);
    if (!md)
        skip();
}

/* --- a SAM hive with two accounts, made here --- */

static uint32_t put(struct regf *h, const char *path, const char *name, uint32_t type,
                    const void *p, size_t n)
{
    struct err e = { 0 };
    uint32_t key = 0;

    assert_int_equal(regf_key_create(h, 0, path, &key, &e), 0);
    assert_int_equal(regf_set(h, key, name, type, p, n, &e), 0);
    return key;
}

static void aes(const uint8_t *key, const uint8_t *iv, const uint8_t *in, uint8_t *out, int n)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int len = 0;

    assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_cbc(), NULL, key, iv), 1);
    assert_int_equal(EVP_CIPHER_CTX_set_padding(c, 0), 1);
    assert_int_equal(EVP_EncryptUpdate(c, out, &len, in, n), 1);
    assert_int_equal(len, n);
    EVP_CIPHER_CTX_free(c);
}

static void rc4(const uint8_t *key, uint8_t *p, size_t n)
{
    uint8_t s[256], i = 0, j = 0;

    for (unsigned k = 0; k < 256; k++)
        s[k] = (uint8_t)k;
    for (unsigned k = 0; k < 256; k++) {
        uint8_t t = s[k];

        j = (uint8_t)(j + t + key[k % 16]);
        s[k] = s[j], s[j] = t;
    }
    for (j = 0; n; n--, p++) {
        uint8_t t = s[++i];

        j = (uint8_t)(j + t);
        s[i] = s[j], s[j] = t;
        *p ^= s[(uint8_t)(s[i] + t)];
    }
}

static void md5_of(const void *a, size_t na, const void *b, size_t nb, const void *c, size_t nc,
                   const void *d, size_t nd, uint8_t out[16])
{
    uint8_t all[256];

    memcpy(all, a, na);
    memcpy(all + na, b, nb);
    memcpy(all + na + nb, c, nc);
    memcpy(all + na + nb + nc, d, nd);
    assert_int_equal(EVP_Digest(all, na + nb + nc + nd, out, NULL, EVP_md5(), NULL), 1);
}

/* The domain's "F": a key of 16 times 0x77, wrapped under the boot key with a salt of 0x5a. */
static void put_domain(struct regf *h, bool is_aes)
{
    static const char digits[] = "0123456789012345678901234567890123456789";
    static const char qwerty[] = "!@#$%^&*()qwertyUIOPAzxcvbnmQQQQQQQQQQQQ)(*@&%";
    uint8_t f[368] = { 2, 0, 1 }, plain[32], key[16];

    memset(plain, 0x77, 16);
    wr32(f + 0x68, is_aes ? 2 : 1);
    if (is_aes) {
        wr32(f + 0x6c, 0x70);
        wr32(f + 0x70, 0x30);
        wr32(f + 0x74, 0x20);
        memset(f + 0x78, 0x5a, 16);
        memset(plain + 16, 16, 16);
        aes(boot, f + 0x78, plain, f + 0x88, 32);
    } else {
        wr32(f + 0x6c, 0x38);
        memset(f + 0x70, 0x5a, 16);
        md5_of(plain, 16, digits, sizeof digits, plain, 16, qwerty, sizeof qwerty, plain + 16);
        memcpy(f + 0x80, plain, 32);
        md5_of(f + 0x70, 16, qwerty, sizeof qwerty, boot, 16, digits, sizeof digits, key);
        rc4(key, f + 0x80, 32);
    }
    put(h, SAM_ACCOUNT, "F", REGF_BINARY, f, sizeof f);
}

static void put_user(struct regf *h, uint32_t rid, const char *name, unsigned flags, bool is_aes)
{
    uint8_t f[80] = { 2, 0, 1 }, v[0xcc + 64 + 4 * 24] = { 0 };
    uint32_t at = 0, len = is_aes ? 24 : 4, key;
    char path[128];
    struct err e = { 0 };

    wr32(f + 0x30, rid);
    wr16(f + 0x38, (uint16_t)flags);
    (void)snprintf(path, sizeof path, SAM_ACCOUNT "\\Users\\%08X", rid);
    put(h, path, "F", REGF_BINARY, f, sizeof f);
    for (; name[at]; at++)
        v[0xcc + 2 * at] = (uint8_t)name[at];
    wr32(v + 12 + 4, 2 * at);
    for (uint32_t i = 13; i < 17; i++) { /* no hash: headers alone */
        wr32(v + 12 * i, 64 + (i - 13) * len);
        wr32(v + 12 * i + 4, len);
        wr16(v + 0xcc + 64 + (i - 13) * len, 3);
        wr16(v + 0xcc + 64 + (i - 13) * len + 2, is_aes ? 2 : 1);
    }
    put(h, path, "V", REGF_BINARY, v, sizeof v);
    (void)snprintf(path, sizeof path, SAM_ACCOUNT "\\Users\\Names\\%s", name);
    put(h, path, "", rid, "", 0);
    assert_int_equal(regf_find_key(h, 0, SAM_ACCOUNT "\\Users", &key, &e), 0);
    assert_int_equal(sam_count(h, key, 1, &e), 0);
}

static struct regf *make(bool is_aes)
{
    static const uint8_t sid[24] = {
        1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3
    };
    uint8_t v[0x30 + 24] = { 0 }, group[0x44 + 12] = { 0 }, alias[0x34 + 8] = { 0 };
    struct regf *h = NULL;
    struct err e = { 0 };

    assert_int_equal(regf_new(is_aes ? 5 : 3, "ROOT", sd, sizeof sd, &h, &e), 0);
    put_domain(h, is_aes);
    wr32(v + 16, 24);
    memcpy(v + 0x30, sid, 24);
    put(h, SAM_ACCOUNT, "V", REGF_BINARY, v, sizeof v);
    put(h, SAM_ACCOUNT "\\Users", "", 0, "", 0);
    put_user(h, 500, "Administrator", 0x211, is_aes);
    put_user(h, 1000, "local", 0x10, is_aes);
    wr32(group + 0x3c, 12);
    wr32(group + 0x40, 2);
    wr32(group + 0x44, 500);
    wr32(group + 0x48, 1000);
    put(h, SAM_ACCOUNT "\\Groups\\00000201", "C", REGF_BINARY, group, sizeof group);
    wr32(alias, 0x220);
    wr32(alias + 0x14, 8);
    memcpy(alias + 0x34, "A\0d\0m\0s\0", 8);
    put(h, SAM_BUILTIN "\\Aliases\\00000220", "C", REGF_BINARY, alias, sizeof alias);
    put(h, SAM_BUILTIN "\\Aliases\\Names\\Adms", "", 0x220, "", 0);
    put(h, SAM_BUILTIN "\\Aliases\\Members", "", 0, "", 0);
    put(h, SAM_BUILTIN "\\Aliases", "", 1, "", 0);
    if (sam_verify(h, &e) < 0)
        fail_msg("%s", e.msg);
    return h;
}

static struct sam_user user(const struct regf *h, uint32_t rid)
{
    struct sam_user *u, got = { 0 };
    struct err e = { 0 };
    size_t n;

    assert_int_equal(sam_users(h, &u, &n, &e), 0);
    for (size_t i = 0; i < n; i++)
        if (u[i].rid == rid)
            got = u[i];
    got.name = NULL;
    sam_users_free(u, n);
    return got;
}

static void a_password_is_set_and_cleared_in_both_forms(void **unused)
{
    (void)unused;
    for (int is_aes = 0; is_aes < 2; is_aes++) {
        _cleanup_regf_ struct regf *h = make(is_aes);
        struct err e = { 0 };

        assert_false(user(h, 500).has_password);
        assert_int_equal(sam_check_password(h, boot, 500, "", &e), 1);
        assert_int_equal(sam_set_password(h, boot, 500,
                                          "Gr\xc3\xbc\xc3\x9f"
                                          "e 1",
                                          &e),
                         0);
        assert_int_equal(sam_check_password(h, boot, 500,
                                            "Gr\xc3\xbc\xc3\x9f"
                                            "e 1",
                                            &e),
                         1);
        assert_int_equal(sam_check_password(h, boot, 500,
                                            "gr\xc3\xbc\xc3\x9f"
                                            "e 1",
                                            &e),
                         0);
        assert_int_equal(sam_check_password(h, boot, 500, "", &e), 0);
        assert_true(user(h, 500).has_password);
        assert_true(user(h, 500).password_set != 0);
        assert_false(user(h, 1000).has_password);
        assert_int_equal(sam_clear_password(h, 500, &e), 0);
        assert_int_equal(sam_check_password(h, boot, 500, "", &e), 1);
        assert_int_equal(sam_verify(h, &e), 0);
        assert_int_equal(regf_verify(h, NULL, &e), 0);
    }
}

static void the_boot_key_of_another_machine_is_noticed(void **unused)
{
    static const uint8_t other[16] = "another boot key";
    (void)unused;

    for (int is_aes = 0; is_aes < 2; is_aes++) {
        _cleanup_regf_ struct regf *h = make(is_aes);
        struct err e = { 0 };

        assert_int_equal(sam_set_password(h, other, 500, "x", &e), -EKEYREJECTED);
        assert_int_equal(e.kind, ERR_CONFLICT);
        assert_false(user(h, 500).has_password);
    }
}

static void an_online_account_keeps_its_password(void **unused)
{
    _cleanup_regf_ struct regf *h = make(true);
    struct err e = { 0 };
    (void)unused;

    put(h, SAM_ACCOUNT "\\Users\\000003E8", "InternetUserName", REGF_BINARY, "x", 1);
    assert_true(user(h, 1000).is_online);
    assert_int_equal(sam_set_password(h, boot, 1000, "x", &e), -ENOTSUP);
    err_clear(&e);
    assert_int_equal(sam_clear_password(h, 1000, &e), -ENOTSUP);
}

static void an_account_is_enabled_and_disabled(void **unused)
{
    _cleanup_regf_ struct regf *h = make(false);
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(sam_enable_user(h, 500, true, true, &e), 0);
    assert_int_equal(user(h, 500).flags, 0x210);
    assert_true(user(h, 500).password_set != 0); /* or a new one would be asked for first */
    assert_int_equal(sam_enable_user(h, 500, false, false, &e), 0);
    assert_int_equal(user(h, 500).flags, 0x211);
    assert_int_equal(sam_enable_user(h, 4711, true, true, &e), -ENOENT);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void members_come_and_go_with_their_reverse_list(void **unused)
{
    _cleanup_regf_ struct regf *h = make(true);
    uint8_t sid[SID_BYTES_MAX], foreign[SID_BYTES_MAX];
    uint64_t removed = 0;
    struct err e = { 0 };
    size_t n, m;
    (void)unused;

    assert_int_equal(sid_parse("S-1-5-21-16843009-33686018-3-1000", sid, &n, &e), 0);
    assert_int_equal(sid_parse("S-1-5-21-7-8-9-512", foreign, &m, &e), 0);
    assert_int_equal(sam_group_add(h, true, 0x220, sid, n, &e), 1);
    assert_int_equal(sam_group_add(h, true, 0x220, sid, n, &e), 0);
    assert_int_equal(sam_group_add(h, true, 0x220, foreign, m, &e), 1);
    assert_int_equal(sam_verify(h, &e), 0);
    assert_int_equal(regf_key_count(h, regf_find(h, 0, SAM_BUILTIN "\\Aliases\\Members")), 2);
    assert_int_equal(sam_drop_foreign_members(h, &removed, &e), 0);
    assert_int_equal(removed, 1);
    assert_int_equal(sam_verify(h, &e), 0);
    assert_int_equal(sam_group_remove(h, true, 0x220, foreign, m, &e), 0);
    assert_int_equal(sam_delete_user(h, 1000, &e), 0); /* and it is in no group any more */
    assert_int_equal(sam_verify(h, &e), 0);
    assert_int_equal(regf_key_count(h, regf_find(h, 0, SAM_BUILTIN "\\Aliases\\Members")), 0);
    assert_int_equal(sam_delete_user(h, 500, &e), -EINVAL);
}

static void texts_of_the_policy_have_their_form(void **unused)
{
    _cleanup_regf_ struct regf *h = make(true);
    _cleanup_free_ char *got = NULL;
    _cleanup_regf_data_ struct regf_data d = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(policy_set_text(h, "PolAcDmN", "NAME", &e), 0);
    assert_int_equal(regf_get(h, regf_find(h, 0, "Policy\\PolAcDmN"), "", &d, &e), 0);
    assert_int_equal(d.n, 18);
    assert_memory_equal(d.p, "\x08\0\x0a\0\x08\0\0\0N\0A\0M\0E\0\0", 18);
    got = policy_text(h, "PolAcDmN");
    assert_string_equal(got, "NAME");
    assert_int_equal(policy_set_text(h, "PolAcDmN", "", &e), 0);
    assert_null(policy_text(h, "PolAcDmN"));
}

static void the_boot_key_is_in_the_class_names(void **unused)
{
    static const char *const parts[][2] = {
        { "JD", "00010203" }, { "Skew1", "04050607" }, { "GBG", "08090a0b" }, { "Data", "0c0d0e0f" }
    };
    static const uint8_t want[16] = { 8, 5, 4, 2, 11, 9, 13, 3, 0, 6, 1, 12, 14, 10, 15, 7 };
    _cleanup_regf_ struct regf *h = make(true);
    uint8_t got[16] = { 0 };
    uint32_t set = 0, key;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(regf_key_create(h, 0, "ControlSet001", &set, &e), 0);
    assert_int_equal(sam_boot_key(h, set, got, &e), -ENOKEY);
    err_clear(&e);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char path[64];

        (void)snprintf(path, sizeof path, "Control\\Lsa\\%s", parts[i][0]);
        assert_int_equal(regf_key_create(h, set, path, &key, &e), 0);
        assert_int_equal(regf_set_class(h, key, parts[i][1], &e), 0);
    }
    assert_int_equal(sam_boot_key(h, set, got, &e), 0);
    assert_memory_equal(got, want, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_of_a_password_is_the_known_one),
        cmocka_unit_test(md4_is_that_of_openssl),
        cmocka_unit_test(a_password_is_set_and_cleared_in_both_forms),
        cmocka_unit_test(the_boot_key_of_another_machine_is_noticed),
        cmocka_unit_test(an_online_account_keeps_its_password),
        cmocka_unit_test(an_account_is_enabled_and_disabled),
        cmocka_unit_test(members_come_and_go_with_their_reverse_list),
        cmocka_unit_test(texts_of_the_policy_have_their_form),
        cmocka_unit_test(the_boot_key_is_in_the_class_names),
    };

    return test_run(tests);
}
