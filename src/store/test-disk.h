/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk in memory that fails the nth call, or loses its power at the nth flush: then any subset
 * of what was not flushed - bytes of files, changes of directories - is on it afterwards. It
 * promises less than real file systems do: a flushed file may lose its name. */
#pragma once

#include "store-io.h"

struct disk;

enum disk_fate { DISK_KEEP, DISK_DROP, DISK_SCRAMBLE, DISK_MIXED, DISK_FATE_MAX };

struct disk *disk_new(void);
void disk_free(struct disk *d);
const struct store_io *disk_io(struct disk *d);
/* The nth call from now (0: the next) fails with errno no. A negative n: none does. */
void disk_fail_at(struct disk *d, long n, int no);
/* The nth flush from now never happens, and nothing after it. A negative n: none. */
void disk_plug_at(struct disk *d, long n);
long disk_calls(const struct disk *d); /* since the last disk_fail_at or disk_plug_at */
long disk_flushes(const struct disk *d);
bool disk_is_dead(const struct disk *d);
/* Power comes back: handles and locks are gone, unflushed things have met their fate. */
void disk_restart(struct disk *d, enum disk_fate fate, unsigned seed);
/* As if the process that has all handles had been killed: nothing is lost. */
void disk_kill_handles(struct disk *d);
struct disk *disk_copy(const struct disk *d); /* content, not handles */

/* For damage tests. */
size_t disk_files(const struct disk *d);
const char *disk_file_path(const struct disk *d, size_t i);
size_t disk_file_size(const struct disk *d, size_t i);
void disk_file_flip(struct disk *d, size_t i, size_t byte, unsigned bit);
