/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http.h"
#include "regions.h"

struct region {
    const char *name, *endpoint;
};

static void by_endpoint(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct region *)record)->endpoint);
}

static void by_opt_in(const void *record, struct filter_match *f)
{
    (void)record;
    filter_offer(f, "opt-in-not-required");
}

static void by_name(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct region *)record)->name);
}

static const struct filter_def filters[] = {
    { "endpoint", by_endpoint },
    { "opt-in-status", by_opt_in },
    { "region-name", by_name },
    { 0 },
};

static const struct api_param params[] = {
    { .name = "RegionName.N", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "AllRegions", .type = PARAM_BOOL }, /* none needs an opt-in: always all */
    { 0 },
};

static bool is_asked_for(const struct api_call *c, const char *name)
{
    size_t n = api_count(c, "RegionName");

    for (size_t i = 0; i < n; i++)
        if (str_eq(api_item(c, "RegionName", i, ""), name))
            return true;
    return n == 0;
}

static int check_names(struct api_call *c, struct err *e)
{
    for (size_t i = 0; i < api_count(c, "RegionName"); i++) {
        const char *name = api_item(c, "RegionName", i, "");
        char shown[80];

        if (!api_region_known(c->cfg, name))
            return api_fail(c, e, "InvalidParameterValue", "Invalid region name: '%s'",
                            str_show(name, shown, sizeof(shown)));
    }
    return 0;
}

static int describe_regions(struct api_call *c, struct err *e)
{
    struct region r = { .endpoint = c->api->http ? api_address(c->api) : c->cfg->listen };
    int rc = api_filters_check(c, filters, e);

    if (rc == 0)
        rc = check_names(c, e);
    if (rc < 0)
        return rc;
    xml_open(c->out, "regionInfo");
    for (size_t i = 0; (r.name = region_at(c->cfg, i)); i++) {
        if (!is_asked_for(c, r.name) || !api_filters_pass(c, filters, &r, NULL))
            continue;
        xml_open(c->out, "item");
        xml_text(c->out, "regionName", r.name);
        xml_text(c->out, "regionEndpoint", r.endpoint);
        xml_text(c->out, "optInStatus", "opt-in-not-required");
        xml_close(c->out, "item");
    }
    xml_close(c->out, "regionInfo");
    return 0;
}

const struct api_action api_describe_regions = {
    .name = "DescribeRegions",
    .resource = "region",
    .flags = API_FILTERS,
    .params = params,
    .handle = describe_regions,
    .summary = "Lists the regions; one address serves all of them.",
};
