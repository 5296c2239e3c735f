/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Groups of parameters that several actions take: tags at creation, block device mappings. */
#include <errno.h>
#include <string.h>

#include "parse.h"
#include "request.h"

static int missing(struct api_call *c, struct err *e, const char *name)
{
    return api_fail(c, e, "MissingParameter", "The request must contain the parameter %s", name);
}

static bool has_key(const struct tag_list *l, const char *key)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->v[i].key, key))
            return true;
    return false;
}

/* Adds the tags of one list ("TagSpecification.1.Tag") that rules_tag lets pass. */
static int add_tags(struct api_call *c, const char *list, struct tag_list *to, struct err *e)
{
    for (size_t i = 0; i < api_count(c, list); i++) {
        const char *key = api_item(c, list, i, "Key"), *value = api_item(c, list, i, "Value");
        char shown[120];
        int r;

        if (!key)
            return missing(c, e, "Tag key");
        api_about(c, "tag");
        r = rules_tag(key, value ? value : "", e);
        api_about(c, c->action->resource);
        if (r < 0) {
            c->wire_code = "InvalidParameterValue";
            return r;
        }
        if (has_key(to, key))
            return api_fail(c, e, "InvalidParameterValue", "Duplicate tag key '%s' specified.",
                            str_show(key, shown, sizeof(shown)));
        if (to->n >= MODEL_TAGS_MAX)
            return api_fail(c, e, "TagLimitExceeded",
                            "The maximum number of Tags for a resource has been reached.");
        if (tag_list_add(to, key, value ? value : "") < 0)
            return err_oom(e);
    }
    return 0;
}

static bool is_allowed(const char *word, const char *const *allowed)
{
    for (; allowed && *allowed; allowed++)
        if (str_eq(word, *allowed))
            return true;
    return false;
}

static int check_spec(struct api_call *c, size_t i, const char *const *allowed, const char *list,
                      struct err *e)
{
    const char *type = api_item(c, "TagSpecification", i, "ResourceType");
    char shown[120];

    if (!type)
        return api_fail(c, e, "InvalidParameterValue",
                        "Tag specification resource type must have a value");
    if (!is_allowed(type, allowed))
        return api_fail(c, e, "InvalidParameterValue",
                        "'%s' is not a valid taggable resource type for this operation.",
                        str_show(type, shown, sizeof(shown)));
    if (api_count(c, list) == 0)
        return api_fail(c, e, "InvalidParameterValue",
                        "Tag specification must have at least one tag");
    return 0;
}

int api_tag_specs(struct api_call *c, const char *type, const char *const *allowed,
                  struct tag_list *ret, struct err *e)
{
    struct tag_list l = { 0 };
    int r = 0;

    if (!type)
        r = add_tags(c, "Tag", &l, e);
    for (size_t i = 0; type && r == 0 && i < api_count(c, "TagSpecification"); i++) {
        char list[64];

        (void)api_sub(c, "TagSpecification", i, "Tag", list, sizeof(list));
        r = check_spec(c, i, allowed, list, e);
        if (r == 0 && str_eq(api_item(c, "TagSpecification", i, "ResourceType"), type))
            r = add_tags(c, list, &l, e);
    }
    if (r < 0) {
        tag_list_done(&l);
        return r;
    }
    *ret = l;
    return 0;
}

static enum tri tri_item(const struct api_call *c, size_t i, const char *member)
{
    const char *text = api_item(c, "BlockDeviceMapping", i, member);
    bool v;

    if (!text || parse_bool(text, &v) < 0)
        return TRI_UNSET;
    return v ? TRI_TRUE : TRI_FALSE;
}

static uint64_t int_item(const struct api_call *c, size_t i, const char *member)
{
    const char *text = api_item(c, "BlockDeviceMapping", i, member);
    uint64_t v = 0;

    if (text)
        (void)parse_u64(text, 0, UINT32_MAX, &v); /* checked before: PARAM_INT */
    return v;
}

static void copy_item(const struct api_call *c, size_t i, const char *member, char *out,
                      size_t size)
{
    const char *text = api_item(c, "BlockDeviceMapping", i, member);

    (void)str_copy(out, size, text ? text : ""); /* fits: the table's max_len */
}

static bool any_ebs(const struct api_call *c, size_t i)
{
    static const char *const members[] = {
        "Ebs.SnapshotId", "Ebs.VolumeSize",          "Ebs.VolumeType", "Ebs.Iops",
        "Ebs.Throughput", "Ebs.DeleteOnTermination", "Ebs.Encrypted",
    };

    for (size_t k = 0; k < ARRAY_LEN(members); k++)
        if (api_item_has(c, "BlockDeviceMapping", i, members[k]))
            return true;
    return false;
}

static int read_mapping(struct api_call *c, size_t i, struct mapping *m, struct err *e)
{
    const char *no_device = api_item(c, "BlockDeviceMapping", i, "NoDevice");

    *m = (struct mapping){ .no_device = no_device != NULL, .has_ebs = any_ebs(c, i) };
    copy_item(c, i, "DeviceName", m->device, sizeof(m->device));
    copy_item(c, i, "VirtualName", m->virtual_name, sizeof(m->virtual_name));
    copy_item(c, i, "Ebs.SnapshotId", m->snapshot_id, sizeof(m->snapshot_id));
    copy_item(c, i, "Ebs.VolumeType", m->volume_type, sizeof(m->volume_type));
    m->size_gib = int_item(c, i, "Ebs.VolumeSize");
    m->iops = (uint32_t)int_item(c, i, "Ebs.Iops");
    m->throughput = (uint32_t)int_item(c, i, "Ebs.Throughput");
    m->delete_on_termination = tri_item(c, i, "Ebs.DeleteOnTermination");
    m->encrypted = tri_item(c, i, "Ebs.Encrypted");

    if (!m->device[0])
        return missing(c, e, "deviceName");
    if (no_device && *no_device) /* rule 6: all clients send the empty string */
        return api_fail(c, e, "InvalidRequest",
                        "The request received was invalid: NoDevice of "
                        "'%s' must be empty",
                        m->device);
    if (!m->no_device && !m->has_ebs && !m->virtual_name[0])
        return missing(c, e, "ebs");
    return 0;
}

int api_mappings(struct api_call *c, struct mapping_list *ret, struct err *e)
{
    struct mapping_list l = { 0 };
    int r = 0;

    for (size_t i = 0; r == 0 && i < api_count(c, "BlockDeviceMapping"); i++) {
        struct mapping m;

        r = read_mapping(c, i, &m, e);
        if (r == 0 && mapping_list_add(&l, &m) < 0)
            r = err_oom(e);
    }
    if (r < 0) {
        mapping_list_done(&l);
        return r;
    }
    *ret = l;
    return 0;
}
