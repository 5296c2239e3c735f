/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One attribute in a request: X.Value, or Attribute=x with Value, or the lists for security groups
 * and for the mapping. */
#include "find.h"

#include <stdio.h>

#include "metadata.h"
#include "parse.h"
#include "place.h"

static const char *const behaviours[] = { "stop", "terminate", NULL };
static const char *const true_word[] = { "true", NULL };
static const char *const simple_word[] = { "simple", NULL };

static const struct api_param params[] = {
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    { .name = "Attribute", .type = PARAM_TEXT, .max_len = 64 },
    { .name = "Value", .type = PARAM_TEXT, .empty_is_value = true },
    { .name = "InstanceType.Value", .type = PARAM_TEXT, .max_len = 31 },
    { .name = "UserData.Value", .type = PARAM_TEXT, .empty_is_value = true },
    { .name = "DisableApiTermination.Value", .type = PARAM_BOOL },
    { .name = "DisableApiStop.Value", .type = PARAM_BOOL },
    { .name = "InstanceInitiatedShutdownBehavior.Value", .type = PARAM_TEXT, .words = behaviours },
    { .name = "EbsOptimized.Value", .type = PARAM_BOOL },
    { .name = "EnaSupport.Value", .type = PARAM_BOOL },
    { .name = "SriovNetSupport.Value", .type = PARAM_TEXT, .words = simple_word },
    /* A guest never sends or gets what is not its own. */
    { .name = "SourceDestCheck.Value", .type = PARAM_NOT_YET, .words = true_word },
    { .name = "GroupId.N", .type = PARAM_ID, .prefix = "sg" },
    { .name = "BlockDeviceMapping.N.DeviceName", .type = PARAM_TEXT, .max_len = 63 },
    { .name = "BlockDeviceMapping.N.Ebs.DeleteOnTermination", .type = PARAM_BOOL },
    { .name = "BlockDeviceMapping.N.Ebs.VolumeId", .type = PARAM_ID, .prefix = "vol" },
    { .name = "BlockDeviceMapping.N.*", .type = PARAM_NOT_YET },
    { .name = "Kernel.Value", .type = PARAM_NOT_YET },
    { .name = "Ramdisk.Value", .type = PARAM_NOT_YET },
    { 0 },
};

/* ---- attributes with one value --------------------------------------------------------------- */

typedef int (*set_fn)(struct api_call *c, struct instance_rec *i, const char *value, struct err *e);

static int read_flag(struct api_call *c, const char *value, bool *ret, struct err *e)
{
    if (parse_bool(value, ret) < 0)
        return api_fail(c, e, "InvalidParameterValue",
                        "Value (%s) for parameter value is invalid. Expected: true, false", value);
    return 0;
}

#define SET_FLAG(fn, field)                                                                        \
    static int fn(struct api_call *c, struct instance_rec *i, const char *value, struct err *e)    \
    {                                                                                              \
        return read_flag(c, value, &i->field, e);                                                  \
    }                                                                                              \
    _Static_assert(1, "semicolon")

SET_FLAG(set_termination, disable_api_termination);
SET_FLAG(set_stop, disable_api_stop);
SET_FLAG(set_ebs_optimized, ebs_optimized);
SET_FLAG(set_ena, ena_support);

static int set_behaviour(struct api_call *c, struct instance_rec *i, const char *value,
                         struct err *e)
{
    if (!str_eq(value, "stop") && !str_eq(value, "terminate"))
        return api_fail(c, e, "InvalidParameterValue",
                        "Value (%s) for parameter value is invalid. Expected: stop, terminate",
                        value);
    i->terminate_on_shutdown = str_eq(value, "terminate");
    return 0;
}

/* Every network card here is as it says. */
static int set_sriov(struct api_call *c, struct instance_rec *i, const char *value, struct err *e)
{
    (void)i;
    if (str_eq(value, "simple"))
        return 0;
    return api_fail(c, e, "InvalidParameterValue",
                    "Value (%s) for parameter value is invalid. Expected: simple", value);
}

static int set_source_check(struct api_call *c, struct instance_rec *i, const char *value,
                            struct err *e)
{
    bool v = true;
    int r = read_flag(c, value, &v, e);

    (void)i;
    if (r >= 0 && !v)
        return api_fail(c, e, "UnsupportedOperation",
                        "Source and destination are always checked by this version of Kiln");
    return r;
}

