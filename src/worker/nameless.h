/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A socket for a server that we start ourselves: it listens, and our connection waits in its queue.
 * It has no name in any directory, so that nothing is left of it, whoever is killed when. */
#pragma once

#include "err.h"

/* The caller closes both. *ret_listen is for a server that takes one client: others that find the
 * socket (an abstract address, which the kernel chose) come behind us, or not at all. */
int nameless_connect(int *ret_listen, int *ret_ours, struct err *e);

/* For tests: the two halves. -EAGAIN: somebody else is in the queue already. */
int nameless_listen(int *ret_listen, struct err *e);
int nameless_join(int listening, int *ret_ours, struct err *e);
