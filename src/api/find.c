/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include "rules.h"

#include <errno.h>
#include <string.h>

#include "parse.h"

#define MESSAGE_MAX 400

/* ---- kinds of records ------------------------------------------------------------------------ */

struct kind {
    const char *resource;                /* row of the error table */
    const char *code;                    /* unknown id */
    const char *one, *many, *does, *do_; /* the sentence around the ids */
    size_t size;
    int (*get)(struct model *m, const char *region, const char *id, void *ret, struct err *e);
    int (*all)(struct model *m, const char *region, void **ret, size_t *ret_n, struct err *e);
    void (*done)(void *rec); /* what a record holds; NULL: nothing */
};

#define KIND_ACCESS(name, type)                                                                    \
    static int name##_get(struct model *m, const char *region, const char *id, void *ret,          \
                          struct err *e)                                                           \
    {                                                                                              \
        return model_##name##_get(m, region, id, ret, e);                                          \
    }                                                                                              \
    static int name##_all(struct model *m, const char *region, void **ret, size_t *ret_n,          \
                          struct err *e)                                                           \
    {                                                                                              \
        type *v = NULL;                                                                            \
        int r = model_##name##_list(m, region, &v, ret_n, e);                                      \
                                                                                                   \
        if (r >= 0)                                                                                \
            *ret = v;                                                                              \
        return r;                                                                                  \
    }                                                                                              \
    _Static_assert(1, "semicolon")

KIND_ACCESS(instance, struct instance_rec);
KIND_ACCESS(volume, struct volume_rec);
KIND_ACCESS(snapshot, struct snapshot_rec);
KIND_ACCESS(image, struct image_rec);
KIND_ACCESS(import, struct import_rec);
KIND_ACCESS(vpc, struct vpc_rec);
KIND_ACCESS(subnet, struct subnet_rec);
KIND_ACCESS(group, struct group_rec);
KIND_ACCESS(rule, struct rule_rec);
KIND_ACCESS(interface, struct interface_rec);
KIND_ACCESS(address, struct address_rec);

static void image_done(void *rec)
{
    image_rec_done(rec);
}

static const struct kind instance_kind = {
    .resource = "instance",
    .code = "InvalidInstanceID.NotFound",
    .one = "The instance ID '",
    .many = "The instance IDs '",
    .does = "' does not exist",
    .do_ = "' do not exist",
    .size = sizeof(struct instance_rec),
    .get = instance_get,
    .all = instance_all,
};
static const struct kind volume_kind = {
    .resource = "volume",
    .code = "InvalidVolume.NotFound",
    .one = "The volume '",
    .many = "The volumes '",
    .does = "' does not exist.",
    .do_ = "' do not exist.",
    .size = sizeof(struct volume_rec),
    .get = volume_get,
    .all = volume_all,
};
static const struct kind snapshot_kind = {
    .resource = "snapshot",
    .code = "InvalidSnapshot.NotFound",
    .one = "The snapshot '",
    .many = "The snapshots '",
    .does = "' does not exist.",
    .do_ = "' do not exist.",
    .size = sizeof(struct snapshot_rec),
    .get = snapshot_get,
    .all = snapshot_all,
};
static const struct kind image_kind = {
    .resource = "image",
    .code = "InvalidAMIID.NotFound",
    .one = "The image id '[",
    .many = "The image ids '[",
    .does = "]' does not exist",
    .do_ = "]' do not exist",
    .size = sizeof(struct image_rec),
    .get = image_get,
    .all = image_all,
    .done = image_done,
};
static const struct kind import_kind = {
    .resource = "import",
    .code = "InvalidConversionTaskId",
    .one = "The import image task '",
    .many = "The import image tasks '",
    .does = "' does not exist",
    .do_ = "' do not exist",
    .size = sizeof(struct import_rec),
    .get = import_get,
    .all = import_all,
};
static const struct kind vpc_kind = {
    .resource = "vpc",
    .code = "InvalidVpcID.NotFound",
    .one = "The vpc ID '",
    .many = "The vpc IDs '",
    .does = "' does not exist",
    .do_ = "' do not exist",
    .size = sizeof(struct vpc_rec),
    .get = vpc_get,
    .all = vpc_all,
};
static const struct kind subnet_kind = {
    .resource = "subnet",
    .code = "InvalidSubnetID.NotFound",
    .one = "The subnet ID '",
    .many = "The subnet IDs '",
    .does = "' does not exist",
    .do_ = "' do not exist",
    .size = sizeof(struct subnet_rec),
    .get = subnet_get,
    .all = subnet_all,
};
static const struct kind group_kind = {
    .resource = "security-group",
    .code = "InvalidGroup.NotFound",
    .one = "The security group '",
    .many = "The security groups '",
    .does = "' does not exist",
    .do_ = "' do not exist",
    .size = sizeof(struct group_rec),
    .get = group_get,
    .all = group_all,
};
static const struct kind rule_kind = {
    .resource = "security-group-rule",
    .code = "InvalidSecurityGroupRuleId.NotFound",
    .one = "The security group rule ID '",
    .many = "The security group rule IDs '",
    .does = "' does not exist",
    .do_ = "' do not exist",
    .size = sizeof(struct rule_rec),
    .get = rule_get,
    .all = rule_all,
};
static const struct kind interface_kind = {
    .resource = "network-interface",
    .code = "InvalidNetworkInterfaceID.NotFound",
    .one = "The networkInterface ID '",
    .many = "The networkInterface IDs '",
    .does = "' does not exist",
    .do_ = "' do not exist",
    .size = sizeof(struct interface_rec),
    .get = interface_get,
    .all = interface_all,
};
static const struct kind address_kind = {
    .resource = "address",
    .code = "InvalidAllocationID.NotFound",
    .one = "The allocation ID '",
    .many = "The allocation IDs '",
    .does = "' does not exist",
    .do_ = "' do not exist",
    .size = sizeof(struct address_rec),
    .get = address_get,
    .all = address_all,
};

