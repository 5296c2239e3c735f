/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The partition table of a disk, whose sectors are the input: see sectors.h. The sums of a GPT are
 * made right, or nothing would get past them; not where its reserved word is set. */
#include "parts.h"

#include <string.h>

#include "bytes.h"
#include "sectors.h"

#define DISK_SECTORS 2048 /* at least: the seeds end before */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *disk, uint64_t bytes, uint64_t lba, uint64_t sector)
{
    uint8_t *h = disk + lba * sector;
    uint64_t at, n;

    if ((lba + 1) * sector > bytes || memcmp(h, "EFI PART", 8) != 0 || rd32(h + 20))
        return;
    at = rd64(h + 72);
    n = (uint64_t)rd32(h + 80) * rd32(h + 84);
    if (at < bytes / sector && n <= bytes - at * sector)
        wr32(h + 88, win_crc32(0, disk + at * sector, n));
    wr32(h + 16, 0);
    if (rd32(h + 12) <= sector)
        wr32(h + 16, win_crc32(0, h, rd32(h + 12)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;
    struct win_disk *d = sectors_disk(data, size, DISK_SECTORS, &bytes);
    struct win_parts p;
    struct err e = { 0 };

    if (!d)
        return 0;
    for (uint64_t sector = 512; sector <= 4096; sector *= 8) {
        mend(bytes, win_disk_bytes(d), 1, sector);
        mend(bytes, win_disk_bytes(d), win_disk_bytes(d) / sector - 1, sector);
    }
    if (win_parts_read(d, &p, &e) == 0)
        for (size_t i = 0; i < p.n; i++)
            if (p.part[i].bytes > win_disk_bytes(d) ||
                p.part[i].offset > win_disk_bytes(d) - p.part[i].bytes)
                __builtin_trap();
    win_disk_free(d);
    return 0;
}
