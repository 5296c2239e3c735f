/* SPDX-License-Identifier: Apache-2.0 */
/* The DNS search list. */
#pragma once

#include "engine/log.h"

#define DNS_SUFFIXES_MAX   64U
#define DNS_SUFFIX_DEFAULT "$REGION.ec2-utilities.amazonaws.com"

/* Puts the n suffixes ($REGION and $AZ replaced) first, then what the search list has, the domain
 * with its devolved parents, "NV Domain" and the suffixes of the adapters; each once. Written only
 * when something changes: *ret_changed. A suffix whose variable has no value is left out, with a
 * warning. */
int dns_suffixes_apply(struct win *w, const char *const *suffixes, size_t n, const char *region,
                       const char *zone, struct log *log, bool *ret_changed, struct err *e);
