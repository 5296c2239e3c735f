/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Child processes: argument vectors only, pidfd in the loop, the last lines of stderr kept. */
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "err.h"

#define CHILD_FDS_MAX 8

struct child;

struct child_exit {
    int code;         /* exit status, or -1 when killed */
    int signal;       /* the signal that killed it, 0 otherwise */
    const char *tail; /* last lines of its stderr (borrowed; "" when a log file takes them) */
};

struct child_spec {
    const char *const *argv; /* argv[0] is looked up in PATH; NULL at the end */
    const char *log_path;    /* stderr (and stdout unless on_line) appended here; NULL: tail kept */
    const char *user;        /* become this user when we are root and it exists; NULL: stay */
    bool dies_with_parent;   /* workers: SIGKILL when the daemon dies */
    bool new_session;        /* survivors: own session, so that a terminal's ^C spares them */
    int pass_fds[CHILD_FDS_MAX]; /* inherited at 3, 4, ...; end with -1 or by n_pass_fds */
    unsigned n_pass_fds;
    /* One call for each line on stdout (without the newline; lines over 64 KiB are dropped). */
    void (*on_line)(struct child *c, const char *line, void *userdata);
    /* Called once, after the last on_line; the child object may be freed inside. */
    void (*on_exit)(struct child *c, const struct child_exit *x, void *userdata);
    void *userdata;
};

int child_spawn(sd_event *loop, const struct child_spec *spec, struct child **ret, struct err *e);
/* Watches a process that an earlier daemon started (not our child: the exit code is unknown, -1
 * and signal 0). -ESRCH when it is gone or start_time differs (see child_start_time). */
int child_adopt(sd_event *loop, pid_t pid, uint64_t start_time,
                void (*on_exit)(struct child *c, const struct child_exit *x, void *userdata),
                void *userdata, struct child **ret, struct err *e);
pid_t child_pid(const struct child *c);
/* The kernel's start time of a process, in clock ticks since boot: with the pid it names one
 * process for ever. 0 when there is no such process (a zombie counts as gone). */
uint64_t child_start_time(pid_t pid);
/* The ids behind child_spec.user: 1 when we are root and the user exists, 0 when we stay who we are
 * (outputs untouched). For what must belong to the child's user. */
int child_user_find(const char *user, uid_t *ret_uid, gid_t *ret_gid, struct err *e);
int child_signal(struct child *c, int sig, struct err *e); /* a dead child is fine */
/* For a caller that has raised its own priority: children get this nice value back, and each a
 * session, because the kernel may share time between sessions first (autogroups). */
void child_nice(int nice);
/* Forgets the object; the process goes on (on_exit is not called any more). */
void child_free(struct child *c);
DEFINE_FREEP(child_free, struct child);
