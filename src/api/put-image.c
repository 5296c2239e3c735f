/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "put.h"
#include "find.h"

static void put_ebs(struct api_call *c, const struct mapping *m)
{
    xml_open(c->out, "ebs");
    xml_text(c->out, "snapshotId", m->snapshot_id);
    if (m->size_gib)
        xml_uint(c->out, "volumeSize", m->size_gib);
    xml_bool(c->out, "deleteOnTermination", m->delete_on_termination == TRI_TRUE);
    xml_text(c->out, "volumeType", m->volume_type);
    if (m->iops)
        xml_uint(c->out, "iops", m->iops);
    if (m->throughput)
        xml_uint(c->out, "throughput", m->throughput);
    xml_bool(c->out, "encrypted", m->encrypted == TRI_TRUE);
    xml_close(c->out, "ebs");
}

static void put_mapping(struct api_call *c, const struct mapping_list *l)
{
    xml_open(c->out, "blockDeviceMapping");
    for (size_t i = 0; i < l->n; i++) {
        xml_open(c->out, "item");
        xml_text(c->out, "deviceName", l->v[i].device);
        xml_text(c->out, "virtualName", l->v[i].virtual_name);
        if (l->v[i].has_ebs)
            put_ebs(c, &l->v[i]);
        xml_close(c->out, "item");
    }
    xml_close(c->out, "blockDeviceMapping");
}

/* Elements that EC2 does not have: real bytes of all snapshots while the image is pending. How much
 * there is to read is said when each of them knows it. */
static void put_progress(struct api_call *c, const struct image_rec *i)
{
    struct snapshot_progress all = { 0 };
    uint64_t percents = 0, n = 0, unknown = 0;

    if (i->state != IMAGE_PENDING)
        return;
    for (size_t k = 0; k < i->mapping.n; k++) {
        struct snapshot_rec s;
        struct err e = { 0 };

        if (!i->mapping.v[k].snapshot_id[0] ||
            model_snapshot_get(c->model, i->region, i->mapping.v[k].snapshot_id, &s, &e) < 0)
            continue;
        all.read += s.bytes_read;
        all.stored += s.bytes_stored;
        all.done += s.state == SNAPSHOT_PENDING ? s.bytes_done : s.bytes_total;
        all.total += s.bytes_total;
        all.per_s += s.state == SNAPSHOT_PENDING ? s.bytes_per_s : 0;
        unknown += s.state == SNAPSHOT_PENDING && s.bytes_total == 0;
        percents += s.progress;
        n++;
    }
    if (unknown == 0 && all.total) {
        xml_uint(c->out, "kilnProgress", min_u64(99, all.done * 100 / all.total));
        xml_uint(c->out, "kilnBytesDone", all.done);
        xml_uint(c->out, "kilnBytesTotal", all.total);
        xml_uint(c->out, "kilnBytesPerSecond", all.per_s);
    } else {
        xml_uint(c->out, "kilnProgress", n ? percents / n : 0);
    }
    xml_uint(c->out, "kilnBytesRead", all.read);
    xml_uint(c->out, "kilnBytesStored", all.stored);
}

static void put_identity(struct api_call *c, const struct image_rec *i)
{
    const char *alias = api_owner_alias(i->owner);
    _cleanup_free_ char *location = xasprintf("%s/%s", alias[0] ? alias : i->owner, i->name);

    xml_text(c->out, "imageId", i->id);
    xml_text(c->out, "imageLocation", location);
    xml_text(c->out, "imageState", model_image_state_name(i->state));
    xml_text(c->out, "imageOwnerId", i->owner);
    xml_text(c->out, "imageOwnerAlias", alias);
    xml_time(c->out, "creationDate", i->created_ms);
    xml_bool(c->out, "isPublic", i->is_public);
    xml_text(c->out, "name", i->name);
    xml_text(c->out, "description", i->description);
}

static void put_machine(struct api_call *c, const struct image_rec *i)
{
    xml_text(c->out, "architecture", i->architecture);
    xml_text(c->out, "imageType", "machine");
    xml_text(c->out, "platform", i->platform);
    xml_text(c->out, "platformDetails", i->platform_details);
    xml_text(c->out, "usageOperation", i->usage_operation);
    xml_text(c->out, "virtualizationType", i->virtualization_type);
    xml_text(c->out, "hypervisor", "xen");
    xml_text(c->out, "rootDeviceType", i->root_device_type);
    xml_text(c->out, "rootDeviceName", i->root_device_name);
    xml_bool(c->out, "enaSupport", i->ena_support);
    if (i->sriov_net_support)
        xml_text(c->out, "sriovNetSupport", "simple");
    xml_text(c->out, "bootMode", i->boot_mode);
    xml_text(c->out, "tpmSupport", i->tpm_support);
    xml_text(c->out, "imdsSupport", i->imds_support);
}

static void put_history(struct api_call *c, const struct image_rec *i)
{
    xml_text(c->out, "sourceInstanceId", i->source_instance_id);
    xml_text(c->out, "sourceImageId", i->source_image_id);
    xml_text(c->out, "sourceImageRegion", i->source_image_region);
    if (i->last_launched_ms)
        xml_time(c->out, "lastLaunchedTime", i->last_launched_ms);
    if (i->deprecated_ms)
        xml_time(c->out, "deprecationTime", i->deprecated_ms);
    xml_text(c->out, "deregistrationProtection", model_image_protection_name(i->protection));
    if (i->state_reason_code[0]) {
        xml_open(c->out, "stateReason");
        xml_text(c->out, "code", i->state_reason_code);
        xml_text(c->out, "message", i->state_reason);
        xml_close(c->out, "stateReason");
    }
}

int api_put_image(struct api_call *c, const struct image_rec *i, const struct tag_list *tags,
                  struct err *e)
{
    put_identity(c, i);
    put_machine(c, i);
    put_history(c, i);
    put_mapping(c, &i->mapping);
    put_progress(c, i);
    xml_tags(c->out, tags);
    return 0;
}
