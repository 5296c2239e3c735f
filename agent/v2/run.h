/* SPDX-License-Identifier: Apache-2.0 */
/* One run of EC2Launch v2: at boot by the service, or by the verb `run`. In order:
 *
 *   log and console are opened; Windows Setup is waited for
 *   settings are read and checked; a wrong word ends the run here
 *   stage boot
 *   stage network: routes, metadata is waited for
 *   what the instance is, on the console
 *   stage preReady: monitor, hibernation, then the settings' tasks
 *   user data is read and its form told
 *   "Message: Windows is Ready to use"
 *   user data in XML or YAML 1.1
 *   stage postReady
 *   user data in YAML 1.0
 *   .run-once, state.json becomes previous-state.json
 *   Sysprep, when user data asked for it
 *
 * A task that fails is logged and the rest goes on. Exit code 3010 of a script, and setHostName
 * with `reboot`, restart the machine in the middle; the next run goes on from state.json. */
#pragma once

#include "engine/console.h"
#include "engine/imds.h"
#include "engine/password.h"
#include "v2/config.h"
#include "v2/state.h"
#include "v2/sysprep.h"
#include "v2/userdata.h"

struct v2_run {
    struct win *w;
    const struct dialect *d;
    struct log *log;
    struct console *console;
    struct imds *imds;
    bool has_imds; /* it answered */
    bool fresh;    /* .run-once is absent: "once" counts */
    bool resumed;  /* state.json told of an interrupted run */

    struct v2_config *config;
    struct v2_userdata userdata;
    struct v2_state state;

    struct password_done admin; /* of setAdminAccount in this run */
    bool has_admin;

    bool reboot;  /* restart now, go on at the next start */
    bool end;     /* no further task: stopped from outside, or the state was reset beneath us */
    bool sysprep; /* when all is done */
    struct v2_sysprep_wish sysprep_wish;

    bool (*stop)(void *ctx); /* asked between tasks; may be NULL */
    void *ctx;
};

enum v2_end {
    V2_END_SUCCESS,
    V2_END_FAILED,  /* some task failed, or the settings are wrong */
    V2_END_REBOOTS, /* the machine restarts */
    V2_END_STOPPED,
};

/* Everything above. stop may be NULL. */
enum v2_end v2_run_agent(struct win *w, bool (*stop)(void *ctx), void *ctx);

/* The verb run-task: one built-in task or one of agent-config.yml, now, whatever its frequency. 1:
 * done, and Windows restarts for it. A script's 3010 is a failure here: nothing would run it again.
 * -ENOENT: no such task. */
int v2_run_one(struct win *w, const char *name, struct err *e);
bool v2_run_one_knows(const char *name);

/* ---- between run.c and the tasks ---- */

/* One step: *ret_exit is what its script or program returned (3010 asks for a restart). */
struct v2_job {
    struct v2_run *run;
    enum v2_stage stage;
    const struct v2_schema *schema;
    const struct tree_node *inputs; /* checked; of a list task: one item; NULL: none */
    uint32_t exit_code;
    bool restart; /* the task is done and wants a restart now */
};
int v2_task_run(struct v2_job *j, struct err *e);

int v2_enable_jumbo_frames(struct v2_job *j, struct err *e);
int v2_optimize_ena(struct v2_job *j, struct err *e);
int v2_enable_open_ssh(struct v2_job *j, struct err *e);
int v2_set_wallpaper(struct v2_job *j, struct err *e);
int v2_set_admin_account(struct v2_job *j, struct err *e);
