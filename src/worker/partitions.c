/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "partitions.h"

#include <string.h>

#include "cur.h"

#define EBR_MAX        64 /* links of the chain of extended partitions */
#define GPT_ENTRY_MIN  128
#define GPT_ENTRY_MAX  512
#define PROBE_BYTES    4096 /* holds the magic of all but Btrfs */
#define BTRFS_MAGIC_AT 0x10040
#define MBR_TABLE_AT   446
#define MBR_SIGNATURE  0xaa55

struct guess {
    partitions_read_fn fn;
    void *userdata;
    uint64_t disk_bytes;
    uint64_t windows, linux_; /* bytes that speak for either */
    unsigned partitions;
    bool gpt, efi, bios; /* the table, and partitions for either firmware */
};

static int get(struct guess *g, uint64_t offset, void *buf, size_t len, struct err *e)
{
    if (offset >= g->disk_bytes || len > g->disk_bytes - offset) {
        memset(buf, 0, len);
        if (offset >= g->disk_bytes)
            return 0;
        len = (size_t)(g->disk_bytes - offset);
    }
    return g->fn(g->userdata, offset, buf, len, e);
}

static bool has(const uint8_t *buf, size_t at, const char *magic, size_t n)
{
    return memcmp(buf + at, magic, n) == 0;
}

static bool is_windows_fs(const uint8_t *b)
{
    return has(b, 3, "NTFS    ", 8) || has(b, 3, "ReFS", 4) || has(b, 3, "-FVE-FS-", 8);
}

static bool is_linux_fs(const uint8_t *b)
{
    return has(b, 1080, "\x53\xef", 2) /* ext2, 3, 4 */ || has(b, 0, "XFSB", 4) ||
           has(b, 0, "LUKS\xba\xbe", 6) || has(b, 512, "LABELONE", 8) /* LVM */ ||
           has(b, 4086, "SWAPSPACE2", 10);
}

/* One partition, or the whole disk when it has no table. */
static int look_at(struct guess *g, uint64_t start, uint64_t bytes, struct err *e)
{
    uint8_t b[PROBE_BYTES], magic[8];
    int r;

    r = get(g, start, b, sizeof b, e);
    if (r < 0)
        return r;
    if (is_windows_fs(b)) {
        g->windows += bytes;
        return 0;
    }
    if (is_linux_fs(b)) {
        g->linux_ += bytes;
        return 0;
    }
    if (bytes < BTRFS_MAGIC_AT + sizeof magic)
        return 0;
    r = get(g, start + BTRFS_MAGIC_AT, magic, sizeof magic, e);
    if (r == 0 && memcmp(magic, "_BHRfS_M", 8) == 0)
        g->linux_ += bytes;
    return r;
}

/* A partition of a table: bounded to the disk, looked at, counted. Returns 1 when there were too
 * many. */
static int take_partition(struct guess *g, uint64_t start, uint64_t bytes, struct err *e)
{
    if (start == 0 || start >= g->disk_bytes || bytes == 0)
        return 0;
    if (++g->partitions > PARTITIONS_MAX)
        return 1;
    return look_at(g, start, min_u64(bytes, g->disk_bytes - start), e);
}

/* ---- MBR ------------------------------------------------------------------------------------- */

struct mbr_entry {
    uint8_t type;
    uint32_t start, count;
};

static bool mbr_parse(const uint8_t *sector, struct mbr_entry ret[4])
{
    struct cur c = cur_over(sector + MBR_TABLE_AT, 66);

    for (unsigned i = 0; i < 4; i++) {
        (void)cur_take(&c, 4);
        ret[i].type = cur_u8(&c);
        (void)cur_take(&c, 3);
        ret[i].start = cur_le32(&c);
        ret[i].count = cur_le32(&c);
    }
    return cur_le16(&c) == MBR_SIGNATURE;
}

static bool is_extended(uint8_t type)
{
    return type == 0x05 || type == 0x0f || type == 0x85;
}

/* Logical partitions: a chain whose links are relative to its head. */
static int walk_extended(struct guess *g, uint64_t head, struct err *e)
{
    uint64_t link = head;

    for (unsigned n = 0; n < EBR_MAX; n++) {
        struct mbr_entry m[4];
        uint8_t sector[512];
        int r = get(g, link * 512, sector, sizeof sector, e);

        if (r < 0)
            return r;
        if (!mbr_parse(sector, m))
            return 0;
        if (m[0].type && !is_extended(m[0].type)) {
            r = take_partition(g, (link + m[0].start) * 512, (uint64_t)m[0].count * 512, e);
            if (r != 0)
                return r;
        }
        if (!is_extended(m[1].type) || m[1].start == 0 || head + m[1].start <= link)
            return 0; /* only forward: a loop ends here */
        link = head + m[1].start;
    }
    return 0;
}

static int walk_mbr(struct guess *g, const struct mbr_entry m[4], struct err *e)
{
    int r = 0;

    for (unsigned i = 0; i < 4 && r == 0; i++) {
        if (is_extended(m[i].type))
            r = walk_extended(g, m[i].start, e);
        else if (m[i].type)
            r = take_partition(g, (uint64_t)m[i].start * 512, (uint64_t)m[i].count * 512, e);
    }
    return r;
}

