/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduled task Ec2ConfigMonitor. The service manager starts a service again that has died,
 * but not one that was never up: one that took too long while Windows started, or whose account or
 * network was not there yet. A service that its owner has stopped or does not want stays so. */
#include "ec2config/config.h"

#include "engine/schedule.h"

#define TASK    "Ec2ConfigMonitor"
#define DELAY   "PT3M" /* Windows has given up waiting by then */
#define TRIES   3U
#define WAIT_MS 60000U

int config_monitor_install(struct win *w, struct err *e)
{
    _cleanup_free_ char *program = win_expand(w, CONFIG_ROOT "Ec2Config.exe", e);
    const struct schedule s = {
        .name = TASK, .command = program, .arguments = "-monitor", .delay = DELAY
    };

    return program ? schedule_install(w, &s, e) : -e->no;
}

int config_monitor_uninstall(struct win *w, struct err *e)
{
    return w->task_delete(w, TASK, e);
}

static int start_if_missed(struct win *w, struct log *log, bool *ret_missed, struct err *e)
{
    int r = w->service_missed(w, CONFIG_SERVICE, e);

    *ret_missed = r > 0;
    if (r <= 0)
        return r;
    log_from(log, TASK, "%s has not started with Windows: starting it", CONFIG_SERVICE);
    r = w->service_start(w, CONFIG_SERVICE, e);
    if (r < 0)
        log_from(log, TASK, "Error: %s", e->msg);
    return r;
}

int config_monitor(struct win *w, struct log *log, struct err *e)
{
    bool missed = false;
    int r = start_if_missed(w, log, &missed, e);

    for (unsigned i = 1; i < TRIES && r < 0 && missed; i++) {
        w->sleep_ms(w, WAIT_MS);
        err_clear(e);
        r = start_if_missed(w, log, &missed, e);
    }
    return r;
}
