/* SPDX-License-Identifier: Apache-2.0 */
/* Data disks: partition, format, letters and labels; what is attached. Decisions are plans made of
 * plain data, so that they can be tested and shown; one function carries them out. */
#pragma once

#include "engine/imds.h"
#include "engine/log.h"

/* One attached volume as the owner knows it. */
struct disk_row {
    struct win_disk disk;
    char volume_id[64]; /* "vol-..." or "" */
    char device[32];    /* "xvdf", "/dev/sda1" from the block device mapping, or "" */
    bool instance_store;
    bool has_volume; /* volume is filled in: the largest one with a file system */
    struct win_volume volume;
};
/* Reads the disks, the volumes and the block device mapping (m may be NULL). */
int disks_list(struct win *w, struct imds *m, struct disk_row **ret, size_t *ret_n, struct err *e);
/* Table for people: one line a disk, heading first. Heap text; NULL: no memory. */
char *disks_text(const struct disk_row *rows, size_t n);

/* "xvdf", "/dev/xvdf", "sdf", "/dev/sdf" and "nvme1n1" forms name one device. */
bool disks_same_device(const char *a, const char *b);

struct disk_wish {             /* one entry of initializeVolume's device list */
    const char *device;        /* as in the console, or a volume id */
    const char *name;          /* label; NULL: none */
    char letter;               /* 0: the next free one */
    enum win_disk_style style; /* RAW: by size */
};

enum disk_act { DISK_SKIP, DISK_INITIALISE, DISK_LETTER_ONLY, DISK_ACT_MAX };

struct disk_plan {
    size_t row; /* in the list */
    enum disk_act act;
    const char *why; /* of DISK_SKIP and DISK_LETTER_ONLY, for the log */
    enum win_disk_style style;
    char letter; /* 0: none free, or leave it */
    char label[64];
    bool warning_file; /* Important.txt */
};
/* all: every empty disk; else only those of wishes (n of them). ret has room for rows_n plans;
 * *ret_n of them are used. taken: letters that are in use and have no row ("C", "Z", ...). */
void disks_plan(const struct dialect *d, const struct disk_row *rows, size_t rows_n, bool all,
                const struct disk_wish *wishes, size_t wishes_n, const char *taken,
                struct disk_plan *ret, size_t *ret_n);
/* Carries a plan out; goes on behind a disk that fails; -EIO when one did (each told in the log).
 * trim: leave TRIM on while formatting. */
int disks_apply(struct win *w, const struct disk_row *rows, const struct disk_plan *plans, size_t n,
                bool trim, struct log *log, struct err *e);
/* The three together, for the tasks. */
int disks_initialise(struct win *w, struct imds *m, const struct dialect *d, bool all,
                     const struct disk_wish *wishes, size_t wishes_n, bool trim, struct log *log,
                     struct err *e);

/* Letters by label (v1's and EC2Config's mapping files). "M" and "M:" are one letter. A missing
 * volume or a letter in use is told in the log, the others go on; -EIO when one failed. */
struct disk_letter {
    const char *label, *letter;
};
int disks_map_letters(struct win *w, const struct disk_letter *map, size_t n, struct log *log,
                      struct err *e);

/* Grows the system volume into the space behind it. */
int disks_extend_root(struct win *w, struct log *log, struct err *e);
