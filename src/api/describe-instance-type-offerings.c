/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api-priv.h"

#include <stdio.h>

#include "regions.h"

static const char *const location_types[] = { "region", "availability-zone", "availability-zone-id",
                                              NULL };

static const struct api_param params[] = {
    { .name = "LocationType", .type = PARAM_TEXT, .words = location_types },
    { 0 },
};

struct offering {
    const char *type;
    char location[MODEL_REGION_MAX];
};

static void by_type(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct offering *)record)->type);
}

static void by_location(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct offering *)record)->location);
}

static const struct filter_def filters[] = {
    { "instance-type", by_type },
    { "location", by_location },
    { 0 },
};

static unsigned locations_of(const char *kind)
{
    return str_eq(kind, "region") ? 1 : REGION_ZONES;
}

static void name_location(const struct api_call *c, const char *kind, unsigned at,
                          char out[MODEL_REGION_MAX])
{
    char short_name[16];

    region_short(c->region, short_name, sizeof(short_name));
    if (str_eq(kind, "region"))
        (void)str_copy(out, MODEL_REGION_MAX, c->region);
    else if (str_eq(kind, "availability-zone"))
        (void)snprintf(out, MODEL_REGION_MAX, "%.29s%c", c->region, (char)('a' + at));
    else
        (void)snprintf(out, MODEL_REGION_MAX, "%s-az%u", short_name, at + 1);
}

/* Every type is offered everywhere; caller frees. */
static struct offering *all_of(struct api_call *c, const char *kind, size_t *ret_n)
{
    const struct instance_type *t;
    struct offering *v;
    size_t types = 0, n = 0;

    while (instance_type_at(types))
        types++;
    v = xcalloc(types * REGION_ZONES + 1, sizeof(*v));
    for (size_t i = 0; (t = instance_type_at(i)); i++)
        for (unsigned k = 0; k < locations_of(kind); k++) {
            v[n].type = t->name;
            name_location(c, kind, k, v[n].location);
            n += api_filters_pass(c, filters, &v[n], NULL);
        }
    *ret_n = n;
    return v;
}

static int describe_instance_type_offerings(struct api_call *c, struct err *e)
{
    const char *kind = api_text(c, "LocationType");
    _cleanup_free_ struct offering *v = NULL;
    size_t n = 0, from, to;
    int r = api_filters_check(c, filters, e);

    if (r < 0)
        return r;
    kind = kind ? kind : "region";
    v = all_of(c, kind, &n);
    r = api_page(c, n, 0, &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, "instanceTypeOfferingSet");
    for (size_t i = from; i < to; i++) {
        xml_open(c->out, "item");
        xml_text(c->out, "instanceType", v[i].type);
        xml_text(c->out, "locationType", kind);
        xml_text(c->out, "location", v[i].location);
        xml_close(c->out, "item");
    }
    xml_close(c->out, "instanceTypeOfferingSet");
    api_page_end(c, n, to);
    return 0;
}

const struct api_action api_describe_instance_type_offerings = {
    .name = "DescribeInstanceTypeOfferings",
    .resource = "instance-type",
    .flags = API_FILTERS | API_PAGES,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_instance_type_offerings,
    .summary = "Lists where each instance type can be launched: everywhere.",
};
