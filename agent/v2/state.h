/* SPDX-License-Identifier: Apache-2.0 */
/* What has been done, so that it survives a restart in the middle. Files in %ProgramData%\Amazon\
 * EC2Launch\state:
 *
 *   .run-once             empty; there since the last complete run: "once" is over
 *   state.json            the run in progress, or one that a restart has interrupted
 *   previous-state.json   the last run that ended
 *
 * A run that finds state.json goes on with it: "once" steps that succeeded are not run again. The
 * format is ours: docs/agents/v2.md. */
#pragma once

#include "engine/win.h"
#include "v2/schema.h"

#define V2_STATE_FOLDER   "%ProgramData%\\Amazon\\EC2Launch\\state"
#define V2_RUN_ONCE       V2_STATE_FOLDER "\\.run-once"
#define V2_STATE_PATH     V2_STATE_FOLDER "\\state.json"
#define V2_PREVIOUS_STATE V2_STATE_FOLDER "\\previous-state.json"

enum v2_result { V2_PENDING, V2_RUNNING, V2_SUCCESS, V2_FAILED, V2_SKIPPED, V2_RESULT_MAX };

const char *v2_result_name(enum v2_result r);

/* One thing to do: a task, or one item of a list task. */
struct v2_step {
    char id[96]; /* "preReady-setAdminAccount-0" */
    enum v2_stage stage;
    bool once;
    enum v2_result result;
    uint32_t exit_code;
    unsigned reboots; /* asked for by exit code 3010 */
};

#define V2_STEPS_MAX 1000U

struct v2_state {
    enum v2_result result;
    struct v2_step *steps;
    size_t n;
};

void v2_state_done(struct v2_state *s);
/* The step of this id, made as pending when it is new. NULL: no memory or too many. */
struct v2_step *v2_state_step(struct v2_state *s, enum v2_stage stage, const char *task,
                              unsigned index, bool once);
/* The result of the steps of one stage: running before pending before failed before success. */
enum v2_result v2_state_stage(const struct v2_state *s, enum v2_stage stage);
bool v2_state_failed(const struct v2_state *s);

/* 1; 0: there is no such file; -EINVAL: damaged. */
int v2_state_load(struct win *w, const char *path, struct v2_state *ret, struct err *e);
int v2_state_save(struct win *w, const char *path, const struct v2_state *s, struct err *e);

void v2_state_write(struct str *out, const struct v2_state *s);
int v2_state_parse(const char *file, const char *text, size_t n, struct v2_state *ret,
                   struct err *e);
