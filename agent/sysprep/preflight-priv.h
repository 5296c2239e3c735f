/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that look before Sysprep. */
#pragma once

#include <stdarg.h>

#include "sysprep/sysprep.h"

#define SYSPREP_PROGRAM "%SystemRoot%\\System32\\Sysprep\\sysprep.exe"

void preflight_add(struct preflight *p, enum preflight_weight weight, const char *topic,
                   const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Local accounts and profiles beside the built-in administrator. */
void preflight_accounts(struct win *w, struct preflight *p);
/* Whether the accounts that the answer file's commands are for are there. */
void preflight_commands(struct win *w, const struct xmlfile *answer, struct preflight *p);
/* Packages that one user has and that are not provisioned for all. */
void preflight_packages(struct win *w, struct preflight *p);
/* Rearm count and BitLocker, which only Windows' own providers know. */
void preflight_ask_windows(struct win *w, struct preflight *p);
