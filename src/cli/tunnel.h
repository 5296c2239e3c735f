/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "kiln connect" at work: one poll loop over a listening socket and what came in through it, or
 * over standard input and output alone. */
#pragma once

#include "guest-port.h"

/* A socket on 127.0.0.1; *port 0: a free one, which is written there. */
int tunnel_listen(uint16_t *port, int *ret, struct err *e);
/* Relays each connection of the listener; one that fails is told on standard error and reset.
 * command: a pidfd; when its process ends nothing more is accepted, and the call returns when the
 * last client has ended. -1: for ever. Takes the listener. */
int tunnel_take_serve(const struct guest_port *g, int listener, int command, struct err *e);
/* Standard input and output, until both ways have ended. */
int tunnel_stdio(const struct guest_port *g, struct err *e);
