/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A FAT12/16/32 volume, enough for an EFI system partition: files are found, read, and replaced. */
#pragma once

#include "disk.h"
#include "tree.h"

/* The part must outlive it. */
int win_fat_open(struct win_disk *part, bool writable, struct win_tree **ret, struct err *e);
