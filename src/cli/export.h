/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Restore: a snapshot of the store as a raw file. */
#pragma once

#include "store.h"

struct export_result {
    uint64_t volume_bytes, data_bytes;
};

/* path is replaced when the export is whole, and untouched otherwise. A block that does not pass
 * its SHA-256 is ERR_CORRUPT: no file. */
int export_snapshot(struct store *s, const char *snapshot, const char *path,
                    struct export_result *ret, struct err *e);
