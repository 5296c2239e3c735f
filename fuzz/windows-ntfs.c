/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An NTFS volume (through libntfs-3g), by every entry point into a tree. */
#include "ntfs.h"
#include "volume.h"

#define VOLUME_SECTORS 4096 /* at least: the seeds end before */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volume_use(data, size, VOLUME_SECTORS, "NTFS    ", win_ntfs_open);
    return 0;
}
