/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine's directory. It belongs to the user that QEMU runs as, so nothing found in it is
 * believed: no symbolic link is followed, and a pid file counts only when we wrote it. */
#pragma once

#include <sys/types.h>

#include "vm.h"

#define MACHINE_LOG_CEILING MIB(8) /* a log above this is cut */
#define MACHINE_LOG_KEEP    MIB(1) /* to its last part of this size */

#define MACHINE_CONSOLE_LOG "console.log"

int machine_open_dir(const char *dir, int *ret, struct err *e);
/* Opens a regular file in dir, never through a link. */
int machine_open_in(const char *dir, const char *name, int flags, int *ret_fd, uint64_t *ret_size,
                    struct err *e);

/* Directory, firmware variables and fresh listening sockets for QMP and QEMU's serial line. */
int machine_dir_prepare(const struct vm_spec *s, int *ret_qmp_fd, int *ret_line_fd, struct err *e);

/* A directory in it that its user has and nobody else enters; one that is there is kept. */
int machine_subdir_make(const char *dir, const char *name, const char *user, struct err *e);

/* What kiln-serial inherits: a connection to the serial line, the socket for clients, the log. All
 * made with the rights of its user. ERR_CONFLICT: another one writes the log. */
struct machine_line {
    int fds[3]; /* -1: none */
};
int machine_line_open(const char *dir, const char *user, struct machine_line *ret, struct err *e);
void machine_line_done(struct machine_line *l);
/* A connection to the guest's agent; QEMU made that socket, so nothing here waits for it. */
int machine_agent_open(const char *dir, const char *user, int *ret, struct err *e);
/* Removes what only a living QEMU gives a meaning: the sockets and the pid file. */
void machine_dir_sweep(const char *dir);

/* ---- machine-pid.c */

struct machine_pid {
    pid_t pid;
    uint64_t start_time; /* child_start_time: the kernel's name of the process beside its pid */
    uint64_t started_ms;
    uint64_t log_offset; /* where this QEMU's part of qemu.log begins */
};

#define MACHINE_PID "pid"        /* QEMU's */
#define SERIAL_PID  "serial.pid" /* kiln-serial's */

int machine_pid_write(const char *dir, const char *name, const struct machine_pid *p,
                      struct err *e);
/* ERR_NOT_FOUND, ERR_CORRUPT, ERR_DENIED: it says nothing. The process may be gone. */
int machine_pid_read(const char *dir, const char *name, struct machine_pid *ret, struct err *e);
/* The living QEMU of this directory: the one of the pid file or, when a daemon died before it wrote
 * that file, the process whose command line says so. ERR_NOT_FOUND when none lives. */
int machine_find(const char *dir, const char *id, struct machine_pid *ret, struct err *e);

/* ---- machine-log.c */

uint64_t machine_log_size(const char *dir);
/* The last line of qemu.log after the offset, printable; "" when there is none. */
void machine_log_last_line(const char *dir, uint64_t offset, char *out, size_t size);
/* Cuts DIR/NAME to its last part when it is over the ceiling. Its writer must append (O_APPEND). */
int machine_log_cut(const char *dir, const char *name, uint64_t ceiling, uint64_t keep,
                    struct err *e);
