/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "put.h"

#include "volume.h"

/* gp2 has no IOPS of its own choosing, EC2 shows its baseline. */
static uint32_t shown_iops(const struct volume_rec *v)
{
    uint64_t baseline = v->size_gib * 3;

    if (v->iops || !str_eq(v->type, "gp2"))
        return v->iops;
    return (uint32_t)(baseline < 100 ? 100 : min_u64(baseline, 16000));
}

void api_put_attachment(struct api_call *c, const struct attachment_rec *at)
{
    xml_text(c->out, "volumeId", at->volume_id);
    xml_text(c->out, "instanceId", at->instance_id);
    xml_text(c->out, "device", at->device);
    xml_text(c->out, "status", model_attach_state_name(at->state));
    xml_time(c->out, "attachTime", at->attached_ms);
    xml_bool(c->out, "deleteOnTermination", at->delete_on_termination);
}

void api_put_volume(struct api_call *c, const struct volume_rec *v, const struct attachment_rec *at,
                    const struct tag_list *tags)
{
    xml_text(c->out, "volumeId", v->id);
    xml_uint(c->out, "size", v->size_gib);
    xml_always(c->out, "snapshotId", v->snapshot_id);
    xml_text(c->out, "availabilityZone", v->zone);
    xml_text(c->out, "status", model_volume_state_name(v->state));
    xml_time(c->out, "createTime", v->created_ms);
    xml_open(c->out, "attachmentSet");
    if (at) {
        xml_open(c->out, "item");
        api_put_attachment(c, at);
        xml_close(c->out, "item");
    }
    xml_close(c->out, "attachmentSet");
    xml_text(c->out, "volumeType", v->type);
    if (shown_iops(v))
        xml_uint(c->out, "iops", shown_iops(v));
    if (v->throughput)
        xml_uint(c->out, "throughput", v->throughput);
    xml_bool(c->out, "encrypted", v->encrypted);
    xml_bool(c->out, "multiAttachEnabled", false);
    xml_tags(c->out, tags);
}

/* Elements that EC2 does not have: how far the volume's content has come from the store. */
void api_put_fill(struct api_call *c, const char *volume_id)
{
    struct volume_status st;
    struct err e = { 0 };

    if (jobs_volume_status(c->jobs, volume_id, &st, &e) < 0)
        return; /* not served now, so nothing fills */
    xml_uint(c->out, "kilnBlocks", st.blocks);
    xml_uint(c->out, "kilnBlocksPresent", st.blocks_present);
    xml_uint(c->out, "kilnBlocksBase", st.blocks_base);
    xml_uint(c->out, "kilnBlocksDirty", st.blocks_dirty);
    xml_uint(c->out, "kilnStoreBlocksRead", st.store_blocks_read);
    xml_uint(c->out, "kilnStoreBytesRead", st.store_bytes_read);
    xml_uint(c->out, "kilnFillDone", st.fill_done);
    xml_uint(c->out, "kilnFillTotal", st.fill_total);
    xml_uint(c->out, "kilnFillRate", st.fill_rate);
}
