/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key of a domain: its file, and what is derived from it. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "rand.h"
#include "seal.h"
#include "store-priv.h"
#include "str.h"

#define KEY_VERSION 1U

/* ---- derivation ---- */

static int hkdf(const struct store_key *k, const void *salt, size_t salt_len, const char *info,
                void *out, size_t n, struct err *e)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)k->secret,
                                          KEY_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, salt_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info,
                                          strlen(info)),
        OSSL_PARAM_construct_end(),
    };
    bool done = c && EVP_KDF_derive(c, out, n, p) == 1;

    EVP_KDF_CTX_free(c);
    EVP_KDF_free(kdf);
    return done ? 0 : err_set(e, ENOMEM, ERR_LIMIT, "derive a key: the library failed");
}

int store_key_derive(const struct store_key *k, const char *purpose, const void *salt,
                     size_t salt_len, void *out, size_t n, struct err *e)
{
    uint8_t both[KEY_SALT_BYTES + 64];

    assert(salt_len <= sizeof both - KEY_SALT_BYTES);
    memcpy(both, k->salt, KEY_SALT_BYTES);
    if (salt_len)
        memcpy(both + KEY_SALT_BYTES, salt, salt_len);
    return hkdf(k, both, KEY_SALT_BYTES + salt_len, purpose, out, n, e);
}

int pack_key_derive(const struct store_key *key, const struct pack_domain *d,
                    const uint8_t uuid[UUID_BYTES], uint64_t seq, uint8_t out[KEY_BYTES],
                    struct err *e)
{
    uint8_t salt[PACK_SALT_BYTES + UUID_BYTES + sizeof(le64)];
    le64 number = put_le64(seq);

    memcpy(salt, d->salt, PACK_SALT_BYTES);
    memcpy(salt + PACK_SALT_BYTES, uuid, UUID_BYTES);
    memcpy(salt + PACK_SALT_BYTES + UUID_BYTES, &number, sizeof number);
    return store_key_derive(key, "kiln pack", salt, sizeof salt, out, KEY_BYTES, e);
}

bool key_fits_pack(const struct store_key *key, const struct pack_domain *d)
{
    return key->domain == d->domain && memcmp(key->id, d->key_check, sizeof d->key_check) == 0;
}

int block_name(const struct store_key *key, const void *block, uint8_t out[SHA_BYTES],
               struct err *e)
{
    unsigned n = SHA_BYTES;

    if (!key)
        return sha256(block, STORE_BLOCK_BYTES, out, e);
    if (!HMAC(EVP_sha256(), key->name_key, KEY_BYTES, block, STORE_BLOCK_BYTES, out, &n))
        return err_set(e, ENOMEM, ERR_LIMIT, "HMAC of a block: the library failed");
    return 0;
}

/* ---- the file ---- */

static int key_parse(const struct key_disk *d, size_t n, const char *path, struct err *e)
{
    if (n != sizeof *d || memcmp(d->magic, "KILNKEY\n", sizeof d->magic) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "'%s' is no key of ours", path);
    if (get_le32(d->crc) != crc32c(d, offsetof(struct key_disk, crc)))
        return err_set(e, EBADMSG, ERR_CORRUPT, "the key '%s' is damaged: its checksum is wrong",
                       path);
    if (get_le32(d->version) != KEY_VERSION || get_le32(d->domain) == 0)
        return err_set(e, EPROTONOSUPPORT, ERR_INVALID,
                       "the key '%s' has version %" PRIu32 ", which is not known here", path,
                       get_le32(d->version));
    return 0;
}

