/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Regions and zones are names here: one address serves all of them (rule 1), and each has the zones
 * a, b and c. */
#pragma once

#include "api-priv.h"

#define REGION_ZONES 3

/* The i-th region, sorted by name: EC2's usual ones and the configured one; NULL past the end. */
const char *region_at(const struct api_config *cfg, size_t i);
/* "us-east-1" is "use1", as in the zone id "use1-az1". */
void region_short(const char *region, char *out, size_t size);
