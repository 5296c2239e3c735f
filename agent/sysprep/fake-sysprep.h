/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit tests of the agents have in common above the Windows in memory: the shipped files,
 * a Sysprep that closes and seals, what was said at the prompt and on the console. */
#pragma once

#include "engine/fake.h"

#define FAKE_SYSPREP "C:\\Windows\\System32\\Sysprep\\sysprep.exe"
#define FAKE_SHELL   "C:\\Windows\\System32\\cmd.exe /d /s /c "

/* Text of a file below agent/; heap. fake_ship: the same, laid down at a Windows path. */
char *fake_shipped(const char *source);
void fake_ship(struct fake *f, const char *path, const char *source);

/* Remote Desktop is open until a command file is run; Sysprep generalizes. */
void fake_sysprep(struct fake *f);
void fake_close_rdp(struct win *w, const struct win_run *r); /* what a command file does */

/* For `say` callbacks: lines since fake_hush(). */
void fake_hear(void *ctx, const char *line);
const char *fake_said(void);
void fake_hush(void);

/* Position of a text on the console; the test fails when it is not there. */
long fake_at(struct fake *f, const char *text);
bool fake_on_console(struct fake *f, const char *text);
void fake_clear_console(struct fake *f);
/* The password on the console, opened with the launch key; heap, NULL: none was printed. */
char *fake_printed_password(struct fake *f);
