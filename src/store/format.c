/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packs, records and leaves as bytes. Root records: root.c. */
#include "format.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "seal.h"

#define CODEC_ZSTD 1

const uint8_t format_zero_sha[SHA_BYTES] = {
    0x07, 0x85, 0x4d, 0x2f, 0xef, 0x29, 0x7a, 0x06, 0xba, 0x81, 0x68, 0x5e, 0x66, 0x0c, 0x33, 0x2d,
    0xe3, 0x6d, 0x5d, 0x18, 0xd5, 0x46, 0x92, 0x7d, 0x30, 0xda, 0xad, 0x6d, 0x7f, 0xda, 0x15, 0x41,
};

static int corrupt(struct err *e, const char *what)
{
    return err_set(e, EBADMSG, ERR_CORRUPT, "%s", what);
}

void format_build(struct format_disk *d, const uint8_t uuid[UUID_BYTES], uint32_t incompat)
{
    *d = (struct format_disk){ .magic = "KILNSTOR",
                               .version = put_le32(FORMAT_VERSION),
                               .incompat = put_le32(incompat) };
    memcpy(d->uuid, uuid, UUID_BYTES);
    d->crc = put_le32(crc32c(d, offsetof(struct format_disk, crc)));
}

int format_parse(const struct format_disk *d, uint8_t ret_uuid[UUID_BYTES], uint32_t *ret_incompat,
                 struct err *e)
{
    if (memcmp(d->magic, "KILNSTOR", sizeof d->magic) != 0)
        return corrupt(e, "this is no store of ours");
    if (get_le32(d->crc) != crc32c(d, offsetof(struct format_disk, crc)))
        return corrupt(e, "checksum of the format file does not match");
    if (get_le32(d->version) != FORMAT_VERSION)
        return err_set(e, EPROTONOSUPPORT, ERR_INVALID,
                       "format version %" PRIu32 " is not known here (only %u is)",
                       get_le32(d->version), FORMAT_VERSION);
    if (get_le32(d->incompat) & ~FORMAT_DOMAINS)
        return err_set(e, EPROTONOSUPPORT, ERR_INVALID,
                       "the store uses features 0x%" PRIx32 " that are not known here",
                       get_le32(d->incompat));
    memcpy(ret_uuid, d->uuid, UUID_BYTES);
    *ret_incompat = get_le32(d->incompat);
    return 0;
}

void pack_header_build(struct pack_header_disk *d, const uint8_t uuid[UUID_BYTES], uint64_t seq,
                       const struct pack_domain *domain)
{
    *d = (struct pack_header_disk){ .magic = "KILNPACK",
                                    .version = put_le32(FORMAT_VERSION),
                                    .seq = put_le64(seq),
                                    .domain = put_le32(domain->domain) };
    memcpy(d->uuid, uuid, UUID_BYTES);
    memcpy(d->key_check, domain->key_check, sizeof d->key_check);
    memcpy(d->salt, domain->salt, sizeof d->salt);
    d->crc = put_le32(crc32c(d, offsetof(struct pack_header_disk, crc)));
}

void pack_header_domain(const struct pack_header_disk *d, struct pack_domain *ret)
{
    *ret = (struct pack_domain){ .domain = get_le32(d->domain) };
    memcpy(ret->key_check, d->key_check, sizeof ret->key_check);
    memcpy(ret->salt, d->salt, sizeof ret->salt);
}

int pack_header_parse(const struct pack_header_disk *d, const uint8_t uuid[UUID_BYTES],
                      uint64_t seq, bool sums, struct err *e)
{
    if (memcmp(d->magic, "KILNPACK", sizeof d->magic) != 0)
        return corrupt(e, "no pack header");
    if (sums && get_le32(d->crc) != crc32c(d, offsetof(struct pack_header_disk, crc)))
        return corrupt(e, "checksum of the pack header does not match");
    if (get_le32(d->version) != FORMAT_VERSION)
        return corrupt(e, "pack version is not known");
    if (memcmp(d->uuid, uuid, UUID_BYTES) != 0)
        return corrupt(e, "the pack belongs to another store");
    if (get_le64(d->seq) != seq)
        return corrupt(e, "the pack header has another sequence number than the name");
    return 0;
}

