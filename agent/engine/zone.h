/* SPDX-License-Identifier: Apache-2.0 */
/* Time zone and network time. */
#pragma once

#include "engine/log.h"

/* Sets the zone when it differs; key as tzutil names it ("UTC"). */
int zone_apply(struct win *w, const char *key, struct log *log, bool *ret_changed, struct err *e);
/* W32Time's settings for 169.254.169.123, the hardware clock in UTC; then resync. */
int zone_ntp_apply(struct win *w, struct log *log, struct err *e);
/* w32tm /resync /rediscover /nowait; a failure is only logged. */
void zone_resync(struct win *w, struct log *log);
/* "UTC +0000" (v2) or "UTC 00:00:00" (v1): ret holds 24 bytes. */
const char *zone_offset_text(int32_t offset_minutes, bool colons, char ret[24]);
