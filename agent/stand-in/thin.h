/* SPDX-License-Identifier: Apache-2.0 */
/* EC2Launch (v1) ships PowerShell files that only pass their switches on to one program. Wine has
 * no PowerShell: this reads exactly that form of a file and refuses every other line. */
#pragma once

#include "lib/str.h"

#define THIN_FILE_MAX  KIB(64)
#define THIN_WORDS_MAX 16U

struct thin_call {
    char program[260]; /* as the file has it: a path from the file's own folder */
    char *words[THIN_WORDS_MAX];
    size_t n;
};

/* What the file (UTF-8, a NUL behind) does when it is given these arguments. A refusal is
 * "<file>:<line>:1: ...". *ret: done with thin_call_done. */
int thin_read(const char *file, const char *text, size_t n, const char *const *args, size_t args_n,
              struct thin_call *ret, struct err *e);
void thin_call_done(struct thin_call *c);
