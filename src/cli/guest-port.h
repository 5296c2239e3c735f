/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection into a guest's network: kilnd makes the socket there and hands it over through
 * $KILN_HOME/run/connect.sock (the protocol stands in src/jobs/connect.c). Nothing here waits. */
#pragma once

#include "err.h"

#define GUEST_PORT_SOCKET "connect.sock"
#define GUEST_ANSWER_MAX  600

struct guest_port {
    const char *run_dir; /* $KILN_HOME/run */
    const char *instance;
    uint16_t port;
};

struct guest_answer {
    char text[GUEST_ANSWER_MAX];
    size_t len;
    int fd; /* -1 until it came */
};
#define GUEST_ANSWER_INIT                                                                          \
    {                                                                                              \
        .fd = -1                                                                                   \
    }
void guest_answer_done(struct guest_answer *a);

/* Is there anybody to ask? Errors as those of guest_port_ask. */
int guest_port_knock(const struct guest_port *g, int *ret, struct err *e);
/* Asks; *ret is readable when there is an answer. ERR_NOT_FOUND: nobody is there, with
 * ENOENT no socket either.
 * ERR_DENIED: not for us. */
int guest_port_ask(const struct guest_port *g, int *ret, struct err *e);
/* 1 and *ret, a socket that still connects: writable when that is decided. 0: more to come. */
int guest_answer_read(struct guest_answer *a, int fd, int *ret, struct err *e);
/* Of a writable socket: does it have the guest? */
int guest_port_reached(const struct guest_port *g, int fd, struct err *e);
