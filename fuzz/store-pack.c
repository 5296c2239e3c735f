/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes as a whole pack: header, trailer, table, each record, each frame, a leaf's entries; no
 * checksum stands in the way. */
#include <assert.h>
#include <string.h>

#include "frame.h"

#define RECORDS_MAX 64U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t plain[STORE_BLOCK_BYTES];

static void unpack(ZSTD_DCtx *c, const uint8_t *stored, uint32_t len)
{
    uint64_t loc[LEAF_ENTRIES];
    struct rec_disk d;
    struct rec rec;
    struct err e = { 0 };

    memcpy(&d, stored, sizeof d);
    if (rec_parse(&d, SUMS_SKIP, &rec, &e) < 0 || rec.stored_len + sizeof d != len)
        return;
    for (unsigned f = 0; f < rec.frames; f++)
        if (frame_unpack(c, &rec, f, stored + sizeof d + rec.frame[f].offset,
                         plain + (size_t)f * STORE_FRAME_BYTES, &e) < 0)
            return;
    if (rec.kind == REC_LEAF)
        (void)leaf_parse(plain, loc, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pack_header_disk head;
    struct entry_disk *table;
    struct trailer_disk t;
    struct err e = { 0 };
    ZSTD_DCtx *c;
    uint64_t offset;
    uint32_t count;

    if (size < sizeof head + sizeof t)
        return 0;
    memcpy(&head, data, sizeof head);
    memcpy(&t, data + size - sizeof t, sizeof t);
    if (pack_header_parse(&head, head.uuid, get_le64(head.seq), SUMS_SKIP, &e) < 0 ||
        trailer_parse(&t, get_le64(t.seq), size, SUMS_SKIP, &offset, &count, &e) < 0) {
        assert(e.no && e.msg[0]);
        return 0;
    }
    table = malloc(count * sizeof *table);
    c = ZSTD_createDCtx();
    assert(table && c);
    memcpy(table, data + offset, count * sizeof *table);
    if (table_parse(table, &t, SUMS_SKIP, &e) == 0)
        for (uint32_t i = 0; i < count && i < RECORDS_MAX; i++)
            unpack(c, data + get_le64(table[i].offset), get_le32(table[i].len));
    (void)ZSTD_freeDCtx(c);
    free(table);
    return 0;
}
