/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include "clock.h"
#include "http.h"
#include "log.h"

int api_open(const struct api_config *cfg, struct api **ret, struct err *e)
{
    _cleanup_(api_closep) struct api *a = xcalloc(1, sizeof(*a));
    int r;

    a->cfg = *cfg;
    a->cfg.listen = xstrdup(cfg->listen);
    a->cfg.default_region = xstrdup(cfg->default_region);
    if (!a->cfg.max_body_bytes)
        a->cfg.max_body_bytes = API_BODY_MAX;
    a->now_ms = clock_real_ms;
    r = http_open(a, a->cfg.listen, &a->http, e);
    if (r < 0)
        return r;
    log_notice("api", "listening on %s", http_address(a->http));
    *ret = TAKE_PTR(a);
    return 0;
}

void api_close(struct api *a)
{
    if (!a)
        return;
    http_close(a->http);
    free((char *)a->cfg.listen);
    free((char *)a->cfg.default_region);
    free(a);
}

const char *api_address(const struct api *a)
{
    return http_address(a->http);
}
