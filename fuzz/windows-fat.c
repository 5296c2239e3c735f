/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A FAT volume, by every entry point into a tree. FAT32 begins at 65525 clusters. */
#include "fat.h"
#include "volume.h"

#define VOLUME_SECTORS 67000 /* at least: the seeds end before */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volume_use(data, size, VOLUME_SECTORS, NULL, win_fat_open);
    return 0;
}
