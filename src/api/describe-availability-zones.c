/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "regions.h"

struct zone {
    const char *region;
    char name[MODEL_REGION_MAX + 2], id[MODEL_REGION_MAX + 8];
};

static void by_region(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct zone *)record)->region);
}

static void by_name(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct zone *)record)->name);
}

static void by_id(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct zone *)record)->id);
}

static void by_state(const void *record, struct filter_match *f)
{
    (void)record;
    filter_offer(f, "available");
}

static void by_type(const void *record, struct filter_match *f)
{
    (void)record;
    filter_offer(f, "availability-zone");
}

static void by_opt_in(const void *record, struct filter_match *f)
{
    (void)record;
    filter_offer(f, "opt-in-not-required");
}

static const struct filter_def filters[] = {
    { "group-name", by_region },  { "message", NULL },      { "opt-in-status", by_opt_in },
    { "region-name", by_region }, { "state", by_state },    { "zone-id", by_id },
    { "zone-name", by_name },     { "zone-type", by_type }, { 0 },
};

static const struct api_param params[] = {
    { .name = "ZoneName.N", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "ZoneId.N", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "AllAvailabilityZones", .type = PARAM_BOOL }, /* none needs an opt-in: always all */
    { 0 },
};

static void fill(const struct api_call *c, unsigned i, struct zone *z)
{
    char word[MODEL_REGION_MAX];

    region_short(c->region, word, sizeof(word));
    z->region = c->region;
    (void)snprintf(z->name, sizeof(z->name), "%s%c", c->region, 'a' + (int)i);
    (void)snprintf(z->id, sizeof(z->id), "%s-az%u", word, i + 1);
}

static bool is_listed(const struct api_call *c, const char *list, const char *value)
{
    for (size_t i = 0; i < api_count(c, list); i++)
        if (str_eq(api_item(c, list, i, ""), value))
            return true;
    return false;
}

static bool is_asked_for(const struct api_call *c, const struct zone *z)
{
    if (api_count(c, "ZoneName") == 0 && api_count(c, "ZoneId") == 0)
        return true;
    return is_listed(c, "ZoneName", z->name) || is_listed(c, "ZoneId", z->id);
}

static int check_listed(struct api_call *c, const char *list, bool by_zone_id, struct err *e)
{
    for (size_t i = 0; i < api_count(c, list); i++) {
        const char *asked = api_item(c, list, i, "");
        bool found = false;
        struct zone z;
        char shown[80];

        for (unsigned k = 0; k < REGION_ZONES && !found; k++) {
            fill(c, k, &z);
            found = str_eq(asked, by_zone_id ? z.id : z.name);
        }
        if (!found)
            return api_fail(c, e, "InvalidParameterValue", "Invalid availability zone: [%s]",
                            str_show(asked, shown, sizeof(shown)));
    }
    return 0;
}

static void put_zone(struct xml *x, const struct zone *z)
{
    xml_open(x, "item");
    xml_text(x, "optInStatus", "opt-in-not-required");
    xml_always(x, "messageSet", NULL);
    xml_text(x, "regionName", z->region);
    xml_text(x, "zoneName", z->name);
    xml_text(x, "zoneId", z->id);
    xml_text(x, "groupName", z->region);
    xml_text(x, "networkBorderGroup", z->region);
    xml_text(x, "zoneType", "availability-zone");
    xml_text(x, "zoneState", "available");
    xml_close(x, "item");
}

static int describe_availability_zones(struct api_call *c, struct err *e)
{
    int r = api_filters_check(c, filters, e);

    if (r == 0)
        r = check_listed(c, "ZoneName", false, e);
    if (r == 0)
        r = check_listed(c, "ZoneId", true, e);
    if (r < 0)
        return r;
    xml_open(c->out, "availabilityZoneInfo");
    for (unsigned i = 0; i < REGION_ZONES; i++) {
        struct zone z;

        fill(c, i, &z);
        if (is_asked_for(c, &z) && api_filters_pass(c, filters, &z, NULL))
            put_zone(c->out, &z);
    }
    xml_close(c->out, "availabilityZoneInfo");
    return 0;
}

const struct api_action api_describe_availability_zones = {
    .name = "DescribeAvailabilityZones",
    .resource = "zone",
    .flags = API_FILTERS,
    .params = params,
    .handle = describe_availability_zones,
    .summary = "Lists the zones a, b and c of the region.",
};
