/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduled tasks of the agents: as SYSTEM at each start of Windows, on any power supply and for
 * as long as they take. */
#pragma once

#include "engine/win.h"

struct schedule {
    const char *name;
    const char *command, *arguments;
    const char *delay; /* behind the start, an XML duration ("PT3M"); NULL: none */
};

/* The text that the Task Scheduler takes; NULL with *e held. */
char *schedule_xml(const struct schedule *s, struct err *e);
int schedule_install(struct win *w, const struct schedule *s, struct err *e);
