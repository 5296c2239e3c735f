/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in a path that differ between instances: {mac}, {disk}, {tag} … */
#pragma once

#include "imds.h"

#define TREE_NAME_MAX 520U /* a tag's key of 128 characters in UTF-8, NUL included */

/* Name number i of the set "{…}". 1; 0: this one is not shown; -1: no more. */
int tree_set_name(const char *set, const struct imds_instance *x, size_t i,
                  char ret[TREE_NAME_MAX]);
bool tree_set_find(const char *set, const struct imds_instance *x, const char *name, size_t *ret_i);
/* The disk behind an index of {disk}. */
const struct imds_disk *tree_disk(const struct imds_instance *x, size_t i);
