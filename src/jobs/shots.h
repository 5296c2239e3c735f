/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volumes that one job snapshots together: fixed at one instant (shots_point), then uploaded
 * side by side (shots_upload). The list is in the job's arguments: "parts": [{"snapshot": id,
 * "volume": id}, ...]. */
#pragma once

#include "jobs-priv.h"

/* Both answer as a step does: JOB_NEXT, JOB_WAIT or an error. */
int shots_point(struct job *j, struct err *e);
int shots_upload(struct job *j, struct err *e);
/* After a failure: workers end, points are given back, pending snapshots are marked, nothing stays.
 */
void shots_fail(struct job *j, const struct err *why);
void shots_drop(struct job *j);
/* True while this job has not yet taken what it wants from that volume. */
bool shots_wants(struct job *j, const char *volume_id);
