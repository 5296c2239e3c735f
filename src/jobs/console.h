/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What guests say on their serial ports, kept in the model: status line and password block. */
#pragma once

#include "jobs-priv.h"

/* From now on; again: the daemon was restarted, the last part is read once more. The machine's
 * directory must exist. Repeating is fine. */
void console_watch(struct jobs *js, const char *instance_id, bool again);
/* Reads to the end, keeps it, forgets. An unknown id is fine. */
void console_unwatch(struct jobs *js, const char *instance_id);
void console_tick(struct jobs *js); /* once a second: what is new goes to the database */
void console_close_all(struct jobs *js);
