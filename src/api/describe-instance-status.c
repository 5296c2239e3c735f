/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"
#include "put.h"

/* Both checks are one here: the machine runs and its guest has not gone down. */
static const char *check_of(const struct instance_rec *i)
{
    if (i->state != INSTANCE_RUNNING)
        return "not-applicable";
    return i->status_ok ? "ok" : "initializing";
}

static const char *reachability_of(const struct instance_rec *i)
{
    return i->status_ok ? "passed" : "initializing";
}

static void by_zone(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct instance_rec *)record)->zone);
}

static void by_state_code(const void *record, struct filter_match *f)
{
    filter_offer_uint(f, ((const struct instance_rec *)record)->state);
}

static void by_state(const void *record, struct filter_match *f)
{
    filter_offer(f, model_instance_state_name(((const struct instance_rec *)record)->state));
}

static void by_status(const void *record, struct filter_match *f)
{
    filter_offer(f, check_of(record));
}

static void by_reachability(const void *record, struct filter_match *f)
{
    if (((const struct instance_rec *)record)->state == INSTANCE_RUNNING)
        filter_offer(f, reachability_of(record));
}

static const struct filter_def filters[] = {
    { "attached-ebs-status.status", by_status },
    { "availability-zone", by_zone },
    { "availability-zone-id", NULL },
    { "event.code", NULL },
    { "event.description", NULL },
    { "event.instance-event-id", NULL },
    { "event.not-after", NULL },
    { "event.not-before", NULL },
    { "event.not-before-deadline", NULL },
    { "instance-state-code", by_state_code },
    { "instance-state-name", by_state },
    { "instance-status.reachability", by_reachability },
    { "instance-status.status", by_status },
    { "operator.managed", NULL },
    { "operator.principal", NULL },
    { "system-status.reachability", by_reachability },
    { "system-status.status", by_status },
    { 0 },
};

static void put_check(struct api_call *c, const char *name, const struct instance_rec *i)
{
    xml_open(c->out, name);
    xml_text(c->out, "status", check_of(i));
    if (i->state == INSTANCE_RUNNING) {
        xml_open(c->out, "details");
        xml_open(c->out, "item");
        xml_text(c->out, "name", "reachability");
        xml_text(c->out, "status", reachability_of(i));
        xml_close(c->out, "item");
        xml_close(c->out, "details");
    }
    xml_close(c->out, name);
}

static void put_status(struct api_call *c, const struct instance_rec *i)
{
    xml_open(c->out, "item");
    xml_text(c->out, "instanceId", i->id);
    xml_text(c->out, "availabilityZone", i->zone);
    api_put_instance_state(c, "instanceState", i->state);
    put_check(c, "systemStatus", i);
    put_check(c, "instanceStatus", i);
    put_check(c, "attachedEbsStatus", i);
    xml_text(c->out, "kilnGuest", i->guest_status); /* EC2 does not have it */
    xml_close(c->out, "item");
}

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    { .name = "IncludeAllInstances", .type = PARAM_BOOL },
    /* No instance is managed by somebody else. */
    { .name = "IncludeManagedResources", .type = PARAM_IGNORED },
    { 0 },
};

/* Moves those that are wanted to the front; gives their number. */
static size_t keep(struct api_call *c, struct instance_rec *v, size_t n)
{
    bool all = api_bool(c, "IncludeAllInstances", false);
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (!all && v[i].state != INSTANCE_RUNNING)
            continue;
        if (!api_filters_pass(c, filters, &v[i], NULL))
            continue;
        if (i != kept)
            v[kept] = v[i];
        kept++;
    }
    return kept;
}

static int describe_instance_status(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct instance_rec *v = NULL;
    size_t n = 0, from = 0, to = 0;
    int r = api_filters_check(c, filters, e);

    if (r < 0)
        return r;
    r = api_find_instances(c, "InstanceId", &v, &n, e);
    if (r < 0)
        return r;
    n = keep(c, v, n);
    r = api_page(c, n, api_count(c, "InstanceId"), &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, "instanceStatusSet");
    for (size_t i = from; i < to; i++)
        put_status(c, &v[i]);
    xml_close(c->out, "instanceStatusSet");
    api_page_end(c, n, to);
    return 0;
}

const struct api_action api_describe_instance_status = {
    .name = "DescribeInstanceStatus",
    .resource = "instance",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_instance_status,
    .summary = "Shows the status checks of running instances, or of all.",
};