static int set_user_data(struct api_call *c, struct instance_rec *i, const char *value,
                         struct err *e)
{
    _cleanup_free_ void *bytes = NULL;
    size_t n = 0;
    int r = api_user_data(c, value, &bytes, &n, e);

    return r < 0 ? r : model_user_data_set(c->model, i->id, bytes, n, e);
}

/* The disks that a launch with this type would have had. */
static int change_store(struct api_call *c, const struct instance_rec *i,
                        const struct instance_type *type, struct err *e)
{
    _cleanup_free_ struct ephemeral_rec *v = NULL;
    size_t n = 0;
    bool have[24] = { false };
    int r = model_ephemeral_list(c->model, i->id, &v, &n, e);

    if (r >= 0)
        r = model_ephemeral_clear(c->model, i->id, e);
    for (size_t k = 0; k < n && r >= 0; k++) {
        int number = rules_ephemeral_number(v[k].virtual_name);

        if (!v[k].mapped || number < 0 || (unsigned)number >= type->store_disks)
            continue;
        have[number] = true;
        v[k].size_gib = type->store_disk_gib;
        r = model_ephemeral_insert(c->model, &v[k], e);
    }
    for (unsigned k = 0; type->store_nvme && k < type->store_disks && r >= 0; k++) {
        struct ephemeral_rec d = { .size_gib = type->store_disk_gib };
        char name[24];

        if (k < ARRAY_LEN(have) && have[k])
            continue;
        (void)str_copy(d.instance_id, sizeof(d.instance_id), i->id);
        (void)snprintf(name, sizeof(name), "ephemeral%u", k);
        (void)str_copy(d.virtual_name, sizeof(d.virtual_name), name);
        r = model_ephemeral_insert(c->model, &d, e);
    }
    return r;
}

static int check_encryption(struct api_call *c, const struct instance_rec *i,
                            const struct instance_type *type, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    int r = type->encryption ? 0 : model_attachment_list(c->model, i->id, &at, &n, e);

    for (size_t k = 0; k < n && r >= 0; k++) {
        struct volume_rec v;

        r = model_volume_get(c->model, c->region, at[k].volume_id, &v, e);
        if (r >= 0 && v.encrypted)
            return api_fail(c, e, "InvalidParameterCombination",
                            "'%s' is encrypted and '%s' does not support encrypted volumes.", v.id,
                            type->name);
    }
    return r;
}

static int set_type(struct api_call *c, struct instance_rec *i, const char *value, struct err *e)
{
    const struct instance_type *type = instance_type_find(value);
    int r;

    if (!type)
        return api_fail(c, e, "InvalidParameterValue", "Invalid value '%s' for InstanceType.",
                        value);
    r = check_encryption(c, i, type, e);
    if (r < 0)
        return r;
    (void)str_copy(i->type, sizeof(i->type), type->name);
    return change_store(c, i, type, e);
}

static const struct {
    const char *name, *param; /* Attribute=name, or param */
    set_fn set;
    bool stopped; /* the instance must be stopped */
} attributes[] = {
    { "disableApiStop", "DisableApiStop.Value", set_stop, false },
    { "disableApiTermination", "DisableApiTermination.Value", set_termination, false },
    { "ebsOptimized", "EbsOptimized.Value", set_ebs_optimized, true },
    { "enaSupport", "EnaSupport.Value", set_ena, true },
    { "instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior.Value", set_behaviour,
      false },
    { "instanceType", "InstanceType.Value", set_type, true },
    { "sourceDestCheck", "SourceDestCheck.Value", set_source_check, false },
    { "sriovNetSupport", "SriovNetSupport.Value", set_sriov, true },
    { "userData", "UserData.Value", set_user_data, true },
};

/* ---- lists ----------------------------------------------------------------------------------- */

static int set_groups(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    struct api_place p = { 0 };
    const char *groups[MODEL_GROUPS_MAX];
    struct interface_rec nic;
    int r = api_groups_by_id(c, "GroupId", &p, e);

    if (r < 0)
        return r;
    api_about(c, "network-interface");
    r = model_interface_of(c->model, i->id, &nic, e);
    if (r < 0)
        return r;
    for (size_t k = 0; k < p.n_groups; k++)
        groups[k] = p.groups[k];
    r = model_interface_groups_set(c->model, nic.id, groups, p.n_groups, e);
    if (r >= 0)
        jobs_network_changed(c->jobs, c->region);
    return r;
}

