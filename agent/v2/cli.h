/* SPDX-License-Identifier: Apache-2.0 */
/* EC2Launch.exe: verbs, flags, help, exit codes. */
#pragma once

#include "engine/win.h"
#include "lib/str.h"

enum {
    V2_EXIT_OK = 0,
    V2_EXIT_FAILED = 1,
    V2_EXIT_USAGE = 2,
    /* of `status` */
    V2_STATUS_SUCCESS = 0,
    V2_STATUS_FAILED = 1,
    V2_STATUS_RUNNING = 2,
    V2_STATUS_ODD = 3,   /* neither running nor stopped */
    V2_STATUS_ERROR = 4, /* while asking */
    V2_STATUS_NEVER = 5, /* not running, and no last run is known */
};

/* What the program's main gives: where text goes, and the lock that keeps two runs apart. */
struct v2_cli {
    struct win *w;
    void (*print)(void *ctx, bool to_stderr, const char *text); /* as it is, no line end added */
    bool (*lock)(void *ctx);                                    /* false: a run is in progress */
    bool (*locked)(void *ctx);                                  /* someone has it */
    void (*unlock)(void *ctx);
    void *ctx;
};

/* argv[0] is the program; the rest UTF-8. Returns the exit code. */
int v2_cli(struct v2_cli *c, int argc, char **argv);
