/* SPDX-License-Identifier: Apache-2.0 */
/* EC2LaunchService.exe: one run at each start of Windows, then it ends. */
#include "v2/host-win.h"
#include "v2/run.h"

static int run(bool (*stop)(void *ctx), void *ctx)
{
    struct host_lock lock = { .name = L"Global\\Amazon EC2Launch run" };

    if (!host_lock(&lock))
        return 0;                              /* someone runs the agent by hand */
    (void)v2_run_agent(win_real(), stop, ctx); /* the result is in the state, for `status` */
    host_unlock(&lock);
    return 0;
}

int wmain(void);

int wmain(void)
{
    static const struct host_service service = { .name = L"EC2Launch", .run = run };

    return host_service(&service);
}
