/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One attribute in a request: its description, or with whom it is shared. */
#include "find.h"

#include "rules.h"
#include "share.h"

#define LIST "LaunchPermission"

static const struct api_param params[] = {
    { .name = "ImageId", .type = PARAM_ID, .prefix = "ami", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "Value", .type = PARAM_TEXT, .empty_is_value = true },
    { .name = "Description.Value", .type = PARAM_TEXT, .empty_is_value = true },
    API_PARAMS_SHARE(LIST),
    { .name = "ProductCode.N", .type = PARAM_NOT_YET },
    { .name = "OrganizationArn.N", .type = PARAM_NOT_YET },
    { .name = "OrganizationalUnitArn.N", .type = PARAM_NOT_YET },
    { .name = "ImdsSupport.Value", .type = PARAM_NOT_YET },
    { 0 },
};

static const char *description_of(const struct api_call *c)
{
    if (api_has(c, "Description.Value"))
        return api_text(c, "Description.Value");
    if (str_eq_nocase(api_text(c, "Attribute"), "description") && api_has(c, "Value"))
        return api_text(c, "Value");
    return NULL;
}

/* Clients spell Attribute with and without a capital. */
static int check(struct api_call *c, const struct image_rec *i, bool sharing,
                 const char *description, struct err *e)
{
    const char *name = api_text(c, "Attribute");

    if (name && !str_eq_nocase(name, "description") && !str_eq_nocase(name, "launchPermission"))
        return api_unknown_attribute(c, name, e);
    if (sharing && description)
        return api_fail(c, e, "InvalidParameterCombination",
                        "Fields for multiple attribute types specified: description, "
                        "launchPermission");
    if (!sharing && !description)
        return api_fail(c, e, "InvalidParameterCombination", "No attributes specified.");
    if (sharing && i->state == IMAGE_DISABLED)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is disabled and can be shared with nobody", i->id);
    return 0;
}

static bool is_encrypted(const struct image_rec *i)
{
    for (size_t k = 0; k < i->mapping.n; k++)
        if (i->mapping.v[k].encrypted == TRI_TRUE)
            return true;
    return false;
}

static int describe(struct api_call *c, struct image_rec *i, const char *text, struct err *e)
{
    int r = rules_description(text, e);

    if (r < 0)
        return r;
    (void)str_copy(i->description, sizeof i->description, text);
    return model_image_save(c->model, i, e);
}

static int modify_image_attribute(struct api_call *c, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    bool sharing = api_share_asked(c, LIST);
    const char *description = description_of(c);
    int r = api_find_own_image(c, api_text(c, "ImageId"), &i, e);

    if (r >= 0)
        r = check(c, &i, sharing, description, e);
    if (r >= 0)
        r = sharing ? api_share(c, LIST, i.id, is_encrypted(&i), e)
                    : describe(c, &i, description, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_modify_image_attribute = {
    .name = "ModifyImageAttribute",
    .resource = "image",
    .flags = API_WRITES,
    .params = params,
    .handle = modify_image_attribute,
    .summary = "Changes an image's description, or with whom it is shared.",
};
