/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of records.h. Keys are part of the interface: they are added to, never renamed. */
#include "records.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "units.h"

/* ---- fields ---------------------------------------------------------------------------------- */

static const struct field instance_disks[] = {
    { "device", FIELD_TEXT, "deviceName", NULL },
    { "volume", FIELD_TEXT, "ebs/volumeId", NULL },
    { "status", FIELD_TEXT, "ebs/status", NULL },
    { "delete_on_termination", FIELD_BOOL, "ebs/deleteOnTermination", NULL },
    { 0 },
};

static const struct field instance_groups[] = {
    { "id", FIELD_TEXT, "groupId", NULL },
    { "name", FIELD_TEXT, "groupName", NULL },
    { 0 },
};

static const struct field instance_fields[] = {
    { "id", FIELD_TEXT, "instanceId", NULL },
    { "name", FIELD_NAME, NULL, NULL },
    { "state", FIELD_TEXT, "instanceState/name", NULL },
    { "reason", FIELD_TEXT, "stateReason/message", NULL },
    { "type", FIELD_TEXT, "instanceType", NULL },
    { "image", FIELD_TEXT, "imageId", NULL },
    { "key", FIELD_TEXT, "keyName", NULL },
    { "zone", FIELD_TEXT, "placement/availabilityZone", NULL },
    { "private_ip", FIELD_TEXT, "privateIpAddress", NULL },
    { "public_ip", FIELD_TEXT, "ipAddress", NULL },
    { "subnet", FIELD_TEXT, "subnetId", NULL },
    { "vpc", FIELD_TEXT, "vpcId", NULL },
    { "security_groups", FIELD_LIST, "groupSet/item", instance_groups },
    { "guest", FIELD_TEXT, "kilnGuest", NULL },
    { "platform", FIELD_TEXT, "platformDetails", NULL },
    { "boot_mode", FIELD_TEXT, "bootMode", NULL },
    { "tpm", FIELD_TEXT, "tpmSupport", NULL },
    { "root_device", FIELD_TEXT, "rootDeviceName", NULL },
    { "launched", FIELD_TEXT, "launchTime", NULL },
    { "disks", FIELD_LIST, "blockDeviceMapping/item", instance_disks },
    { "tags", FIELD_TAGS, NULL, NULL },
    { 0 },
};

static const struct field image_disks[] = {
    { "device", FIELD_TEXT, "deviceName", NULL },
    { "virtual", FIELD_TEXT, "virtualName", NULL },
    { "snapshot", FIELD_TEXT, "ebs/snapshotId", NULL },
    { "size_gib", FIELD_INT, "ebs/volumeSize", NULL },
    { "encrypted", FIELD_BOOL, "ebs/encrypted", NULL },
    { "delete_on_termination", FIELD_BOOL, "ebs/deleteOnTermination", NULL },
    { 0 },
};

static const struct field image_fields[] = {
    { "id", FIELD_TEXT, "imageId", NULL },
    { "name", FIELD_TEXT, "name", NULL },
    { "state", FIELD_TEXT, "imageState", NULL },
    { "reason", FIELD_TEXT, "stateReason/message", NULL },
    { "description", FIELD_TEXT, "description", NULL },
    { "owner", FIELD_TEXT, "imageOwnerId", NULL },
    { "public", FIELD_BOOL, "isPublic", NULL },
    { "platform", FIELD_TEXT, "platformDetails", NULL },
    { "architecture", FIELD_TEXT, "architecture", NULL },
    { "boot_mode", FIELD_TEXT, "bootMode", NULL },
    { "tpm", FIELD_TEXT, "tpmSupport", NULL },
    { "root_device", FIELD_TEXT, "rootDeviceName", NULL },
    { "source_instance", FIELD_TEXT, "sourceInstanceId", NULL },
    { "created", FIELD_TEXT, "creationDate", NULL },
    { "progress", FIELD_INT, "kilnProgress", NULL },
    { "bytes_done", FIELD_INT, "kilnBytesDone", NULL },
    { "bytes_total", FIELD_INT, "kilnBytesTotal", NULL },
    { "bytes_per_s", FIELD_INT, "kilnBytesPerSecond", NULL },
    { "bytes_read", FIELD_INT, "kilnBytesRead", NULL },
    { "bytes_stored", FIELD_INT, "kilnBytesStored", NULL },
    { "disks", FIELD_LIST, "blockDeviceMapping/item", image_disks },
    { "tags", FIELD_TAGS, NULL, NULL },
    { 0 },
};