static int missing(struct api_call *c, const struct kind *k, const char *ids, size_t n,
                   struct err *e)
{
    return api_fail(c, e, k->code, "%s%s%s", n > 1 ? k->many : k->one, ids,
                    n > 1 ? k->do_ : k->does);
}

static int find_one(struct api_call *c, const struct kind *k, const char *id, void *ret,
                    struct err *e)
{
    struct err why = { 0 };
    int r = k->get(c->model, c->region, id, ret, &why);

    if (r >= 0)
        return 0;
    if (why.kind == ERR_NOT_FOUND)
        return missing(c, k, id, 1, e);
    api_about(c, k->resource);
    *e = why;
    return r;
}

int api_find_instance(struct api_call *c, const char *id, struct instance_rec *ret, struct err *e)
{
    return find_one(c, &instance_kind, id, ret, e);
}

int api_find_volume(struct api_call *c, const char *id, struct volume_rec *ret, struct err *e)
{
    return find_one(c, &volume_kind, id, ret, e);
}

int api_find_snapshot(struct api_call *c, const char *id, struct snapshot_rec *ret, struct err *e)
{
    return find_one(c, &snapshot_kind, id, ret, e);
}

int api_find_image(struct api_call *c, const char *id, struct image_rec *ret, struct err *e)
{
    return find_one(c, &image_kind, id, ret, e);
}

int api_find_own_image(struct api_call *c, const char *id, struct image_rec *ret, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    int r = api_find_image(c, id, &i, e);

    if (r < 0)
        return r;
    if (!str_eq(i.owner, c->account))
        return api_fail(c, e, "AuthFailure", "Not authorized for image:%s", i.id);
    if (i.state == IMAGE_DEREGISTERED)
        return api_fail(c, e, "InvalidAMIID.Unavailable",
                        "The image ID '%s' is no longer available", i.id);
    *ret = i;
    i = (struct image_rec){ 0 };
    return 0;
}

int api_image_texts(struct api_call *c, struct err *e)
{
    const char *description = api_text(c, "Description");
    int r = rules_image_name(api_text(c, "Name"), e);

    if (r < 0) {
        c->wire_code = "InvalidAMIName.Malformed";
        return r;
    }
    return description ? rules_description(description, e) : 0;
}

int api_unknown_attribute(struct api_call *c, const char *name, struct err *e)
{
    char shown[80];

    return api_fail(c, e, "InvalidParameterValue",
                    "Value (%s) for parameter attribute is invalid. Unknown attribute.",
                    str_show(name, shown, sizeof(shown)));
}

int api_find_import(struct api_call *c, const char *id, struct import_rec *ret, struct err *e)
{
    return find_one(c, &import_kind, id, ret, e);
}

int api_find_subnet(struct api_call *c, const char *id, struct subnet_rec *ret, struct err *e)
{
    return find_one(c, &subnet_kind, id, ret, e);
}

int api_find_group(struct api_call *c, const char *id, struct group_rec *ret, struct err *e)
{
    return find_one(c, &group_kind, id, ret, e);
}

int api_find_rule(struct api_call *c, const char *id, struct rule_rec *ret, struct err *e)
{
    return find_one(c, &rule_kind, id, ret, e);
}

/* ---- lists of ids ---------------------------------------------------------------------------- */

