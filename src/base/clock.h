/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time: milliseconds, and EC2's way to print it. */
#pragma once

#include "util.h"

#define CLOCK_ISO_MAX 32

uint64_t clock_real_ms(void); /* since 1970, UTC */
uint64_t clock_mono_ms(void); /* since boot; for deadlines */
uint64_t clock_mono_ns(void);
/* "2026-01-02T03:04:05.000Z" */
void clock_iso8601(uint64_t real_ms, char out[CLOCK_ISO_MAX]);
/* ISO 8601 with Z, with or without fraction; 0 or -EINVAL. */
int clock_parse_iso8601(const char *text, uint64_t *ret_real_ms);
/* The kernel's boot id: content of shared maps is coherent only within one boot. 36 characters. */
int clock_boot_id(char out[40]);
