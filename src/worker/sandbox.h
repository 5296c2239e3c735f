/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the worker may do, what its children may do, and the wish to stop. */
#pragma once

#include "err.h"

#define SANDBOX_TOOL_MEMORY GIB(4)

/* Once, first thing in main(), before any thread: no new privileges, no core dumps, SIGTERM and
 * SIGINT become a descriptor, SIGPIPE an error. */
int sandbox_enter(struct err *e);
/* Readable when somebody asked to stop; for poll(). */
int sandbox_cancel_fd(void);
bool sandbox_cancelled(void);
/* 0, or -ECANCELED "cancelled". */
int sandbox_check(struct err *e);

/* In a child between fork and exec: default signals, dies with parent, limits, and (where the
 * kernel can) no file but programs and what source_fd names, which it may change when writes is
 * set. cpu_s 0: no limit. */
bool sandbox_child(pid_t parent, unsigned cpu_s, int source_fd, bool writes);
/* The worker itself, before it reads a hostile disk in its own process: from now on no file can be
 * opened but for reading below /usr and below read_dir (-1: none), and below dirs, where a journal
 * and scratch files come and go; memory is limited. Cancelling no longer waits: SIGTERM ends it,
 * and nothing is lost. */
int sandbox_fence_self(const int *dirs, unsigned n_dirs, int read_dir, uint64_t memory,
                       struct err *e);
