/* SPDX-License-Identifier: Apache-2.0 */
/* What Windows' task scheduler would do with a task at the start of Windows; Wine's keeps neither
 * trigger nor action of one. */
#pragma once

#include "lib/str.h"

/* 1, the command line (heap) and how long behind the start, of a task that is run at each start of
 * Windows as SYSTEM; 0: it is not of that kind, or switched off in its own text. xml: as it was
 * registered, UTF-8. */
int at_boot_command(const char *name, const char *xml, char **ret, unsigned *ret_delay_s,
                    struct err *e);
