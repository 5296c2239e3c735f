/* SPDX-License-Identifier: Apache-2.0 */
/* Is Windows Setup (specialize, OOBE) still at work? */
#pragma once

#include "engine/console.h"

#define SETUP_STATE_KEY "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State"
#define SETUP_COMPLETE  "IMAGE_STATE_COMPLETE"

/* ImageState as text; "" when absent (which counts as complete: an image never generalised). */
int setup_state(struct win *w, char ret[64], struct err *e);
/* Waits, asking each second; says the dialect's lines. limit_ms 0: for ever. stop (may be NULL) is
 * asked each second: true ends the wait with -ECANCELED. */
int setup_wait(struct win *w, struct console *c, const struct dialect *d, uint32_t limit_ms,
               bool (*stop)(void *ctx), void *ctx, struct err *e);
/* The same without a word, for work that another program's run will tell about. */
int setup_wait_quietly(struct win *w, struct err *e);
