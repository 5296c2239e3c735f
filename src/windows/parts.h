/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partition tables: GPT (UEFI specification 2.10, chapter 5) and MBR with logical drives, or none
 * (a bare volume). What each partition holds is told by its first sector, not by its type. */
#pragma once

#include "disk.h"

#define WIN_PARTS_MAX 128

enum win_part_holds {
    WIN_HOLDS_UNKNOWN,
    WIN_HOLDS_NTFS,
    WIN_HOLDS_FAT, /* FAT12, FAT16 or FAT32 */
    WIN_HOLDS_BITLOCKER,
    WIN_HOLDS_REFS,
    WIN_HOLDS_MAX
};

struct win_part {
    unsigned number; /* as Windows and Linux count: from 1; 0: the whole disk is one volume */
    uint64_t offset, bytes;
    enum win_part_holds holds;
    bool active;      /* MBR: the BIOS starts it */
    bool is_esp;      /* by its type */
    uint8_t guid[16]; /* GPT: of the partition, as on disk */
};

enum win_table { WIN_TABLE_NONE, WIN_TABLE_MBR, WIN_TABLE_GPT, WIN_TABLE_MAX };

struct win_parts {
    enum win_table table;
    unsigned sector;         /* bytes: 512 or 4096 */
    uint8_t disk_guid[16];   /* GPT, as on disk */
    uint32_t disk_signature; /* MBR */
    bool backup_used;        /* the GPT's first copy is damaged, its second is not */
    struct win_part part[WIN_PARTS_MAX];
    size_t n;
};

/* Overlapping partitions, those behind the end and chains of logical drives without end are
 * ERR_CORRUPT. */
int win_parts_read(struct win_disk *d, struct win_parts *ret, struct err *e);
const char *win_table_name(enum win_table t);           /* "none", "MBR", "GPT" */
const char *win_part_holds_name(enum win_part_holds h); /* "unknown", "NTFS", "FAT", ... */
