/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Depth is bounded by the parsers (TREE_DEPTH_MAX). */
void tree_node_free(struct tree_node *n)
{
    struct tree_node *child, *next;

    if (!n)
        return;
    for (child = n->first; child; child = next) {
        next = child->next;
        tree_node_free(child);
    }
    if (n->text)
        mem_wipe(n->text, n->len); /* settings may hold a password */
    free(n->text);
    free(n->key);
    free(n);
}

void tree_free(struct tree *t)
{
    if (!t)
        return;
    tree_node_free(t->root);
    free(t->file);
    free(t);
}

struct tree *tree_new(const char *file)
{
    struct tree *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->file = str_dup(file);
    if (!t->file) {
        free(t);
        return NULL;
    }
    return t;
}

struct tree_node *tree_node_new(struct tree *t, enum tree_type type, const char *text, size_t len)
{
    struct tree_node *n;

    if (t->nodes >= TREE_NODES_MAX)
        return NULL;
    n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->type = type;
    if (text) {
        n->text = str_dup_n(text, len);
        n->len = len;
        if (!n->text) {
            free(n);
            return NULL;
        }
    }
    t->nodes++;
    return n;
}

struct tree_node *tree_add(struct tree_node *parent, const char *key, struct tree_node *child)
{
    if (!child)
        return NULL;
    if (key) {
        child->key = str_dup(key);
        if (!child->key) {
            tree_node_free(child);
            return NULL;
        }
    }
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    return child;
}

static const char *const type_names[TREE_TYPE_MAX] = {
    [TREE_NULL] = "nothing",    [TREE_BOOL] = "true or false", [TREE_NUMBER] = "a number",
    [TREE_STRING] = "a string", [TREE_LIST] = "a list",        [TREE_MAP] = "a map",
};

const char *tree_type_name(enum tree_type type)
{
    return (unsigned)type < TREE_TYPE_MAX ? type_names[type] : "?";
}

const struct tree_node *tree_get(const struct tree_node *map, const char *key)
{
    if (!map || map->type != TREE_MAP)
        return NULL;
    for (const struct tree_node *n = map->first; n; n = n->next)
        if (str_eq(n->key, key))
            return n;
    return NULL;
}

const struct tree_node *tree_get_nocase(const struct tree_node *map, const char *key)
{
    if (!map || map->type != TREE_MAP)
        return NULL;
    for (const struct tree_node *n = map->first; n; n = n->next)
        if (str_eq_nocase(n->key, key))
            return n;
    return NULL;
}

unsigned tree_count(const struct tree_node *n)
{
    unsigned count = 0;

    for (const struct tree_node *c = n->first; c; c = c->next)
        count++;
    return count;
}

__attribute__((format(printf, 5, 0))) static int refuse(const struct tree *t, unsigned line,
                                                        unsigned col, struct err *e,
                                                        const char *fmt, va_list ap)
{
    char text[sizeof e->msg];

    (void)vsnprintf(text, sizeof text, fmt, ap);
    return err_at(e, t->file, line, col, "%s", text);
}

int tree_err(const struct tree *t, const struct tree_node *n, struct err *e, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = refuse(t, n->line, n->col, e, fmt, ap);
    va_end(ap);
    return r;
}

int tree_err_key(const struct tree *t, const struct tree_node *n, struct err *e, const char *fmt,
                 ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = refuse(t, n->key ? n->key_line : n->line, n->key ? n->key_col : n->col, e, fmt, ap);
    va_end(ap);
    return r;
}

int tree_set_text(struct tree_node *n, const char *text)
{
    char *copy = str_dup(text);

    if (!copy)
        return -ENOMEM;
    if (n->text)
        mem_wipe(n->text, n->len);
    free(n->text);
    n->text = copy;
    n->len = strlen(copy);
    n->type = TREE_STRING;
    n->quoted = true;
    return 0;
}
