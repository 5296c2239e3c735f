/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The partition table of a disk. The input is its sectors: numbers (2 bytes) with 512 bytes each,
 * on a disk of 1 MiB. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "parts.h"

#define BYTES (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t disk[BYTES];
    struct win_disk *d = NULL;
    struct win_parts p;
    struct err e = { 0 };

    memset(disk, 0, sizeof disk);
    for (; size >= 514; data += 514, size -= 514) {
        size_t at = (size_t)(data[0] | data[1] << 8) % (BYTES / 512) * 512;

        memcpy(disk + at, data + 2, 512);
    }
    if (win_disk_over(disk, sizeof disk, &d, &e) == 0 && win_parts_read(d, &p, &e) == 0)
        for (size_t i = 0; i < p.n; i++)
            if (p.part[i].offset + p.part[i].bytes > BYTES)
                __builtin_trap();
    win_disk_free(d);
    return 0;
}
