/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

static const struct api_param params[] = {
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .required = true, .max_len = 64 },
    { 0 },
};

/* What can be reset is at its default here: no instance has a kernel or a ramdisk of its own, and
 * the source of what it sends is always checked. */
static const struct {
    const char *name;
    bool stopped;
} attributes[] = {
    { "kernel", true },
    { "ramdisk", true },
    { "sourceDestCheck", false },
};

static int reset_instance_attribute(struct api_call *c, struct err *e)
{
    const char *name = api_text(c, "Attribute");
    struct instance_rec i;
    int r = api_find_instance(c, api_text(c, "InstanceId"), &i, e);

    if (r < 0)
        return r;
    for (size_t k = 0; k < ARRAY_LEN(attributes); k++) {
        if (!str_eq_nocase(attributes[k].name, name))
            continue;
        if (i.state == INSTANCE_TERMINATED ||
            (attributes[k].stopped && i.state != INSTANCE_STOPPED))
            return api_fail(c, e, "IncorrectInstanceState",
                            "The instance '%s' is not in the 'stopped' state.", i.id);
        xml_return_true(c->out);
        return 0;
    }
    return api_unknown_attribute(c, name, e);
}

const struct api_action api_reset_instance_attribute = {
    .name = "ResetInstanceAttribute",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = reset_instance_attribute,
    .summary = "Brings kernel, ramdisk or sourceDestCheck to its default, where it is already.",
};
