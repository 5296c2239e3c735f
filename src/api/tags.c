/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tags.h"

#define RESOURCES_MAX 1000 /* in one request, as EC2 */

int tags_check_resources(struct api_call *c, struct err *e)
{
    size_t n = api_count(c, "ResourceId");
    char shown[80];

    if (n == 0)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter resourceIdSet");
    if (n > RESOURCES_MAX)
        return api_fail(c, e, "InvalidParameterValue", "At most %d resources in one request",
                        RESOURCES_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *id = api_item(c, "ResourceId", i, "");

        if (!model_resource_type(id))
            return api_fail(c, e, "InvalidID", "The ID '%s' is not valid",
                            str_show(id, shown, sizeof(shown)));
    }
    return 0;
}

void tags_failed(struct api_call *c, const char *id, const struct err *e)
{
    const char *type = model_resource_type(id);

    if (e->kind != ERR_NOT_FOUND || !type)
        c->wire_code = api_error_code("tag", e->kind);
    else
        c->wire_code = api_error_code(str_eq(type, "import-image-task") ? "import" : type, e->kind);
}
