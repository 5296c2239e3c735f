/* SPDX-License-Identifier: Apache-2.0 */
/* The document tree that JSON and YAML files become: every node knows its line and column, so that
 * a validator can name the place of a wrong word. */
#pragma once

#include "lib/str.h"

enum tree_type {
    TREE_NULL,
    TREE_BOOL,
    TREE_NUMBER, /* text kept as written */
    TREE_STRING,
    TREE_LIST,
    TREE_MAP,
    TREE_TYPE_MAX
};

struct tree_node {
    enum tree_type type;
    unsigned line, col; /* 1-based; where the value starts */
    bool yes;           /* TREE_BOOL */
    bool quoted;        /* YAML: the scalar stood in quotes or in a block */
    char *text;         /* scalars, as UTF-8; NUL-terminated; NULL for lists and maps */
    size_t len;         /* of text (a JSON string may hold NULs) */
    char *key;          /* of a map's member; else NULL */
    unsigned key_line, key_col;
    struct tree_node *first, *last; /* of a list or a map, in file order */
    struct tree_node *next;
};

struct tree {
    char *file; /* name for messages */
    struct tree_node *root;
    unsigned nodes;
};

#define TREE_NODES_MAX 20000U
#define TREE_DEPTH_MAX 64U
#define TREE_FILE_MAX  MIB(1)

void tree_free(struct tree *t);
DEFINE_FREEP(tree_free, struct tree);

const char *tree_type_name(enum tree_type type); /* "a list", "a number" ... for messages */
/* The member of a map, NULL when there is none (or the node is no map). Exact, or ASCII letters of
 * either case. Duplicate keys were refused by the parser (json.h: option). */
const struct tree_node *tree_get(const struct tree_node *map, const char *key);
const struct tree_node *tree_get_nocase(const struct tree_node *map, const char *key);
unsigned tree_count(const struct tree_node *n); /* members */
/* Refuses in words: "<file>:<line>:<col>: <fmt>". */
int tree_err(const struct tree *t, const struct tree_node *n, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
int tree_err_key(const struct tree *t, const struct tree_node *n, struct err *e, const char *fmt,
                 ...) PRINTF_LIKE(4, 5); /* the place of its key */

/* For parsers and for code that makes documents. NULL: memory gone or too many nodes. */
struct tree *tree_new(const char *file);
struct tree_node *tree_node_new(struct tree *t, enum tree_type type, const char *text, size_t len);
struct tree_node *tree_add(struct tree_node *parent, const char *key, struct tree_node *child);
void tree_node_free(struct tree_node *n);
/* Replaces a scalar's text by a string in place; 0 or -ENOMEM. Old text is wiped. */
int tree_set_text(struct tree_node *n, const char *text);
