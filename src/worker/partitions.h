/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guess at what a disk holds, from its partition table and boot sectors. Reads little, believes
 * nothing. */
#pragma once

#include "err.h"

#define PARTITIONS_MAX 128

/* Fills buf from the disk; what lies behind its end is zeros. */
typedef int (*partitions_read_fn)(void *userdata, uint64_t offset, void *buf, size_t len,
                                  struct err *e);

/* *ret: "windows", "linux" or "" (static text). Only a failing read is an error. */
int partitions_guess(partitions_read_fn fn, void *userdata, uint64_t disk_bytes, const char **ret,
                     struct err *e);
