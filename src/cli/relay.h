/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes between a client and a guest, both ways, without ever waiting: the caller polls. Each way
 * has one buffer, which is read into when it is empty, and ends by itself: its end is passed on
 * when its last byte has been written. */
#pragma once

#include <poll.h>

#include "util.h"

#define RELAY_BUF  KIB(32)
#define RELAY_POLL 4 /* entries that one relay wants polled */

struct flow {
    int from, to;
    size_t at, len; /* what is still to be written */
    bool eof;       /* nothing more is read */
    bool over;      /* everything is written, and the end passed on */
    bool broken;    /* the receiver is gone */
    char buf[RELAY_BUF];
};

struct relay {
    struct flow up, down; /* to the guest, from it */
    bool ends_with_guest; /* somebody at a terminal: nobody waits for a key that ends it */
    unsigned turns_left;  /* of a client that is gone */
};

/* in and out may be the same socket, or a pipe, a terminal or a file each. Closes none of them. */
void relay_init(struct relay *r, int in, int out, int guest);
void relay_want(const struct relay *r, struct pollfd p[RELAY_POLL]);
void relay_go(struct relay *r, const struct pollfd p[RELAY_POLL]);
/* Both ways have ended, or the client is gone and all that it sent is passed on. */
bool relay_is_over(const struct relay *r);
