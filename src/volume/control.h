/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control calls of a volume's server: JSON objects, one a line, over DIR/ctl.sock. A thread of
 * its own, which is the volume's steering thread as long as it runs. Calls: kiln-volume(1). */
#pragma once

#include "core.h"

struct control;

/* Answers as soon as DIR/ctl.sock has its name. stop_fn: called once, from the thread, after the
 * volume was closed by the call "stop". */
int control_start(struct volume *v, const char *dir, void (*stop_fn)(void *userdata),
                  void *userdata, struct control **ret, struct err *e);
/* Ends the thread; *ret_closed: "stop" has closed the volume. */
void control_stop(struct control *c, bool *ret_closed);
