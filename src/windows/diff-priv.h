/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of diff*.c. */
#pragma once

#include "diff.h"
#include "regf.h"

#define DIFF_ROWS_MAX 50000 /* of files, and of registry rows */

struct diff {
    json_t *files, *registry;
    bool truncated;
};

/* Adds a row unless there are too many; takes before and after (NULL: none). */
int diff_add_file(struct diff *d, const char *path, const char *change, json_t *before,
                  json_t *after, struct err *e);
int diff_add_key(struct diff *d, const char *hive, const char *key, const char *value,
                 const char *change, json_t *before, json_t *after, struct err *e);
/* Compares two hives; what is no hive, or a damaged one, is skipped. */
int diff_registry(struct diff *d, const char *path, const struct regf_source *left,
                  const struct regf_source *right, struct err *e);
