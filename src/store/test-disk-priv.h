/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is on the test's disk: test-disk.c has the calls, test-disk-fate.c what happens to it. */
#pragma once

#include <pthread.h>

#include "test-disk.h"

#define FILES_MAX   512
#define HANDLES_MAX 512
#define PENDING_MAX 4096
#define PATH_LEN    96

struct content {
    uint8_t *p;
    size_t len;
};

struct write {
    size_t offset, len;
};

struct inode {
    bool used, dir;
    struct content now, flushed;
    struct write *write; /* not flushed */
    size_t writes;
};

struct name {
    char path[PATH_LEN];
    int inode;
};

struct names_table {
    struct name *name;
    size_t n;
};

struct change { /* of a directory: not flushed; one change may take and give a name */
    char take[PATH_LEN], give[PATH_LEN];
    int inode;
};

struct handle {
    bool used, exclusive, shared;
    int inode;
};

struct disk {
    struct store_io io;
    pthread_mutex_t lock;
    struct inode inode[FILES_MAX];
    struct names_table now, flushed;
    struct change pending[PENDING_MAX];
    size_t n_pending;
    struct handle handle[HANDLES_MAX];
    long calls, fail_at, flushes, plug_at;
    int fail_no;
    bool dead;
};

void disk_apply(struct names_table *t, const struct change *c);
void content_resize(struct content *c, size_t len);
void content_copy(struct content *to, const struct content *from);
