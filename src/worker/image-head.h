/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own look at an image file before QEMU opens it: is it of the format that was named, and does
 * it name other files? Pure functions over the first and last bytes. */
#pragma once

#include "err.h"

#define IMAGE_FIRST_MAX KIB(64)
#define IMAGE_LAST      512

enum image_format { IMAGE_RAW, IMAGE_QCOW2, IMAGE_VHD, IMAGE_VHDX, IMAGE_VMDK, IMAGE_FORMAT_MAX };

struct image_head {
    const uint8_t *first; /* n_first bytes from offset 0: whole up to IMAGE_FIRST_MAX */
    size_t n_first;
    uint8_t last[IMAGE_LAST]; /* zeros when the file is shorter */
    uint64_t file_bytes;
};

const char *image_format_name(enum image_format f);
/* What QEMU calls it. */
const char *image_format_driver(enum image_format f);
/* 0 and *ret, or -EINVAL for an unknown word. */
int image_format_parse(const char *name, enum image_format *ret);

/* By its magic; IMAGE_FORMAT_MAX when it has none ("a raw disk, or something else"). */
enum image_format image_head_sniff(const struct image_head *h);
/* 0 when the file is of this format and names no other file; the reason otherwise, without the name
 * of the file. */
int image_head_check(const struct image_head *h, enum image_format named, struct err *e);
/* A VHD whose size is the footer's, not that of its geometry. */
bool image_head_vhd_exact(const struct image_head *h);
