/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "parts.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"

#define MBR_ENTRY     446
#define MBR_ENTRIES   4
#define LOGICAL_MAX   64 /* of a chain of extended boot records */
#define GPT_HEADER    92
#define GPT_ENTRY_MIN 128
#define GPT_ENTRY_MAX 4096
#define GPT_COUNT_MAX 1024 /* entries that are looked at; 128 is what everybody makes */

#define TYPE_EXTENDED_CHS 0x05
#define TYPE_EXTENDED_LBA 0x0f
#define TYPE_EXTENDED_85  0x85
#define TYPE_GPT          0xee
#define TYPE_ESP          0xef

/* {C12A7328-F81F-11D2-BA4B-00A0C93EC93B}, UEFI 2.10, table 5.7 */
static const uint8_t esp_type[16] = { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                      0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b };

static const char *const table_names[WIN_TABLE_MAX] = { "none", "MBR", "GPT" };
static const char *const holds_names[WIN_HOLDS_MAX] = { "unknown", "NTFS", "FAT", "BitLocker",
                                                        "ReFS" };

const char *win_table_name(enum win_table t)
{
    return t < WIN_TABLE_MAX ? table_names[t] : "?";
}

const char *win_part_holds_name(enum win_part_holds h)
{
    return h < WIN_HOLDS_MAX ? holds_names[h] : "?";
}

/* ---- what a volume holds --------------------------------------------------------------------- */

/* BitLocker To Go looks like FAT32 but for its GUID at 0x1a8 (the MS-DOS 5 BPB ends before). */
static bool is_to_go(const uint8_t *boot)
{
    static const uint8_t guid[16] = { 0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a,
                                      0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01 };

    return memcmp(boot + 0x1a8, guid, sizeof guid) == 0;
}

static enum win_part_holds holds_of(const uint8_t *boot)
{
    if (memcmp(boot + 3, "-FVE-FS-", 8) == 0 || is_to_go(boot))
        return WIN_HOLDS_BITLOCKER;
    if (memcmp(boot + 3, "NTFS    ", 8) == 0)
        return WIN_HOLDS_NTFS;
    if (memcmp(boot + 3, "ReFS\0\0\0\0", 8) == 0)
        return WIN_HOLDS_REFS;
    if (boot[510] == 0x55 && boot[511] == 0xaa &&
        (memcmp(boot + 54, "FAT", 3) == 0 || memcmp(boot + 82, "FAT32", 5) == 0))
        return WIN_HOLDS_FAT;
    return WIN_HOLDS_UNKNOWN;
}

static int look_inside(struct win_disk *d, struct win_part *p, struct err *e)
{
    uint8_t boot[512];
    int r;

    if (p->bytes < sizeof boot)
        return 0;
    r = win_disk_read(d, p->offset, boot, sizeof boot, e);
    if (r == 0)
        p->holds = holds_of(boot);
    return r;
}

/* ---- collecting ------------------------------------------------------------------------------ */

static int add_part(struct win_parts *t, const struct win_part *p, uint64_t disk_bytes,
                    struct err *e)
{
    uint64_t end;

    if (!add_u64(p->offset, p->bytes, &end) || end > disk_bytes)
        return err_set(e, EINVAL, ERR_CORRUPT, "partition %u ends behind the disk's end",
                       p->number);
    for (size_t i = 0; i < t->n; i++)
        if (p->offset < t->part[i].offset + t->part[i].bytes && t->part[i].offset < end)
            return err_set(e, EINVAL, ERR_CORRUPT, "partitions %u and %u overlap",
                           t->part[i].number, p->number);
    if (t->n == WIN_PARTS_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "there are more than %d partitions", WIN_PARTS_MAX);
    t->part[t->n++] = *p;
    return 0;
}

/* ---- GPT: UEFI 2.10, 5.3 --------------------------------------------------------------------- */

struct gpt {
    uint64_t entries, first, last; /* LBA */
    uint32_t count, size, crc;
    uint8_t guid[16];
};

/* 1: a sound header, 0: none, negative: the disk failed. */
static int gpt_header(struct win_disk *d, unsigned sector, uint64_t lba, struct gpt *ret,
                      struct err *e)
{
    uint8_t h[4096];
    uint32_t size, crc;
    uint64_t at;
    int r;

