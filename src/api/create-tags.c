/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tags.h"

#include "metadata.h"

static const struct api_param params[] = {
    { .name = "ResourceId.N", .type = PARAM_TEXT },
    { .name = "Tag.N.Key", .type = PARAM_TEXT, .required = true },
    { .name = "Tag.N.Value", .type = PARAM_TEXT, .empty_is_value = true },
    { 0 },
};

/* What the metadata service shows must be a path. */
static int check_shown(struct api_call *c, const char *id, const struct tag_list *tags,
                       struct err *e)
{
    struct instance_rec i;
    struct err unknown = { 0 }; /* told by model_tags_set */

    if (!str_starts(id, "i-") || model_instance_get(c->model, c->region, id, &i, &unknown) < 0 ||
        !i.metadata_tags)
        return 0;
    return api_metadata_check_tags(c, tags, e);
}

static int create_tags(struct api_call *c, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    int r = tags_check_resources(c, e);

    if (r < 0)
        return r;
    if (api_count(c, "Tag") == 0)
        return api_fail(c, e, "MissingParameter", "The request must contain the parameter tagSet");
    r = api_tag_specs(c, NULL, NULL, &tags, e);
    for (size_t i = 0; r == 0 && i < api_count(c, "ResourceId"); i++) {
        const char *id = api_item(c, "ResourceId", i, "");

        r = check_shown(c, id, &tags, e);
        if (r < 0)
            break;
        r = model_tags_set(c->model, c->region, id, &tags, e);
        if (r < 0)
            tags_failed(c, id, e);
    }
    if (r == 0)
        xml_return_true(c->out);
    return r;
}

const struct api_action api_create_tags = {
    .name = "CreateTags",
    .resource = "tag",
    .flags = API_WRITES,
    .params = params,
    .handle = create_tags,
    .summary = "Sets tags on resources; a key that is there gets the new value.",
};
