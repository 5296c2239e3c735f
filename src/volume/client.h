/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon's end of the control socket: one connection a call, all in the daemon's loop. */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "err.h"

struct client_call;

/* reply: the server's object when e is NULL (borrowed). Called once, never from inside
 * client_call_start; the call frees itself afterwards. */
typedef void (*client_fn)(const json_t *reply, const struct err *e, void *userdata);

/* Takes over request (also on failure). */
int client_call_start(sd_event *loop, const char *socket_path, json_t *request,
                      unsigned deadline_ms, client_fn fn, void *userdata, struct client_call **ret,
                      struct err *e);
/* Gives up; fn is not called any more. */
void client_call_free(struct client_call *c);
