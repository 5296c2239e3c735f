/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks an NBD server on a unix socket whether it lives and has the export "", under a deadline.
 * QEMU itself asks without one: a server that accepts and says nothing would freeze its whole
 * guest. */
#pragma once

#include <systemd/sd-event.h>

#include "err.h"

#define NBD_PING_TIMEOUT_MS 2000

struct nbd_ping;

/* Called once, from the loop; e is NULL when the server answered. The ping may be freed inside. */
typedef void (*nbd_ping_fn)(struct nbd_ping *p, const struct err *e, void *userdata);

int nbd_ping_start(sd_event *loop, const char *socket_path, unsigned timeout_ms, nbd_ping_fn fn,
                   void *userdata, struct nbd_ping **ret, struct err *e);
void nbd_ping_free(struct nbd_ping *p); /* fn is not called any more */
DEFINE_FREEP(nbd_ping_free, struct nbd_ping);
