/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tags.h"

#include <errno.h>

struct row {
    char id[MODEL_ID_MAX];
    char *key, *value;
};

struct rows {
    struct api_call *c;
    struct row *v;
    size_t n, room;
};

static void rows_done(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->v[i].key);
        free(r->v[i].value);
    }
    free(r->v);
}

static void by_id(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct row *)record)->id);
}

static void by_key(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct row *)record)->key);
}

static void by_value(const void *record, struct filter_match *f)
{
    filter_offer(f, ((const struct row *)record)->value);
}

static void by_type(const void *record, struct filter_match *f)
{
    filter_offer(f, model_resource_type(((const struct row *)record)->id));
}

static const struct filter_def filters[] = {
    { "key", by_key },
    { "resource-id", by_id },
    { "resource-type", by_type },
    { "value", by_value },
    { 0 },
};

static const struct api_param params[] = {
    { 0 },
};

static int collect(const char *id, const char *key, const char *value, void *userdata)
{
    struct rows *rows = userdata;
    struct row row = { .key = (char *)key, .value = (char *)value };
    struct tag tag = { row.key, row.value };
    const struct tag_list one = { &tag, 1 };

    (void)str_copy(row.id, sizeof(row.id), id); /* ids fit */
    if (!api_filters_pass(rows->c, filters, &row, &one))
        return 0;
    if (rows->n == rows->room) {
        size_t room = rows->room ? 2 * rows->room : 64;
        struct row *grown = realloc(rows->v, room * sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        rows->v = grown;
        rows->room = room;
    }
    row.key = xstrdup(key);
    row.value = xstrdup(value);
    rows->v[rows->n++] = row;
    return 0;
}

static void put(struct xml *x, const struct row *row)
{
    xml_open(x, "item");
    xml_text(x, "resourceId", row->id);
    xml_text(x, "resourceType", model_resource_type(row->id));
    xml_always(x, "key", row->key);
    xml_always(x, "value", row->value);
    xml_close(x, "item");
}

static int describe_tags(struct api_call *c, struct err *e)
{
    _cleanup_(rows_done) struct rows rows = { .c = c };
    size_t from, to;
    int r = api_filters_check(c, filters, e);

    if (r == 0)
        r = model_tags_each(c->model, c->region, collect, &rows, e);
    if (r == 0)
        r = api_page(c, rows.n, 0, &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, "tagSet");
    for (size_t i = from; i < to; i++)
        put(c->out, &rows.v[i]);
    xml_close(c->out, "tagSet");
    api_page_end(c, rows.n, to);
    return 0;
}

const struct api_action api_describe_tags = {
    .name = "DescribeTags",
    .resource = "tag",
    .flags = API_FILTERS | API_PAGES,
    .params = params,
    .max_results_min = 5,
    .max_results_max = 1000,
    .handle = describe_tags,
    .summary = "Lists the tags of a region's resources.",
};
