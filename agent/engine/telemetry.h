/* SPDX-License-Identifier: Apache-2.0 */
/* The originals' telemetry in their words: lines on the console and in a log on this machine.
 * Nothing is sent anywhere. Off unless the machine's environment variable EC2LAUNCH_TELEMETRY is 1.
 */
#pragma once

#include "engine/console.h"

bool telemetry_is_on(struct win *w);
/* Sets the variable, for the runs to come. */
int telemetry_set(struct win *w, bool on, struct err *e);

struct telemetry {
    bool agent_each_boot, user_data_each_boot;
};
/* When it is on; behind all else that is said before the ready line. */
void telemetry_say(struct win *w, struct console *c, const struct dialect *d,
                   const struct telemetry *t);
