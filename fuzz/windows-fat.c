/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A FAT volume, by every entry point into a tree. */
#include "fat.h"
#include "volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volume_use(data, size, NULL, win_fat_open);
    return 0;
}
