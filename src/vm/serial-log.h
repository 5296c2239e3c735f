/* SPDX-License-Identifier: GPL-3.0-or-later */
/* console.log: what a guest wrote to its serial line, over all boots of its machine. One process
 * writes it. When it reaches its ceiling its oldest VM_CONSOLE_DROP bytes go, exactly so many:
 * a reader that finds the file shorter than it was knows where it stood. */
#pragma once

#include "util.h"
#include "vm.h"

struct serial_log {
    int fd; /* read and write, not O_APPEND; borrowed */
    uint64_t size;
};

/* 0 or a negative errno. */
int serial_log_init(struct serial_log *l, int fd);
/* What a full disk refuses is lost, and the errno says so; later calls go on. */
int serial_log_append(struct serial_log *l, const void *p, size_t n);
