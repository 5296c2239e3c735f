/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an instance may read, as one table: a path and where its value comes from. Directories are
 * not in the table; they are what the paths have in common. */
#pragma once

#include "imds.h"
#include "sign.h"

#define TREE_DEPTH_MAX 8U
#define TREE_BODY_MAX  (256U << 10)

/* What a value may need. */
struct tree_ask {
    const char *version; /* one of tree_versions: what came later is not there */
    const struct imds_instance *x;
    struct sign *sign;
    struct sign_memo *memo;
};

/* Adds the value to out; out NULL only asks whether there is one. index: which of the set in
 * braces, the last one of the path. 1 there, 0 not there, negative: failed. */
typedef int (*tree_fn)(const struct tree_ask *a, size_t index, struct str *out, struct err *e);

struct tree_row {
    const char *since; /* the first version that has it */
    const char *path;  /* "meta-data/public-keys/{key}/openssh-key" */
    size_t field;      /* offset of a string in struct imds_instance, if fn and fixed are NULL */
    const char *fixed;
    tree_fn fn;
    bool binary;
};

/* The table, sorted by path; for tests and for the manual page. */
const struct tree_row *tree_rows(size_t *ret_n);

/* The value or the listing at parts (already decoded, n at most TREE_DEPTH_MAX). 1, 0 when there
 * is nothing, negative. */
int tree_get(const struct tree_ask *a, const char *const *parts, size_t n, struct str *out,
             bool *ret_binary, struct err *e);

/* The dates of the interface, newest last, "latest" behind them. */
const char *const *tree_versions(size_t *ret_n);
bool tree_has_version(const char *name);

/* The identity document. */
void tree_document(const struct imds_instance *x, struct str *out);