/* ---- GPT ------------------------------------------------------------------------------------- */

/* How the firmware finds its loader; as they lie on disk. */
static const uint8_t efi_system[16] = { /* C12A7328-F81F-11D2-BA4B-00A0C93EC93B */
                                        0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                        0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b
};
static const uint8_t bios_boot[16] = { /* 21686148-6449-6E6F-744E-656564454649 */
                                       'H', 'a', 'h', '!', 'I', 'd', 'o', 'n',
                                       't', 'N', 'e', 'e', 'd', 'E', 'F', 'I'
};

/* Types that tell the system even when the file system does not; as they lie on disk. */
static const struct {
    uint8_t guid[16];
    bool windows;
} gpt_types[] = {
    /* Microsoft reserved: E3C9E316-0B5C-4DB8-817D-F92DF00215AE */
    { { 0x16, 0xe3, 0xc9, 0xe3, 0x5c, 0x0b, 0xb8, 0x4d, 0x81, 0x7d, 0xf9, 0x2d, 0xf0, 0x02, 0x15,
        0xae },
      true },
    /* Windows recovery: DE94BBA4-06D1-4D40-A16A-BFD50179D6AC */
    { { 0xa4, 0xbb, 0x94, 0xde, 0xd1, 0x06, 0x40, 0x4d, 0xa1, 0x6a, 0xbf, 0xd5, 0x01, 0x79, 0xd6,
        0xac },
      true },
    /* Linux file system: 0FC63DAF-8483-4772-8E79-3D69D8477DE4 */
    { { 0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d,
        0xe4 },
      false },
    /* Linux root, x86-64: 4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709 */
    { { 0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d, 0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84, 0xb7,
        0x09 },
      false },
};

static int gpt_entry(struct guess *g, const uint8_t *p, uint64_t sector_bytes, struct err *e)
{
    struct cur c = cur_over(p, GPT_ENTRY_MIN);
    const uint8_t *type = cur_take(&c, 16);
    uint64_t first, last, start, bytes;

    (void)cur_take(&c, 16);
    first = cur_le64(&c);
    last = cur_le64(&c);
    if (last < first || !mul_u64(first, sector_bytes, &start) ||
        !mul_u64(last - first + 1, sector_bytes, &bytes))
        return 0;
    g->efi = g->efi || memcmp(type, efi_system, 16) == 0;
    g->bios = g->bios || memcmp(type, bios_boot, 16) == 0;
    for (size_t i = 0; i < ARRAY_LEN(gpt_types); i++)
        if (memcmp(type, gpt_types[i].guid, 16) == 0)
            *(gpt_types[i].windows ? &g->windows : &g->linux_) += 1;
    return take_partition(g, start, bytes, e);
}

/* Returns 1 when there is a GPT for sectors of this size. */
static int walk_gpt(struct guess *g, uint64_t sector_bytes, struct err *e)
{
    uint8_t head[512], entry[GPT_ENTRY_MAX];
    uint64_t table, offset;
    uint32_t n, size;
    struct cur c;
    int r;

    r = get(g, sector_bytes, head, sizeof head, e);
    if (r < 0)
        return r;
    if (!has(head, 0, "EFI PART", 8))
        return 0;
    g->gpt = true;
    c = cur_over(head + 72, 16);
    table = cur_le64(&c);
    n = cur_le32(&c);
    size = cur_le32(&c);
    if (size < GPT_ENTRY_MIN || size > GPT_ENTRY_MAX || !mul_u64(table, sector_bytes, &offset))
        return 1; /* nothing that can be believed */
    for (uint32_t i = 0; i < n && i < PARTITIONS_MAX && r == 0; i++) {
        r = get(g, offset, entry, GPT_ENTRY_MIN, e);
        if (r == 0)
            r = gpt_entry(g, entry, sector_bytes, e);
        if (!add_u64(offset, size, &offset))
            break;
    }
    return r < 0 ? r : 1;
}

static const char *boot_of(const struct guess *g, bool windows)
{
    if (g->gpt && g->efi && (windows || !g->bios))
        return "uefi";
    return g->gpt || g->partitions || g->windows || g->linux_ ? "legacy-bios" : "";
}

int partitions_guess(partitions_read_fn fn, void *userdata, uint64_t disk_bytes,
                     struct partitions_look *ret, struct err *e)
{
    struct guess g = { .fn = fn, .userdata = userdata, .disk_bytes = disk_bytes };
    struct mbr_entry m[4];
    uint8_t sector[512];
    int r;

    r = get(&g, 0, sector, sizeof sector, e);
    if (r == 0)
        r = walk_gpt(&g, 512, e);
    if (r == 0)
        r = walk_gpt(&g, 4096, e);
    if (r == 0)
        r = look_at(&g, 0, disk_bytes, e); /* a boot sector has MBR's signature too */
    if (r == 0 && !g.windows && !g.linux_ && mbr_parse(sector, m))
        r = walk_mbr(&g, m, e);
    if (r < 0)
        return r;
    ret->system = g.windows > g.linux_ ? "windows" : g.linux_ ? "linux" : "";
    ret->boot = boot_of(&g, g.windows > g.linux_);
    return 0;
}
