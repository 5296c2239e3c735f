/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "launch.h"

#include <stdio.h>

#include "find.h"
#include "rand.h"

/* EC2's guests know where they run by the first three characters. */
static void new_uuid(char out[37])
{
    rand_uuid(out);
    out[0] = 'e';
    out[1] = 'c';
    out[2] = '2';
}

static void new_mac(char out[18])
{
    uint8_t b[5];

    rand_bytes(b, sizeof(b));
    snprintf(out, 18, "0a:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4]);
}

#define COPY(dst, src) (void)str_copy(dst, sizeof(dst), src)

static void copy_text(struct api_call *c, char *dst, size_t size, const char *param)
{
    const char *text = api_text(c, param);

    (void)str_copy(dst, size, text ? text : "");
}

static void fill_instance(struct api_call *c, const struct launch *l, uint32_t index,
                          struct instance_rec *i)
{
    *i = (struct instance_rec){
        .state = INSTANCE_PENDING,
        .launched_ms = l->now_ms,
        .launch_index = index,
        .ena_support = l->image.ena_support,
        .ebs_optimized = api_bool(c, "EbsOptimized", false),
        .monitoring = api_bool(c, "Monitoring.Enabled", false),
        .disable_api_termination = api_bool(c, "DisableApiTermination", false),
        .disable_api_stop = api_bool(c, "DisableApiStop", false),
        .terminate_on_shutdown =
            str_eq(api_text(c, "InstanceInitiatedShutdownBehavior"), "terminate"),
    };
    api_metadata_keep(&l->metadata, i);
    model_new_id("i", i->id);
    new_uuid(i->uuid);
    new_mac(i->mac);
    COPY(i->region, c->region);
    COPY(i->zone, l->place.subnet.zone);
    COPY(i->reservation_id, l->reservation_id);
    COPY(i->owner, c->account);
    COPY(i->image_id, l->image.id);
    COPY(i->type, l->type->name);
    copy_text(c, i->key_name, sizeof(i->key_name), "KeyName");
    copy_text(c, i->client_token, sizeof(i->client_token), "ClientToken");
    COPY(i->platform, l->image.platform);
    COPY(i->platform_details, l->image.platform_details);
    COPY(i->usage_operation, l->image.usage_operation);
    COPY(i->architecture, l->image.architecture);
    COPY(i->root_device_name, l->image.root_device_name);
    COPY(i->boot_mode, l->image.boot_mode);
}

/* The root disk is of the image's platform; others of what their snapshot was of. */
static void volume_platform(struct api_call *c, const struct launch *l, const struct mapping *m,
                            struct volume_rec *v)
{
    struct snapshot_rec s;
    struct err e = { 0 };

    if (str_eq(m->device, l->image.root_device_name))
        COPY(v->platform, l->image.platform);
    else if (m->snapshot_id[0] &&
             model_snapshot_get(c->model, c->region, m->snapshot_id, &s, &e) >= 0)
        COPY(v->platform, s.platform);
}

/* A volume of a launch is in use from the start; its files are made by the launch's job. */
static int insert_volume(struct api_call *c, const struct launch *l, const struct instance_rec *i,
                         const struct mapping *m, struct err *e)
{
    struct attachment_rec at = {
        .state = ATTACH_ATTACHING,
        .attached_ms = l->now_ms,
        .delete_on_termination = m->delete_on_termination == TRI_TRUE,
    };
    struct volume_rec v = {
        .state = VOLUME_ST_AVAILABLE,
        .size_gib = m->size_gib,
        .iops = m->iops,
        .throughput = m->throughput,
        .encrypted = m->encrypted == TRI_TRUE,
        .created_ms = l->now_ms,
    };
    int r;

    model_new_id("vol", v.id);
    COPY(v.region, c->region);
    COPY(v.zone, l->place.subnet.zone);
    COPY(v.owner, c->account);
    COPY(v.type, m->volume_type);
    COPY(v.snapshot_id, m->snapshot_id);
    volume_platform(c, l, m, &v);
    COPY(at.volume_id, v.id);
    COPY(at.instance_id, i->id);
    COPY(at.device, m->device);
    api_about(c, "volume");
    r = model_volume_insert(c->model, &v, e);
    if (r < 0)
        return r;
    r = model_attach(c->model, &at, e);
    if (r < 0)
        return r;
    return api_tag(c, v.id, &l->volume_tags, e);
}

static int insert_ephemeral(struct api_call *c, const struct launch *l,
                            const struct instance_rec *i, const char *device, const char *name,
                            struct err *e)
{
    struct ephemeral_rec d = { .size_gib = l->type->store_disk_gib, .mapped = device[0] };

    COPY(d.instance_id, i->id);
    COPY(d.device, device);
    COPY(d.virtual_name, name);
    return model_ephemeral_insert(c->model, &d, e);
}

static bool mapped(const struct launch *l, const char *name)
{
    for (size_t i = 0; i < l->mapping.n; i++)
        if (str_eq(l->mapping.v[i].virtual_name, name))
            return true;
    return false;
}

/* C-67: NVMe disks of the type are there without any mapping. */
static int insert_unmapped(struct api_call *c, const struct launch *l, const struct instance_rec *i,
                           struct err *e)
{
    for (unsigned k = 0; k < l->type->store_disks && l->type->store_nvme; k++) {
        char name[24];
        int r;

        snprintf(name, sizeof(name), "ephemeral%u", k);
        if (mapped(l, name))
            continue;
        r = insert_ephemeral(c, l, i, "", name, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int insert_disks(struct api_call *c, const struct launch *l, const struct instance_rec *i,
                        struct err *e)
{
    for (size_t k = 0; k < l->mapping.n; k++) {
        const struct mapping *m = &l->mapping.v[k];
        int number = rules_ephemeral_number(m->virtual_name), r = 0;

        if (m->has_ebs)
            r = insert_volume(c, l, i, m, e);
        else if (number >= 0 && (unsigned)number < l->type->store_disks)
            r = insert_ephemeral(c, l, i, m->device, m->virtual_name, e);
        if (r < 0)
            return r;
    }
    return insert_unmapped(c, l, i, e);
}

static int insert_instance(struct api_call *c, const struct launch *l, struct instance_rec *i,
                           struct err *e)
{
    int r = model_instance_insert(c->model, i, e);

    if (r >= 0)
        r = api_place_instance(c, &l->place, i, &l->interface_tags, e);
    if (r >= 0 && l->user_data_len)
        r = model_user_data_set(c->model, i->id, l->user_data, l->user_data_len, e);
    if (r >= 0 && l->key.name[0])
        r = model_launch_key_set(c->model, i->id, l->key.public_key, e);
    if (r < 0)
        return r;
    r = insert_disks(c, l, i, e);
    if (r < 0)
        return r;
    r = api_tag(c, i->id, &l->instance_tags, e);
    if (r < 0)
        return r;
    return jobs_launch(c->jobs, i->id, e);
}

int launch_instance(struct api_call *c, const struct launch *l, uint32_t index,
                    struct instance_rec *ret, struct err *e)
{
    fill_instance(c, l, index, ret);
    return insert_instance(c, l, ret, e);
}