static const struct field snapshot_fields[] = {
    { "id", FIELD_TEXT, "snapshotId", NULL },
    { "name", FIELD_NAME, NULL, NULL },
    { "state", FIELD_TEXT, "status", NULL },
    { "reason", FIELD_TEXT, "statusMessage", NULL },
    { "progress", FIELD_INT, "progress", NULL },
    { "volume", FIELD_TEXT, "volumeId", NULL },
    { "size_gib", FIELD_INT, "volumeSize", NULL },
    { "encrypted", FIELD_BOOL, "encrypted", NULL },
    { "description", FIELD_TEXT, "description", NULL },
    { "platform", FIELD_TEXT, "kilnPlatform", NULL },
    { "parent", FIELD_TEXT, "kilnParentSnapshotId", NULL },
    { "started", FIELD_TEXT, "startTime", NULL },
    { "completed", FIELD_TEXT, "completionTime", NULL },
    { "bytes_done", FIELD_INT, "kilnBytesDone", NULL },
    { "bytes_total", FIELD_INT, "kilnBytesTotal", NULL },
    { "bytes_per_s", FIELD_INT, "kilnBytesPerSecond", NULL },
    { "bytes_read", FIELD_INT, "kilnBytesRead", NULL },
    { "bytes_stored", FIELD_INT, "kilnBytesStored", NULL },
    { "tags", FIELD_TAGS, NULL, NULL },
    { 0 },
};

static const struct field volume_attachments[] = {
    { "instance", FIELD_TEXT, "instanceId", NULL },
    { "device", FIELD_TEXT, "device", NULL },
    { "status", FIELD_TEXT, "status", NULL },
    { 0 },
};

static const struct field volume_fields[] = {
    { "id", FIELD_TEXT, "volumeId", NULL },
    { "name", FIELD_NAME, NULL, NULL },
    { "state", FIELD_TEXT, "status", NULL },
    { "size_gib", FIELD_INT, "size", NULL },
    { "type", FIELD_TEXT, "volumeType", NULL },
    { "encrypted", FIELD_BOOL, "encrypted", NULL },
    { "zone", FIELD_TEXT, "availabilityZone", NULL },
    { "snapshot", FIELD_TEXT, "snapshotId", NULL },
    { "created", FIELD_TEXT, "createTime", NULL },
    { "blocks", FIELD_INT, "kilnBlocks", NULL },
    { "blocks_present", FIELD_INT, "kilnBlocksPresent", NULL },
    { "blocks_base", FIELD_INT, "kilnBlocksBase", NULL },
    { "blocks_dirty", FIELD_INT, "kilnBlocksDirty", NULL },
    { "store_blocks_read", FIELD_INT, "kilnStoreBlocksRead", NULL },
    { "store_bytes_read", FIELD_INT, "kilnStoreBytesRead", NULL },
    { "fill_done", FIELD_INT, "kilnFillDone", NULL },
    { "fill_total", FIELD_INT, "kilnFillTotal", NULL },
    { "fill_bytes_per_s", FIELD_INT, "kilnFillRate", NULL },
    { "attachments", FIELD_LIST, "attachmentSet/item", volume_attachments },
    { "tags", FIELD_TAGS, NULL, NULL },
    { 0 },
};

static const struct field import_fields[] = {
    { "id", FIELD_TEXT, "importTaskId", NULL },
    { "name", FIELD_NAME, NULL, NULL },
    { "state", FIELD_TEXT, "status", NULL },
    { "reason", FIELD_TEXT, "statusMessage", NULL },
    { "progress", FIELD_INT, "progress", NULL },
    { "image", FIELD_TEXT, "kilnImageId", NULL },
    { "snapshot", FIELD_TEXT, "kilnSnapshotId", NULL },
    { "platform", FIELD_TEXT, "platform", NULL },
    { "format", FIELD_TEXT, "snapshotDetailSet/item/format", NULL },
    { "url", FIELD_TEXT, "snapshotDetailSet/item/url", NULL },
    { "warning", FIELD_TEXT, "kilnWarning", NULL },
    { "bytes_done", FIELD_INT, "kilnBytesDone", NULL },
    { "bytes_total", FIELD_INT, "kilnBytesTotal", NULL },
    { "bytes_per_s", FIELD_INT, "kilnBytesPerSecond", NULL },
    { "bytes_read", FIELD_INT, "kilnBytesRead", NULL },
    { "bytes_stored", FIELD_INT, "kilnBytesStored", NULL },
    { "tags", FIELD_TAGS, NULL, NULL },
    { 0 },
};

