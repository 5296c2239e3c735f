/* SPDX-License-Identifier: Apache-2.0 */
/* Routes to the link-local services, then metadata. The routes are set twice when they must: first
 * by what Windows knows of its adapters, and once more when metadata names another one as the
 * primary. */
#include <errno.h>

#include "engine/routes.h"
#include "engine/zone.h"
#include "stage-priv.h"
#include "v2/events.h"

#define ROUTES_WAIT_MS 120000U
#define NO_ADAPTER     "Failed to find primary network interface...retrying..."

static void say_no_adapter(void *ctx)
{
    struct v2_run *run = ctx;

    log_say(run->log, LOG_WARNING, NO_ADAPTER);
    v2_event(run->w, V2_EVENT_PRIMARY_NIC, V2_EVENT_WARNING, NO_ADAPTER);
}

int v2_network_routes(struct v2_run *run, struct err *e)
{
    struct err first = { 0 };

    if (routes_add(run->w, run->d, NULL, run->log, &first) == 0) {
        zone_resync(run->w, run->log);
        return 0;
    }
    if (first.no == ENOENT)
        say_no_adapter(run);
    return routes_add_wait(run->w, run->d, run->log, ROUTES_WAIT_MS, say_no_adapter, run, e);
}

void v2_network_by_mac(struct v2_run *run)
{
    _cleanup_free_ struct win_adapter *list = NULL;
    _cleanup_free_ char *mac = NULL;
    const struct win_adapter *has, *primary;
    struct err e = { 0 };
    size_t n = 0;
    int r = run->d->routes_nic_by_mac ? imds_value(run->imds, "mac", &mac, &e) : 0;

    if (r == 1)
        r = run->w->adapters(run->w, &list, &n, &e) == 0;
    has = r == 1 ? routes_primary(list, n, NULL) : NULL;
    primary = has ? routes_primary(list, n, mac) : NULL;
    if (primary && primary->index != has->index &&
        routes_add(run->w, run->d, mac, run->log, &e) == 0)
        v2_event(run->w, V2_EVENT_PRIMARY_NIC, V2_EVENT_SUCCESS, "%s is the primary adapter",
                 primary->name);
    if (e.no)
        log_err(run->log, "Primary network interface", &e);
}

static void say_waiting(void *ctx, bool again)
{
    struct v2_run *run = ctx;

    if (again)
        log_say(run->log, LOG_INFO, "Still waiting for access to metadata.");
}

void v2_network_metadata(struct v2_run *run)
{
    struct err e = { 0 };
    int r;

    console_say(run->console, "%s", run->d->waiting);
    r = imds_wait(run->imds, say_waiting, run, &e);

    run->has_imds = r == 1;
    if (r == 1) {
        console_say(run->console, "%s", run->d->available);
    } else if (r == 0) {
        console_say(run->console, "Metadata is not available for this instance.");
    } else {
        log_err(run->log, "Metadata", &e);
        console_say(run->console, "Timed out waiting for access to metadata.");
    }
    v2_event(run->w, V2_EVENT_METADATA, r == 1 ? V2_EVENT_SUCCESS : V2_EVENT_WARNING,
             r == 1 ? "Metadata is available" : "Metadata is not available");
}

void v2_network(struct v2_run *run)
{
    struct err e = { 0 };

    if (v2_network_routes(run, &e) < 0) {
        log_err(run->log, "Adding routes", &e);
        v2_event(run->w, V2_EVENT_ADD_ROUTES, V2_EVENT_ERROR, "add_routes: %s", e.msg);
    } else {
        v2_event(run->w, V2_EVENT_ADD_ROUTES, V2_EVENT_SUCCESS, "add_routes");
    }
    v2_network_metadata(run);
    if (run->has_imds)
        v2_network_by_mac(run);
    v2_stage_run(run, V2_NETWORK);
}
