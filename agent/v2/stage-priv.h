/* SPDX-License-Identifier: Apache-2.0 */
/* Running the steps of a stage; the network. */
#pragma once

#include "v2/run.h"

/* Each step of the stage that is due; failures are noted and logged, the rest goes on. Returns
 * early when run->reboot or run->end is set. */
void v2_stage_run(struct v2_run *run, enum v2_stage stage);
/* Someone ran `reset` or `sysprep`, an inline script of ours or somebody else: the state is gone,
 * nothing may follow, and "once" is not over. Sets run->end. */
bool v2_stage_was_reset(struct v2_run *run);
/* A failure that belongs to no task of the settings. */
void v2_stage_note_failure(struct v2_run *run, enum v2_stage stage, const char *what,
                           const char *why);

/* "set-host-name" is setHostName: its row, or NULL. */
const struct v2_schema *v2_stage_kebab(const char *name);
/* The task of the settings, in whichever stage it stands; without inputs when it stands in none. */
int v2_stage_run_one(struct v2_run *run, const struct v2_schema *schema, struct err *e);

/* ---- network.c ---- */

/* Routes, metadata, the stage's tasks. */
void v2_network(struct v2_run *run);
/* The routes alone, as long as it takes within two minutes; run-task's add-routes, too. */
int v2_network_routes(struct v2_run *run, struct err *e);
/* Once more, when metadata names another adapter as the primary than the one that has the routes.
 */
void v2_network_by_mac(struct v2_run *run);
/* Waits until metadata answers, and says so; sets run->has_imds. */
void v2_network_metadata(struct v2_run *run);
