/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gate that every request passes that changes content. Closed, new ones wait; it counts as
 * closed when those inside have left. Passing an open gate costs two atomic additions. */
#pragma once

#include "lock.h"

struct gate {
    uint64_t inside; /* atomic */
    bool closed;     /* atomic */
    struct lock l;
    pthread_cond_t changed;
};

void gate_init(struct gate *g);
void gate_done(struct gate *g);
void gate_enter(struct gate *g);
void gate_leave(struct gate *g);
/* Waits for those inside; -ETIMEDOUT (and open again) when they do not leave in time. One closer
 * at a time: the caller sees to it. */
int gate_close(struct gate *g, unsigned timeout_ms);
void gate_open(struct gate *g);

/* Waits on c until woken or until the monotonic instant; false when it passed. */
bool lock_wait_until(struct lock *l, pthread_cond_t *c, uint64_t until_ns);
