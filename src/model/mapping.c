/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Block device mappings: how a request's entries change an image's mapping at launch, and an
 * instance's mapping when an image is made of it. Both work the same way:
 *     1. each entry of the request by itself (shape, names, twice)
 *     2. each entry against the base: remove, replace, override member by member, add
 *     3. each entry of the result: sizes, types, defaults
 * ec2-api.md sections 5, 7 and 8. */
#include "rules.h"

#include <errno.h>
#include <string.h>

#include "str.h"

#define REQUEST_MAX 128 /* entries; EC2 has fewer device names for one instance */

struct work {
    const char *root;
    const struct mapping_list *request;
    rules_snapshot_size_fn size_of;
    void *userdata;
    struct mapping_list list;
    bool *is_volume; /* entry i is a volume that the instance has now; NULL at launch */
};

static void work_done(struct work *w)
{
    mapping_list_done(&w->list);
    free(w->is_volume);
}

static bool is_root(const struct work *w, const char *device)
{
    return str_eq(w->root, device);
}

static int bad(struct err *e, const char *why, const char *device)
{
    char shown[MODEL_DEVICE_MAX];

    return err_set(e, EDOM, ERR_INVALID, "Invalid block device mapping: device '%s' %s",
                   str_show(device, shown, sizeof shown), why);
}

/* ---- 1. the request by itself ---------------------------------------------------------------- */

static int check_shape(const struct mapping *x, struct err *e)
{
    int kinds = (x->has_ebs ? 1 : 0) + (x->virtual_name[0] ? 1 : 0) + (x->no_device ? 1 : 0);
    struct err plain = { 0 };

    if (!x->device[0])
        return err_set(e, ENODATA, ERR_INVALID,
                       "The request must contain the parameter deviceName");
    if (kinds == 0)
        return err_set(e, ENODATA, ERR_INVALID, "The request must contain the parameter ebs");
    if (x->no_device && kinds > 1)
        return err_set(e, EBADMSG, ERR_INVALID, "The request received was invalid");
    if (kinds > 1)
        return bad(e, "is an EBS volume and an instance store volume at once", x->device);
    if (x->virtual_name[0] && rules_ephemeral_number(x->virtual_name) < 0)
        return bad(e, "has a virtual name other than ephemeral0 to ephemeral23", x->device);
    if (!x->no_device && rules_device_name(x->device, &plain) < 0)
        return bad(e, "is not a valid device name", x->device);
    return 0;
}

static int check_request(const struct mapping_list *request, struct err *e)
{
    if (request->n > REQUEST_MAX)
        return err_set(e, EDOM, ERR_INVALID, "%zu block device mappings, at most %d are allowed",
                       request->n, REQUEST_MAX);
    for (size_t i = 0; i < request->n; i++) {
        const struct mapping *x = &request->v[i];
        int r = check_shape(x, e);

        if (r < 0)
            return r;
        for (size_t k = 0; k < i; k++) {
            if (str_eq(x->device, request->v[k].device))
                return bad(e, "is given twice", x->device);
            if (x->virtual_name[0] && str_eq(x->virtual_name, request->v[k].virtual_name))
                return bad(e, "has an instance store volume that another one has", x->device);
        }
    }
    return 0;
}

/* ---- 2. entry against base ------------------------------------------------------------------- */

static void drop(struct work *w, const struct mapping *x)
{
    size_t i = (size_t)(x - w->list.v), behind = w->list.n - i - 1;

    memmove(&w->list.v[i], &w->list.v[i + 1], behind * sizeof w->list.v[0]);
    if (w->is_volume)
        memmove(&w->is_volume[i], &w->is_volume[i + 1], behind * sizeof w->is_volume[0]);
    w->list.n--;
}

static int add(struct work *w, const struct mapping *x, struct err *e)
{
    if (mapping_list_add(&w->list, x) < 0)
        return err_oom(e);
    if (w->is_volume) { /* allocated for all that can come: see work_init */
        w->is_volume[w->list.n - 1] = false;
    }
    return 0;
}

static int suppress(struct work *w, const struct mapping *x, struct mapping *base, struct err *e)
{
    if (is_root(w, x->device))
        return bad(e, "is the root device and cannot be suppressed", x->device);
    if (base)
        drop(w, base);
    return 0; /* of a device that is not there: nothing to do */
}