    if (!mul_u64(lba, sector, &at) || at > win_disk_bytes(d) || win_disk_bytes(d) - at < sector)
        return 0;
    r = win_disk_read(d, at, h, sector, e);
    if (r < 0)
        return r;
    size = rd32(h + 12);
    crc = rd32(h + 16);
    if (memcmp(h, "EFI PART", 8) != 0 || size < GPT_HEADER || size > sector)
        return 0;
    memset(h + 16, 0, 4);
    if (win_crc32(0, h, size) != crc || rd64(h + 24) != lba)
        return 0;
    *ret = (struct gpt){ .first = rd64(h + 40),
                         .last = rd64(h + 48),
                         .entries = rd64(h + 72),
                         .count = rd32(h + 80),
                         .size = rd32(h + 84),
                         .crc = rd32(h + 88) };
    memcpy(ret->guid, h + 56, 16);
    return ret->size >= GPT_ENTRY_MIN && ret->size <= GPT_ENTRY_MAX && ret->size % 8 == 0 &&
           ret->count && ret->count <= GPT_COUNT_MAX && ret->first <= ret->last;
}

static int gpt_add(struct win_disk *d, struct win_parts *t, const struct gpt *g, unsigned number,
                   const uint8_t *entry, struct err *e)
{
    struct win_part p = { .number = number };
    uint64_t first = rd64(entry + 32), last = rd64(entry + 40), n;

    if (first < g->first || last > g->last || last < first ||
        !mul_u64(first, t->sector, &p.offset) || !add_u64(last - first, 1, &n) ||
        !mul_u64(n, t->sector, &p.bytes))
        return err_set(e, EINVAL, ERR_CORRUPT, "partition %u does not lie where partitions may",
                       number);
    p.is_esp = memcmp(entry, esp_type, 16) == 0;
    memcpy(p.guid, entry + 16, 16);
    return add_part(t, &p, win_disk_bytes(d), e);
}

/* 1: taken, 0: the entries' checksum is wrong. */
static int gpt_entries(struct win_disk *d, struct win_parts *t, const struct gpt *g, struct err *e)
{
    static const uint8_t none[16];
    size_t bytes = (size_t)g->count * g->size;
    _cleanup_free_ uint8_t *entries = malloc(bytes);
    uint64_t at, end;
    int r = 0;

    if (!entries)
        return err_oom(e);
    if (!mul_u64(g->entries, t->sector, &at) || !add_u64(at, bytes, &end) ||
        end > win_disk_bytes(d))
        return 0;
    r = win_disk_read(d, at, entries, bytes, e);
    if (r < 0)
        return r;
    if (win_crc32(0, entries, bytes) != g->crc)
        return 0;
    t->table = WIN_TABLE_GPT;
    memcpy(t->disk_guid, g->guid, 16);
    for (unsigned i = 0; i < g->count && r == 0; i++)
        if (memcmp(entries + (size_t)i * g->size, none, 16) != 0)
            r = gpt_add(d, t, g, i + 1, entries + (size_t)i * g->size, e);
    return r < 0 ? r : 1;
}

static int gpt_try(struct win_disk *d, struct win_parts *t, uint64_t lba, struct err *e)
{
    struct gpt g;
    int r = gpt_header(d, t->sector, lba, &g, e);

    return r == 1 ? gpt_entries(d, t, &g, e) : r;
}

/* 1: read, 0: neither copy is sound, for either sector size. */
static int read_gpt(struct win_disk *d, struct win_parts *t, struct err *e)
{
    static const unsigned sectors[] = { 512, 4096 };
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(sectors) && r == 0; i++) {
        t->sector = sectors[i];
        r = gpt_try(d, t, 1, e);
    }
    for (size_t i = 0; i < ARRAY_LEN(sectors) && r == 0; i++) {
        t->sector = sectors[i];
        if (win_disk_bytes(d) < 2 * (uint64_t)t->sector)
            continue;
        r = gpt_try(d, t, win_disk_bytes(d) / t->sector - 1, e);
        t->backup_used = r == 1;
    }
    return r;
}

/* ---- MBR ------------------------------------------------------------------------------------- */

static bool is_extended(uint8_t type)
{
    return type == TYPE_EXTENDED_CHS || type == TYPE_EXTENDED_LBA || type == TYPE_EXTENDED_85;
}

