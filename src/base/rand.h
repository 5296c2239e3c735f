/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Randomness from the kernel. */
#pragma once

#include "util.h"

void rand_bytes(void *p, size_t n);
/* n lower-case hex digits and a NUL. */
void rand_hex(char *out, size_t n);
/* A version 4 UUID, 36 characters and a NUL. */
void rand_uuid(char out[37]);