static int set_mapping(struct api_call *c, size_t k, struct attachment_rec *at, size_t n,
                       struct err *e)
{
    const char *device = api_item(c, "BlockDeviceMapping", k, "DeviceName");
    const char *volume = api_item(c, "BlockDeviceMapping", k, "Ebs.VolumeId");
    const char *flag = api_item(c, "BlockDeviceMapping", k, "Ebs.DeleteOnTermination");

    if (!device)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter deviceName");
    if (!flag)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter ebs.deleteOnTermination");
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(at[i].device, device) || (volume && !str_eq(volume, at[i].volume_id)))
            continue;
        (void)parse_bool(flag, &at[i].delete_on_termination); /* checked before: PARAM_BOOL */
        return model_attachment_save(c->model, &at[i], e);
    }
    return api_fail(c, e, "InvalidInstanceAttributeValue", "No device is currently mapped at %s",
                    device);
}

static int set_mappings(struct api_call *c, const struct instance_rec *i, struct err *e)
{
    _cleanup_free_ struct attachment_rec *at = NULL;
    size_t n = 0;
    int r = model_attachment_list(c->model, i->id, &at, &n, e);

    for (size_t k = 0; k < api_count(c, "BlockDeviceMapping") && r >= 0; k++)
        r = set_mapping(c, k, at, n, e);
    return r;
}

/* ---- the action ------------------------------------------------------------------------------ */

static const char *value_of(const struct api_call *c, size_t k)
{
    const char *attribute = api_text(c, "Attribute");

    if (api_has(c, attributes[k].param))
        return api_text(c, attributes[k].param);
    if (attribute && str_eq_nocase(attribute, attributes[k].name) && api_has(c, "Value"))
        return api_text(c, "Value");
    return NULL;
}

static int check_one(struct api_call *c, struct err *e)
{
    _cleanup_str_ struct str names = STR_INIT(400);
    const char *attribute = api_text(c, "Attribute");
    bool known = !attribute || str_eq_nocase(attribute, "groupSet") ||
                 str_eq_nocase(attribute, "blockDeviceMapping");
    size_t n = 0;

    for (size_t k = 0; k < ARRAY_LEN(attributes); k++) {
        known |= str_eq_nocase(attribute, attributes[k].name);
        if (value_of(c, k))
            str_addf(&names, "%s%s", n++ ? ", " : "", attributes[k].name);
    }
    if (api_count(c, "GroupId"))
        str_addf(&names, "%sgroupSet", n++ ? ", " : "");
    if (api_count(c, "BlockDeviceMapping"))
        str_addf(&names, "%sblockDeviceMapping", n++ ? ", " : "");
    if (!known)
        return api_unknown_attribute(c, attribute, e);
    if (n == 0)
        return api_fail(c, e, "InvalidParameterCombination", "No attributes specified.");
    if (n > 1)
        return api_fail(c, e, "InvalidParameterCombination",
                        "Fields for multiple attribute types specified: %s", str_text(&names));
    return 0;
}

static int set_one(struct api_call *c, struct instance_rec *i, struct err *e)
{
    for (size_t k = 0; k < ARRAY_LEN(attributes); k++) {
        const char *value = value_of(c, k);
        int r;

        if (!value)
            continue;
        if (attributes[k].stopped && i->state != INSTANCE_STOPPED)
            return api_fail(c, e, "IncorrectInstanceState",
                            "The instance '%s' is not in the 'stopped' state.", i->id);
        r = attributes[k].set(c, i, value, e);
        return r < 0 ? r : model_instance_save(c->model, i, e);
    }
    return api_count(c, "GroupId") ? set_groups(c, i, e) : set_mappings(c, i, e);
}

static int modify_instance_attribute(struct api_call *c, struct err *e)
{
    struct instance_rec i;
    int r = api_find_instance(c, api_text(c, "InstanceId"), &i, e);

    if (r >= 0)
        r = check_one(c, e);
    if (r < 0)
        return r;
    if (i.state == INSTANCE_TERMINATED || i.state == INSTANCE_SHUTTING_DOWN)
        return api_fail(c, e, "IncorrectInstanceState",
                        "The instance '%s' is in the state '%s': its attributes cannot be changed",
                        i.id, model_instance_state_name(i.state));
    r = set_one(c, &i, e);
    if (r < 0)
        return r;
    xml_return_true(c->out);
    return 0;
}

const struct api_action api_modify_instance_attribute = {
    .name = "ModifyInstanceAttribute",
    .resource = "instance",
    .flags = API_WRITES,
    .params = params,
    .handle = modify_instance_attribute,
    .summary = "Changes one attribute of an instance; type and user data of a stopped one only.",
};
