/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of diff*.c. */
#pragma once

#include "diff.h"

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
/* Compares two hives, whole files in memory (either may be NULL); what is no hive is skipped. */
int diff_registry(struct diff *d, const char *path, const uint8_t *left, size_t n_left,
                  const uint8_t *right, size_t n_right, struct err *e);
