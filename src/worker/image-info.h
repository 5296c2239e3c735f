/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What qemu-img says about an image, judged. Pure functions over its JSON. */
#pragma once

#include "image-head.h"

/* *ret_bytes: the size of the disk. Refused: references to other files, encryption, another
 * format. */
int image_info_judge(const char *json, enum image_format named, uint64_t *ret_bytes, struct err *e);
/* The answer of "qemu-img check"; file_bytes 0: unknown. Leaks are fine. */
int image_check_judge(const char *json, uint64_t file_bytes, struct err *e);
