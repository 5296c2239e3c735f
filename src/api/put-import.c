/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "put.h"

#include <stdio.h>

static void put_format(struct api_call *c, const char *format)
{
    char upper[sizeof(((struct import_rec *)0)->format)];
    size_t i = 0;

    for (; format[i] && i + 1 < sizeof(upper); i++)
        upper[i] = format[i] >= 'a' && format[i] <= 'z' ? (char)(format[i] - 'a' + 'A') : format[i];
    upper[i] = 0;
    xml_text(c->out, "format", upper);
}

static void put_disk(struct api_call *c, const struct import_rec *i, const char *progress)
{
    xml_open(c->out, "snapshotDetailSet");
    xml_open(c->out, "item");
    xml_text(c->out, "deviceName", "/dev/sda1");
    if (i->disk_bytes)
        xml_uint(c->out, "diskImageSize", i->disk_bytes);
    put_format(c, i->format);
    xml_text(c->out, "url", i->url);
    if (i->state == IMPORT_ACTIVE)
        xml_text(c->out, "progress", progress);
    xml_text(c->out, "status", model_import_state_name(i->state));
    if (i->state == IMPORT_COMPLETED)
        xml_text(c->out, "snapshotId", i->snapshot_id);
    xml_close(c->out, "item");
    xml_close(c->out, "snapshotDetailSet");
}

/* Elements that EC2 does not have: real bytes. */
static void put_counters(struct api_call *c, const struct import_rec *i,
                         const struct snapshot_rec *s)
{
    xml_uint(c->out, "kilnBytesDone", i->bytes_done);
    xml_uint(c->out, "kilnBytesTotal", i->bytes_total);
    xml_uint(c->out, "kilnBytesPerSecond", i->bytes_per_s);
    if (s) {
        xml_uint(c->out, "kilnBytesRead", s->bytes_read);
        xml_uint(c->out, "kilnBytesStored", s->bytes_stored);
    }
    xml_text(c->out, "kilnImageId", i->image_id);
    xml_text(c->out, "kilnSnapshotId", i->snapshot_id);
    xml_text(c->out, "kilnWarning", i->warning);
}

int api_put_import(struct api_call *c, const struct import_rec *i, struct err *e)
{
    bool windows = str_eq(i->platform, "windows"), there;
    struct snapshot_rec s = { 0 };
    struct err gone = { 0 };
    char progress[8];

    there = model_snapshot_get(c->model, i->region, i->snapshot_id, &s, &gone) >= 0;
    snprintf(progress, sizeof(progress), "%u", i->progress > 100 ? 100 : i->progress);
    xml_text(c->out, "importTaskId", i->id);
    xml_text(c->out, "architecture", "x86_64");
    xml_text(c->out, "bootMode", i->boot_mode);
    xml_text(c->out, "description", i->description);
    xml_bool(c->out, "encrypted", s.encrypted);
    xml_text(c->out, "licenseType", "BYOL");
    if (i->platform[0]) { /* not until it was said, or the disk has been read */
        xml_text(c->out, "platform", windows ? "Windows" : "Linux");
        xml_text(c->out, "usageOperation", windows ? "RunInstances:0002" : "RunInstances");
    }
    xml_text(c->out, "status", model_import_state_name(i->state));
    xml_text(c->out, "statusMessage", i->status_message);
    if (i->state == IMPORT_ACTIVE)
        xml_text(c->out, "progress", progress);
    if (i->state == IMPORT_COMPLETED)
        xml_text(c->out, "imageId", i->image_id);
    put_disk(c, i, progress);
    put_counters(c, i, there ? &s : NULL);
    return api_put_tags_of(c, i->id, e);
}
