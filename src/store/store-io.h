/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The seam to the disk: everything that the store does to files goes through here, so that tests
 * can fail the nth call or pull the plug. Functions return 0 (or a handle) or a negative errno and
 * are called by several threads at once. Tests put their own struct around this one. */
#pragma once

#include "util.h"

enum store_io_lock { STORE_IO_SHARED, STORE_IO_EXCLUSIVE };
enum store_io_how {
    STORE_IO_READ,   /* must exist */
    STORE_IO_CREATE, /* must not exist; for reading and writing */
};

struct store_io {
    int (*open)(const struct store_io *io, const char *path, enum store_io_how how);
    void (*close)(const struct store_io *io, int h);
    /* All bytes or an error; -ENODATA behind the end of the file. */
    int (*pread)(const struct store_io *io, int h, void *buf, size_t n, uint64_t offset);
    int (*pwrite)(const struct store_io *io, int h, const void *buf, size_t n, uint64_t offset);
    /* A hint: begin to write back, do not wait. */
    void (*start_sync)(const struct store_io *io, int h, uint64_t offset, uint64_t n);
    int (*sync)(const struct store_io *io, int h);
    int (*sync_dir)(const struct store_io *io, const char *path);
    int (*stat)(const struct store_io *io, int h, uint64_t *ret_size, uint64_t *ret_links);
    /* Without replace: -EEXIST when 'to' exists, in one step. */
    int (*rename)(const struct store_io *io, const char *from, const char *to, bool replace);
    int (*unlink)(const struct store_io *io, const char *path);
    int (*mkdir)(const struct store_io *io, const char *path);
    /* 1, 0 or a negative errno. */
    int (*exists)(const struct store_io *io, const char *path);
    /* Calls fn for each name but "." and ".."; ends at the first non-zero and returns it. */
    int (*list)(const struct store_io *io, const char *path, int (*fn)(const char *name, void *u),
                void *u);
    /* Belongs to the handle, ends with its close; -EAGAIN when it is held and wait is false. */
    int (*lock)(const struct store_io *io, int h, enum store_io_lock how, bool wait);
};

extern const struct store_io store_io_disk;
