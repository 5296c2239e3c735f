/* SPDX-License-Identifier: Apache-2.0 */
/* What each program's main() does at the border to Windows. */
#pragma once

#include "engine/win.h"

/* UTF-8 text, to a console as characters, to a file or a pipe as bytes. */
void program_print(bool to_stderr, const char *text);
/* A line of it on standard output. */
void program_say(void *ctx, const char *line);
/* The raw command line, and its arguments by Windows' rules; heap. NULL: no memory. */
char *program_command_line(void);
char **program_arguments(int *ret_n);

/* Runs as the service of this name: calls run in the service's thread and ends the service when it
 * returns, or (stays) when Windows wants it to. stop, to be asked by run, tells that Windows does.
 * Started from a prompt it says `otherwise` and is 1. */
struct program_service {
    const wchar_t *name;
    void (*run)(bool (*stop)(void *ctx), void *ctx);
    bool stays;
    const char *otherwise;
};
int program_service(const struct program_service *s);
