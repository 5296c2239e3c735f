/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which format a disk file is likely to have, so that the request can name it. Nothing is believed
 * here: the server checks the file against the format that the request names. */
#pragma once

#include "err.h"

#define DISK_FORMATS "raw|qcow2|vhd|vhdx|vmdk"

/* By name; NULL when the suffix says nothing. */
const char *disk_format_of_name(const char *path);
/* By content: the first and the last 512 bytes (n_first may be less); NULL: no magic. */
const char *disk_format_of_bytes(const void *first, size_t n_first, const void *last,
                                 size_t n_last);
/* Both; when they contradict each other or neither says anything, the caller must name it. */
int disk_format_guess(const char *path, const char **ret, struct err *e);
