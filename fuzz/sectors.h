/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk as an input: its sectors that are not zero, each as its number (2 bytes) and 512 bytes. */
#pragma once

#include <stdint.h>

#include "disk.h"

#define SECTORS_SECTOR 512U
#define SECTORS_MAX    (1U << 17) /* the first half can have content */

/* The disk goes to the last sector named, but has least sectors (SECTORS_MAX at most). *ret lies
 * over a buffer that the next call fills anew; the caller frees it. NULL when memory is gone. */
struct win_disk *sectors_disk(const uint8_t *data, size_t size, uint32_t least,
                              uint8_t **ret_bytes);