static int key_make(const struct key_disk *d, struct store_key **ret, struct err *e)
{
    _cleanup_(store_key_freep) struct store_key *k = calloc(1, sizeof *k);
    int r;

    if (!k)
        return err_oom(e);
    k->domain = get_le32(d->domain);
    memcpy(k->salt, d->salt, sizeof k->salt);
    memcpy(k->secret, d->secret, sizeof k->secret);
    r = store_key_derive(k, "kiln block names", NULL, 0, k->name_key, sizeof k->name_key, e);
    if (r == 0)
        r = store_key_derive(k, "kiln key id", NULL, 0, k->id, sizeof k->id, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(k);
    return 0;
}

int store_key_load(const char *path, struct store_key **ret, struct err *e)
{
    struct key_disk d = { 0 };
    char *text = NULL;
    size_t n = 0;
    int r = file_read(path, sizeof d, &text, &n, e);

    if (r < 0)
        return err_wrap(e, "load a key");
    memcpy(&d, text, n);
    OPENSSL_cleanse(text, n);
    free(text);
    r = key_parse(&d, n, path, e);
    if (r == 0)
        r = key_make(&d, ret, e);
    OPENSSL_cleanse(&d, sizeof d);
    return r;
}

/* Never over another one: who loses a key loses what is encrypted with it. */
static int name_new_key(const char *tmp, const char *path, struct err *e)
{
    _cleanup_free_ char *dir = strdup(path);
    char *slash = dir ? strrchr(dir, '/') : NULL;

    if (!dir)
        return err_oom(e);
    if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
        return errno == EEXIST
                   ? err_set(e, EEXIST, ERR_EXISTS, "there is a key in '%s' already", path)
                   : err_errno(e, "name the key '%s'", path);
    if (slash)
        *slash = '\0';
    return dir_sync(slash ? dir : ".", e);
}

static int write_key(const char *tmp, const struct key_disk *d, struct err *e)
{
    _cleanup_close_ int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0440);

    if (fd < 0)
        return err_errno(e, "create '%s'", tmp);
    if (write_full(fd, d, sizeof *d) < 0 || fsync(fd) < 0)
        return err_errno(e, "write '%s'", tmp);
    return 0;
}

int store_key_create(const char *path, uint32_t domain, struct err *e)
{
    struct key_disk d = { .magic = "KILNKEY\n",
                          .version = put_le32(KEY_VERSION),
                          .domain = put_le32(domain) };
    _cleanup_free_ char *tmp = NULL;
    char token[17];
    int r;

    assert(domain != 0);
    rand_hex(token, 16);
    if (asprintf(&tmp, "%s.new-%s", path, token) < 0)
        return err_oom(e);
    rand_bytes(d.salt, sizeof d.salt);
    rand_bytes(d.secret, sizeof d.secret);
    d.crc = put_le32(crc32c(&d, offsetof(struct key_disk, crc)));
    r = write_key(tmp, &d, e);
    OPENSSL_cleanse(&d, sizeof d);
    if (r == 0)
        r = name_new_key(tmp, path, e);
    if (r < 0)
        (void)unlink(tmp); /* the story is told already */
    return r;
}

void store_key_free(struct store_key *k)
{
    if (!k)
        return;
    OPENSSL_cleanse(k, sizeof *k);
    free(k);
}

uint32_t store_key_domain(const struct store_key *k)
{
    return k->domain;
}

const uint8_t *store_key_id(const struct store_key *k)
{
    return k->id;
}

/* ---- the keys of a store ---- */

int store_add_key(struct store *s, const struct store_key *k, struct err *e)
{
    struct store_key *copy;

    for (unsigned i = 0; i < s->n_keys; i++)
        if (s->key[i]->domain == k->domain)
            return err_set(e, EEXIST, ERR_EXISTS, "the key of domain %" PRIu32 " is given twice",
                           k->domain);
    if (s->n_keys == STORE_KEYS_MAX)
        return err_set(e, EMFILE, ERR_LIMIT, "more than %u keys", STORE_KEYS_MAX);
    copy = malloc(sizeof *copy);
    if (!copy)
        return err_oom(e);
    *copy = *k;
    s->key[s->n_keys++] = copy;
    return 0;
}

int store_add_key_file(struct store *s, const char *path, struct err *e)
{
    _cleanup_(store_key_freep) struct store_key *k = NULL;
    int r = store_key_load(path, &k, e);

    return r < 0 ? r : store_add_key(s, k, e);
}

const struct store_key *store_key_of(const struct store *s, uint32_t domain)
{
    for (unsigned i = 0; i < s->n_keys; i++)
        if (s->key[i]->domain == domain)
            return s->key[i];
    return NULL;
}

void store_keys_drop(struct store *s)
{
    while (s->n_keys)
        store_key_free(s->key[--s->n_keys]);
}

int key_refuse(const struct store *s, uint32_t domain, struct err *e)
{
    if (!store_key_of(s, domain))
        return err_set(e, EACCES, ERR_DENIED,
                       "it is encrypted in key domain %" PRIu32 ", and no key of it was given",
                       domain);
    return err_set(e, EACCES, ERR_DENIED,
                   "it is encrypted in key domain %" PRIu32 " with another key than the one given",
                   domain);
}
