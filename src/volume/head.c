/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cur.h"
#include "file.h"
#include "str.h"

#define ENCRYPTED 1U /* incompat */

static const char magic[8] = { 'K', 'I', 'L', 'N', 'V', 'O', 'L', '\n' };

struct head_disk {
    uint8_t magic[8];           /* +0x000 */
    le32 version;               /* +0x008 */
    le32 incompat;              /* +0x00c */
    le64 size_bytes;            /* +0x010 */
    char name[STORE_ID_MAX];    /* +0x018 */
    char base[STORE_ID_MAX];    /* +0x058 */
    char store[HEAD_STORE_MAX]; /* +0x098 */
    le32 domain;                /* +0xc98 */
    uint8_t key_id[STORE_KEY_ID_BYTES];
    uint8_t salt[HEAD_SALT];
    uint8_t zero[4092 - 152 - HEAD_STORE_MAX - 36];
    le32 crc; /* +0xffc */
};
_Static_assert(sizeof(struct head_disk) == HEAD_BYTES, "head layout");

uint32_t head_crc32c(const void *p, size_t n, uint32_t seed)
{
    const uint8_t *b = p;
    uint32_t c = ~seed;

    for (size_t i = 0; i < n; i++) {
        c ^= b[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (0x82f63b78U & (0U - (c & 1U)));
    }
    return ~c;
}

bool head_name_is_ok(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return n > 0 && n < STORE_ID_MAX && !name[n] && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static char *head_path(const char *dir)
{
    char *p = NULL;

    return asprintf(&p, "%s/head", dir) < 0 ? NULL : p;
}

static int check(const struct head_disk *d, size_t n, const char *path, struct err *e)
{
    if (n != sizeof *d || memcmp(d->magic, magic, sizeof magic) != 0)
        return err_set(e, EILSEQ, ERR_CORRUPT, "'%s' is not the head of a volume", path);
    if (get_le32(d->crc) != head_crc32c(d, offsetof(struct head_disk, crc), 0))
        return err_set(e, EILSEQ, ERR_CORRUPT, "'%s' is damaged: its checksum is wrong", path);
    if (get_le32(d->version) != 1 || get_le32(d->incompat) & ~ENCRYPTED)
        return err_set(e, ENOTSUP, ERR_INVALID, "'%s' has version %u, features 0x%x: too new", path,
                       get_le32(d->version), get_le32(d->incompat));
    if (get_le64(d->size_bytes) == 0 || get_le64(d->size_bytes) % 512 != 0 ||
        get_le64(d->size_bytes) > VOLUME_MAX || !memchr(d->name, 0, sizeof d->name) ||
        !memchr(d->base, 0, sizeof d->base) || !memchr(d->store, 0, sizeof d->store) ||
        (get_le32(d->domain) != 0) != (get_le32(d->incompat) != 0))
        return err_set(e, EILSEQ, ERR_CORRUPT, "'%s' holds values that cannot be", path);
    return 0;
}

int head_read(const char *dir, struct head *ret, struct err *e)
{
    _cleanup_free_ char *path = head_path(dir), *text = NULL;
    struct head_disk d = { 0 };
    size_t n = 0;
    int r;

    if (!path)
        return err_oom(e);
    r = file_read(path, sizeof d, &text, &n, e);
    if (r < 0)
        return r;
    memcpy(&d, text, n);
    r = check(&d, n, path, e);
    if (r < 0)
        return r;
    ret->size_bytes = get_le64(d.size_bytes);
    memcpy(ret->name, d.name, sizeof ret->name);
    memcpy(ret->base, d.base, sizeof ret->base);
    memcpy(ret->store, d.store, sizeof ret->store);
    ret->domain = get_le32(d.domain);
    memcpy(ret->key_id, d.key_id, sizeof ret->key_id);
    memcpy(ret->salt, d.salt, sizeof ret->salt);
    return 0;
}

int head_write(const char *dir, const struct head *h, struct err *e)
{
    _cleanup_free_ char *path = head_path(dir);
    struct head_disk d = { .version = put_le32(1),
                           .incompat = put_le32(h->domain ? ENCRYPTED : 0),
                           .size_bytes = put_le64(h->size_bytes),
                           .domain = put_le32(h->domain) };

    if (!path)
        return err_oom(e);
    memcpy(d.magic, magic, sizeof magic);
    (void)str_copy(d.name, sizeof d.name, h->name);
    (void)str_copy(d.base, sizeof d.base, h->base);
    (void)str_copy(d.store, sizeof d.store, h->store);
    memcpy(d.key_id, h->key_id, sizeof d.key_id);
    memcpy(d.salt, h->salt, sizeof d.salt);
    d.crc = put_le32(head_crc32c(&d, offsetof(struct head_disk, crc), 0));
    return file_replace(path, &d, sizeof d, 0640, e);
}
