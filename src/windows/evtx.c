/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evtx.h"

#include <errno.h>
#include <string.h>

#include "cur.h"

#define FILE_MAGIC       "ElfFile" /* with its NUL: 8 bytes */
#define CHUNK_MAGIC      "ElfChnk"
#define CHUNK_DATA       0x200 /* where a chunk's records begin */
#define CHUNK_HEAD_BYTES 0x80
#define NO_RECORD        UINT64_MAX

/* IEEE 802.3, as zlib's; a few hundred logs are read, so half a byte a step is fast enough. */
static uint32_t crc32_add(uint32_t crc, const uint8_t *p, size_t n)
{
    static const uint32_t step[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };

    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ step[crc & 15];
        crc = crc >> 4 ^ step[crc & 15];
    }
    return ~crc;
}

static uint32_t le32_at(const uint8_t *p, size_t at)
{
    struct cur c = cur_over(p + at, 4);

    return cur_le32(&c);
}

static uint64_t le64_at(const uint8_t *p, size_t at)
{
    struct cur c = cur_over(p + at, 8);

    return cur_le64(&c);
}

static int bad(struct err *e, const char *why)
{
    return err_set(e, EBADMSG, ERR_CORRUPT, "event log: %s", why);
}

static int check_head(const uint8_t *b, uint64_t file_bytes, const struct evtx_info *i,
                      struct err *e)
{
    if (i->major != 3 || i->minor > 2)
        return err_set(e, EBADMSG, ERR_CORRUPT, "event log: version %u.%u is not known", i->major,
                       i->minor);
    if (le32_at(b, 32) != EVTX_HEAD_BYTES || (le32_at(b, 40) & 0xffff) != EVTX_BLOCK_BYTES)
        return bad(e, "sizes in the header are not those of the format");
    if (!(i->flags & EVTX_NO_CHECKSUM) && crc32_add(0, b, 120) != le32_at(b, 124))
        return bad(e, "the checksum of the header is wrong");
    if (file_bytes < EVTX_BLOCK_BYTES + (uint64_t)i->chunks * EVTX_CHUNK_BYTES)
        return bad(e, "shorter than its chunks");
    return 0;
}

int evtx_head(const void *p, size_t n, uint64_t file_bytes, struct evtx_info *ret, struct err *e)
{
    const uint8_t *b = p;
    struct evtx_info i = { 0 };
    int r;

    if (n < EVTX_HEAD_BYTES)
        return bad(e, "shorter than its header");
    if (memcmp(b, FILE_MAGIC, 8) != 0)
        return bad(e, "does not begin as one");
    i.next_record = le64_at(b, 24);
    i.minor = (uint16_t)(le32_at(b, 36) & 0xffff);
    i.major = (uint16_t)(le32_at(b, 36) >> 16);
    i.chunks = (uint16_t)(le32_at(b, 40) >> 16);
    i.flags = le32_at(b, 120);
    r = check_head(b, file_bytes, &i, e);
    if (r < 0)
        return r;
    *ret = i;
    return 0;
}

static uint32_t chunk_crc(const uint8_t *c)
{
    return crc32_add(crc32_add(0, c, 120), c + 128, CHUNK_DATA - 128);
}

/* 1: holds events, 0: holds none. */
static int check_chunk(const uint8_t *c, unsigned no, bool checksums, struct err *e)
{
    uint32_t end = le32_at(c, 48);

    if (memcmp(c, CHUNK_MAGIC, 8) != 0 || le32_at(c, 40) != CHUNK_HEAD_BYTES || end < CHUNK_DATA ||
        end > EVTX_CHUNK_BYTES)
        return err_set(e, EBADMSG, ERR_CORRUPT, "event log: chunk %u is damaged", no);
    if (checksums && (chunk_crc(c) != le32_at(c, 124) ||
                      crc32_add(0, c + CHUNK_DATA, end - CHUNK_DATA) != le32_at(c, 52)))
        return err_set(e, EBADMSG, ERR_CORRUPT, "event log: a checksum of chunk %u is wrong", no);
    return le64_at(c, 24) != NO_RECORD && le64_at(c, 32) != NO_RECORD && end > CHUNK_DATA;
}

int evtx_verify(const void *p, size_t n, struct evtx_info *ret, struct err *e)
{
    const uint8_t *b = p;
    struct evtx_info i;
    bool events = false;
    int r;

    r = evtx_head(p, n, n, &i, e);
    if (r < 0)
        return r;
    for (unsigned k = 0; k < i.chunks; k++) {
        r = check_chunk(b + EVTX_BLOCK_BYTES + (size_t)k * EVTX_CHUNK_BYTES, k,
                        !(i.flags & (EVTX_NO_CHECKSUM | EVTX_DIRTY)), e);
        if (r < 0)
            return r;
        events = events || r;
    }
    i.empty = !events;
    *ret = i;
    return 0;
}

static void set32(uint8_t *p, size_t at, uint32_t v)
{
    le32 d = put_le32(v);

    memcpy(p + at, d.b, 4);
}

static void set64(uint8_t *p, size_t at, uint64_t v)
{
    le64 d = put_le64(v);

    memcpy(p + at, d.b, 8);
}

void evtx_make_empty(uint16_t minor, uint8_t out[EVTX_EMPTY_BYTES])
{
    uint8_t *c = out + EVTX_BLOCK_BYTES;

    memset(out, 0, EVTX_EMPTY_BYTES);
    memcpy(out, FILE_MAGIC, 8);
    set64(out, 24, 1);
    set32(out, 32, EVTX_HEAD_BYTES);
    set32(out, 36, minor | 3U << 16);
    set32(out, 40, EVTX_BLOCK_BYTES | 1U << 16);
    set32(out, 124, crc32_add(0, out, 120));

    memcpy(c, CHUNK_MAGIC, 8);
    set64(c, 8, 1);
    set64(c, 16, NO_RECORD);
    set64(c, 24, NO_RECORD);
    set64(c, 32, NO_RECORD);
    set32(c, 40, CHUNK_HEAD_BYTES);
    set32(c, 48, CHUNK_DATA);
    set32(c, 124, chunk_crc(c));
}
