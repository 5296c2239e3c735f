/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the journal of a change to a block device lies: beside a device there is no place. */
#pragma once

#include "err.h"

/* HOME/journals/<what the device is>.kiln-journal; caller frees. By its serial number, the uuid of
 * a mapping, or the file behind a loop device: the kernel's name may be another one's after a
 * restart. By that name when the device has none of these. sysfs: "/sys", or a test's. */
int windows_journal_path(const char *home, const char *device, const char *sysfs, char **ret,
                         struct err *e);
