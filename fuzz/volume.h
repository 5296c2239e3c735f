/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the targets of volumes share. */
#pragma once

#include <stdint.h>

#include "disk.h"
#include "tree.h"

/* Every entry point into a volume of least sectors or more, read-only and writable; the input is as
 * sectors.h has it. magic, when it is not NULL, replaces the 8 bytes at 3 of the boot sector. */
void volume_use(const uint8_t *data, size_t size, uint32_t least, const char *magic,
                int (*open)(struct win_disk *part, bool writable, struct win_tree **ret,
                            struct err *e));
