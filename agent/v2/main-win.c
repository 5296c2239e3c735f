/* SPDX-License-Identifier: Apache-2.0 */
/* EC2Launch.exe */
#include "v2/host-win.h"

#include "sysprep/program.h"
#include "v2/cli.h"

static void print(void *ctx, bool to_stderr, const char *text)
{
    program_print(to_stderr, text);
}

int wmain(void);

int wmain(void)
{
    struct host_lock lock = { .name = L"Global\\Amazon EC2Launch run" };
    struct v2_cli cli = {
        .w = win_real(),
        .print = print,
        .lock = host_lock,
        .locked = host_locked,
        .unlock = host_unlock,
        .ctx = &lock,
    };
    int argc = 0;
    char **argv = program_arguments(&argc);

    return argv ? v2_cli(&cli, argc, argv) : V2_EXIT_FAILED;
}