static int mbr_add(struct win_disk *d, struct win_parts *t, unsigned number, const uint8_t *entry,
                   uint64_t base_sector, struct err *e)
{
    struct win_part p = { .number = number };

    p.offset = (base_sector + rd32(entry + 8)) * 512;
    p.bytes = (uint64_t)rd32(entry + 12) * 512;
    p.active = entry[0] == 0x80;
    p.is_esp = entry[4] == TYPE_ESP;
    return p.bytes ? add_part(t, &p, win_disk_bytes(d), e) : 0;
}

/* Logical drives count from 5; each extended boot record names one and the next record. */
static int read_logical(struct win_disk *d, struct win_parts *t, uint64_t extended, struct err *e)
{
    uint64_t at = extended;
    uint8_t ebr[512];

    for (unsigned i = 0; i < LOGICAL_MAX; i++) {
        const uint8_t *next = ebr + MBR_ENTRY + 16;
        int r = win_disk_read(d, at * 512, ebr, sizeof ebr, e);

        if (r < 0)
            return err_wrap(e, "read the extended partition");
        if (ebr[510] != 0x55 || ebr[511] != 0xaa)
            return 0;
        r = ebr[MBR_ENTRY + 4] ? mbr_add(d, t, 5 + i, ebr + MBR_ENTRY, at, e) : 0;
        if (r < 0 || !is_extended(next[4]) || rd32(next + 12) == 0)
            return r;
        at = extended + rd32(next + 8);
    }
    return err_set(e, ELOOP, ERR_CORRUPT, "the chain of logical drives does not end");
}

static int read_mbr(struct win_disk *d, struct win_parts *t, const uint8_t *mbr, struct err *e)
{
    int r = 0;

    t->table = WIN_TABLE_MBR;
    t->sector = 512;
    t->disk_signature = rd32(mbr + 440);
    for (unsigned i = 0; i < MBR_ENTRIES && r == 0; i++) {
        const uint8_t *entry = mbr + MBR_ENTRY + i * 16;

        if (is_extended(entry[4]))
            r = read_logical(d, t, rd32(entry + 8), e);
        else if (entry[4])
            r = mbr_add(d, t, i + 1, entry, 0, e);
    }
    return r;
}

static bool looks_like_mbr(const uint8_t *mbr)
{
    bool any = false;

    if (mbr[510] != 0x55 || mbr[511] != 0xaa)
        return false;
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        const uint8_t *entry = mbr + MBR_ENTRY + i * 16;

        if (entry[0] & 0x7f)
            return false;
        any = any || entry[4];
    }
    return any;
}

static bool has_protective(const uint8_t *mbr)
{
    for (unsigned i = 0; i < MBR_ENTRIES; i++)
        if (mbr[MBR_ENTRY + i * 16 + 4] == TYPE_GPT)
            return true;
    return false;
}

/* ---- a disk ---------------------------------------------------------------------------------- */

static int read_table(struct win_disk *d, struct win_parts *t, struct err *e)
{
    struct win_part whole = { .bytes = win_disk_bytes(d) };
    uint8_t first[512];
    int r;

    t->sector = 512;
    if (whole.bytes < sizeof first)
        return err_set(e, EINVAL, ERR_INVALID, "the disk is smaller than a sector");
    r = win_disk_read(d, 0, first, sizeof first, e);
    if (r < 0)
        return r;
    whole.holds = holds_of(first); /* a boot sector ends as an MBR does */
    if (whole.holds == WIN_HOLDS_UNKNOWN && looks_like_mbr(first)) {
        if (!has_protective(first))
            return read_mbr(d, t, first, e);
        r = read_gpt(d, t, e);
        if (r == 0)
            return err_set(e, EINVAL, ERR_CORRUPT, "both copies of the GPT are damaged");
        return r < 0 ? r : 0;
    }
    return add_part(t, &whole, whole.bytes, e);
}

int win_parts_read(struct win_disk *d, struct win_parts *ret, struct err *e)
{
    _cleanup_free_ struct win_parts *t = calloc(1, sizeof *t);
    int r;

    if (!t)
        return err_oom(e);
    r = read_table(d, t, e);
    for (size_t i = 0; i < t->n && r == 0; i++)
        r = look_inside(d, &t->part[i], e);
    if (r < 0)
        return err_wrap(e, "read the partition table");
    *ret = *t;
    return 0;
}
