/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs reset and sysprep. */
#pragma once

#include "engine/log.h"
#include "engine/win.h"

/* Forgets what has been done: .run-once, state.json, previous-state.json; with clean also the
 * agent's and Sysprep's logs. log may be NULL. */
int v2_reset(struct win *w, struct log *log, bool clean, struct err *e);

struct v2_sysprep_wish {
    bool clean;    /* delete logs, too */
    bool shutdown; /* else Sysprep quits */
    bool force;    /* although a check of the preflight stops it */
};
/* Resets, removes the wallpaper's shortcuts, runs Sysprep (sysprep/sysprep.h). say may be NULL. */
int v2_sysprep(struct win *w, struct log *log, const struct v2_sysprep_wish *wish,
               void (*say)(void *ctx, const char *line), void *ctx, struct err *e);
