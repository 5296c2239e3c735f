/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/routes.h"

#include <errno.h>
#include <string.h>

#include "engine/zone.h"
#include "lib/str.h"

#define RETRY_MS      1000U
#define SAY_FAILED_MS 120000U
#define METRIC_MAX    9999U

/* Adapters that never lead to the link-local services. */
static bool is_virtual(const struct win_adapter *a)
{
    static const char *const words[] = { "Hyper-V Virtual", "Loopback Adapter",
                                         "TAP-Windows Adapter" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(a->what, words[i]))
            return true;
    return false;
}

const struct win_adapter *routes_primary(const struct win_adapter *a, size_t n, const char *mac)
{
    const struct win_adapter *best = NULL;

    for (size_t i = 0; mac && i < n; i++)
        if (a[i].up && str_eq_nocase(a[i].mac, mac))
            return &a[i];
    for (size_t i = 0; i < n; i++) {
        bool leads = a[i].gateway4[0] != '\0', best_leads = best && best->gateway4[0] != '\0';

        if (!a[i].up || !a[i].ethernet || is_virtual(&a[i]))
            continue;
        if (!best || (leads && !best_leads) || (leads == best_leads && a[i].index < best->index))
            best = &a[i];
    }
    return best;
}

int routes_private_ip(struct win *w, struct imds *m, char **ret, struct err *e)
{
    _cleanup_free_ struct win_adapter *list = NULL;
    const struct win_adapter *nic;
    struct err ignore = { 0 };
    size_t n = 0;
    int r;

    if (imds_value(m, "local-ipv4", ret, &ignore) == 1)
        return 1;
    r = w->adapters(w, &list, &n, e);
    nic = r == 0 ? routes_primary(list, n, NULL) : NULL;
    if (!nic || !nic->ip4[0])
        return r;
    *ret = str_dup(nic->ip4);
    return *ret ? 1 : err_oom(e);
}

static uint32_t clamp_metric(uint32_t m)
{
    return m < 1 ? 1 : m > METRIC_MAX ? METRIC_MAX : m;
}

static void log_added(const struct dialect *d, struct log *log, const struct win_route *r)
{
    switch (d->id) {
    case DIALECT_CONFIG:
        log_from(log, "EC2AddRoute",
                 "Successfully added the Ip Route: %s mask: 255.255.255.255, gateway: %s, "
                 "NIC index: %u, Metric: %u",
                 r->dest, r->gateway, r->index, r->metric);
        break;
    case DIALECT_V1: /* the gateway is blank in the agent's own words */
        log_say(log, LOG_INFO,
                "Successfully added the Route: %s/%u, gateway: , NIC index: %u, Metric: %u",
                r->dest, r->prefix, r->index, r->metric);
        break;
    case DIALECT_V2:
    case DIALECT_MAX:
        log_say(log, LOG_INFO, "Added route %s/%u.", r->dest, r->prefix);
        break;
    }
}

static int put_route(struct win *w, const struct dialect *d, const struct win_adapter *nic,
                     const char *dest, struct log *log, struct err *e)
{
    bool six = strchr(dest, ':') != NULL;
    const char *gateway = six ? nic->gateway6 : nic->gateway4;
    struct win_route r = { .prefix = six ? 128 : 32,
                           .index = nic->index,
                           .metric = clamp_metric(six ? nic->metric6 : nic->metric4),
                           .persistent = d->routes_persistent };
    int no;

    if (d->routes_on_link || !gateway[0])
        gateway = six ? "::" : "0.0.0.0";
    (void)str_copy(r.dest, sizeof(r.dest), dest);
    (void)str_copy(r.gateway, sizeof(r.gateway), gateway);
    no = w->route_delete(w, &r, e);
    if (no == 0)
        no = w->route_add(w, &r, e);
    if (no < 0)
        return err_wrap(e, "route to %s", dest);
    log_added(d, log, &r);
    return 0;
}

static void log_start(const struct dialect *d, struct log *log, const struct win_adapter *nic)
{
    if (d->id == DIALECT_CONFIG) {
        log_from(log, "EC2AddRoute", "Adding Routes to Adapter with index: %u", nic->index);
        return;
    }
    log_say(log, LOG_INFO, "Adding routes.");
    log_say(log, LOG_INFO,
            "Routes will be added to Network Interface Card (NIC) at interface index '%u'",
            nic->index);
    log_say(log, LOG_INFO, "The interface route metric is '%u'.", clamp_metric(nic->metric4));
}

int routes_add(struct win *w, const struct dialect *d, const char *mac, struct log *log,
               struct err *e)
{
    _cleanup_free_ struct win_adapter *list = NULL;
    const struct win_adapter *nic;
    size_t n = 0;
    int r = w->adapters(w, &list, &n, e), first = 0;

    if (r < 0)
        return r;
    nic = routes_primary(list, n, mac);
    if (!nic)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "no enabled Ethernet adapter");
    log_start(d, log, nic);
    for (const char *const *dest = d->routes4; *dest; dest++) {
        struct err one = { 0 };

        r = put_route(w, d, nic, *dest, log, &one);
        if (r == 0)
            continue;
        log_say(log, LOG_WARNING, "%s", one.msg);
        if (first == 0) {
            first = r;
            *e = one;
        }
    }
    for (const char *const *dest = d->routes6; *dest; dest++) {
        struct err one = { 0 }; /* a network without IPv6 is no failure */

        if (!d->routes_on_link && !nic->gateway6[0])
            break;
        if (put_route(w, d, nic, *dest, log, &one) < 0)
            log_say(log, LOG_INFO, "No IPv6 route: %s", one.msg);
    }
    return first;
}

int routes_add_wait(struct win *w, const struct dialect *d, struct log *log, uint32_t limit_ms,
                    void (*say_failed)(void *ctx), void *ctx, struct err *e)
{
    uint64_t start = w->tick_ms(w), said = start;

    for (;;) {
        int r = routes_add(w, d, NULL, log, e);
        uint64_t now = w->tick_ms(w);

        if (r == 0)
            break;
        if (limit_ms && now - start >= limit_ms)
            return err_wrap(e, "tried for %u s", limit_ms / 1000);
        err_clear(e);
        if (say_failed && now - said >= SAY_FAILED_MS) {
            say_failed(ctx);
            said = now;
        }
        w->sleep_ms(w, RETRY_MS);
    }
    zone_resync(w, log);
    return 0;
}