/* ---- columns --------------------------------------------------------------------------------- */

#define SHOW_TEXT(fn, key)                                                                         \
    static char *fn(const json_t *r)                                                               \
    {                                                                                              \
        return xstrdup(rec_text(r, key));                                                          \
    }                                                                                              \
    _Static_assert(1, "semicolon")

SHOW_TEXT(show_id, "id");
SHOW_TEXT(show_name, "name");
SHOW_TEXT(show_type, "type");
SHOW_TEXT(show_image, "image");
SHOW_TEXT(show_ip, "private_ip");
SHOW_TEXT(show_public_ip, "public_ip");
SHOW_TEXT(show_guest, "guest");
SHOW_TEXT(show_key, "key");
SHOW_TEXT(show_platform, "platform");
SHOW_TEXT(show_volume, "volume");
SHOW_TEXT(show_snapshot, "snapshot");
SHOW_TEXT(show_format, "format");
SHOW_TEXT(show_description, "description");

/* The state, and how far it is where that is known: "pending 37 %". */
static char *show_state(const json_t *r)
{
    const char *state = rec_text(r, "state");
    uint64_t progress = rec_int(r, "progress", 100);

    if (progress < 100 && (str_eq(state, "pending") || str_eq(state, "active")))
        return xasprintf("%s %llu %%", state, (unsigned long long)progress);
    return xstrdup(state);
}

