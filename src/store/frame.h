/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of a record, from stored bytes to content. */
#pragma once

#include <zstd.h>

#include "format.h"

/* The stored bytes against their checksum. */
int frame_check(const struct rec *rec, unsigned frame, const void *stored, struct err *e);
/* To out: plain_len bytes of it. What was sealed must have been unsealed. */
int frame_unpack(ZSTD_DCtx *d, const struct rec *rec, unsigned frame, const void *stored, void *out,
                 struct err *e);
