/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evtx.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"

#define FILE_MAGIC       "ElfFile" /* with its NUL: 8 bytes */
#define CHUNK_MAGIC      "ElfChnk"
#define CHUNK_DATA       0x200 /* where a chunk's records begin */
#define CHUNK_HEAD_BYTES 0x80
#define NO_RECORD        UINT64_MAX

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
    if (rd32(b + 32) != EVTX_HEAD_BYTES || (rd32(b + 40) & 0xffff) != EVTX_BLOCK_BYTES)
        return bad(e, "sizes in the header are not those of the format");
    if (!(i->flags & EVTX_NO_CHECKSUM) && win_crc32(0, b, 120) != rd32(b + 124))
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
    i.next_record = rd64(b + 24);
    i.minor = (uint16_t)(rd32(b + 36) & 0xffff);
    i.major = (uint16_t)(rd32(b + 36) >> 16);
    i.chunks = (uint16_t)(rd32(b + 40) >> 16);
    i.flags = rd32(b + 120);
    r = check_head(b, file_bytes, &i, e);
    if (r < 0)
        return r;
    *ret = i;
    return 0;
}

static uint32_t chunk_crc(const uint8_t *c)
{
    return win_crc32(win_crc32(0, c, 120), c + 128, CHUNK_DATA - 128);
}

/* 1: holds events, 0: holds none. */
static int check_chunk(const uint8_t *c, unsigned no, bool checksums, struct err *e)
{
    uint32_t end = rd32(c + 48);

    if (memcmp(c, CHUNK_MAGIC, 8) != 0 || rd32(c + 40) != CHUNK_HEAD_BYTES || end < CHUNK_DATA ||
        end > EVTX_CHUNK_BYTES)
        return err_set(e, EBADMSG, ERR_CORRUPT, "event log: chunk %u is damaged", no);
    if (checksums && (chunk_crc(c) != rd32(c + 124) ||
                      win_crc32(0, c + CHUNK_DATA, end - CHUNK_DATA) != rd32(c + 52)))
        return err_set(e, EBADMSG, ERR_CORRUPT, "event log: a checksum of chunk %u is wrong", no);
    return rd64(c + 24) != NO_RECORD && rd64(c + 32) != NO_RECORD && end > CHUNK_DATA;
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

void evtx_make_empty(uint16_t minor, uint8_t out[EVTX_EMPTY_BYTES])
{
    uint8_t *c = out + EVTX_BLOCK_BYTES;

    memset(out, 0, EVTX_EMPTY_BYTES);
    memcpy(out, FILE_MAGIC, 8);
    wr64(out + 24, 1);
    wr32(out + 32, EVTX_HEAD_BYTES);
    wr32(out + 36, minor | 3U << 16);
    wr32(out + 40, EVTX_BLOCK_BYTES | 1U << 16);
    wr32(out + 124, win_crc32(0, out, 120));

    memcpy(c, CHUNK_MAGIC, 8);
    wr64(c + 8, 1);
    wr64(c + 16, NO_RECORD);
    wr64(c + 24, NO_RECORD);
    wr64(c + 32, NO_RECORD);
    wr32(c + 40, CHUNK_HEAD_BYTES);
    wr32(c + 48, CHUNK_DATA);
    wr32(c + 124, chunk_crc(c));
}
