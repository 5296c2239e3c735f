/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs reset and sysprep. */
#pragma once

#include "engine/log.h"
#include "engine/win.h"

/* Forgets what has been done: .run-once, state.json, previous-state.json; with clean also the
 * agent's and Sysprep's logs. log may be NULL. */
int v2_reset(struct win *w, struct log *log, bool clean, struct err *e);

/* Resets, removes the wallpaper's shortcuts, runs Sysprep (sysprep/sysprep.h). say may be NULL. */
int v2_sysprep(struct win *w, struct log *log, bool clean, bool shutdown,
               void (*say)(void *ctx, const char *line), void *ctx, struct err *e);