static int put_ephemeral(struct work *w, const struct mapping *x, struct mapping *base,
                         struct err *e)
{
    if (is_root(w, x->device))
        return bad(e, "is the root device and cannot be an instance store volume", x->device);
    if (base)
        drop(w, base);
    for (size_t i = 0; i < w->list.n; i++) /* the disk moves here from where the base had it */
        if (str_eq(w->list.v[i].virtual_name, x->virtual_name)) {
            drop(w, &w->list.v[i]);
            break;
        }
    return add(w, x, e);
}

static int put_new_ebs(struct work *w, const struct mapping *x, struct mapping *base, struct err *e)
{
    if (!x->size_gib && !x->snapshot_id[0])
        return err_set(e, ENODATA, ERR_INVALID,
                       "The request must contain the parameter size or snapshotId");
    if (base)
        drop(w, base);
    return add(w, x, e);
}

/* Members that were given replace those of the base. IOPS and throughput belong to a type. */
static void override_performance(const struct mapping *x, struct mapping *base)
{
    if (x->volume_type[0] && !str_eq(x->volume_type, base->volume_type)) {
        memcpy(base->volume_type, x->volume_type, sizeof base->volume_type);
        base->iops = 0;
        base->throughput = 0;
    }
    if (x->iops)
        base->iops = x->iops;
    if (x->throughput)
        base->throughput = x->throughput;
    if (x->delete_on_termination != TRI_UNSET)
        base->delete_on_termination = x->delete_on_termination;
}

static int override_at_launch(struct work *w, const struct mapping *x, struct mapping *base,
                              struct err *e)
{
    if (x->snapshot_id[0] && !str_eq(x->snapshot_id, base->snapshot_id)) {
        if (is_root(w, x->device))
            return bad(e, "is the root device, its snapshot cannot be replaced", x->device);
        memcpy(base->snapshot_id, x->snapshot_id, sizeof base->snapshot_id);
        base->size_gib = 0;
        base->encrypted = TRI_UNSET;
    }
    if (x->size_gib)
        base->size_gib = x->size_gib;
    if (x->encrypted != TRI_UNSET)
        base->encrypted = x->encrypted;
    override_performance(x, base);
    return 0;
}

static int override_in_image(const struct mapping *x, struct mapping *base, struct err *e)
{
    if (x->encrypted != TRI_UNSET)
        return bad(e, "is a volume whose encryption cannot be changed here; copy the image instead",
                   x->device);
    if (x->snapshot_id[0])
        return bad(e, "is a volume that gets its own snapshot, snapshotId cannot be given",
                   x->device);
    if (x->size_gib && x->size_gib < base->size_gib)
        return err_set(e, EDOM, ERR_INVALID,
                       "Volume of size %lluGB is smaller than snapshot of '%s', "
                       "expect size >= %lluGB",
                       (unsigned long long)x->size_gib, x->device,
                       (unsigned long long)base->size_gib);
    if (x->size_gib)
        base->size_gib = x->size_gib;
    override_performance(x, base);
    return 0;
}

static int apply(struct work *w, const struct mapping *x, struct err *e)
{
    struct mapping *base = mapping_find(&w->list, x->device);

    if (x->no_device)
        return suppress(w, x, base, e);
    if (x->virtual_name[0])
        return put_ephemeral(w, x, base, e);
    if (!base || !base->has_ebs)
        return put_new_ebs(w, x, base, e);
    if (w->is_volume && w->is_volume[base - w->list.v])
        return override_in_image(x, base, e);
    return override_at_launch(w, x, base, e);
}

