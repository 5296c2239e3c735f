/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listing.h"

static int put_item(struct api_call *c, const struct api_listing *l, const void *record,
                    struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = model_tags_get(c->model, record, &tags, e);

    if (r < 0)
        return r;
    xml_open(c->out, "item");
    r = l->put(c, record, &tags, e);
    if (r < 0)
        return r;
    xml_close(c->out, "item");
    return 0;
}

/* 1 when the record is wanted and passes all filters */
static int passes(struct api_call *c, const struct api_listing *l, const void *record,
                  struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r;

    if (l->wanted && !l->wanted(c, record))
        return 0;
    if (api_count(c, "Filter") == 0)
        return 1;
    r = model_tags_get(c->model, record, &tags, e);
    return r < 0 ? r : api_filters_pass(c, l->filters, record, &tags);
}

int api_put_listing(struct api_call *c, const struct api_listing *l, const void *records, size_t n,
                    struct err *e)
{
    _cleanup_free_ const void **kept = xcalloc(n + 1, sizeof(*kept));
    size_t n_kept = 0, from = 0, to = 0;
    int r;

    for (size_t i = 0; i < n; i++) {
        const void *record = (const char *)records + i * l->size;

        r = passes(c, l, record, e);
        if (r < 0)
            return r;
        if (r > 0)
            kept[n_kept++] = record;
    }
    r = api_page(c, n_kept, api_count(c, l->list), &from, &to, e);
    if (r < 0)
        return r;
    xml_open(c->out, l->element);
    for (size_t i = from; i < to; i++) {
        r = put_item(c, l, kept[i], e);
        if (r < 0)
            return r;
    }
    xml_close(c->out, l->element);
    api_page_end(c, n_kept, to);
    return 0;
}
