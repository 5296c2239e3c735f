/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sectors.h"

#include <string.h>

#define SECTOR  512U
#define SECTORS 65536U

struct win_disk *sectors_disk(const uint8_t *data, size_t size, uint32_t least, uint8_t **ret_bytes)
{
    static uint8_t disk[SECTORS * SECTOR];
    struct win_disk *d = NULL;
    struct err e = { 0 };
    uint32_t n = least;

    for (size_t i = 0; i + 2 + SECTOR <= size; i += 2 + SECTOR)
        n = (uint32_t)max_u64(n, (data[i] | (uint32_t)data[i + 1] << 8) + 1);
    memset(disk, 0, (size_t)n * SECTOR);
    for (; size >= 2 + SECTOR; data += 2 + SECTOR, size -= 2 + SECTOR)
        memcpy(disk + (data[0] | (size_t)data[1] << 8) * SECTOR, data + 2, SECTOR);
    if (win_disk_over(disk, (size_t)n * SECTOR, &d, &e) < 0)
        return NULL;
    *ret_bytes = disk;
    return d;
}
