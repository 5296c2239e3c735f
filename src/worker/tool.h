/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Children of the worker: qemu-img, whose answer is waited for under a deadline, and qemu-nbd,
 * which serves until it is stopped. Both are fenced in (sandbox.h) and die with the worker. They
 * see the source as TOOL_SOURCE_PATH. Start them before the first thread. */
#pragma once

#include <sys/types.h>

#include "err.h"

#define TOOL_LISTEN_FD   3 /* what socket activation expects */
#define TOOL_SOURCE_FD   4
#define TOOL_SOURCE_PATH "/proc/self/fd/4"
#define TOOL_TAIL_MAX    2048

struct tool {
    pid_t pid;
    int out_fd, err_fd;
    bool writes;              /* set before it is started: it may change the source */
    char tail[TOOL_TAIL_MAX]; /* the last of its stderr */
    size_t tail_len;
};

#define TOOL_INIT                                                                                  \
    {                                                                                              \
        .out_fd = -1, .err_fd = -1                                                                 \
    }

/* Kills it when it runs. */
void tool_done(struct tool *t);
/* listen_fd -1: stdout is kept for reading, and CPU time is limited. argv[0] is looked up in
 * PATH. */
int tool_start(struct tool *t, const char *const *argv, int source_fd, int listen_fd,
               struct err *e);
/* Waits for the end. Its output (caller frees) is refused over max bytes; a deadline or a wish to
 * stop kills it. *ret_status: exit status, or 128 + signal. */
int tool_finish(struct tool *t, unsigned timeout_ms, size_t max, char **ret_out, int *ret_status,
                struct err *e);
/* What it had to say, for a message: its last lines as one, without what precedes the reason, with
 * the source named by its own name. A server's stderr is drained first. Borrowed. */
const char *tool_story(struct tool *t, const char *source, char *buf, size_t size);
