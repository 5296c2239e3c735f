/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sectors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SECTOR SECTORS_SECTOR

/* Pages that nobody wrote cost nothing, and all are zero again at once: most disks are empty. */
static uint8_t *zeros(void)
{
    static uint8_t *disk;
    size_t n = (size_t)SECTORS_MAX * SECTOR;

    if (!disk) {
        disk = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (disk == MAP_FAILED)
            abort();
    }
    if (madvise(disk, n, MADV_DONTNEED) < 0)
        abort();
    return disk;
}

struct win_disk *sectors_disk(const uint8_t *data, size_t size, uint32_t least, uint8_t **ret_bytes)
{
    uint8_t *disk = zeros();
    struct win_disk *d = NULL;
    struct err e = { 0 };
    uint32_t n = least;

    for (; size >= 2 + SECTOR; data += 2 + SECTOR, size -= 2 + SECTOR) {
        uint32_t at = data[0] | (uint32_t)data[1] << 8;

        n = (uint32_t)max_u64(n, at + 1);
        memcpy(disk + (size_t)at * SECTOR, data + 2, SECTOR);
    }
    if (win_disk_over(disk, (size_t)n * SECTOR, &d, &e) < 0)
        return NULL;
    *ret_bytes = disk;
    return d;
}
