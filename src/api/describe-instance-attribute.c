/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "parse.h"
#include "place.h"
#include "put.h"

static const struct api_param params[] = {
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .required = true, .max_len = 64 },
    { 0 },
};

static int put_value(struct api_call *c, const char *name, const char *value)
{
    api_put_inside(c, name, "value", value);
    return 0;
}

static int put_flag(struct api_call *c, const char *name, bool v)
{
    return put_value(c, name, v ? "true" : "false");
}

/* ---- one function for each attribute --------------------------------------------------------- */

#define ATTRIBUTE(fn, body)                                                                        \
    static int fn(struct api_call *c, const struct instance_rec *i, struct err *e)                 \
    {                                                                                              \
        (void)i;                                                                                   \
        (void)e;                                                                                   \
        return body;                                                                               \
    }                                                                                              \
    _Static_assert(1, "semicolon")

ATTRIBUTE(put_type, put_value(c, "instanceType", i->type));
ATTRIBUTE(put_kernel, put_value(c, "kernel", NULL));
ATTRIBUTE(put_ramdisk, put_value(c, "ramdisk", NULL));
ATTRIBUTE(put_termination, put_flag(c, "disableApiTermination", i->disable_api_termination));
ATTRIBUTE(put_stop, put_flag(c, "disableApiStop", i->disable_api_stop));
ATTRIBUTE(put_behaviour, put_value(c, "instanceInitiatedShutdownBehavior",
                                   i->terminate_on_shutdown ? "terminate" : "stop"));
ATTRIBUTE(put_root, put_value(c, "rootDeviceName", i->root_device_name));
ATTRIBUTE(put_codes, (xml_always(c->out, "productCodes", ""), 0));
ATTRIBUTE(put_source_check, put_flag(c, "sourceDestCheck", true));
ATTRIBUTE(put_ebs_optimized, put_flag(c, "ebsOptimized", i->ebs_optimized));
ATTRIBUTE(put_sriov, put_value(c, "sriovNetSupport", "simple"));
ATTRIBUTE(put_ena, put_flag(c, "enaSupport", i->ena_support));
ATTRIBUTE(put_enclave, (api_put_inside(c, "enclaveOptions", "enabled", "false"), 0));
ATTRIBUTE(put_mapping, api_put_disks_of(c, i->id, e));

static int put_user_data(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    _cleanup_free_ char *base64 = NULL;
    _cleanup_free_ void *bytes = NULL;
    size_t n = 0;
    int r = model_user_data_get(c->model, i->id, &bytes, &n, e);

    if (r < 0)
        return r;
    if (n && !(base64 = base64_encode(bytes, n)))
        return err_oom(e);
    return put_value(c, "userData", base64);
}

static int put_groups(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    _cleanup_free_ struct group_rec *v = NULL;
    struct interface_rec nic;
    size_t n = 0;
    int r = api_network_of(c, i->id, &nic, &v, &n, e);

    if (r < 0)
        return r;
    api_put_group_set(c, v, n);
    return 0;
}

static const struct {
    const char *name; /* its case counts, as on EC2 */
    int (*put)(struct api_call *c, const struct instance_rec *i, struct err *e);
} attributes[] = {
    { "blockDeviceMapping", put_mapping },
    { "disableApiStop", put_stop },
    { "disableApiTermination", put_termination },
    { "ebsOptimized", put_ebs_optimized },
    { "enaSupport", put_ena },
    { "enclaveOptions", put_enclave },
    { "groupSet", put_groups },
    { "instanceInitiatedShutdownBehavior", put_behaviour },
    { "instanceType", put_type },
    { "kernel", put_kernel },
    { "productCodes", put_codes },
    { "ramdisk", put_ramdisk },
    { "rootDeviceName", put_root },
    { "sourceDestCheck", put_source_check },
    { "sriovNetSupport", put_sriov },
    { "userData", put_user_data },
};

static int describe_instance_attribute(struct api_call *c, struct err *e)
{
    const char *name = api_text(c, "Attribute");
    struct instance_rec i;
    int r = api_find_instance(c, api_text(c, "InstanceId"), &i, e);

    if (r < 0)
        return r;
    for (size_t k = 0; k < ARRAY_LEN(attributes); k++) {
        if (!str_eq(attributes[k].name, name))
            continue;
        xml_text(c->out, "instanceId", i.id);
        return attributes[k].put(c, &i, e);
    }
    return api_unknown_attribute(c, name, e);
}

const struct api_action api_describe_instance_attribute = {
    .name = "DescribeInstanceAttribute",
    .resource = "instance",
    .params = params,
    .handle = describe_instance_attribute,
    .summary = "Shows one attribute of an instance, such as its user data.",
};
