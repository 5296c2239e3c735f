/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unix sockets below KILN_HOME. */
#pragma once

#include "err.h"

/* Through the directory's descriptor: a path in a socket's address ends at 107 bytes. 0 and *ret,
 * or the negative errno alone: what it means depends on the socket. */
int sock_connect(const char *dir, const char *name, int *ret);
/* The sentence for EACCES and EPERM: who may open it, and how to become one of them. */
int sock_denied(const char *dir, const char *name, struct err *e);
