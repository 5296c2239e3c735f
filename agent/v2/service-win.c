/* SPDX-License-Identifier: Apache-2.0 */
/* EC2LaunchService.exe: one run at each start of Windows, then it ends. */
#include "v2/host-win.h"

#include "sysprep/program.h"
#include "v2/run.h"

static void run(bool (*stop)(void *ctx), void *ctx)
{
    struct host_lock lock = { .name = L"Global\\Amazon EC2Launch run" };

    if (!host_lock(&lock))
        return;                                /* someone runs the agent by hand */
    (void)v2_run_agent(win_real(), stop, ctx); /* the result is in the state, for `status` */
    host_unlock(&lock);
}

int wmain(void);

int wmain(void)
{
    static const struct program_service service = {
        .name = L"EC2Launch",
        .run = run,
        .otherwise = "This program is a service: start it with \"net start\" or at a start of "
                     "Windows.",
    };

    return program_service(&service);
}
