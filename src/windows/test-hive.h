/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of hives share. */
#pragma once

#include "test.h"

#include "regf-priv.h"

/* Owner and group Administrators, no lists: the least that is a descriptor. */
extern const uint8_t hive_sd[52];

/* With a root that has hive_sd. */
struct regf *hive_make(unsigned minor);
uint32_t hive_key(struct regf *h, const char *path);
/* Sound, nothing lost; also when it is written and opened again. */
struct regf_report hive_check(struct regf *h);
/* Always the same noise for a seed. */
void hive_fill(uint8_t *p, size_t n, uint32_t seed);
