/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums: CRC32C against flipped bits, SHA-256 as identity; and the test for zeros. */
#pragma once

#include "err.h"

#define SHA_BYTES 32

uint32_t crc32c(const void *p, size_t n);
uint32_t crc32c_portable(const void *p, size_t n); /* the same, for any processor */
int sha256(const void *p, size_t n, uint8_t out[SHA_BYTES], struct err *e);
bool is_zero(const void *p, size_t n);
