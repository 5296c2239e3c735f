/* SPDX-License-Identifier: Apache-2.0 */
/* Host routes to the link-local services through the primary network adapter. */
#pragma once

#include "engine/imds.h"
#include "engine/log.h"

/* The adapter: by `mac` when given and found; else the enabled Ethernet adapter with the lowest
 * index, one with a default gateway preferred, virtual ones left out. NULL when there is none. */
const struct win_adapter *routes_primary(const struct win_adapter *a, size_t n, const char *mac);

/* The private IPv4 address, as metadata tells it, else the primary adapter's own. m may be NULL. 1
 * and heap text; 0: there is none. */
int routes_private_ip(struct win *w, struct imds *m, char **ret, struct err *e);

/* One attempt: deletes and adds each route of the dialect. mac may be NULL. -ENOENT without an
 * adapter, or what the first refused route said (the others are tried too). */
int routes_add(struct win *w, const struct dialect *d, const char *mac, struct log *log,
               struct err *e);
/* Repeats each second until it works or limit_ms are over (0: for ever); say_failed after each two
 * minutes of failure. Afterwards the time service is told to look again. */
int routes_add_wait(struct win *w, const struct dialect *d, struct log *log, uint32_t limit_ms,
                    void (*say_failed)(void *ctx), void *ctx, struct err *e);
