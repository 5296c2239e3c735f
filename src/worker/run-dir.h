/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory of one job for its temporary files: RUN/worker-ID, made empty, removed at the end. */
#pragma once

#include "err.h"

struct run_dir {
    char *path;
};

int run_dir_make(struct run_dir *d, const char *run, const char *id, struct err *e);
void run_dir_done(struct run_dir *d);
