/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guess at what a disk holds, from its partition table and boot sectors. Reads little, believes
 * nothing. */
#pragma once

#include "err.h"

#define PARTITIONS_MAX 128

/* Fills buf from the disk; what lies behind its end is zeros. */
typedef int (*partitions_read_fn)(void *userdata, uint64_t offset, void *buf, size_t len,
                                  struct err *e);

struct partitions_look { /* static texts; "" when nothing tells */
    const char *system;  /* "windows", "linux" */
    /* "uefi" when nothing else will do (a GPT with an EFI system partition and no place for a BIOS
     * loader; Windows boots from a GPT by UEFI alone), else "legacy-bios" */
    const char *boot;
};
/* Only a failing read is an error. */
int partitions_guess(partitions_read_fn fn, void *userdata, uint64_t disk_bytes,
                     struct partitions_look *ret, struct err *e);