struct named {
    const char *id;
    size_t at; /* in the request */
};

static int by_id(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int r = strcmp(x->id, y->id);

    return r ? r : (x->at > y->at) - (x->at < y->at);
}

static int by_place(const void *a, const void *b)
{
    const struct named *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

/* The ids of a list, each once, in the order of the request; caller frees. */
static struct named *read_ids(struct api_call *c, const char *list, size_t *ret_n)
{
    size_t n = api_count(c, list), kept = 0;
    struct named *v = xcalloc(n + 1, sizeof(*v));

    for (size_t i = 0; i < n; i++) {
        const char *id = api_item(c, list, i, "");

        if (id)
            v[kept++] = (struct named){ id, i };
    }
    n = kept;
    kept = 0;
    qsort(v, n, sizeof(*v), by_id);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !str_eq(v[i].id, v[kept - 1].id))
            v[kept++] = v[i];
    qsort(v, kept, sizeof(*v), by_place);
    *ret_n = kept;
    return v;
}

static void free_records(const struct kind *k, void *v, size_t n)
{
    for (size_t i = 0; k->done && i < n; i++)
        k->done((char *)v + i * k->size);
    free(v);
}

/* Fills v (room for all ids) with what is there; the others' ids go into unknown. */
static int get_named(struct api_call *c, const struct kind *k, const struct named *ids, size_t n,
                     void *v, size_t *ret_n, struct str *unknown, size_t *ret_unknown,
                     struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct err why = { 0 };
        int r = k->get(c->model, c->region, ids[i].id, (char *)v + *ret_n * k->size, &why);

        if (r >= 0) {
            (*ret_n)++;
        } else if (why.kind == ERR_NOT_FOUND) {
            str_addf(unknown, "%s%s", *ret_unknown ? ", " : "", ids[i].id);
            (*ret_unknown)++;
        } else {
            *e = why;
            return r;
        }
    }
    return 0;
}

static int find_named(struct api_call *c, const struct kind *k, const char *list, void **ret,
                      size_t *ret_n, struct err *e)
{
    _cleanup_str_ struct str unknown = STR_INIT(MESSAGE_MAX);
    _cleanup_free_ struct named *ids = NULL;
    size_t n_ids, n = 0, n_unknown = 0;
    void *v;
    int r;

    ids = read_ids(c, list, &n_ids);
    v = calloc(n_ids + 1, k->size);
    if (!v)
        return err_oom(e);
    r = get_named(c, k, ids, n_ids, v, &n, &unknown, &n_unknown, e);
    if (r >= 0 && n_unknown > 0)
        r = missing(c, k, str_text(&unknown), n_unknown, e);
    if (r < 0) {
        free_records(k, v, n);
        return r;
    }
    *ret = v;
    *ret_n = n;
    return 0;
}

static int find_list(struct api_call *c, const struct kind *k, const char *list, void **ret,
                     size_t *ret_n, struct err *e)
{
    api_about(c, k->resource);
    if (api_count(c, list) == 0)
        return k->all(c->model, c->region, ret, ret_n, e);
    return find_named(c, k, list, ret, ret_n, e);
}

#define DEFINE_FIND_LIST(name, kind, type)                                                         \
    int name(struct api_call *c, const char *list, type **ret, size_t *ret_n, struct err *e)       \
    {                                                                                              \
        void *v = NULL;                                                                            \
        int r = find_list(c, &kind, list, &v, ret_n, e);                                           \
                                                                                                   \
        if (r >= 0)                                                                                \
            *ret = v;                                                                              \
        return r;                                                                                  \
    }                                                                                              \
    _Static_assert(1, "semicolon")

DEFINE_FIND_LIST(api_find_instances, instance_kind, struct instance_rec);
DEFINE_FIND_LIST(api_find_volumes, volume_kind, struct volume_rec);
DEFINE_FIND_LIST(api_find_snapshots, snapshot_kind, struct snapshot_rec);
DEFINE_FIND_LIST(api_find_images, image_kind, struct image_rec);
DEFINE_FIND_LIST(api_find_imports, import_kind, struct import_rec);
DEFINE_FIND_LIST(api_find_vpcs, vpc_kind, struct vpc_rec);
DEFINE_FIND_LIST(api_find_subnets, subnet_kind, struct subnet_rec);
DEFINE_FIND_LIST(api_find_groups, group_kind, struct group_rec);
DEFINE_FIND_LIST(api_find_rules, rule_kind, struct rule_rec);
DEFINE_FIND_LIST(api_find_interfaces, interface_kind, struct interface_rec);
DEFINE_FIND_LIST(api_find_addresses, address_kind, struct address_rec);