void trailer_build(struct trailer_disk *d, uint64_t seq, uint64_t table_offset, uint32_t count,
                   const struct entry_disk *table)
{
    *d = (struct trailer_disk){ .magic = "KILNFOOT",
                                .seq = put_le64(seq),
                                .table_offset = put_le64(table_offset),
                                .count = put_le32(count),
                                .table_crc = put_le32(crc32c(table, count * sizeof *table)) };
    d->crc = put_le32(crc32c(d, offsetof(struct trailer_disk, crc)));
}

int trailer_parse(const struct trailer_disk *d, uint64_t seq, uint64_t file_bytes, bool sums,
                  uint64_t *ret_offset, uint32_t *ret_count, struct err *e)
{
    uint64_t offset = get_le64(d->table_offset);
    uint32_t count = get_le32(d->count);

    if (memcmp(d->magic, "KILNFOOT", sizeof d->magic) != 0)
        return corrupt(e, "no pack trailer at the end");
    if (sums && get_le32(d->crc) != crc32c(d, offsetof(struct trailer_disk, crc)))
        return corrupt(e, "checksum of the pack trailer does not match");
    if (get_le64(d->seq) != seq)
        return corrupt(e, "the pack trailer has another sequence number than the name");
    if (count == 0 || count > PACK_RECORDS_MAX || file_bytes > PACK_BYTES_MAX ||
        offset < sizeof(struct pack_header_disk) || offset > file_bytes ||
        file_bytes - offset != (uint64_t)count * sizeof(struct entry_disk) + sizeof *d)
        return corrupt(e, "the pack table does not fit the file");
    *ret_offset = offset;
    *ret_count = count;
    return 0;
}

int table_parse(const struct entry_disk *table, const struct trailer_disk *trailer, bool sums,
                struct err *e)
{
    uint64_t end = sizeof(struct pack_header_disk), limit = get_le64(trailer->table_offset);
    uint32_t count = get_le32(trailer->count);

    if (sums && get_le32(trailer->table_crc) != crc32c(table, count * sizeof *table))
        return corrupt(e, "checksum of the pack table does not match");
    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset = get_le64(table[i].offset);
        uint32_t len = get_le32(table[i].len);

        if (offset < end || offset % 8 || offset > limit || len > limit - offset ||
            len < sizeof(struct rec_disk) ||
            len > sizeof(struct rec_disk) + STORE_BLOCK_BYTES + FRAMES_MAX * SEAL_TAG_BYTES ||
            (table[i].kind != REC_BLOCK && table[i].kind != REC_LEAF))
            return err_set(e, EBADMSG, ERR_CORRUPT, "entry %" PRIu32 " of the pack table is bad",
                           i);
        end = offset + len;
    }
    return 0;
}

void rec_build(struct rec_disk *d, enum rec_kind kind, uint32_t domain, uint32_t plain_len,
               const uint8_t sha[SHA_BYTES])
{
    *d = (struct rec_disk){ .magic = { 'K', 'R', 'E', 'C' },
                            .kind = (uint8_t)kind,
                            .codec = CODEC_ZSTD,
                            .domain = put_le32(domain),
                            .plain_len = put_le32(plain_len) };
    memcpy(d->sha, sha, SHA_BYTES);
}

void rec_lengths(struct rec_disk *d)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < FRAMES_MAX; i++)
        sum += get_le32(d->frame[i].len) & ~FRAME_RAW;
    d->stored_len = put_le32(sum);
}

void rec_seal(struct rec_disk *d)
{
    rec_lengths(d);
    d->crc = put_le32(crc32c(d, offsetof(struct rec_disk, crc)));
}

