/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Root records as bytes. */
#include "format.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

uint32_t leaves_for(uint64_t volume_bytes)
{
    return (uint32_t)div_up_u64(volume_bytes, (uint64_t)LEAF_ENTRIES * STORE_BLOCK_BYTES);
}

size_t root_bytes(uint32_t leaves)
{
    return sizeof(struct root_disk) + (size_t)leaves * sizeof(struct ref_disk) + SHA_BYTES;
}

int root_sha(uint64_t volume_bytes, const struct ref_disk *ref, uint32_t leaves,
             uint8_t out[SHA_BYTES], struct err *e)
{
    size_t n = sizeof(le64) + (size_t)leaves * SHA_BYTES;
    _cleanup_free_ uint8_t *text = malloc(n);
    le64 head = put_le64(volume_bytes);

    if (!text)
        return err_oom(e);
    memcpy(text, &head, sizeof head);
    for (uint32_t i = 0; i < leaves; i++)
        memcpy(text + sizeof head + (size_t)i * SHA_BYTES, ref[i].sha, SHA_BYTES);
    return sha256(text, n, out, e);
}

int root_build(struct root *r, const uint8_t uuid[UUID_BYTES], void **ret, size_t *ret_len,
               struct err *e)
{
    size_t n = root_bytes(r->leaves), body = n - SHA_BYTES;
    _cleanup_free_ uint8_t *p = calloc(1, n);
    struct root_disk *d = (struct root_disk *)p;
    int k;

    if (!p)
        return err_oom(e);
    k = root_sha(r->info.volume_bytes, r->ref, r->leaves, r->info.root_sha256, e);
    if (k < 0)
        return k;
    memcpy(d->magic, "KILNSNAP", sizeof d->magic);
    d->version = put_le32(FORMAT_VERSION);
    d->leaves = put_le32(r->leaves);
    memcpy(d->uuid, uuid, UUID_BYTES);
    memcpy(d->id, r->info.id, strlen(r->info.id));
    memcpy(d->parent, r->info.parent, strlen(r->info.parent));
    d->volume_bytes = put_le64(r->info.volume_bytes);
    d->created_ms = put_le64(r->info.created_ms);
    d->data_blocks = put_le64(r->info.data_blocks);
    d->zero_blocks = put_le64(r->zero_blocks);
    d->stored_bytes = put_le64(r->info.stored_bytes);
    memcpy(d->root_sha, r->info.root_sha256, SHA_BYTES);
    d->domain = put_le32(r->info.domain);
    memcpy(d->key_id, r->info.key_id, sizeof d->key_id);
    d->crc = put_le32(crc32c(d, offsetof(struct root_disk, crc)));
    memcpy(p + sizeof *d, r->ref, (size_t)r->leaves * sizeof *r->ref);
    k = sha256(p, body, p + body, e);
    if (k < 0)
        return k;
    *ret = TAKE_PTR(p);
    *ret_len = n;
    return 0;
}

/* A name out of a field of 64 bytes, zeros behind it. */
static int name_field(const char field[64], bool may_be_empty, char out[STORE_ID_MAX])
{
    if (!memchr(field, '\0', 64))
        return -EINVAL;
    if (field[0] ? !name_is_ok(field) : !may_be_empty)
        return -EINVAL;
    memcpy(out, field, STORE_ID_MAX);
    return 0;
}

int root_header_parse(const struct root_disk *d, const uint8_t uuid[UUID_BYTES], bool sums,
                      struct root *ret, struct err *e)
{
    struct root x = { .leaves = get_le32(d->leaves), .zero_blocks = get_le64(d->zero_blocks) };

