/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of a whole machine of Wine's making share (tools/wine-guest). */
#pragma once

#include "engine/win.h"

#define RECORDED  "C:\\kiln-test\\recorded.txt"
#define REFUSED   "C:\\kiln-test\\refused.txt"
#define ANSWER    "C:\\windows\\Panther\\unattend.xml" /* where Setup looks for it */
/* Scheduled tasks, a key each: Xml as it was registered, Enabled. engine/stand-in-win.c */
#define TASKS     "HKLM\\Software\\KilnTest\\Tasks"
/* Set by who shuts Windows down; the session waits for it. */
#define POWER_OFF L"Global\\kiln-test-power-off"

/* Adds a line to a file of C:\kiln-test. */
void machine_note(struct win *w, const char *file, const char *fmt, ...) PRINTF_LIKE(3, 4);
