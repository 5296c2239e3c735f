/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tags.h"

static const struct api_param params[] = {
    { .name = "ResourceId.N", .type = PARAM_TEXT },
    { .name = "Tag.N.Key", .type = PARAM_TEXT, .required = true },
    { .name = "Tag.N.Value", .type = PARAM_TEXT, .empty_is_value = true },
    { 0 },
};

/* No tags: all. A tag without a value: whatever the value; with an empty one: only an empty one. */
static int delete_of(struct api_call *c, const char *id, struct err *e)
{
    size_t n = api_count(c, "Tag");
    int r = n ? 0 : model_tag_delete(c->model, id, NULL, NULL, e);

    for (size_t i = 0; r == 0 && i < n; i++)
        r = model_tag_delete(c->model, id, api_item(c, "Tag", i, "Key"),
                             api_item(c, "Tag", i, "Value"), e);
    if (r < 0)
        tags_failed(c, id, e);
    return r;
}

static int delete_tags(struct api_call *c, struct err *e)
{
    int r = tags_check_resources(c, e);

    for (size_t i = 0; r == 0 && i < api_count(c, "ResourceId"); i++)
        r = delete_of(c, api_item(c, "ResourceId", i, ""), e);
    if (r == 0)
        xml_return_true(c->out);
    return r;
}

const struct api_action api_delete_tags = {
    .name = "DeleteTags",
    .resource = "tag",
    .flags = API_WRITES,
    .params = params,
    .handle = delete_tags,
    .summary = "Removes tags from resources: all, by key, or by key and value.",
};