static int apply_all(struct work *w, struct err *e)
{
    for (size_t i = 0; i < w->request->n; i++) {
        int r = apply(w, &w->request->v[i], e);

        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- 3. the result --------------------------------------------------------------------------- */

/* may_encrypt: a launch may encrypt what is not; an image's entries say what their snapshot is. */
static int check_snapshot(const struct work *w, struct mapping *x, bool may_encrypt, struct err *e)
{
    bool encrypted = false;
    uint64_t size = w->size_of(x->snapshot_id, &encrypted, w->userdata);

    if (!size)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "The snapshot '%s' does not exist.",
                       x->snapshot_id);
    if (!x->size_gib)
        x->size_gib = size;
    if (x->size_gib < size)
        return err_set(e, EDOM, ERR_INVALID,
                       "Volume of size %lluGB is smaller than snapshot '%s', expect size >= %lluGB",
                       (unsigned long long)x->size_gib, x->snapshot_id, (unsigned long long)size);
    if (encrypted && x->encrypted == TRI_FALSE)
        return bad(e, "is not to be encrypted, and its snapshot is", x->device);
    if (!encrypted && x->encrypted == TRI_TRUE && !may_encrypt)
        return bad(e, "is to be encrypted, and its snapshot is not; copy the image instead",
                   x->device);
    if (encrypted)
        x->encrypted = TRI_TRUE;
    return 0;
}

static int finish_ebs(const struct work *w, struct mapping *x, bool may_encrypt, struct err *e)
{
    int r = 0;

    if (x->snapshot_id[0])
        r = check_snapshot(w, x, may_encrypt, e);
    if (r >= 0)
        r = rules_volume(x->volume_type, x->size_gib, &x->iops, &x->throughput, e);
    if (r < 0)
        return r;
    if (x->delete_on_termination == TRI_UNSET)
        x->delete_on_termination = is_root(w, x->device) ? TRI_TRUE : TRI_FALSE;
    if (x->encrypted == TRI_UNSET)
        x->encrypted = TRI_FALSE;
    return 0;
}

static int finish_all(struct work *w, bool may_encrypt, struct err *e)
{
    for (size_t i = 0; i < w->list.n; i++) {
        int r = w->list.v[i].has_ebs ? finish_ebs(w, &w->list.v[i], may_encrypt, e) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

static int check_encryption(const struct work *w, const struct instance_type *type, struct err *e)
{
    for (size_t i = 0; i < w->list.n; i++) {
        const struct mapping *x = &w->list.v[i];

        if (x->has_ebs && x->encrypted == TRI_TRUE && !type->encryption)
            return err_set(e, ENOTSUP, ERR_INVALID,
                           "'%s' is encrypted and '%s' does not support encrypted volumes.",
                           x->snapshot_id[0] ? x->snapshot_id : x->device, type->name);
    }
    return 0;
}

/* Entries for disks that the type does not have are ignored, as EC2 does. */
static void drop_absent_disks(struct work *w, const struct instance_type *type)
{
    for (size_t i = w->list.n; i-- > 0;) {
        const struct mapping *x = &w->list.v[i];
        int n = x->has_ebs ? 0 : rules_ephemeral_number(x->virtual_name);

        if (!x->has_ebs && (n < 0 || (unsigned)n >= type->store_disks))
            drop(w, x);
    }
}

int rules_mapping_launch(const struct mapping_list *image, const char *root_device,
                         const struct mapping_list *request, const struct instance_type *type,
                         rules_snapshot_size_fn size_of, void *userdata, struct mapping_list *ret,
                         struct err *e)
{
    _cleanup_(work_done) struct work w = { root_device, request, size_of, userdata, { 0 }, NULL };
    int r = check_request(request, e);

    if (r < 0)
        return r;
    if (mapping_list_copy(&w.list, image) < 0)
        return err_oom(e);
    r = apply_all(&w, e);
    if (r >= 0)
        r = finish_all(&w, true, e);
    if (r >= 0)
        r = check_encryption(&w, type, e);
    if (r < 0)
        return r;
    drop_absent_disks(&w, type);
    *ret = w.list;
    w.list = (struct mapping_list){ 0 };
    return 0;
}

/* Takes the instance's entries; its volumes are about to have snapshots of their own. */
static int take_instance(struct work *w, const struct mapping_list *instance, struct err *e)
{
    if (mapping_list_copy(&w->list, instance) < 0)
        return err_oom(e);
    w->is_volume = calloc(instance->n + w->request->n + 1, sizeof *w->is_volume);
    if (!w->is_volume)
        return err_oom(e);
    for (size_t i = 0; i < w->list.n; i++) {
        w->is_volume[i] = w->list.v[i].has_ebs;
        w->list.v[i].snapshot_id[0] = '\0';
    }
    return 0;
}

int rules_mapping_image(const struct mapping_list *instance, const char *root_device,
                        const struct mapping_list *request, rules_snapshot_size_fn size_of,
                        void *userdata, struct mapping_list *ret, bool **ret_needs_snapshot,
                        struct err *e)
{
    _cleanup_(work_done) struct work w = { root_device, request, size_of, userdata, { 0 }, NULL };
    int r = check_request(request, e);

    if (r >= 0)
        r = take_instance(&w, instance, e);
    if (r >= 0)
        r = apply_all(&w, e);
    if (r >= 0)
        r = finish_all(&w, false, e);
    if (r < 0)
        return r;
    *ret = w.list;
    w.list = (struct mapping_list){ 0 };
    *ret_needs_snapshot = TAKE_PTR(w.is_volume);
    return 0;
}