    if (memcmp(d->magic, "KILNSNAP", sizeof d->magic) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "no root record");
    if (sums && get_le32(d->crc) != crc32c(d, offsetof(struct root_disk, crc)))
        return err_set(e, EBADMSG, ERR_CORRUPT, "checksum of the root header does not match");
    if (get_le32(d->version) != FORMAT_VERSION)
        return err_set(e, EBADMSG, ERR_CORRUPT, "version of the root record is not known");
    if (memcmp(d->uuid, uuid, UUID_BYTES) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the root record belongs to another store");
    if (name_field(d->id, false, x.info.id) < 0 || name_field(d->parent, true, x.info.parent) < 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "a name in the root record is no name");
    x.info.volume_bytes = get_le64(d->volume_bytes);
    x.info.created_ms = get_le64(d->created_ms);
    x.info.data_blocks = get_le64(d->data_blocks);
    x.info.stored_bytes = get_le64(d->stored_bytes);
    memcpy(x.info.root_sha256, d->root_sha, SHA_BYTES);
    x.info.domain = get_le32(d->domain);
    memcpy(x.info.key_id, d->key_id, sizeof x.info.key_id);
    if (x.info.volume_bytes == 0 || x.info.volume_bytes > VOLUME_BYTES_MAX ||
        x.leaves != leaves_for(x.info.volume_bytes))
        return err_set(e, EBADMSG, ERR_CORRUPT, "sizes in the root record do not fit");
    *ret = x;
    return 0;
}

static int refs_parse(const struct root *x, struct err *e)
{
    static const uint8_t none[SHA_BYTES];
    uint64_t data = 0, zero = 0;

    for (uint32_t i = 0; i < x->leaves; i++) {
        const struct ref_disk *f = &x->ref[i];
        uint64_t loc = get_le64(f->loc);
        uint32_t d = get_le32(f->data_blocks), z = get_le32(f->zero_blocks);
        bool bad = LOC_IS_RECORD(loc) ? d > LEAF_ENTRIES || z > LEAF_ENTRIES - d || d + z == 0
                                      : loc || d || z || memcmp(f->sha, none, SHA_BYTES) != 0;

        if (bad)
            return err_set(e, EBADMSG, ERR_CORRUPT, "leaf reference %" PRIu32 " is bad", i);
        data += d;
        zero += z;
    }
    if (data != x->info.data_blocks || zero != x->zero_blocks)
        return err_set(e, EBADMSG, ERR_CORRUPT, "counts of the leaf references do not add up");
    return 0;
}

static int root_sums(const void *p, size_t n, const struct root *x, struct err *e)
{
    uint8_t sha[SHA_BYTES];
    int r = sha256(p, n - SHA_BYTES, sha, e);

    if (r < 0)
        return r;
    if (memcmp(sha, (const uint8_t *)p + n - SHA_BYTES, SHA_BYTES) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "checksum of the root record does not match");
    r = root_sha(x->info.volume_bytes, x->ref, x->leaves, sha, e);
    if (r < 0)
        return r;
    if (memcmp(sha, x->info.root_sha256, SHA_BYTES) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the root hash is not that of the leaves");
    return 0;
}

int root_parse(const void *p, size_t n, const uint8_t uuid[UUID_BYTES], bool sums, struct root *ret,
               struct err *e)
{
    _cleanup_(root_done) struct root x = { 0 };
    struct root_disk d;
    size_t refs;
    int r;

    if (n < sizeof d + SHA_BYTES)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the root record is cut");
    memcpy(&d, p, sizeof d);
    r = root_header_parse(&d, uuid, sums, &x, e);
    if (r < 0)
        return r;
    if (n != root_bytes(x.leaves))
        return err_set(e, EBADMSG, ERR_CORRUPT, "the root record has %zu bytes where %zu are due",
                       n, root_bytes(x.leaves));
    refs = (size_t)x.leaves * sizeof *x.ref;
    x.ref = malloc(refs);
    if (!x.ref)
        return err_oom(e);
    memcpy(x.ref, (const uint8_t *)p + sizeof d, refs);
    if (sums)
        r = root_sums(p, n, &x, e);
    if (r < 0)
        return r;
    r = refs_parse(&x, e);
    if (r < 0)
        return r;
    *ret = x;
    x.ref = NULL;
    return 0;
}

void root_done(struct root *r)
{
    free(r->ref);
    r->ref = NULL;
}
