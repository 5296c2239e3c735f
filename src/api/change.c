/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "change.h"

#include <stdio.h>

#include "clock.h"
#include "find.h"
#include "put.h"

void api_user_initiated(struct instance_rec *i)
{
    char now[CLOCK_ISO_MAX];

    clock_iso8601(clock_real_ms(), now);
    snprintf(i->transition_reason, sizeof(i->transition_reason), "User initiated (%.10s %.8s GMT)",
             now, now + 11);
}

int api_move_instance(struct api_call *c, struct instance_rec *i, enum instance_event ev,
                      const char *reason_code, const char *reason, struct err *e)
{
    int r = model_instance_save(c->model, i, e);

    if (r < 0)
        return r;
    return model_instance_move(c->model, i->id, ev, reason_code, reason, &i->state, e);
}

int api_wrong_state(struct api_call *c, const struct instance_rec *i, const char *verb,
                    struct err *e)
{
    return api_fail(c, e, "IncorrectInstanceState",
                    "The instance '%s' is in the state '%s', from which it cannot be %s", i->id,
                    model_instance_state_name(i->state), verb);
}

static int change_all(struct api_call *c, const struct api_change *change, struct instance_rec *v,
                      size_t n, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < n && change->check; i++) {
        r = change->check(c, &v[i], e);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < n; i++) {
        r = change->apply(c, &v[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

int api_change_instances(struct api_call *c, const struct api_change *change, struct err *e)
{
    _cleanup_free_ enum instance_state *before = NULL;
    _cleanup_free_ struct instance_rec *v = NULL;
    size_t n = 0;
    int r;

    if (api_count(c, "InstanceId") == 0)
        return api_fail(c, e, "InvalidParameterCombination", "No instances specified");
    r = api_find_instances(c, "InstanceId", &v, &n, e);
    if (r < 0)
        return r;
    before = xcalloc(n + 1, sizeof(*before));
    for (size_t i = 0; i < n; i++)
        before[i] = v[i].state;
    r = change_all(c, change, v, n, e);
    if (r < 0)
        return r;
    if (change->plain)
        xml_return_true(c->out);
    else
        api_put_changes(c, v, before, n);
    return 0;
}

static int monitor_one(struct api_call *c, struct instance_rec *i, bool on, struct err *e)
{
    int r;

    if (i->state == INSTANCE_TERMINATED)
        return api_wrong_state(c, i, on ? "monitored" : "unmonitored", e);
    i->monitoring = on;
    r = model_instance_save(c->model, i, e);
    if (r < 0)
        return r;
    xml_open(c->out, "item");
    xml_text(c->out, "instanceId", i->id);
    api_put_inside(c, "monitoring", "state", on ? "enabled" : "disabled");
    xml_close(c->out, "item");
    return 0;
}

int api_monitor(struct api_call *c, bool on, struct err *e)
{
    _cleanup_free_ struct instance_rec *v = NULL;
    size_t n = 0;
    int r;

    if (api_count(c, "InstanceId") == 0)
        return api_fail(c, e, "InvalidParameterCombination", "No instances specified");
    r = api_find_instances(c, "InstanceId", &v, &n, e);
    if (r < 0)
        return r;
    xml_open(c->out, "instancesSet");
    for (size_t i = 0; i < n; i++) {
        r = monitor_one(c, &v[i], on, e);
        if (r < 0)
            return r;
    }
    xml_close(c->out, "instancesSet");
    return 0;
}
