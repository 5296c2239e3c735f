/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine's directory. It belongs to the user that QEMU runs as, so nothing found in it is
 * believed: no symbolic link is followed, and a pid file counts only when we wrote it. */
#pragma once

#include <sys/types.h>

#include "vm.h"

#define MACHINE_LOG_CEILING MIB(8) /* a log above this is cut */
#define MACHINE_LOG_KEEP    MIB(1) /* to its last part of this size */

/* Directory, firmware variables and fresh listening sockets for QMP and the serial line. */
int machine_dir_prepare(const struct vm_spec *s, int *ret_qmp_fd, int *ret_serial_fd,
                        struct err *e);
/* Removes what only a living QEMU gives a meaning: the sockets and the pid file. */
void machine_dir_sweep(const char *dir);

struct machine_pid {
    pid_t pid;
    uint64_t start_time; /* child_start_time: the kernel's name of the process beside its pid */
    uint64_t started_ms;
    uint64_t log_offset; /* where this QEMU's part of qemu.log begins */
};

int machine_pid_write(const char *dir, const struct machine_pid *p, struct err *e);
/* The living QEMU of this directory: the one of the pid file or, when a daemon died before it wrote
 * that file, the process whose command line says so. ERR_NOT_FOUND when none lives. */
int machine_find(const char *dir, const char *id, struct machine_pid *ret, struct err *e);

uint64_t machine_log_size(const char *dir);
/* The last line of qemu.log after the offset, printable; "" when there is none. */
void machine_log_last_line(const char *dir, uint64_t offset, char *out, size_t size);
/* Cuts DIR/NAME to its last part when it is over the ceiling. Its writer must append (O_APPEND). */
int machine_log_cut(const char *dir, const char *name, uint64_t ceiling, uint64_t keep,
                    struct err *e);
