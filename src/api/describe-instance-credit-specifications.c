/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nobody's CPU is held back here; the answer is what EC2 gives a type when nothing is asked for. */
#include "find.h"

static void by_id(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct instance_rec *)record)->id);
}

static const struct filter_def filters[] = {
    { "instance-id", by_id },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "InstanceId.N", .type = PARAM_ID, .prefix = "i" },
    { 0 },
};

static bool is_shown(struct api_call *c, const struct instance_rec *i)
{
    const struct instance_type *t = instance_type_find(i->type);

    return t && t->burstable && i->state != INSTANCE_TERMINATED &&
           api_filters_pass(c, filters, i, NULL);
}

static int describe_instance_credit_specifications(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct instance_rec *v = NULL;
    size_t n = 0, kept = 0, from = 0, to = 0;
    int r = api_filters_check(c, filters, e);

    if (r >= 0)
        r = api_find_instances(c, "InstanceId", &v, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        if (is_shown(c, &v[i]))
            v[kept++] = v[i];
    r = api_page(c, kept, api_count(c, "InstanceId"), &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, "instanceCreditSpecificationSet");
    for (size_t i = from; i < to; i++) {
        xml_open(c->out, "item");
        xml_text(c->out, "instanceId", v[i].id);
        xml_text(c->out, "cpuCredits", str_starts(v[i].type, "t2.") ? "standard" : "unlimited");
        xml_close(c->out, "item");
    }
    xml_close(c->out, "instanceCreditSpecificationSet");
    api_page_end(c, kept, to);
    return 0;
}

const struct api_action api_describe_instance_credit_specifications = {
    .name = "DescribeInstanceCreditSpecifications",
    .resource = "instance",
    .flags = API_PAGES | API_FILTERS,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_instance_credit_specifications,
    .summary = "Shows the CPU credits of burstable instances; nobody's CPU is held back here.",
};
