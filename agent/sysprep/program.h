/* SPDX-License-Identifier: Apache-2.0 */
/* What each program's main() does at the border to Windows. */
#pragma once

#include "engine/win.h"

/* A line on standard output: UTF-16 on a console, UTF-8 into a file or a pipe. */
void program_say(void *ctx, const char *line);
/* The raw command line, and its arguments by Windows' rules; heap. NULL: no memory. */
char *program_command_line(void);
char **program_arguments(int *ret_n);
