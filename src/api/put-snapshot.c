/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api-priv.h"

#include <stdio.h>

#include "find.h"

/* Elements that EC2 does not have (its clients skip them): what Kiln's own client shows of an
 * upload under way. */
static void put_counters(struct api_call *c, const struct snapshot_rec *s)
{
    xml_uint(c->out, "kilnBytesRead", s->bytes_read);
    xml_uint(c->out, "kilnBytesStored", s->bytes_stored);
    if (s->state == SNAPSHOT_PENDING) {
        xml_uint(c->out, "kilnBytesDone", s->bytes_done);
        xml_uint(c->out, "kilnBytesTotal", s->bytes_total);
        xml_uint(c->out, "kilnBytesPerSecond", s->bytes_per_s);
    }
    xml_text(c->out, "kilnPlatform", s->platform);
    xml_text(c->out, "kilnParentSnapshotId", s->parent);
}

void api_put_snapshot(struct api_call *c, const struct snapshot_rec *s, const struct tag_list *tags)
{
    char progress[8];

    snprintf(progress, sizeof(progress), "%u%%", s->progress > 100 ? 100 : s->progress);
    xml_text(c->out, "snapshotId", s->id);
    xml_text(c->out, "volumeId", s->volume_id);
    xml_text(c->out, "status", model_snapshot_state_name(s->state));
    xml_text(c->out, "statusMessage", s->state_message);
    xml_time(c->out, "startTime", s->started_ms);
    if (s->completed_ms)
        xml_time(c->out, "completionTime", s->completed_ms);
    xml_text(c->out, "progress", progress);
    xml_text(c->out, "ownerId", s->owner);
    xml_text(c->out, "ownerAlias", api_owner_alias(s->owner));
    xml_uint(c->out, "volumeSize", s->volume_size_gib);
    xml_always(c->out, "description", s->description);
    xml_bool(c->out, "encrypted", s->encrypted);
    xml_text(c->out, "storageTier", "standard");
    put_counters(c, s);
    xml_tags(c->out, tags);
}
