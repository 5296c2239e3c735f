/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"
#include "put.h"

static const char *const filter_names[] = { "task-state", NULL };

/* The one list of filters that EC2 spells with an s. */
static const struct api_param params[] = {
    { .name = "ImportTaskId.N", .type = PARAM_ID, .prefix = "import-ami" },
    { .name = "Filters.N.Name", .type = PARAM_TEXT, .required = true, .words = filter_names },
    { .name = "Filters.N.Value.N", .type = PARAM_TEXT },
    { 0 },
};

/* Every filter has the state among its values. */
static bool passes(struct api_call *c, const struct import_rec *i)
{
    for (size_t k = 0; k < api_count(c, "Filters"); k++) {
        char list[64];
        bool hit = false;

        (void)api_sub(c, "Filters", k, "Value", list, sizeof(list));
        for (size_t v = 0; !hit && v < api_count(c, list); v++)
            hit = str_eq(api_item(c, list, v, ""), model_import_state_name(i->state));
        if (!hit)
            return false;
    }
    return true;
}

static size_t keep(struct api_call *c, struct import_rec *v, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (!passes(c, &v[i]))
            continue;
        if (i != kept)
            v[kept] = v[i];
        kept++;
    }
    return kept;
}

static int put_page(struct api_call *c, const struct import_rec *v, size_t n, struct err *e)
{
    size_t from = 0, to = 0;
    int r = api_page(c, n, api_count(c, "ImportTaskId"), &from, &to, e);

    if (r < 0)
        return r;
    xml_open(c->out, "importImageTaskSet");
    for (size_t i = from; i < to; i++) {
        xml_open(c->out, "item");
        r = api_put_import(c, &v[i], e);
        if (r < 0)
            return r;
        xml_close(c->out, "item");
    }
    xml_close(c->out, "importImageTaskSet");
    api_page_end(c, n, to);
    return 0;
}

static int describe_import_image_tasks(struct api_call *c, struct err *e)
{
    _cleanup_free_ struct import_rec *v = NULL;
    size_t n = 0;
    int r = api_find_imports(c, "ImportTaskId", &v, &n, e);

    if (r < 0)
        return r;
    return put_page(c, v, keep(c, v, n), e);
}

const struct api_action api_describe_import_image_tasks = {
    .name = "DescribeImportImageTasks",
    .resource = "import",
    .flags = API_PAGES,
    .params = params,
    .max_results_min = 1,
    .max_results_max = 1000,
    .handle = describe_import_image_tasks,
    .summary = "Shows imports of disk images, with their progress.",
};