/* Local time, to the minute. */
static char *show_when(const char *iso)
{
    uint64_t ms = 0;
    char buf[32];
    struct tm tm;
    time_t t;

    if (clock_parse_iso8601(iso, &ms) < 0)
        return NULL;
    t = (time_t)(ms / 1000);
    if (!localtime_r(&t, &tm) || strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M", &tm) == 0)
        return NULL;
    return xstrdup(buf);
}

static char *show_launched(const json_t *r)
{
    return show_when(rec_text(r, "launched"));
}

static char *show_created(const json_t *r)
{
    return show_when(rec_text(r, "created"));
}

static char *show_started(const json_t *r)
{
    return show_when(rec_text(r, "started"));
}

static char *show_gib(const json_t *r)
{
    return xasprintf("%llu GiB", (unsigned long long)rec_int(r, "size_gib", 0));
}

static char *show_stored(const json_t *r)
{
    uint64_t n = rec_int(r, "bytes_stored", 0);
    char buf[UNITS_MAX];

    return n ? xstrdup(units_bytes(n, buf)) : NULL;
}

/* "lazy 31 %" while blocks of the base are missing. */
static char *show_fill(const json_t *r)
{
    uint64_t total = rec_int(r, "fill_total", 0), done = rec_int(r, "fill_done", 0);

    if (!total || done >= total)
        return NULL;
    return xasprintf("lazy %llu %%", (unsigned long long)(done * 100 / total));
}

/* Number and size of all disks, and the fill of all together: "2: 40 GiB". */
static char *show_disks(const json_t *r)
{
    uint64_t gib = 0, n = 0;
    size_t i;
    json_t *d;

    json_array_foreach (json_object_get(r, "disks"), i, d) {
        gib += rec_int(d, "size_gib", 0);
        n++;
    }
    if (n == 0)
        return NULL;
    return n == 1 ? xasprintf("%llu GiB", (unsigned long long)gib)
                  : xasprintf("%llu, %llu GiB", (unsigned long long)n, (unsigned long long)gib);
}

static char *show_disks_fill(const json_t *r)
{
    _cleanup_json_ json_t *sum = json_object();
    uint64_t done = 0, total = 0;
    size_t i;
    json_t *d;

    json_array_foreach (json_object_get(r, "disks"), i, d) {
        done += rec_int(d, "fill_done", 0);
        total += rec_int(d, "fill_total", 0);
    }
    json_object_set_new(sum, "fill_done", json_integer((json_int_t)done));
    json_object_set_new(sum, "fill_total", json_integer((json_int_t)total));
    return show_fill(sum);
}

static char *show_attached(const json_t *r)
{
    const json_t *at = json_array_get(json_object_get(r, "attachments"), 0);

    return at ? xasprintf("%s %s", rec_text(at, "instance"), rec_text(at, "device")) : NULL;
}

static char *show_import_status(const json_t *r)
{
    const char *why = rec_text(r, "reason"), *warning = rec_text(r, "warning");

    return xstrdup(why[0] ? why : warning);
}

static const struct column instance_columns[] = {
    { "ID", false, show_id },
    { "NAME", false, show_name },
    { "STATE", false, show_state },
    { "TYPE", false, show_type },
    { "IMAGE", false, show_image },
    { "IP", false, show_ip },
    { "PUBLIC IP", false, show_public_ip },
    { "KEY", false, show_key },
    { "DISKS", true, show_disks },
    { "FILL", true, show_disks_fill },
    { "LAUNCHED", false, show_launched },
    { "GUEST", false, show_guest },
    { 0 },
};

static const struct column image_columns[] = {
    { "ID", false, show_id },
    { "NAME", false, show_name },
    { "STATE", false, show_state },
    { "PLATFORM", false, show_platform },
    { "DISKS", true, show_disks },
    { "CREATED", false, show_created },
    { 0 },
};

static const struct column snapshot_columns[] = {
    { "ID", false, show_id },
    { "NAME", false, show_name },
    { "STATE", false, show_state },
    { "SIZE", true, show_gib },
    { "STORED", true, show_stored },
    { "VOLUME", false, show_volume },
    { "STARTED", false, show_started },
    { "DESCRIPTION", false, show_description },
    { 0 },
};

static const struct column volume_columns[] = {
    { "ID", false, show_id },           { "NAME", false, show_name },
    { "STATE", false, show_state },     { "SIZE", true, show_gib },
    { "TYPE", false, show_type },       { "SNAPSHOT", false, show_snapshot },
    { "FILL", true, show_fill },        { "ATTACHED", false, show_attached },
    { "CREATED", false, show_created }, { 0 },
};

static const struct column import_columns[] = {
    { "ID", false, show_id },
    { "NAME", false, show_name },
    { "STATE", false, show_state },
    { "IMAGE", false, show_image },
    { "PLATFORM", false, show_platform },
    { "FORMAT", false, show_format },
    { "STORED", true, show_stored },
    { "MESSAGE", false, show_import_status },
    { 0 },
};

/* ---- kinds ----------------------------------------------------------------------------------- */

static const struct kind_def kinds[KIND_MAX] = {
    [KIND_INSTANCE] = { "instance", "instances", "i", "DescribeInstances", "InstanceId",
                        "reservationSet/item/instancesSet/item", instance_fields, instance_columns,
                        "pending|running|stopping|stopped|shutting-down|terminated|ok",
                        "shutting-down|terminated" },
    [KIND_IMAGE] = { "image", "images", "ami", "DescribeImages", "ImageId", "imagesSet/item",
                     image_fields, image_columns, "pending|available|failed", "failed" },
    [KIND_SNAPSHOT] = { "snapshot", "snapshots", "snap", "DescribeSnapshots", "SnapshotId",
                        "snapshotSet/item", snapshot_fields, snapshot_columns,
                        "pending|completed|error", "error" },
    [KIND_VOLUME] = { "volume", "volumes", "vol", "DescribeVolumes", "VolumeId", "volumeSet/item",
                      volume_fields, volume_columns,
                      "creating|available|in-use|attached|deleting|error|filled",
                      "error|deleting" },
    [KIND_IMPORT] = { "import", "imports", "import-ami", "DescribeImportImageTasks", "ImportTaskId",
                      "importImageTaskSet/item", import_fields, import_columns,
                      "active|completed|deleted", "deleted|deleting" },
};

const struct kind_def *kind_def(enum kind k)
{
    return &kinds[k];
}

enum kind kind_find(const char *word)
{
    enum kind k = 0;

    while (k < KIND_MAX && !str_eq(kinds[k].plural, word) && !str_eq(kinds[k].word, word))
        k++;
    return k;
}

enum kind kind_of_id(const char *text)
{
    enum kind k = 0;

    for (; k < KIND_MAX; k++) {
        size_t n = strlen(kinds[k].prefix);

        if (str_starts(text, kinds[k].prefix) && text[n] == '-' &&
            strspn(text + n + 1, "0123456789abcdef") == strlen(text + n + 1))
            break;
    }
    return k;
}

bool kind_is_id(enum kind k, const char *text)
{
    size_t n = strlen(kinds[k].prefix) + 1;

    return kind_of_id(text) == k && strlen(text + n) == 17;
}
