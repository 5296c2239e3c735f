/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole reads and writes, small files, directories. Errors name the path. */
#pragma once

#include <sys/types.h>

#include "err.h"

/* Full transfers; a short read is -EIO in pread_full ("end of file"). 0 or negative errno. */
int write_full(int fd, const void *buf, size_t n);
int pwrite_full(int fd, const void *buf, size_t n, uint64_t offset);
int pread_full(int fd, void *buf, size_t n, uint64_t offset);

/* A whole small file, at most max bytes, with a NUL behind; caller frees. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);
/* Afterwards the old or the new content is on disk, never a mixture. */
int file_replace(const char *path, const void *buf, size_t n, mode_t mode, struct err *e);
/* Makes the directory and its parents; existing ones are fine. */
int dir_make(const char *path, mode_t mode, struct err *e);
int dir_sync(const char *path, struct err *e);
/* Removes a tree; what is absent already is fine. Never follows a symbolic link. */
int tree_remove(const char *path, struct err *e);
int unlink_quiet(const char *path, struct err *e); /* absent is fine */
bool path_exists(const char *path);