static int frames_parse(const struct rec_disk *d, struct rec *x, struct err *e)
{
    uint32_t offset = 0, tag = x->sealed ? SEAL_TAG_BYTES : 0;

    x->frames = (unsigned)div_up_u64(x->plain_len, STORE_FRAME_BYTES);
    for (unsigned i = 0; i < FRAMES_MAX; i++) {
        uint32_t word = get_le32(d->frame[i].len), len = word & ~FRAME_RAW;
        uint32_t before = i * STORE_FRAME_BYTES;
        uint32_t plain =
            i < x->frames ? (uint32_t)min_u64(x->plain_len - before, STORE_FRAME_BYTES) : 0;
        bool raw = (word & FRAME_RAW) != 0;
        uint32_t packed = len - tag;

        if (!plain) /* no frame: no tag either */
            packed = len;
        else if (len < tag ||
                 (tag && !packed)) /* an encrypted frame says of nothing that it is zeros */
            return err_set(e, EBADMSG, ERR_CORRUPT, "frame %u has an impossible length", i);
        if (packed > plain || (raw && packed != plain))
            return err_set(e, EBADMSG, ERR_CORRUPT, "frame %u has an impossible length", i);
        x->frame[i].offset = offset;
        x->frame[i].len = len;
        x->frame[i].packed = packed;
        x->frame[i].raw = raw;
        x->frame[i].crc = get_le32(d->frame[i].crc);
        x->frame[i].plain_len = plain;
        offset += len;
    }
    if (offset != x->stored_len)
        return corrupt(e, "lengths of the frames do not add up");
    return 0;
}

int rec_parse(const struct rec_disk *d, bool sums, struct rec *ret, struct err *e)
{
    struct rec x = { .kind = (enum rec_kind)d->kind,
                     .plain_len = get_le32(d->plain_len),
                     .stored_len = get_le32(d->stored_len),
                     .domain = get_le32(d->domain),
                     .sealed = rec_is_sealed((enum rec_kind)d->kind, get_le32(d->domain)) };
    int r;

    if (memcmp(d->magic, "KREC", sizeof d->magic) != 0)
        return corrupt(e, "no record header");
    if (sums && get_le32(d->crc) != crc32c(d, offsetof(struct rec_disk, crc)))
        return corrupt(e, "checksum of the record header does not match");
    if (d->codec != CODEC_ZSTD)
        return corrupt(e, "codec is not known");
    if (!(d->kind == REC_BLOCK && x.plain_len == STORE_BLOCK_BYTES) &&
        !(d->kind == REC_LEAF && x.plain_len == LEAF_BYTES))
        return corrupt(e, "kind and length do not fit each other");
    r = frames_parse(d, &x, e);
    if (r < 0)
        return r;
    memcpy(x.sha, d->sha, SHA_BYTES);
    *ret = x;
    return 0;
}

int leaf_parse(const uint8_t plain[LEAF_BYTES], uint64_t loc[LEAF_ENTRIES], struct err *e)
{
    for (unsigned i = 0; i < LEAF_ENTRIES; i++) {
        le64 d;

        memcpy(&d, plain + i * sizeof d, sizeof d);
        loc[i] = get_le64(d);
        if (!LOC_IS_RECORD(loc[i]) && loc[i] != LOC_HOLE && loc[i] != LOC_ZERO)
            return err_set(e, EBADMSG, ERR_CORRUPT, "entry %u of the leaf is no location", i);
    }
    return 0;
}

void leaf_build(const uint64_t loc[LEAF_ENTRIES], uint8_t plain[LEAF_BYTES])
{
    for (unsigned i = 0; i < LEAF_ENTRIES; i++) {
        le64 d = put_le64(loc[i]);

        memcpy(plain + i * sizeof d, &d, sizeof d);
    }
}

bool name_is_ok(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return name[0] && name[0] != '.' && !name[n] && n < STORE_ID_MAX;
}
